"""The one process that writes to a database, whatever name or link it is reached by.

From opening until its first record it holds SQLite's lock of writing, which changes nothing in the file; from then on
it stands in the table `writer`, so that the lock is free between its transactions and everybody may look. What SQLite
locks ends with the process; what stands in the table is taken over once that process is known to be gone.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from errno import EACCES, EROFS
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from metaqnn.errors import ReplayError
from metaqnn.owner import Owner
from metaqnn.replay.database import (
    BUSY_SECONDS,
    SCHEMA_VERSION,
    close_to_one_file,
    connect_for_writing,
    file_facts,
    has_beside,
    open_file,
    transaction,
    version_of,
    write_through_log,
)
from metaqnn.replay.log import Log
from metaqnn.replay.migrations import bring_up_to_date
from metaqnn.replay.places import behind_links
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.records import now
from metaqnn.replay.sqlite_errors import clear_errors

_COLUMNS = "host, boot, space, process, start, inode, taken_at"

_HELD_SECONDS = 5.0
"""How long to wait for a lock that may be held for a moment; a search that begins keeps it until its first record."""

_RUNNING = "another search or training is running on this file"
_CHOICE = "wait for it, stop it, or choose another file"


class ReplayWriter(ReplayReader):
    """A database held for writing by this process alone; others go on reading.

    Args:
        path: the file; created with its folder where absent.
        max_pages: refuse to grow beyond so many pages of 4,096 bytes; None is no bound.
        break_lock: take the file from a process of which this machine cannot know whether it has ended.

    Raises:
        ReplayError: another process holds the file, the place cannot be written, or the file is not whole, not
            ours, of a newer schema, or has several names.
    """

    def __init__(self, path: Path | str, max_pages: int | None = None, break_lock: bool = False):
        self.path = Path(path)
        self._break_lock = break_lock
        self._is_writing = False
        _require_place(self.path)
        look_before(self.path, break_lock)
        connection = connect_for_writing(self.path, max_pages)
        try:
            self._place = _place(self.path)
            self._entry = (*astuple(Owner.here()), str(self._place[1]), now())
            hold(connection, self.path, break_lock)
        except BaseException:
            connection.close()
            raise
        super().__init__(self.path, connection)
        self._log = Log(connection, behind_links(self.path))
        _WRITERS[self._place] = self

    def close(self) -> None:
        """Leave the table, and fold the log back into one plain file; further calls do nothing."""
        if hasattr(self, "_connection"):
            with suppress(sqlite3.Error):  # on a full disk the entry stays, of a process that will be gone
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._connection.execute(
                    f"DELETE FROM writer WHERE {_COLUMNS.replace(', ', ' = ? AND ')} = ?", self._entry
                )
            close_to_one_file(self._connection)
            del self._connection
            _WRITERS.pop(self._place, None)

    def _begin_writing(self) -> None:
        """Stand in the table, and write through a log from here on, so that looking and writing do not wait.

        A file of an older schema is brought up to date first. What is refused before leaves the file as it is.
        """
        if self._is_writing:
            return
        with clear_errors(self.path):
            connection = self._connection
            if not connection.in_transaction:
                hold(connection, self.path, self._break_lock, self._entry)
            try:
                bring_up_to_date(connection, version_of(connection), SCHEMA_VERSION)
                connection.execute(
                    f"INSERT OR REPLACE INTO writer (writer, {_COLUMNS}) VALUES (1{', ?' * 7})", self._entry
                )
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            write_through_log(connection)
            connection.execute("PRAGMA foreign_keys = ON")
        self._is_writing = True

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._is_writing:
            with clear_errors(self.path):
                self._log.shorten()
        self._begin_writing()
        with transaction(self._connection, self.path) as connection:
            if (row := _entry(connection)) != self._entry:
                raise ReplayError(
                    f"{self.path}: expected to go on writing, but {_words(row) if row else 'somebody'} has taken this "
                    "file; what was recorded before is kept; end one of the two, and run the same command again"
                )
            yield connection


_WRITERS: WeakValueDictionary[tuple[int, int], ReplayWriter] = WeakValueDictionary()
"""Of this process, by device and inode: an entry of its own that none of them made is one that could not be removed."""


def hold(connection: sqlite3.Connection, path: Path, break_lock: bool, own: tuple[Any, ...] | None = None) -> None:
    """Begin the transaction in which nobody else can begin to write.

    Args:
        connection: to the file, for writing.
        path: of it.
        break_lock: as in `ReplayWriter`.
        own: the entry that is no other's.

    Raises:
        ReplayError: another process writes, or is about to.
    """
    with clear_errors(path):
        connection.execute("PRAGMA foreign_keys = OFF")  # tables of an older schema are made anew in it
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * _HELD_SECONDS)}")
        try:
            # What was killed left its log: its entry, and the next one, stand in the file itself.
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError:
            if version_of(connection) < SCHEMA_VERSION:  # perhaps somebody writes who knows nothing of entries
                raise
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise ReplayError(f"{path}: {_RUNNING}; {_CHOICE}") from error
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * BUSY_SECONDS)}")
        try:
            refuse_others(connection, path, break_lock, own)
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def refuse_others(
    connection: sqlite3.Connection, path: Path, break_lock: bool, own: tuple[Any, ...] | None = None
) -> None:
    """Refuse a file that another process writes to, or one that may.

    Raises:
        ReplayError: it does, or cannot be seen from here and the lock is not to be broken.
    """
    row = _entry(connection)
    if row is None or row == own:
        return
    owner, inode = Owner(*row[:5]), row[5]
    if owner.is_gone():
        return
    if not owner.is_visible():
        if not break_lock:
            raise ReplayError(
                f"{path}: {_words(row)} is writing to this file, and whether it still runs cannot be seen from here; "
                "wait for it, or make sure that it has ended and run the same command with --break-lock (in Python: "
                "break_lock=True), which takes the file from it"
            )
        return
    place = _place(path)
    if inode == str(place[1]) and (owner != Owner.here() or place in _WRITERS):
        raise ReplayError(f"{path}: {_RUNNING} (process {owner.process}, since {row[6]}); {_CHOICE}")


def look_before(path: Path, break_lock: bool) -> None:
    """Refuse another's file by looking alone, and one of several names; what is damaged is told by who opens it.

    Over a network SQLite's locks may not be seen, and to close a connection that can write would remove another
    machine's log.

    Raises:
        ReplayError: nobody, or another process, may write to it.
    """
    found = file_facts(path)
    if found and found.st_nlink > 1:  # not even looked into: that alone would begin a log of this name
        raise ReplayError(
            f"{path}: expected a file of one name, but this one has {found.st_nlink} (hard links), and each name would "
            "have a write-ahead log of its own; write to a copy, from `metaqnn replay copy`, or remove the other names"
        )
    if found and found.st_size and not has_beside(path, "-journal"):
        with clear_errors(path), closing(open_file(path, "mode=ro")) as looking:
            try:
                refuse_others(looking, path, break_lock)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise


def _entry(connection: sqlite3.Connection) -> tuple[Any, ...] | None:
    try:
        row = connection.execute(f"SELECT {_COLUMNS} FROM writer").fetchone()
    except sqlite3.OperationalError as error:
        if "no such" in str(error):  # an older schema, or another program's file
            return None
        raise
    return None if row is None else (*row[:3], str(row[3]), *row[4:])


def _words(row: tuple[Any, ...]) -> str:
    return f"process {row[3]} on {row[0].split(' ')[0] or 'another machine'} (since {row[6]})"


def _place(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _require_place(path: Path) -> None:
    """Make the folder of a new database, and see that it and the file can be written.

    Raises:
        ReplayError: they cannot.
    """
    real = behind_links(path)
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        for place, rights in ((real.parent, os.W_OK | os.X_OK), (real, os.W_OK)):
            if os.path.lexists(place) and not os.access(place, rights):
                number = EROFS if os.statvfs(real.parent).f_flag & os.ST_RDONLY else EACCES
                raise OSError(number, os.strerror(number))
    except FileExistsError:
        raise ReplayError(
            f"{path}: expected a place in a folder, but {real.parent} is a file; choose another with --db"
        ) from None
    except OSError as error:
        raise ReplayError(
            f"{path}: expected a place that can be written, but {error.strerror or error}; choose another with --db"
        ) from error
