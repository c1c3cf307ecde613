"""Opening a replay database: recognised, of a known schema, whole, and with at most one writer."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from metaqnn.errors import ReplayError
from metaqnn.replay.migrations import SCHEMA, bring_up_to_date, see_as_current

APPLICATION_ID = 0x4D514E4E
"""Marks a file as ours in SQLite's header: the letters MQNN."""

SCHEMA_VERSION = 4
"""SQLite's `user_version`. A change of the schema raises it, adds a migration and a golden file of the old one."""

SQLITE_MAGIC = b"SQLite format 3\0"
"""The first bytes of every SQLite file."""

_BUSY_SECONDS = 10.0


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """Say what SQLite's errors mean for this file.

    Raises:
        ReplayError: in place of any `sqlite3.Error`.
    """
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "full" in text:
            problem = (
                "the disk is full; everything recorded before is safe: free some space and run the same command again"
            )
        elif "malformed" in text or "not a database" in text or "disk image" in text:
            problem = f"expected a whole database, but this file is damaged ({text}); restore a copy of it"
        elif "locked" in text:
            problem = "another process holds the database locked; end it and run the same command again"
        elif "readonly" in text or "unable to open" in text or "disk I/O" in text:
            problem = f"expected a place that can be read and written, but {text}; choose another"
        else:
            problem = f"the database could not be used: {text}"
        raise ReplayError(f"{path}: {problem}") from error
    except OverflowError as error:
        raise ReplayError(
            f"{path}: expected numbers up to {2**63 - 1:,}, but one is larger; choose a smaller"
        ) from error


def connect_for_writing(path: Path, max_pages: int | None = None) -> sqlite3.Connection:
    """Open or create the database, for the one process that holds its lock.

    A file that exists is not changed by this alone: `begin_writing` comes before the first transaction.

    Args:
        path: the file; an absent or empty one is created with the current schema.
        max_pages: refuse to grow beyond so many pages; None is no bound.

    Raises:
        ReplayError: the place cannot be written, or the file is no whole metaqnn database of a known schema.
    """
    for ending in () if path.exists() else ("-wal", "-journal", "-shm"):
        if os.path.lexists(f"{path}{ending}"):  # SQLite would delete it
            raise ReplayError(
                f"{path}{ending}: expected no such file beside a new database; put the database back that it belongs "
                "to, or move it away"
            )
    is_new = not path.exists() or path.stat().st_size == 0
    if not is_new:
        _check_header(path)
    with clear_errors(path):
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        with clear_errors(path):
            if max_pages is not None:
                connection.execute(f"PRAGMA max_page_count = {int(max_pages)}")
            connection.execute("PRAGMA foreign_keys = ON")
            if _is_blank(connection):
                _create(connection)
            else:
                _check_identity(connection, path)
                _check_integrity(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def begin_writing(connection: sqlite3.Connection) -> None:
    """Write through a log from here on, so that looking and writing do not wait for each other.

    A file of an older schema is brought up to date first.
    """
    bring_up_to_date(connection, _version(connection), SCHEMA_VERSION)
    ends = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:  # SQLite waits for others before it writes, but not here
            if "locked" not in str(error) or time.monotonic() > ends:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous = FULL")


def private_copy(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """A copy of a database as it is now, in a temporary file without a name that goes when it is closed.

    Raises:
        ReplayError: there is no room for it.
    """
    copy = sqlite3.connect("", isolation_level=None)
    try:
        with clear_errors(path):
            connection.backup(copy)
            _check_identity(copy, path)
    except BaseException:
        copy.close()
        raise
    return copy


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open the database for looking, also while a search writes to it.

    Raises:
        ReplayError: there is no such file, or it is no metaqnn database of a known schema.
    """
    if not path.is_file():
        raise ReplayError(f"{path}: there is no such replay database; start a search first, or check the path")
    _check_header(path)
    with clear_errors(path):
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
        )
    try:
        with clear_errors(path):
            _check_identity(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def close_to_one_file(connection: sqlite3.Connection) -> None:
    """Close a writer and fold the write-ahead log back, so that the search is one plain file.

    While somebody else is looking this cannot be done: the log then stays beside the file, part of it, until the next
    writer closes.
    """
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA busy_timeout = 200")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """All or nothing: commits at the end, rolls back on any exception."""
    with clear_errors(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _check_header(path: Path) -> None:
    """Refuse what is no SQLite file, and one that was cut off."""
    if Path(f"{path}-journal").exists():
        return  # a kill during creation: SQLite rolls it back on opening, and until then the file may hold anything
    try:
        with path.open("rb") as file:
            header = file.read(100)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise ReplayError(f"{path}: expected a readable file, but {error.strerror}") from error
    if not size:
        raise ReplayError(f"{path}: this file is empty: no search has written to it yet; check the path")
    if not header.startswith(SQLITE_MAGIC[: len(header)]):
        raise ReplayError(f"{path}: expected a replay database, but this file is no SQLite database; check the path")
    if len(header) < 100:
        raise ReplayError(f"{path}: this database is cut off ({size} bytes are left); restore a copy of it")
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    pages = int.from_bytes(header[28:32], "big")
    # With a log beside it the file may be shorter than it says until the log is folded back.
    if size < pages * page_size and not Path(f"{path}-wal").exists():
        raise ReplayError(
            f"{path}: this database is cut off ({size:,} of {pages * page_size:,} bytes are left); restore a copy of it"
        )


def _is_blank(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever written."""
    return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise ReplayError(
            f"{path}: expected a replay database of metaqnn, but this is another program's database; "
            "choose another path"
        )
    version = _version(connection)
    if version > SCHEMA_VERSION:
        raise ReplayError(
            f"{path}: a newer metaqnn wrote this database (schema {version}, known here: up to {SCHEMA_VERSION}); "
            "upgrade metaqnn"
        )
    see_as_current(connection, version, SCHEMA_VERSION)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check_integrity(connection: sqlite3.Connection, path: Path) -> None:
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        first = problem.splitlines()[0]
        raise ReplayError(
            f"{path}: expected a whole database, but this file is damaged ({first}); restore a copy of it"
        )


def _create(connection: sqlite3.Connection) -> None:
    """The schema and our marks, in one transaction."""
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
    connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} {marks} COMMIT;")
