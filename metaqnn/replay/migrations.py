"""Older schemas: seen as the current one while somebody looks, brought up to date by the next search that writes.

A file is never changed by looking. Temporary views of the connection stand before the tables of the same names.
"""

import re
import sqlite3
from collections.abc import Mapping
from importlib.resources import files

SCHEMA = files("metaqnn.replay").joinpath("schema.sql").read_text(encoding="utf-8")
"""The current schema."""

ADDED_COLUMNS: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    2: {
        "evaluations": (
            "predicted_epoch INTEGER",
            "predicted_accuracy REAL",
            "predicted_low REAL",
            "predicted_high REAL",
        )
    },
}
"""What each version added: version -> table -> columns, which are NULL in what was recorded before."""

NEW_TABLES: Mapping[int, tuple[str, ...]] = {3: ("finals", "final_curves", "test_looks", "imported_rows")}
"""What each version added or made anew: version -> tables, which are empty in what was recorded before.

Nothing wrote to `test_looks` before version 3."""

VIEWS_OF: Mapping[int, tuple[str, ...]] = {
    1: ("leaderboard", "failures", "epsilon_stages", "best_so_far"),
    2: ("leaderboard", "failures", "predictions", "epsilon_stages", "best_so_far"),
}
"""The views that each older version had, which are made anew; others in a file are its user's."""

_TABLES = {match[1]: match[0] for match in re.finditer(r"^CREATE TABLE (\w+) .*?;$", SCHEMA, re.DOTALL | re.MULTILINE)}
_INDEXES = {match[1]: match[0] for match in re.finditer(r"^CREATE INDEX \w+ ON (\w+) .*?;$", SCHEMA, re.MULTILINE)}
_VIEWS = {match[1]: match[0] for match in re.finditer(r"^CREATE VIEW (\w+) .*?;$", SCHEMA, re.DOTALL | re.MULTILINE)}


def see_as_current(connection: sqlite3.Connection, version: int, current: int) -> None:
    """Let the queries of this version run on a file of an older schema, without changing it."""
    if version == current:
        return
    connection.execute("PRAGMA temp_store = MEMORY")
    for table, columns in _added_since(version).items():
        absent = ", ".join(f"NULL AS {column.split()[0]}" for column in columns)
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {absent} FROM main.{table}")
    for table in _new_since(version):
        connection.execute(_TABLES[table].replace("CREATE TABLE", "CREATE TEMP TABLE", 1))
    for sql in _VIEWS.values():
        connection.execute(sql.replace("CREATE VIEW", "CREATE TEMP VIEW", 1))


def bring_up_to_date(connection: sqlite3.Connection, version: int, current: int) -> None:
    """Change a file of an older schema to the current one, all or nothing."""
    if version == current:
        return
    added, new = _added_since(version), _new_since(version)
    statements = [
        *(f"DROP VIEW temp.{name}" for name in (*_VIEWS, *added)),
        *(f"DROP VIEW main.{name}" for name in VIEWS_OF[version]),
        *(f"DROP TABLE temp.{name}" for name in reversed(new)),
        *(f"DROP TABLE IF EXISTS main.{name}" for name in new),
        *(_TABLES[name] for name in new),
        *(_INDEXES[name] for name in new if name in _INDEXES),
        *(f"ALTER TABLE {table} ADD COLUMN {column}" for table, columns in added.items() for column in columns),
        *_VIEWS.values(),
        f"PRAGMA user_version = {current}",
    ]
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _added_since(version: int) -> dict[str, tuple[str, ...]]:
    """Columns added by versions after `version`: table -> columns."""
    added: dict[str, tuple[str, ...]] = {}
    for newer, tables in sorted(ADDED_COLUMNS.items()):
        if newer > version:
            for table, columns in tables.items():
                added[table] = added.get(table, ()) + columns
    return added


def _new_since(version: int) -> list[str]:
    """Tables that versions after `version` added, in an order in which each refers to earlier ones."""
    return [table for newer, tables in sorted(NEW_TABLES.items()) if newer > version for table in tables]
