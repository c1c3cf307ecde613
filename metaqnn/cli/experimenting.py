"""`metaqnn experiments`, `init` and `config`: experiments that are shipped, begun, or read from a database."""

import shlex
from pathlib import Path

import click

from metaqnn.cli.options import allow_option, complete_data, complete_experiments, database_argument
from metaqnn.cli.output import format_option, print_tables
from metaqnn.config import nearest
from metaqnn.errors import ConfigError
from metaqnn.replay.tables import Table


@click.group(invoke_without_command=True)
@format_option
@click.pass_context
def experiments(context: click.Context, style: str) -> None:
    """List the experiments that come with the package, and what each is for."""
    if context.invoked_subcommand is not None:
        return
    from metaqnn.workflows import load_experiment, shipped_experiments

    rows = []
    for name, path in shipped_experiments().items():
        experiment = load_experiment(path)
        what = (experiment.data_words, experiment.strategy.name, experiment.search.models)
        rows.append((name, *what, _purpose(path.read_text(encoding="utf-8"))))
    print_tables([Table("Experiments", ("name", "dataset", "strategy", "models", "description"), tuple(rows))], style)
    if style == "table":
        print("See one: metaqnn experiments show digits\nRun one: metaqnn search digits")


def _purpose(text: str) -> str:
    """The first sentence of the comment that a file begins with."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(lines).partition(". ")[0].removesuffix(".")


@experiments.command()
@click.argument("name", shell_complete=complete_experiments)
def show(name: str) -> None:
    """Print the YAML of a shipped experiment, to begin one's own from."""
    from metaqnn.workflows import shipped_experiments

    shipped = shipped_experiments()
    if name not in shipped:
        raise ConfigError(f"there is no experiment {name!r}; {nearest(name, shipped)} (all: metaqnn experiments)")
    click.echo(shipped[name].read_text(encoding="utf-8"), nl=False)


@click.command()
@click.argument("path", shell_complete=complete_data)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The new file; - prints it. [NAME.yaml, after the data's name]",
)
def init(path: str, out: Path | None) -> None:
    """Write a commented experiment for the data at PATH: a folder of images per class, an .npz file, or a name.

    Asks nothing, and never writes over a file. The training part is read, so that sizes fit; the file runs as it is.
    """
    from metaqnn.workflows.experiment_files import begin_experiment, begun_text

    if out == Path("-"):
        click.echo(begun_text(path)[0], nl=False)
        return
    file, facts = begin_experiment(path, out)
    click.echo(f"Wrote {file}: {facts}.\nRun it: metaqnn search {shlex.quote(str(file))}")


@click.command()
@database_argument
@allow_option
def config(database: Path, allowed: tuple[str, ...]) -> None:
    """Print the experiment of a DATABASE as YAML that runs again: the same seed gives the same rows."""
    from metaqnn.replay.reader import ReplayReader
    from metaqnn.workflows.experiment_files import experiment_text

    with ReplayReader(database) as reader:
        click.echo(experiment_text(reader, allowed), nl=False)
