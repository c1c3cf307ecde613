"""`metaqnn replay check` and `rescue`: what is damaged in a database, and what can be saved of it."""

import sys
from pathlib import Path

import click

from metaqnn.cli.options import allow_option, database_argument
from metaqnn.cli.output import format_option, print_tables
from metaqnn.errors import counted

_NAMED = 5
"""Lost rows of a table that are named; of more the number is told."""


@click.command()
@database_argument
@allow_option
def check(database: Path, allowed: tuple[str, ...]) -> None:
    """Look for damage: in the file, in every row, and in the files beside it.

    Exit code 0 if there is none, else 1 and a line for each. Whether proposals and Q-values follow from seed and
    results is what `verify` says.
    """
    from metaqnn.workflows.check import check_database

    faults, notes = check_database(database, allowed)
    for line in (*faults, *(f"note: {note}" for note in notes)):
        print(line)
    if faults:
        found = f"{database}: damaged, {counted(len(faults), 'fault')}"
        print(f"{found}. What can be saved: metaqnn replay rescue {database} NEW")
        sys.exit(1)
    print(f"{database}: whole. Every row holds what it should; `metaqnn replay verify` recomputes what follows.")


@click.command()
@database_argument
@click.argument("target", type=click.Path(path_type=Path))
@allow_option
@format_option
def rescue(database: Path, target: Path, allowed: tuple[str, ...], style: str) -> None:
    """Write a new database TARGET of what can be saved of a damaged one, which is not touched.

    Kept are the episodes from the first on that follow from seed and results, so that the search goes on from there.
    """
    from metaqnn.replay.tables import Table
    from metaqnn.workflows.rescue import rescue_database

    found = rescue_database(database, target, allowed)
    rows = tuple((each.table, each.kept, len(each.lost), len(each.mended)) for each in found.tables)
    print_tables([Table(f"Saved to {target}", ("table", "kept", "lost", "mended"), rows)], style)
    if style != "table":
        return
    for each in found.tables:
        for word, lines in (("lost", each.lost), ("mended", each.mended)):
            for line in lines[:_NAMED]:
                print(f"{each.table}, {word}: {line}")
            if len(lines) > _NAMED:
                print(f"{each.table}, {word}: {len(lines) - _NAMED} more")
    if found.problem:
        print(f"What is kept can be looked into, but it does not verify: {found.problem}.")
    elif found.is_search:
        are = "is kept and verifies" if found.episodes == 1 else "are kept and verify"
        print(f"{counted(found.episodes, 'episode')} {are}; the search goes on from there: metaqnn resume {target}")
    else:
        print("What is kept holds together: metaqnn replay summary", target)
