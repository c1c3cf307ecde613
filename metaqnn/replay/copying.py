"""A consistent copy of a database, also of one that a search is writing to; and an old one moved aside."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from metaqnn.errors import ReplayError
from metaqnn.files import aside_names
from metaqnn.replay.database import SCHEMA_VERSION, SQLITE_MAGIC, connect_read_only, open_file, version_of
from metaqnn.replay.places import behind_links, new_place
from metaqnn.replay.retrainings import FINALS
from metaqnn.replay.sqlite_errors import clear_errors
from metaqnn.replay.writer import hold, look_before


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
                if version_of(copy) == SCHEMA_VERSION:
                    with copy:
                        copy.execute("DELETE FROM writer")
            finally:
                copy.close()
    finally:
        reader.close()


def move_aside(database: Path, break_lock: bool = False) -> Path | None:
    """Rename a database, its log and its trained networks, never deleting anything; of a link, what it leads to.

    Args:
        database: the file.
        break_lock: as for every writer.

    Returns:
        the new name; None where there was nothing to move.

    Raises:
        ReplayError: a search is running on it, or what stands there is no SQLite file.
    """
    if not database.exists():
        return None
    # The trained networks go first: a new search must never find another's.
    suffixes = (FINALS, "", "-wal", "-shm", "-journal")
    with _held(database, break_lock):
        database = behind_links(database)
        target = next(
            name for name in aside_names(database) if not any(os.path.lexists(f"{name}{suffix}") for suffix in suffixes)
        )
        for suffix in suffixes:
            part = Path(f"{database}{suffix}")
            if part.exists():
                os.replace(part, f"{target}{suffix}")
    return target


@contextmanager
def _held(database: Path, break_lock: bool) -> Iterator[None]:
    """Keep every writer from a file, which may be damaged or of another program; its log is folded into it first."""
    look_before(database, break_lock)
    with closing(open_file(database)) as connection:
        try:
            hold(connection, database, break_lock)
        except ReplayError as error:
            if type(error.__cause__) is not sqlite3.DatabaseError:
                raise
            with database.open("rb") as file:  # no lock on what SQLite refuses can be lost by it
                if file.read(len(SQLITE_MAGIC)) != SQLITE_MAGIC:
                    raise ReplayError(
                        f"{database}: expected a replay database to move aside, but this is none; choose another path"
                    ) from error
        yield
