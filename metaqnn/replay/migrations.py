"""Older schemas: seen as the current one while somebody looks, brought up to date by the next search that writes.

A file is never changed by looking, but for what a killed process left half-written. Temporary views of the connection
stand before the tables of the same names; what a table gained is an expression over its older columns, which serves for
looking and for bringing up to date alike.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from metaqnn.replay.hash_chains import begin_chains

SCHEMA = files("metaqnn.replay").joinpath("schema.sql").read_text(encoding="utf-8")
"""The current schema."""

_PHASE_COLUMNS = re.findall(r"^ +(\w+_seconds) +REAL AS \(json_extract\(phase_seconds", SCHEMA, re.MULTILINE)
"""What is read out of the phases of an evaluation."""

NEW_COLUMNS: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    2: {
        "evaluations": (
            "NULL AS predicted_epoch",
            "NULL AS predicted_accuracy",
            "NULL AS predicted_low",
            "NULL AS predicted_high",
        )
    },
    4: {
        "models": ("as_figures('parameters', parameters, 'flops', flops, 'layers', layers) AS costs",),
        "evaluations": (
            "iif(status = 'predicted', predicted_accuracy, best_accuracy) AS score",
            "last_accuracy AS last_score",
            "iif(learning_rate IS NULL, '{}', as_figures('learning_rate', learning_rate)) AS figures",
            "predicted_accuracy AS predicted_score",
        ),
        "learning_curves": (
            "validation_accuracy AS score",
            """as_figures('learning_rate', learning_rate, 'train_loss', train_loss, 'train_accuracy', train_accuracy,
                          'validation_loss', validation_loss) AS figures""",
        ),
        "proposals": ("iif(epsilon IS NULL, '{}', as_figures('epsilon', epsilon)) AS recorded",),
        "replay": (
            "iif(epsilon IS NULL, '{}', as_figures('epsilon', epsilon)) AS recorded",
            "accuracy AS score",
        ),
        "finals": ("parameters AS size", "validation_accuracy AS score"),
        "final_curves": (
            "validation_accuracy AS score",
            """as_figures('learning_rate', learning_rate, 'train_loss', train_loss, 'train_accuracy', train_accuracy,
                          'validation_loss', validation_loss) AS figures""",
        ),
        "test_looks": ("images AS examples", "accuracy AS score", "validation_accuracy AS validation_score"),
    },
    6: {"test_looks": ("'[]' AS found",)},
    7: {"evaluations": ("'' AS node",), "worker_events": ("'' AS node", "'{}' AS machine")},
    8: {
        "evaluations": ("'{}' AS phase_seconds", *(f"NULL AS {name}" for name in _PHASE_COLUMNS)),
        "test_looks": ("'{}' AS figures",),
    },
}
"""What each version added: version -> table -> columns, as expressions over those that were there before."""

NEW_TABLES: Mapping[int, tuple[str, ...]] = {
    3: ("finals", "final_curves", "test_looks", "imported_rows"),
    5: ("hash_chains", "writer"),
}
"""What each version added or made anew: version -> tables, which are empty in what was recorded before.

Nothing wrote to `test_looks` before version 3."""

_NEW_VIEWS: Mapping[int, tuple[str, ...]] = {2: ("predictions",), 3: ("final_networks",), 4: ("score_sign",)}
"""What each version added: version -> views; in an older file, a view of that name is its user's."""

_SCORE_SINCE = 4
"""The version since which a database says what its score is; before, it was the accuracy of networks."""

CHAINS_SINCE = 5
"""The version since which every database that holds anything has its hash chains; older rows are sealed."""

TABLES = {match[1]: match[0] for match in re.finditer(r"^CREATE TABLE (\w+) .*?;$", SCHEMA, re.DOTALL | re.MULTILINE)}
_INDEXES = {match[1]: match[0] for match in re.finditer(r"^CREATE INDEX \w+ ON (\w+) .*?;$", SCHEMA, re.MULTILINE)}
_VIEWS = {match[1]: match[0] for match in re.finditer(r"^CREATE VIEW (\w+) .*?;$", SCHEMA, re.DOTALL | re.MULTILINE)}


def see_as_current(connection: sqlite3.Connection, version: int, current: int) -> None:
    """Let the queries of this version run on a file of an older schema, without changing it."""
    if version == current:
        return
    connection.execute("PRAGMA temp_store = MEMORY")
    _add_functions(connection)
    for table in _changed_since(version):
        connection.execute(f"CREATE TEMP VIEW {table} AS {_as_current(table, version, f'main.{table}')}")
    for table in _since(version, NEW_TABLES):
        connection.execute(TABLES[table].replace("CREATE TABLE", "CREATE TEMP TABLE", 1))
    if version < _SCORE_SINCE:
        connection.execute(f"CREATE TEMP VIEW config AS SELECT key, value FROM main.config UNION ALL {_SCORE}")
    for sql in _VIEWS.values():
        connection.execute(sql.replace("CREATE VIEW", "CREATE TEMP VIEW", 1))


def bring_up_to_date(connection: sqlite3.Connection, version: int, current: int) -> None:
    """Change a file of an older schema to the current one.

    The caller holds the transaction, without foreign keys: tables are made anew, one after another.
    """
    if version == current:
        return
    _add_functions(connection)
    found = "SELECT type, name, sql, tbl_name FROM {}.sqlite_master WHERE sql IS NOT NULL"
    temporary = connection.execute(found.format("temp")).fetchall()
    new, new_views = _since(version, NEW_TABLES), _since(version, _NEW_VIEWS)
    statements = [f"DROP {kind} temp.{name}" for kind, name, *_ in reversed(temporary)]
    of_users = []  # what stands on a table goes with it, and a user's own comes back
    for kind, name, sql, table in connection.execute(found.format("main")):
        if kind == "view" and name in _VIEWS and name not in new_views:
            statements.append(f"DROP VIEW main.{name}")
        elif kind in ("index", "trigger") and table in TABLES and f"INDEX {name} ON" not in SCHEMA:
            of_users.append(sql)
    # All of them, whether changed or not: then they stand in the order of a new file, with the comments of today.
    statements += [statement for table in TABLES for statement in _remake(table, version, table in new)]
    if version < _SCORE_SINCE:
        statements.append(f"INSERT INTO config {_SCORE}")
    statements += [*_VIEWS.values(), *of_users, f"PRAGMA user_version = {current}"]
    for statement in statements:
        connection.execute(statement)
    if version < CHAINS_SINCE and connection.execute("SELECT 1 FROM config").fetchone():
        begin_chains(connection)


_SCORE = """SELECT 'score', score_of_networks(value) FROM main.config WHERE key = 'data'"""


def _add_functions(connection: sqlite3.Connection) -> None:
    """What SQL alone would round: numbers as JSON with all their digits."""
    connection.create_function("as_figures", -1, _as_figures, deterministic=True)
    connection.create_function("score_of_networks", 1, _score_of_networks, deterministic=True)


def _as_figures(*pairs: object) -> str:
    """Names and values as JSON."""
    return json.dumps(dict(zip(pairs[::2], pairs[1::2], strict=True)), default=repr)


def _score_of_networks(data: object) -> str:
    """What every search measured before there was another score; a failure counts as chance."""
    if not (classes := _classes(data)):
        return "null"  # whoever asks is told
    score = {"name": "accuracy", "direction": "maximize", "low": 0.0, "high": 1.0, "failure": 1.0 / classes}
    return json.dumps(score | {"is_share": True, "of_curve": "best", "failure_name": "chance"})


def _classes(data: object) -> int:
    try:
        return int(json.loads(str(data))["classes"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return 0


def _remake(table: str, version: int, is_new: bool) -> list[str]:
    """A table of the current schema in the place of an older one, with what that held."""
    made = [TABLES[table], *([_INDEXES[table]] if table in _INDEXES else [])]
    if is_new:
        # A user's own table of that name is not dropped: SQLite then refuses to make ours.
        return [*(["DROP TABLE IF EXISTS main.test_looks"] if table == "test_looks" else []), *made]
    columns = ", ".join(column.name for column in stored_columns(table))
    return [
        f"CREATE TEMP TABLE older AS {_as_current(table, version, f'main.{table}')}",
        f"DROP TABLE main.{table}",
        *made,
        f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM temp.older",
        "DROP TABLE temp.older",
    ]


def _as_current(table: str, version: int, source: str) -> str:
    """A query of an older table that has the columns of the current one, too."""
    query = f"SELECT * FROM {source}"
    for newer, tables in sorted(NEW_COLUMNS.items()):
        if newer > version and table in tables:
            query = f"SELECT *, {', '.join(tables[table])} FROM ({query})"
    return query


@dataclass(frozen=True)
class StoredColumn:
    """A column of a table that is not read out of others.

    Attributes:
        name: of the column.
        type: INTEGER, REAL or TEXT.
        is_required: whether NULL is refused.
        key: its place in the key of the table, from 1; 0 for none.
    """

    name: str
    type: str
    is_required: bool
    key: int


@cache
def stored_columns(table: str) -> tuple[StoredColumn, ...]:
    """The columns of a table of the current schema that are not read out of others."""
    return tuple(
        StoredColumn(name, kind, bool(required or key), key)
        for name, kind, required, key, hidden in _columns(table)
        if not hidden
    )


def column_types(table: str) -> dict[str, str]:
    """The columns of a table of the current schema and their types, those read out of others included."""
    return {name: kind for name, kind, *_ in _columns(table)}


def _columns(table: str) -> list[tuple[str, str, int, int, int]]:
    with closing(sqlite3.connect(":memory:")) as scratch:
        scratch.execute(TABLES[table])
        return scratch.execute(
            'SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?)', (table,)
        ).fetchall()


def _changed_since(version: int) -> list[str]:
    """Tables that were there and have gained columns in versions after `version`."""
    changed = _since(version, NEW_COLUMNS)
    return [table for table in TABLES if table in changed and table not in _since(version, NEW_TABLES)]


def _since(version: int, names: Mapping[int, Iterable[str]]) -> list[str]:
    """What versions after `version` added, in order: each refers to earlier ones alone."""
    return [name for newer, added in sorted(names.items()) if newer > version for name in added]
