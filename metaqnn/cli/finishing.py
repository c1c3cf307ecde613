"""`metaqnn train`, `evaluate` and `ensemble`: what comes after a search."""

import shlex
import sys

import click

from metaqnn.cli.options import (
    CommandWithOldNames,
    break_lock_option,
    complete_data,
    database_argument,
    gpus_option,
    overrides_option,
    verbosity_options,
    workers_option,
)
from metaqnn.cli.output import format_option, print_tables
from metaqnn.errors import counted
from metaqnn.verbosity import tell

_SPLITS = click.Choice(["train", "train+validation"])
_split = click.option("--split", type=_SPLITS, help="Images that the networks learned from. [those of the newest]")
_allow_duplicates = click.option(
    "--allow-duplicates", is_flag=True, help="Go on where test images are training images, too."
)
_dataset = click.option(
    "--dataset",
    metavar="NAME",
    shell_complete=complete_data,
    help="Data set that the networks were trained on. [the search's]",
)


@click.command(cls=CommandWithOldNames, old_names={"--again": "--retrain", "--part": "--split"})
@database_argument
@click.option(
    "--top", type=click.IntRange(1, 100_000), default=5, show_default=True, help="How many of the best networks."
)
@click.option("--model", "models", type=int, multiple=True, help="This model in place of the best; may be repeated.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="Trainings of each network.")
@click.option(
    "--split",
    type=_SPLITS,
    default="train",
    show_default=True,
    help="Images to learn from; without the validation images networks can be chosen by them.",
)
@click.option("--recipe", metavar="NAME", help="one_cycle or paper. [the experiment's section final]")
@overrides_option("final.epochs=20")
@click.option(
    "--dataset", metavar="NAME", shell_complete=complete_data, help="Another data set: a name or a path. [the search's]"
)
@click.option("--finetune", is_flag=True, help="Begin with the weights trained on the search's data (new outputs).")
@click.option("--retrain", is_flag=True, help="Train anew what was trained already.")
@workers_option
@gpus_option
@break_lock_option
@verbosity_options
@format_option
def train(database, models, split, overrides, style, **options) -> None:
    """Train the best networks of a search again, longer, by the retraining recipe.

    The test split is not read. The same command goes on after an interruption, from the last whole epoch; what was
    trained already is not trained twice. Trained networks are kept beside the database, in the folder DATABASE.finals.
    """
    from metaqnn.core import Status, TrainingSplit
    from metaqnn.workflows.check import damage_told
    from metaqnn.workflows.display.counting import counting
    from metaqnn.workflows.retrain import train_best
    from metaqnn.workflows.retraining_plan import TrainOptions

    asked = TrainOptions(models=models, split=TrainingSplit(split), overrides=overrides, **options)
    with damage_told(database), counting("epochs") as count:
        report = train_best(
            database,
            asked,
            lambda now: count(now.epochs_done, now.epochs_total, f"({now.words})"),
            tell,
        )
    if not report.is_complete:
        print(f"Stopped; the same command goes on from the last whole epochs. Everything is in {database}.")
        sys.exit(128 + (report.signal or 0))
    print_tables([_retrainings_table(report.retrainings, report.score)], style)
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


@click.command(cls=CommandWithOldNames, old_names={"--final": "--retraining", "--part": "--split"})
@database_argument
@click.option("--model", type=int, help="The best retraining of this model. [the best of all, by validation]")
@click.option("--retraining", "numbers", metavar="N", type=int, multiple=True, help="This retraining; may be repeated.")
@click.option("--all", "is_all", is_flag=True, help="Every trained network of the split and data set.")
@_split
@_dataset
@_allow_duplicates
@break_lock_option
@verbosity_options
@format_option
def evaluate(database, model, numbers, is_all, split, dataset, allow_duplicates, break_lock, style) -> None:
    """Look at the TEST SPLIT with a trained network, chosen by validation; every look is recorded.

    Its images are first compared with the training part; test images that are training images are refused unless
    allowed. No other command but `ensemble` and `datasets` opens the test split. Choosing by what it shows would make
    it a validation split: look rarely, and report the first look.
    """
    from metaqnn.core import TrainingSplit
    from metaqnn.networks.retraining import testing
    from metaqnn.networks.retraining.choice import best_retrainings
    from metaqnn.replay.retrainings import RetrainingMemory, read_retraining

    if (model is not None) + bool(numbers) + is_all > 1:
        raise click.UsageError("expected one of --model, --retraining and --all, got several")
    with RetrainingMemory(database, break_lock) as memory:
        if numbers:
            retrainings = [read_retraining(memory, number) for number in dict.fromkeys(numbers)]
        else:
            retrainings = best_retrainings(memory, dataset, TrainingSplit(split) if split else None, model)
            retrainings = retrainings if is_all else retrainings[:1]
        _look(memory, retrainings, lambda terms: testing.evaluate(memory, retrainings, terms), allow_duplicates, style)


@click.command(cls=CommandWithOldNames, old_names={"--part": "--split"})
@database_argument
@click.option(
    "--top", type=click.IntRange(2, 1000), default=5, show_default=True, help="How many models, by validation."
)
@click.option("--greedy", is_flag=True, help="Select members on the validation images, with repeats (Caruana 2004).")
@_split
@_dataset
@_allow_duplicates
@break_lock_option
@verbosity_options
@format_option
def ensemble(database, top, greedy, split, dataset, allow_duplicates, break_lock, style) -> None:
    """Average the predictions of trained networks, and look at the TEST SPLIT; the look is recorded.

    One network of each of the best models by validation. With --greedy, members are selected among all networks of
    those models, on the validation images.
    """
    from metaqnn.core import TrainingSplit
    from metaqnn.networks.retraining.choice import best_of_each_model, best_retrainings
    from metaqnn.networks.retraining.testing import evaluate_ensemble
    from metaqnn.replay.retrainings import RetrainingMemory

    with RetrainingMemory(database, break_lock) as memory:
        retrainings = best_retrainings(memory, dataset, TrainingSplit(split) if split else None)
        best = best_of_each_model(retrainings)[:top]
        if greedy:
            best = [retraining for retraining in retrainings if retraining.model in {chosen.model for chosen in best}]
        if len(best) < 2:
            raise click.UsageError(
                f"expected at least two trained networks, got {len(best)}; train more: "
                f"metaqnn train {database} --top {top}"
            )
        _look(memory, best, lambda terms: [evaluate_ensemble(memory, best, greedy, terms)], allow_duplicates, style)


def _look(memory, retrainings, evaluate, allow_duplicates: bool, style: str) -> None:
    """Open the test split, print what is seen there, and say how often that was done."""
    from metaqnn.networks.retraining.testing import TestTerms
    from metaqnn.replay.retrainings import read_test_looks

    name = retrainings[0].dataset["name"]
    earlier = sum(look.dataset == name for look in read_test_looks(memory))
    tell(f"Opening the test split of {name} ({counted(earlier, 'earlier look')}).")
    command = shlex.join(["metaqnn", *sys.argv[1:]])
    terms = TestTerms(command, allow_duplicates, tell)
    print_tables([_looks_table(evaluate(terms))], style)
    if style == "table":
        total = len(read_test_looks(memory))
        print(f"Looks at a test split so far: {total}, all recorded in {memory.path} (table test_looks).")


def _retrainings_table(retrainings, score):
    from metaqnn.replay.tables import Table

    first, failed = retrainings[0], any(r.reason for r in retrainings)
    columns = ("final", "model", "seed", "status", score.name, "parameters", "seconds", *["reason"] * failed)
    rows = tuple(
        (r.number, r.model, r.seed, r.status, r.score, r.size, r.seconds, *[r.reason or None] * failed, r.architecture)
        for r in retrainings
    )
    source = f"{first.dataset['name']} ({first.split}) by {first.recipe['name']}"
    title = f"Trained on {source}; {score.label} on validation images"
    percent = frozenset({score.name}) if score.is_share else frozenset()
    return Table(title, (*columns, "architecture"), rows, percent)


def _looks_table(results):
    from metaqnn.replay.tables import Table

    first, is_of_one = results[0], len(results[0].retrainings) == 1
    score, look, images = first.score, first.look, counted(first.look.examples, "image")
    columns = ["look", "kind", "finals", f"validation_{score.name}", f"test_{score.name}"]
    more = ["test_error", "low", "high", "wrong"] if score.is_share else []
    rows = []
    for result in results:
        found = result.look
        row = (found.look, found.kind, ", ".join(map(str, found.retrainings)), found.validation_score, found.score)
        if score.is_share:
            low, high = found.interval()
            row += (1 - found.score, 1 - high, 1 - low, round((1 - found.score) * found.examples))
        rows.append((*row, *found.figures.values(), *[result.retrainings[0].architecture] * is_of_one))
    title = f"Test split of {look.dataset}, {images}; {score.label}"
    if score.name == "accuracy":
        title = f"Test split of {look.dataset}, {images}"
    title += "; low and high: 95 % interval of the error" if score.is_share else ""
    percent = {*columns[3:5], *more[:3], *(["mean_average_precision"] if score.name == "exact_match" else [])}
    columns += [*more, *look.figures, *["architecture"] * is_of_one]
    return Table(title, tuple(columns), tuple(rows), frozenset(percent) if score.is_share else frozenset())
