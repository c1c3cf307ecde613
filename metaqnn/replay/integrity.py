"""A database file looked at as a whole, whatever is wrong with it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from metaqnn.errors import DamageError, ReplayError
from metaqnn.replay.checks import table_faults
from metaqnn.replay.database import SCHEMA_VERSION, connect_read_only, open_file, version_of
from metaqnn.replay.migrations import TABLES, stored_columns

_MOST = 1000
"""So many findings of SQLite's own are told."""


def file_faults(path: Path) -> list[str]:
    """Everything that is wrong with a file and the rows of its tables, each by itself.

    Raises:
        ReplayError: as `require_damaged_or_whole`.
    """
    require_damaged_or_whole(path)
    found: list[str] = []
    try:
        connection = connect_read_only(path)
    except ReplayError as error:
        found.append(getattr(error, "what", str(error)))
        connection = open_file(path, "mode=ro")
    with closing(connection):
        try:
            problems = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({_MOST})")]
            found += [line for text in problems if text != "ok" for line in text.splitlines()]
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if "malformed JSON" not in str(error):  # where it stands is told below
                found.append(_words(error))
        for table in TABLES:
            if faults := _faults_of(connection, table):  # which say more than that some row is wrong
                found = [line for line in found if not line.endswith(f" in {table}") and f" in {table}." not in line]
                found += faults
    return list(dict.fromkeys(found))


def require_damaged_or_whole(path: Path) -> None:
    """Refuse what is no replay database that anything could have happened to.

    Raises:
        ReplayError: there is no such file, it is empty or another program's, or a newer version wrote it.
    """
    if not path.is_file():
        raise ReplayError(f"{path}: there is no such replay database; check the path")
    try:
        connect_read_only(path).close()
    except DamageError:
        pass
    except ReplayError:
        if not _may_be_ours(path):
            raise


def _may_be_ours(path: Path) -> bool:
    """Whether a file that was refused has tables of ours and no later schema, or cannot be read at all."""
    with closing(open_file(path, "mode=ro")) as connection:
        try:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return bool(names & set(TABLES)) and version_of(connection) <= SCHEMA_VERSION
        except (sqlite3.Error, UnicodeDecodeError):
            return True


def _faults_of(connection: sqlite3.Connection, table: str) -> list[str]:
    try:
        faults = [str(fault) for fault in table_faults(connection, table)]
        if not faults:  # what an older file lacks shows when it is seen as one of today
            connection.execute(f"SELECT {', '.join(column.name for column in stored_columns(table))} FROM {table}")
        return faults
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return [f"table {table}: {_words(error)}"]


def _words(error: Exception) -> str:
    return f"SQLite cannot read it ({' '.join(str(error).split())[:200]})"
