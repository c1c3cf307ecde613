"""What the agent of a database plans and expects."""

from pathlib import Path

import click

from metaqnn.cli.looking import open_written
from metaqnn.cli.options import allow_option, database_argument
from metaqnn.cli.output import format_option, print_tables


@click.command("q-values")
@database_argument
@click.option("--state", help="Only states that begin so: '0:' or '3:C(64,3,1)'.")
@click.option("-n", "count", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option(
    "--planned",
    type=click.IntRange(min=1),
    metavar="EPISODE",
    help="Those that the proposal of this episode was walked on, the largest first.",
)
@allow_option
@format_option
def q_values(
    database: Path, state: str | None, count: int, planned: int | None, allowed: tuple[str, ...], style: str
) -> None:
    """What the agent has learned, the most often updated first."""
    from metaqnn.replay import tables
    from metaqnn.workflows.recall import planned_table

    with open_written(database) as reader:
        if planned is None:
            print_tables([tables.q_values(reader, state, count)], style)
        else:
            print_tables([planned_table(reader, planned, state, count, allowed)], style)


@click.command()
@database_argument
@click.argument("architectures", nargs=-1, required=True)
@allow_option
@format_option
def expect(database: Path, architectures: tuple[str, ...], allowed: tuple[str, ...], style: str) -> None:
    """What reward the agent expects of ARCHITECTURES, and how sure it is.

    After everything that is recorded. The interval holds 95 of 100 measured rewards if the agent is right about
    itself; the report draws how right it was.
    """
    from metaqnn.workflows.recall import expected_tables

    with open_written(database) as reader:
        print_tables(expected_tables(reader, architectures, allowed), style)
