"""A consistent copy of a database, also of one that a search is writing to; and an old one moved aside."""

import os
import sqlite3
from contextlib import nullcontext, suppress
from pathlib import Path

from metaqnn.errors import ReplayError
from metaqnn.files import aside_names
from metaqnn.replay.database import SQLITE_MAGIC, clear_errors, close_to_one_file, connect_read_only
from metaqnn.replay.memory import FINALS, writer_lock
from metaqnn.replay.places import new_place


def copy_database(source: Path, target: Path) -> None:
    """Copy a database, without its trained networks; the target appears whole or not at all.

    Raises:
        ReplayError: there is no such database, the target exists, or it cannot be written.
    """
    reader = connect_read_only(source)
    try:
        with new_place(target, makes_folder=False) as part, clear_errors(target):
            copy = sqlite3.connect(part)
            try:
                reader.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()
    finally:
        reader.close()


def move_aside(database: Path) -> Path | None:
    """Rename a database, its log and its trained networks, never deleting anything.

    Returns:
        the new name; None where there was nothing to move.

    Raises:
        ReplayError: a search is running on it, or what stands there is no SQLite file.
    """
    if not database.exists():
        return None
    with database.open("rb") if database.is_file() else nullcontext() as file:
        if file is None or file.read(len(SQLITE_MAGIC)) not in (SQLITE_MAGIC, b""):
            raise ReplayError(
                f"{database}: expected a replay database to move aside, but this is none; choose another path"
            )
    # The trained networks go first: a new search must never find another's.
    suffixes = (FINALS, "", "-wal", "-shm", "-journal")
    with writer_lock(database):
        target = next(
            name for name in aside_names(database) if not any(os.path.lexists(f"{name}{suffix}") for suffix in suffixes)
        )
        with suppress(sqlite3.Error):  # a damaged file is moved as it is
            close_to_one_file(sqlite3.connect(database, isolation_level=None))
        for suffix in suffixes:
            part = Path(f"{database}{suffix}")
            if part.exists():
                os.replace(part, f"{target}{suffix}")
    return target
