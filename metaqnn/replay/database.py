"""Opening a replay database: recognised, of a known schema, and whole.

Whoever closes a descriptor of a file loses all of the process's locks on it, SQLite's own included: so nothing here
opens a database but SQLite, unless SQLite has refused it.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from urllib.parse import quote

from metaqnn.errors import DamageError, ReplayError, advice
from metaqnn.replay.migrations import SCHEMA, see_as_current
from metaqnn.replay.places import behind_links
from metaqnn.replay.sqlite_errors import clear_errors

APPLICATION_ID = 0x4D514E4E
"""Marks a file as ours in SQLite's header: the letters MQNN."""

SCHEMA_VERSION = 8
"""SQLite's `user_version`. A change of the schema raises it, adds a migration and a golden file of the old one."""

SQLITE_MAGIC = b"SQLite format 3\0"
"""The first bytes of every SQLite file."""

BUSY_SECONDS = 10.0
"""How long SQLite waits for a lock that another holds for a moment."""


def connect_for_writing(path: Path, max_pages: int | None = None) -> sqlite3.Connection:
    """Open or create the database, for the one process that may write to it (`metaqnn.replay.writer`).

    A file that exists is not changed by this alone.

    Args:
        path: the file; an absent or empty one is created with the current schema.
        max_pages: refuse to grow beyond so many pages; None is no bound.

    Raises:
        ReplayError: the place cannot be written, or the file is no whole metaqnn database of a known schema.
    """
    for ending in () if file_facts(path) else ("-wal", "-journal", "-shm"):
        beside = f"{behind_links(path)}{ending}"
        if os.path.lexists(beside):  # SQLite would delete it
            raise ReplayError(
                f"{beside}: expected no such file beside a new database; put the database back that it belongs "
                "to, or move it away"
            )
    return _connected(path, False, max_pages)


def write_through_log(connection: sqlite3.Connection) -> None:
    """Write ahead into a log from here on, so that looking and writing do not wait for each other."""
    ends = time.monotonic() + BUSY_SECONDS
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

    What a killed process left half-written is taken back; nothing else of the file is changed.

    Raises:
        ReplayError: there is no such file, or it is no metaqnn database of a known schema.
    """
    found = None if os.path.isdir(path) else file_facts(path)
    if found is None:
        raise ReplayError(f"{path}: there is no such replay database; start a search first, or check the path")
    if not found.st_size and not has_beside(path, "-journal"):
        raise ReplayError(f"{path}: this file is empty: no search has written to it yet; check the path")
    if found.st_nlink > 1 and not has_beside(path, "-wal") and _is_being_written(path):
        raise ReplayError(
            f"{path}: a process writes to this file by another of its names (hard links), or did so until it was "
            "killed, and its log lies beside that one; look at it by that name"
        )
    try:
        return _connected(path, True)
    except ReplayError as error:
        if getattr(error.__cause__, "sqlite_errorcode", 0) != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
    # Who wrote was killed amid a transaction: nobody holds the file, and only who may write takes back its half.
    with clear_errors(path), closing(open_file(path, "mode=rw")) as connection:
        version_of(connection)
    return _connected(path, True)


def file_facts(path: Path) -> os.stat_result | None:
    """What the system knows of a file, by whatever link it is reached; None where there is none.

    Raises:
        ReplayError: it is no regular file, or its folder may not be entered.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ReplayError(
            f"{path}: expected a place that can be read and written, but {error.strerror}; {advice(error)}"
        ) from error
    if not S_ISREG(found.st_mode):
        kind = "a folder" if S_ISDIR(found.st_mode) else "none"
        raise ReplayError(f"{path}: expected a regular file, but this is {kind}; choose another path")
    return found


def has_beside(path: Path, ending: str) -> bool:
    """Whether a database has such a file."""
    return os.path.exists(f"{behind_links(path)}{ending}")


def version_of(connection: sqlite3.Connection) -> int:
    """The schema of a file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


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


def open_file(path: Path, options: str = "mode=rwc") -> sqlite3.Connection:
    """A connection to any SQLite file; the options are those of SQLite's addresses."""
    address = f"file:{quote(str(path.absolute()))}?{options}"
    return sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, uri=True)


def _is_being_written(path: Path) -> bool:
    """Whether the file itself names a writer; to look so, without its log, begins no log of this name."""
    with suppress(sqlite3.Error), closing(open_file(path, "mode=ro&immutable=1")) as looking:
        return looking.execute("SELECT 1 FROM writer").fetchone() is not None
    return False


def _connected(path: Path, read_only: bool, max_pages: int | None = None) -> sqlite3.Connection:
    """A connection to a whole database of ours; one for writing makes what a blank file lacks."""
    connection, found = None, file_facts(path)
    if found and 0 < found.st_size < 100:  # SQLite might take what is left for an empty database
        _check_header(path)
    with clear_errors(path):
        try:
            connection = open_file(path, "mode=ro" if read_only else "mode=rwc")
            if max_pages is not None:
                connection.execute(f"PRAGMA max_page_count = {int(max_pages)}")
            if not read_only and _is_blank(connection):
                _create(connection)
            _check_identity(connection, path)
            if not read_only:
                connection.execute("PRAGMA foreign_keys = ON")
                _check_integrity(connection, path)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _REFUSED:
                _check_header(path)
            raise
    return connection


_REFUSED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN)


def _check_header(path: Path) -> None:
    """Say why SQLite refused a file, where its beginning tells."""
    if has_beside(path, "-journal"):
        return  # a kill during creation: SQLite rolls it back on opening, and until then the file may hold anything
    try:
        with path.open("rb") as file:
            header = file.read(100)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return
    except OSError as error:
        raise ReplayError(f"{path}: expected a readable file, but {error.strerror}; {advice(error)}") from error
    if not header.startswith(SQLITE_MAGIC[: len(header)]):
        raise ReplayError(f"{path}: expected a replay database, but this file is no SQLite database; check the path")
    if len(header) < 100:
        raise DamageError(path, f"this database is cut off ({size} bytes are left)")
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    pages = int.from_bytes(header[28:32], "big")
    # With a log beside it the file may be shorter than it says until the log is folded back.
    if size < pages * page_size and not has_beside(path, "-wal"):
        raise DamageError(path, f"this database is cut off ({size:,} of {pages * page_size:,} bytes are left)")


def _is_blank(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever written."""
    return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise ReplayError(
            f"{path}: expected a replay database of metaqnn, but this is another program's database; "
            "choose another path"
        )
    version = version_of(connection)
    if version < 1:
        raise DamageError(path, f"expected a schema from 1 to {SCHEMA_VERSION}, but this file says {version}")
    if version > SCHEMA_VERSION:
        raise ReplayError(
            f"{path}: a newer metaqnn wrote this database (schema {version}, known here: up to {SCHEMA_VERSION}); "
            "upgrade metaqnn"
        )
    see_as_current(connection, version, SCHEMA_VERSION)


def _check_integrity(connection: sqlite3.Connection, path: Path) -> None:
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        first = problem.splitlines()[0]
        raise DamageError(path, f"expected a whole database, but this file is damaged ({first})")


def _create(connection: sqlite3.Connection) -> None:
    """The schema and our marks, in one transaction, unless another process makes them at the same time."""
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} {marks} COMMIT;")
    except sqlite3.OperationalError:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if _is_blank(connection):
            raise
