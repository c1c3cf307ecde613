"""The write-ahead log beside a database that is being written."""

import os
import sqlite3
from pathlib import Path

BYTES = 8 * 2**20
"""The log is begun anew beyond that; SQLite itself does so from 4 MiB on, where nobody reads at that moment."""

PATIENCE = 500
"""Milliseconds that the writer waits for those who read from the log to end, each time that it tries."""


class Log:
    """Keeps the write-ahead log beside a database short, however many are looking.

    SQLite begins its log anew only at a moment when nobody reads from it. Readers that look one after another, each
    before the one before has ended, leave no such moment. So the writer waits: meanwhile no page is added, and who
    comes to look then needs no log. A reader that holds on to one state for longer does make it grow, until it ends.

    Args:
        connection: of the one writer.
        path: the file.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._connection, self._place = connection, f"{path}-wal"
        self._tried = 0  # how long it was when somebody still read it; it is tried again when it has grown by a quarter

    def shorten(self) -> None:
        """Begin the log anew if it is long; to be called outside any transaction."""
        try:
            size = os.stat(self._place).st_size
        except FileNotFoundError:
            return
        if size < max(BYTES, self._tried + BYTES // 4):
            return
        (before,) = self._connection.execute("PRAGMA busy_timeout").fetchone()
        self._connection.execute(f"PRAGMA busy_timeout = {PATIENCE}")
        try:
            (is_busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {before}")
        self._tried = size if is_busy else 0
