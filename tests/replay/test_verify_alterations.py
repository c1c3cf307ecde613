"""Whatever value of a recorded search is altered: `verify` notices, or says that it vouches for nothing there."""

import json
import math
import re
import shutil
import sqlite3
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path

import pytest
from recorded import stopped_search

from metaqnn.cli.verifying import verification_lines
from metaqnn.replay.migrations import SCHEMA
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows import load_experiment, verify_database
from metaqnn.workflows.import_released import import_released

IMPORTED = Path(__file__).parents[1] / "golden" / "replay_database.csv"

OTHER = {
    "kind": "greedy",
    "part": "train+validation",
    "problem": "illegal",
    "purpose": "table",
    "source": "retried",
    "status": "diverged",
}
"""Another value where a column has only some."""


def schema_columns() -> list[tuple[str, str]]:
    """Every stored column of every table, but for that in which somebody stands only while writing."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        return connection.execute(
            """SELECT t.name, c.name FROM pragma_table_list t, pragma_table_xinfo(t.name) c
               WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name != 'writer'
                 AND NOT c.hidden
               ORDER BY 1, c.cid"""
        ).fetchall()


@pytest.fixture(scope="module")
def database_with(tmp_path_factory):
    """A function from a table to a database that has rows in it: a search with retrainings and looks, or an import."""
    folder = tmp_path_factory.mktemp("recorded")
    stopped_search(folder / "small.sqlite")
    import_released(IMPORTED, folder / "imported.sqlite", load_experiment("svhn"))
    return lambda table: folder / ("imported.sqlite" if table == "imported_rows" else "small.sqlite")


def altered(value, column):
    """Another value of the same type, as near as there is one."""
    if isinstance(value, float):
        return math.nextafter(value, math.inf)
    if isinstance(value, int):
        return 1 - value if column == "reused" else value + 1000
    if value is None:
        return (
            1
            if column in ("episode", "evaluation", "best_epoch", "predicted_epoch", "record", "finetuned_from")
            else 0.5
        )
    if column in OTHER and value != OTHER[column]:
        return OTHER[column]
    if value == "{}":
        return '{"x": 1}'
    if value[:1] in ("{", "[") and is_json(value):
        return re.sub(r"(?<=[ \[:])(\d)", lambda match: str(9 - int(match[1])), value, count=1)
    return f"{value}x"


def is_json(text):
    try:
        return bool(json.loads(text))
    except ValueError:
        return False


def alter(database: Path, copy: Path, table: str, column: str, row: int) -> bool:
    """A copy of a database in which one value is another; whether there is such a row."""
    shutil.copy(database, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        keys = [name for _, name, *_, key in connection.execute(f"PRAGMA table_info({table})") if key]
        rows = connection.execute(
            f"SELECT {column}, {', '.join(keys)} FROM {table} ORDER BY {', '.join(keys)}"
        ).fetchall()
        if row >= len(rows):
            return False
        value, *key = rows[row]
        where = " AND ".join(f"{name} = ?" for name in keys)
        (kind,) = connection.execute(
            "SELECT type FROM pragma_table_xinfo(?) WHERE name = ?", (table, column)
        ).fetchone()
        new = altered(value, column)
        if value is None and kind == "TEXT":
            new = "x"
        if new == value:  # no number in it
            new = re.sub(r'([:\[] ?")', r"\1x", value, count=1)
        assert new != value
        assert connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (new, *key)).rowcount == 1
    return True


def problem_with(database: Path) -> tuple[str | None, list[str]]:
    """What `verify` finds, and the patterns of what it says it proves nothing of."""
    with ReplayReader(database) as reader:
        found = verify_database(reader)
    (unproved,) = [line for line in verification_lines(found) if line.startswith("  Not proved:")]
    return found.difference, re.split(r"[,;] ", unproved.removeprefix("  Not proved:").strip(" ."))


def unnoticed(database: Path, copy: Path, table: str, column: str, row: int) -> bool | None:
    """Whether an altered value is neither noticed nor listed; None where there is no such row."""
    if not alter(database, copy, table, column, row):
        return None
    difference, unproved = problem_with(copy)
    return difference is None and not any(fnmatch(f"{table}.{column}", pattern) for pattern in unproved)


@pytest.mark.parametrize("table", ["replay", "imported_rows"])
def test_what_is_altered_below_is_whole(database_with, table):
    difference, unproved = problem_with(database_with(table))
    assert difference is None
    assert "runs.*" in unproved


@pytest.mark.parametrize(("table", "column"), schema_columns())
def test_an_altered_value_is_noticed_or_listed(database_with, tmp_path, table, column):
    is_unnoticed = unnoticed(database_with(table), tmp_path / "altered.sqlite", table, column, 0)
    assert is_unnoticed is False or (table, is_unnoticed) == ("worker_events", None)


@pytest.mark.long
@pytest.mark.parametrize(("table", "column"), schema_columns())
def test_every_altered_value_is_noticed_or_listed(database_with, tmp_path, table, column):
    row = 0
    while (is_unnoticed := unnoticed(database_with(table), tmp_path / "altered.sqlite", table, column, row)) is False:
        row += 1
    assert is_unnoticed is None, f"{table}.{column} of row {row}"
