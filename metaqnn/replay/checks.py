"""What is found in a database that cannot be so.

A reader looks at a whole table when it first reads from it, so that all that comes after may trust the rows;
`metaqnn replay check` looks at every table. A file of an older schema is looked at as it is stored.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaqnn.errors import ConfigError, DamageError, IllegalArchitectureError, NotationError
from metaqnn.replay.columns import column_kind, row_problem, shown
from metaqnn.replay.database import SCHEMA_VERSION
from metaqnn.replay.migrations import TABLES, StoredColumn, stored_columns

Row = Sequence[Any]

REFERENCES = {
    table: {
        column: (parent, key) for column, parent, key in re.findall(r"^ *(\w+) .*REFERENCES (\w+) \((\w+)\)", sql, re.M)
    }
    for table, sql in TABLES.items()
}
"""Which columns of a table name a row of another: table -> column -> that table and its key."""


@dataclass(frozen=True)
class Fault:
    """One thing in a database that cannot be so.

    Attributes:
        table: where it is.
        row: its key, as people read it; empty for the table as a whole.
        column: empty for the row as a whole.
        problem: one clause.
    """

    table: str
    row: str
    column: str
    problem: str

    def __str__(self) -> str:
        row = f", row {self.row}" if self.row else ""
        return f"table {self.table}{row}{f', column {self.column}' if self.column else ''}: {self.problem}"


class CheckedTables:
    """The tables that a connection has read from, each looked at as a whole once.

    Args:
        connection: whose statements are watched from here on; a view counts as the tables that it reads.
    """

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        self._read: set[str] = set()
        self._checked: set[str] = set()
        connection.set_authorizer(self._note)

    def first_fault(self) -> Fault | None:
        """The first thing that cannot be so in the tables that were read from since.

        Raises:
            sqlite3.Error: SQLite itself cannot read them.
        """
        while new := self._read - self._checked:
            table = min(new)
            self._checked.add(table)
            for fault in table_faults(self._connection, table):
                return fault
        return None

    def _note(self, action: int, table: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_READ and table is not None and table in TABLES:
            self._read.add(table)
        return sqlite3.SQLITE_OK


@contextmanager
def as_damage(path: Path, place: str) -> Iterator[None]:
    """Say where a value is stored of which a part of the package says that it cannot be so.

    Args:
        path: of the database.
        place: table, row and column.

    Raises:
        DamageError: in place of what would be said to somebody who typed the value.
    """
    try:
        yield
    except (ConfigError, NotationError, IllegalArchitectureError) as error:
        raise DamageError(path, f"{place}: {str(error).splitlines()[0]}") from error


def table_faults(connection: sqlite3.Connection, table: str) -> Iterator[Fault]:
    """Everything in a table that cannot be so.

    Args:
        connection: to the database.
        table: a table of the schema; a file of an older one may lack it.

    Raises:
        sqlite3.Error: SQLite itself cannot read it.
    """
    own = own_columns(connection, table)
    is_current = connection.execute("PRAGMA main.user_version").fetchone()[0] == SCHEMA_VERSION
    columns = stored_columns(table) if is_current else own
    if missing := {column.name for column in columns} - {column.name for column in own}:
        what = f"the columns {', '.join(sorted(missing))}, too" if own else "this table"
        yield Fault(table, "", "", f"expected {what}, but there is none of that name")
    elif columns:
        rows = read_undecoded(connection, f"SELECT {', '.join(column.name for column in columns)} FROM main.{table}")
        found = list(row_faults(table, columns, rows))
        yield from found or _faults_between(connection, table, columns, rows)


def own_columns(connection: sqlite3.Connection, table: str) -> list[StoredColumn]:
    """The columns of a table as the file itself declares them; none where it has no such table."""
    found = connection.execute(
        "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?, 'main') WHERE NOT hidden", (table,)
    )
    return [StoredColumn(name, kind, bool(required or key), key) for name, kind, required, key in found]


def read_undecoded(connection: sqlite3.Connection, sql: str) -> list[Row]:
    """The rows of a query; a text that is not UTF-8 stays bytes."""
    factory, connection.text_factory = connection.text_factory, decoded
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.text_factory = factory


def row_faults(table: str, columns: Sequence[StoredColumn], rows: Sequence[Row]) -> Iterator[Fault]:
    """What is wrong with some rows of a table, each of which has a value for each column."""
    kinds, names = [column_kind(table, column) for column in columns], [column.name for column in columns]
    is_clean = all(  # a column at a time, its equal values once: most columns have few
        kind.holds(value)
        for kind, values in zip(kinds, zip(*rows, strict=True), strict=False)
        for _, value in set(zip(map(type, values), values, strict=True))
    )
    for row in rows:
        if not is_clean:
            problems = [(name, kind.problem(value)) for name, kind, value in zip(names, kinds, row, strict=True)]
            found = [(name, problem) for name, problem in problems if problem]
            yield from (Fault(table, row_name(columns, row), name, problem) for name, problem in found)
            if found:
                continue
        if problem_of_row := row_problem(table, dict(zip(names, row, strict=True))):
            yield Fault(table, row_name(columns, row), *problem_of_row)


def row_name(columns: Sequence[StoredColumn], row: Row) -> str:
    """The key of a row as people read it."""
    keys = [shown(value) for column, value in zip(columns, row, strict=True) if column.key]
    return keys[0] if len(keys) == 1 else f"({', '.join(keys)})" if keys else ""


def _faults_between(
    connection: sqlite3.Connection, table: str, columns: Sequence[StoredColumn], rows: Sequence[Row]
) -> Iterator[Fault]:
    """Rows that others are missing to, each of them as it should be."""
    names = [column.name for column in columns]
    for column, (parent, key) in REFERENCES[table].items():
        if column in names and own_columns(connection, parent):
            known = {value for (value,) in connection.execute(f"SELECT {key} FROM main.{parent}")}
            at = names.index(column)
            for row in rows:
                if row[at] is not None and row[at] not in known:
                    missing = f"expected a row of {parent}, but there is no {row[at]}"
                    yield Fault(table, row_name(columns, row), column, missing)
    if table == "replay" and "episode" in names:
        numbers = {row[names.index("episode")] for row in rows}
        for number in sorted(set(range(1, len(numbers) + 1)) - numbers):
            yield Fault(table, str(number), "", "episodes have no gap, but it is missing")


def decoded(text: bytes) -> str | bytes:
    """A text as SQLite hands it out; bytes where it is not UTF-8."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text
