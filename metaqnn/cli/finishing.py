"""`metaqnn train`, `evaluate` and `ensemble`: what comes after a search."""

import shlex
import sys
from pathlib import Path

import click

from metaqnn.cli.options import CommandWithOldNames, break_lock_option, gpus_option, overrides_option, workers_option
from metaqnn.cli.output import format_option, print_tables

_database = click.argument("database", type=click.Path(path_type=Path))
_part = click.option(
    "--part",
    type=click.Choice(["train", "train+validation"]),
    help="Images that the networks learned from. [those of the newest]",
)
_dataset = click.option("--dataset", metavar="NAME", help="Data set that the networks were trained on. [the search's]")


@click.command(cls=CommandWithOldNames, old_names={"--again": "--retrain"})
@_database
@click.option(
    "--top", type=click.IntRange(1, 100_000), default=5, show_default=True, help="How many of the best networks."
)
@click.option("--model", "models", type=int, multiple=True, help="This model in place of the best; may be repeated.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="Trainings of each network.")
@click.option(
    "--part",
    type=click.Choice(["train", "train+validation"]),
    default="train",
    show_default=True,
    help="Images to learn from; without the validation images networks can be chosen by them.",
)
@click.option("--recipe", metavar="NAME", help="one_cycle or paper. [the experiment's section final]")
@overrides_option("final.epochs=20")
@click.option("--dataset", metavar="NAME", help="Another data set: a name or a path. [the search's]")
@click.option("--finetune", is_flag=True, help="Begin with the weights trained on the search's data (new outputs).")
@click.option("--retrain", is_flag=True, help="Train anew what was trained already.")
@workers_option
@gpus_option
@break_lock_option
@format_option
def train(database, models, part, overrides, style, **options) -> None:
    """Train the best networks of a search again, longer, by the retraining recipe.

    The test split is not read. The same command goes on after an interruption, from the last whole epoch; what was
    trained already is not trained twice. Trained networks are kept beside the database, in the folder DATABASE.finals.
    """
    from metaqnn.core import Status, TrainingSplit
    from metaqnn.workflows.display.counting import counting
    from metaqnn.workflows.retrain import train_best
    from metaqnn.workflows.retraining_plan import TrainOptions

    asked = TrainOptions(models=models, split=TrainingSplit(part), overrides=overrides, **options)
    with counting("epochs") as count:
        report = train_best(
            database,
            asked,
            lambda now: count(now.epochs_done, now.epochs_total, f"({now.words})"),
            lambda line: print(line, file=sys.stderr, flush=True),
        )
    if not report.is_complete:
        print(f"Stopped; the same command goes on from the last whole epochs. Everything is in {database}.")
        sys.exit(128 + (report.signal or 0))
    print_tables([_retrainings_table(report.retrainings)], style)
    if style != "table":
        return
    if not any(retraining.status == Status.OK for retraining in report.retrainings):
        print("No training succeeded; the reasons stand above.")
        sys.exit(1)
    where = shlex.quote(str(database))
    if asked.dataset is not None:
        where += f" --dataset {shlex.quote(asked.dataset)}"
    print(f"The test split has not been read. Look at it once: metaqnn evaluate {where}")
    print(f"Together they may do better:                       metaqnn ensemble {where}")


@click.command(cls=CommandWithOldNames, old_names={"--final": "--retraining"})
@_database
@click.option("--model", type=int, help="The best retraining of this model. [the best of all, by validation]")
@click.option("--retraining", "numbers", metavar="N", type=int, multiple=True, help="This retraining; may be repeated.")
@click.option("--all", "is_all", is_flag=True, help="Every trained network of the part and data set.")
@_part
@_dataset
@break_lock_option
@format_option
def evaluate(database, model, numbers, is_all, part, dataset, break_lock, style) -> None:
    """Look at the TEST SPLIT with a trained network, chosen by validation; every look is recorded.

    Only this command and `ensemble` open the test split. Choosing by what it shows would make it a validation split:
    look rarely, and report the first look.
    """
    from metaqnn.core import TrainingSplit
    from metaqnn.networks.retraining.choice import best_retrainings
    from metaqnn.networks.retraining.testing import evaluate as look
    from metaqnn.replay.retrainings import RetrainingMemory, read_retraining, read_test_looks

    if (model is not None) + bool(numbers) + is_all > 1:
        raise click.UsageError("expected one of --model, --retraining and --all, got several")
    with RetrainingMemory(database, break_lock) as memory:
        if numbers:
            retrainings = [read_retraining(memory, number) for number in dict.fromkeys(numbers)]
        else:
            retrainings = best_retrainings(memory, dataset, TrainingSplit(part) if part else None, model)
            retrainings = retrainings if is_all else retrainings[:1]
        _announce(memory, retrainings)
        results = look(memory, retrainings, _command())
        total = len(read_test_looks(memory))
    print_tables([_looks_table(results)], style)
    if style == "table":
        print(f"Looks at a test split so far: {total}, all recorded in {database} (table test_looks).")


@click.command()
@_database
@click.option(
    "--top", type=click.IntRange(2, 1000), default=5, show_default=True, help="How many models, by validation."
)
@click.option("--greedy", is_flag=True, help="Select members on the validation images, with repeats (Caruana 2004).")
@_part
@_dataset
@break_lock_option
@format_option
def ensemble(database, top, greedy, part, dataset, break_lock, style) -> None:
    """Average the probabilities of trained networks, and look at the TEST SPLIT; the look is recorded.

    One network of each of the best models by validation. With --greedy, members are selected among all networks of
    those models, on the validation images.
    """
    from metaqnn.core import TrainingSplit
    from metaqnn.networks.retraining.choice import best_of_each_model, best_retrainings
    from metaqnn.networks.retraining.testing import evaluate_ensemble
    from metaqnn.replay.retrainings import RetrainingMemory, read_test_looks

    with RetrainingMemory(database, break_lock) as memory:
        retrainings = best_retrainings(memory, dataset, TrainingSplit(part) if part else None)
        best = best_of_each_model(retrainings)[:top]
        if greedy:
            best = [retraining for retraining in retrainings if retraining.model in {chosen.model for chosen in best}]
        if len(best) < 2:
            raise click.UsageError(
                f"expected at least two trained networks, got {len(best)}; train more: "
                f"metaqnn train {database} --top {top}"
            )
        _announce(memory, best)
        result = evaluate_ensemble(memory, best, greedy, _command())
        total = len(read_test_looks(memory))
    print_tables([_looks_table([result])], style)
    if style == "table":
        print(f"Looks at a test split so far: {total}, all recorded in {database} (table test_looks).")


def _announce(memory, retrainings) -> None:
    from metaqnn.replay.retrainings import read_test_looks

    name = retrainings[0].dataset["name"]
    earlier = sum(look.dataset == name for look in read_test_looks(memory))
    print(f"Opening the test split of {name} ({earlier} earlier looks).", file=sys.stderr, flush=True)


def _command() -> str:
    return shlex.join(["metaqnn", *sys.argv[1:]])


def _retrainings_table(retrainings):
    from metaqnn.replay.tables import Table

    rows = tuple(
        (
            *(
                retraining.number,
                retraining.model,
                retraining.seed,
                retraining.status,
                retraining.score,
                retraining.size,
            ),
            *(retraining.seconds, retraining.reason or None, retraining.architecture),
        )
        for retraining in retrainings
    )
    columns = ("final", "model", "seed", "status", "accuracy", "parameters", "seconds", "reason", "architecture")
    if not any(retraining.reason for retraining in retrainings):
        columns, rows = (*columns[:7], columns[8]), tuple((*row[:7], row[8]) for row in rows)
    first = retrainings[0]
    title = (
        f"Trained on {first.dataset['name']} ({first.split}) by {first.recipe['name']}; accuracy on validation images"
    )
    return Table(title, columns, rows, frozenset({"accuracy"}))


def _looks_table(results):
    from metaqnn.replay.tables import Table

    rows = []
    for result in results:
        look = result.look
        low, high = look.interval()
        errors = round((1 - look.score) * look.examples)
        rows.append(
            (
                *(look.look, look.kind, ", ".join(map(str, look.retrainings)), look.validation_score, look.score),
                *(1 - look.score, 1 - high, 1 - low, errors),
                *(result.retrainings[0].architecture if len(result.retrainings) == 1 else None,),
            )
        )
    columns = ["look", "kind", "finals", "validation_accuracy", "test_accuracy", "test_error", "low", "high", "wrong"]
    if len(results[0].retrainings) == 1:
        columns.append("architecture")
    else:
        rows = [row[:-1] for row in rows]
    look = results[0].look
    title = f"Test split of {look.dataset}, {look.examples:,} images; low and high: 95 % interval of the error"
    shares = ("validation_accuracy", "test_accuracy", "test_error", "low", "high")
    return Table(title, tuple(columns), tuple(rows), frozenset(shares))
