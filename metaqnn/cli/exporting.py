"""`metaqnn export`: take a trained network away, or its architecture."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metaqnn.cli.options import CommandWithOldNames, database_argument, verbosity_options
from metaqnn.errors import counted
from metaqnn.verbosity import tell

if TYPE_CHECKING:
    from metaqnn.networks.export.card import ValidationScore

_ONE = {"classes": "probability", "labels": "probability", "numbers": "number, in standard deviations,"}
"""What an export gives, one of it."""

_MUCH_LOST = 0.005
"""Of the accuracy, in [0, 1], above which a line says what to do."""


def _refuse_other_images(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """An option that some converters have: here there is nothing to choose."""
    if value in (None, "validation"):
        return
    raise click.UsageError(
        f"expected no --verify-on {value}: an export is calibrated and compared on validation images, always; a test "
        "split tells something only while nothing is chosen by it, so only `metaqnn evaluate` looks, and records it"
    )


@click.command(cls=CommandWithOldNames, old_names={"--final": "--retraining"})
@database_argument
@click.option("--model", type=int, help="The best retraining of this model.")
@click.option("--retraining", type=int, help="This very retraining. [the best of all]")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    help="NAME.keras, NAME.onnx, NAME.tflite, NAME.pt2 (PyTorch), NAME.json (the architecture alone), or a name "
    "without an ending: a SavedModel folder.",
)
@click.option(
    "--int8", "is_int8", is_flag=True, help="A .tflite file in whole numbers of 8 bits: a quarter of the size."
)
@click.option("--verify-on", callback=_refuse_other_images, expose_value=False, hidden=True)
@verbosity_options
def export(database: Path, model: int | None, retraining: int | None, target: Path, is_int8: bool) -> None:
    """Take a trained network out of a DATABASE, as a file that needs no metaqnn.

    The export takes raw uint8 images and gives probabilities. Before the command says that it is done, a fresh process
    has loaded it and predicted the same as the original on the validation images. A model card and a description of the
    architecture come with it.
    """
    from metaqnn.networks.export.export import export_network

    if model is not None and retraining is not None:
        raise click.UsageError("expected --model or --retraining, got both; a retraining belongs to one model")
    done = export_network(database, target, model, retraining, partial(tell, stream=sys.stdout), is_int8)
    what = f"model {done.model}"
    if done.retraining is not None:
        measured, score = done.retraining.score, done.predicts.score
        name, better = score.name.replace("_", " "), f", {score.better}" if score.better else ""
        validated = "not validated" if measured is None else f"validation {name} {score.words(measured)}{better}"
        what = f"retraining {done.retraining.number} of {what} ({validated})"
    print(f"Exported {what} to {target}: {done.format.name}, {_bytes(done.size)}.")
    print(f"  {done.architecture}")
    if done.agreement is None:
        print("Read it:")
    else:
        if not is_int8:
            print(
                f"The largest difference of a {_ONE[done.predicts.kind]} from the original's is "
                f"{done.agreement.difference:.2g} on {counted(done.agreement.images, 'image')} "
                f"(allowed: {done.format.tolerance:g})."
            )
        if done.accuracy:
            print(_accuracies(done.accuracy))
        print(f"Model card: {done.companions[0]}; classes and architecture: {done.companions[1]}")
        print(f"Load it; it takes {done.takes}:")
    print("\n".join(f"    {line}" for line in done.format.snippet(target).splitlines()))


def _accuracies(found: "ValidationScore") -> str:
    score = found.score
    before, after = (score.words(value) for value in (found.before, found.after))
    what = score.label[:1].upper() + score.label[1:]
    text = f"{what} on {found.images:,} validation images: {before} before, {after} after"
    if found.calibration:
        text += f" (ranges chosen on {found.calibration} of them)"
    lost = score.gain(found.before) - score.gain(found.after)
    if lost <= _MUCH_LOST:
        return f"{text}."
    told = f"{100 * lost:.2f} points" if score.is_share else f"{lost:.3g}"
    return f"{text}: {told} lost; without --int8 it is none."


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"
