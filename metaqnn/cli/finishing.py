"""`metaqnn train`, `evaluate` and `ensemble`: what comes after a search."""

import shlex
import sys
from pathlib import Path

import click

from metaqnn.cli.options import gpus_option, overrides_option, workers_option
from metaqnn.cli.output import format_option, print_tables

_database = click.argument("database", type=click.Path(path_type=Path))
_part = click.option(
    "--part",
    type=click.Choice(["train", "train+validation"]),
    help="Images that the networks learned from. [those of the newest]",
)
_dataset = click.option("--dataset", metavar="NAME", help="Data set that the networks were trained on. [the search's]")


@click.command()
@_database
@click.option("--top", type=click.IntRange(1, 100_000), default=5, show_default=True, help="So many of the best.")
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
@click.option("--again", is_flag=True, help="Train anew what was trained already.")
@workers_option
@gpus_option
@format_option
def train(database, models, part, overrides, style, **options) -> None:
    """Train the best networks of a search again, longer, by the final recipe.

    The test split is not read. The same command goes on after an interruption, from the last whole epoch; what was
    trained already is not trained twice. Trained networks are kept beside the database, in the folder DATABASE.finals.
    """
    from metaqnn.core import Status, TrainingSplit
    from metaqnn.workflows.display.counting import counting
    from metaqnn.workflows.retrain import TrainOptions, train_best

    asked = TrainOptions(models=models, part=TrainingSplit(part), overrides=overrides, **options)
    with counting("epochs") as count:
        report = train_best(
            database,
            asked,
            lambda now: count(now.epochs_done, now.epochs_total, f"({now.words})"),
            lambda line: print(line, file=sys.stderr, flush=True),
        )
    if not report.is_complete:
        print(f"Stopped; the same command goes on from the last whole epochs. Everything is in {database}.")
        sys.exit(128 + report.signal)
    print_tables([_finals_table(report.finals)], style)
    if style != "table":
        return
    if not any(final.status == Status.OK for final in report.finals):
        print("No training succeeded; the reasons stand above.")
        sys.exit(1)
    where = shlex.quote(str(database))
    if asked.dataset is not None:
        where += f" --dataset {shlex.quote(asked.dataset)}"
    print(f"The test split has not been read. Look at it once: metaqnn evaluate {where}")
    print(f"Together they may do better:                       metaqnn ensemble {where}")


@click.command()
@_database
@click.option("--model", type=int, help="The best final of this model. [the best of all, by validation]")
@click.option("--final", "numbers", type=int, multiple=True, help="This final; may be repeated.")
@click.option("--all", "is_all", is_flag=True, help="Every trained network of the part and data set.")
@_part
@_dataset
@format_option
def evaluate(database, model, numbers, is_all, part, dataset, style) -> None:
    """Look at the TEST SPLIT with a trained network, chosen by validation; every look is recorded.

    Only this command and `ensemble` open the test split. Choosing by what it shows would make it a validation split:
    look rarely, and report the first look.
    """
    from metaqnn.core import TrainingSplit
    from metaqnn.networks.retraining.choice import trained_finals
    from metaqnn.networks.retraining.testing import evaluate as look
    from metaqnn.replay.finals import FinalMemory, read_final, read_test_looks

    if (model is not None) + bool(numbers) + is_all > 1:
        raise click.UsageError("expected one of --model, --final and --all, got several")
    with FinalMemory(database) as memory:
        if numbers:
            finals = [read_final(memory, number) for number in dict.fromkeys(numbers)]
        else:
            finals = trained_finals(memory, dataset, TrainingSplit(part) if part else None, model)
            finals = finals if is_all else finals[:1]
        _announce(memory, finals)
        results = look(memory, finals, _command())
        total = len(read_test_looks(memory))
    print_tables([_looks_table(results)], style)
    if style == "table":
        print(f"Looks at a test split so far: {total}, all recorded in {database} (table test_looks).")


@click.command()
@_database
@click.option(
    "--top", type=click.IntRange(2, 1000), default=5, show_default=True, help="So many models, by validation."
)
@click.option("--greedy", is_flag=True, help="Select members on the validation images, with repeats (Caruana 2004).")
@_part
@_dataset
@format_option
def ensemble(database, top, greedy, part, dataset, style) -> None:
    """Average the probabilities of trained networks, and look at the TEST SPLIT; the look is recorded.

    One network of each of the best models by validation. With --greedy, members are selected among all networks of
    those models, on the validation images.
    """
    from metaqnn.core import TrainingSplit
    from metaqnn.networks.retraining.choice import best_of_each_model, trained_finals
    from metaqnn.networks.retraining.testing import evaluate_ensemble
    from metaqnn.replay.finals import FinalMemory, read_test_looks

    with FinalMemory(database) as memory:
        finals = trained_finals(memory, dataset, TrainingSplit(part) if part else None)
        best = best_of_each_model(finals)[:top]
        if greedy:
            best = [final for final in finals if final.model in {chosen.model for chosen in best}]
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


def _announce(memory, finals) -> None:
    from metaqnn.replay.finals import read_test_looks

    name = finals[0].dataset["name"]
    earlier = sum(look.dataset == name for look in read_test_looks(memory))
    print(f"Opening the test split of {name} ({earlier} earlier looks).", file=sys.stderr, flush=True)


def _command() -> str:
    return shlex.join(["metaqnn", *sys.argv[1:]])


def _finals_table(finals):
    from metaqnn.replay.tables import Table

    rows = tuple(
        (
            *(final.number, final.model, final.seed, final.status, final.score, final.size),
            *(final.seconds, final.reason or None, final.architecture),
        )
        for final in finals
    )
    columns = ("final", "model", "seed", "status", "accuracy", "parameters", "seconds", "reason", "architecture")
    if not any(final.reason for final in finals):
        columns, rows = (*columns[:7], columns[8]), tuple((*row[:7], row[8]) for row in rows)
    first = finals[0]
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
                *(result.finals[0].architecture if len(result.finals) == 1 else None,),
            )
        )
    columns = ["look", "kind", "finals", "validation_accuracy", "test_accuracy", "test_error", "low", "high", "wrong"]
    if len(results[0].finals) == 1:
        columns.append("architecture")
    else:
        rows = [row[:-1] for row in rows]
    look = results[0].look
    title = f"Test split of {look.dataset}, {look.examples:,} images; low and high: 95 % interval of the error"
    shares = ("validation_accuracy", "test_accuracy", "test_error", "low", "high")
    return Table(title, tuple(columns), tuple(rows), frozenset(shares))
