"""`metaqnn export`: take a trained network away, or its architecture."""

from pathlib import Path

import click

from metaqnn.cli.options import CommandWithOldNames, database_argument
from metaqnn.errors import counted


@click.command(cls=CommandWithOldNames, old_names={"--final": "--retraining"})
@database_argument
@click.option("--model", type=int, help="The best retraining of this model.")
@click.option("--retraining", type=int, help="This very retraining. [the best of all]")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    help="NAME.keras, NAME.onnx, NAME.json (the architecture alone), or a name without an ending: a SavedModel folder.",
)
def export(database: Path, model: int | None, retraining: int | None, target: Path) -> None:
    """Take a trained network out of a DATABASE, as a file that needs no metaqnn.

    The export takes raw uint8 images and gives probabilities. Before the command says that it is done, a fresh process
    has loaded it and predicted the same as the original on the validation images.
    """
    from metaqnn.networks.export.export import export_network

    if model is not None and retraining is not None:
        raise click.UsageError("expected --model or --retraining, got both; a retraining belongs to one model")
    done = export_network(database, target, model, retraining, lambda line: print(line, flush=True))
    what = f"model {done.model}"
    if done.retraining is not None:
        measured = done.retraining.score
        validated = "not validated" if measured is None else f"validation accuracy {100 * measured:.2f} %"
        what = f"retraining {done.retraining.number} of {what} ({validated})"
    print(f"Exported {what} to {target}: {done.format.name}, {_bytes(done.size)}.")
    print(f"  {done.architecture}")
    if done.agreement is None:
        print("Read it:")
    else:
        print(
            f"The largest difference of a probability from the original's is {done.agreement.difference:.2g} on "
            f"{counted(done.agreement.images, 'image')} (allowed: {done.format.tolerance:g})."
        )
        print(f"Load it; images are uint8 of shape (number, {', '.join(map(str, done.input_shape))}):")
    print("\n".join(f"    {line}" for line in done.format.snippet(target).splitlines()))


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"
