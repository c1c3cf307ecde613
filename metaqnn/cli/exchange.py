"""`metaqnn replay import` and `metaqnn replay export`: files that other programs read and write."""

import shlex
import sys
from pathlib import Path

import click

from metaqnn.cli.options import allow_option, database_argument, overrides_option
from metaqnn.cli.output import format_option, print_tables
from metaqnn.errors import counted

_EXAMPLES = 3


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@database_argument
@click.option(
    "--experiment", required=True, metavar="FILE or NAME", help="Whose space, reward and strategy the episodes are for."
)
@overrides_option()
@format_option
def import_(file: Path, database: Path, experiment: str, overrides: tuple[str, ...], style: str) -> None:
    """Make a new DATABASE of the released code's replay_database.csv.

    Rows that cannot be used are kept with the reason, and no agent learns from them. Nothing is trained, and the data
    set need not be on this machine.
    """
    from metaqnn.cli.summaries import import_table
    from metaqnn.replay import import_tables
    from metaqnn.replay.reader import ReplayReader
    from metaqnn.workflows import load_experiment
    from metaqnn.workflows.import_released import import_released

    def announce(line: str) -> None:  # the standard output is for programs
        print(line, file=sys.stderr)

    import_released(file, database, load_experiment(experiment, overrides, announce))
    with ReplayReader(database) as reader:
        refused = import_tables.refused_rows(reader, _EXAMPLES)
        if style != "table":
            print_tables([import_tables.imports(reader), refused], style)
            return
        print_tables([import_table(reader), *([refused] if refused.rows else [])], style)
    print(f"Look deeper: metaqnn replay top {database}")


@click.command()
@database_argument
@click.option(
    "--layout",
    type=click.Choice(["metaqnn2017", "tables", "optuna"]),
    help="The released code's replay_database.csv, every table as a file of its own, or a study for optuna-dashboard.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["csv", "json", "parquet"]),
    default="csv",
    show_default=True,
    help="Of the tables.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The new file, or of tables the new folder."
)
@allow_option
def export(database: Path, layout: str | None, style: str, out: Path, allowed: tuple[str, ...]) -> None:
    """Write a DATABASE for other programs, also while a search writes to it."""
    from metaqnn.errors import ReplayError
    from metaqnn.networks.export.released import export_released
    from metaqnn.replay.exporting import export_tables
    from metaqnn.replay.reader import ReplayReader

    if layout is None:
        raise click.UsageError("Missing option '--layout'; give metaqnn2017, tables or optuna.")
    if layout != "tables" and style != "csv":
        kind = "a CSV" if layout == "metaqnn2017" else "an SQLite file"
        raise click.BadParameter(f"the layout {layout} is {kind}, got {style}", param_hint="--format")
    with ReplayReader(database) as reader:
        if not reader.config():
            raise ReplayError(f"{database}: nothing was written to this database yet; start a search with it first")
        if layout == "metaqnn2017":
            print(f"Wrote {counted(export_released(reader, out), 'row')} to {out}.")
        elif layout == "optuna":
            from metaqnn.workflows.export_optuna import export_optuna

            print(f"Wrote a study of {counted(export_optuna(reader, out, allowed), 'trial')} to {out}.")
            print(f"Look at it:  optuna-dashboard {shlex.quote(f'sqlite:///{out}')}")
        else:
            counts = export_tables(reader, style, out)
            print(f"Wrote {len(counts)} tables with {counted(sum(counts.values()), 'row')} to {out}.")
