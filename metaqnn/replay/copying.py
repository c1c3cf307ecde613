"""A consistent copy of a database, also of one that a search is writing to."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from metaqnn.errors import ReplayError
from metaqnn.replay.database import clear_errors, connect_read_only


def copy_database(source: Path, target: Path) -> None:
    """Copy a database; the target appears whole or not at all.

    Raises:
        ReplayError: there is no such database, the target exists, or it cannot be written.
    """
    if target.exists():
        raise ReplayError(f"{target}: expected a new file, but it exists; choose another name")
    part = target.with_name(f"{target.name}.part")
    reader = connect_read_only(source)
    try:
        with clear_errors(target):
            part.unlink(missing_ok=True)
            copy = sqlite3.connect(part)
            try:
                reader.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()
        os.replace(part, target)
    except OSError as error:
        raise ReplayError(
            f"{target}: expected a place that can be written, but {error.strerror}; choose another"
        ) from error
    finally:
        reader.close()
        with suppress(OSError):
            part.unlink(missing_ok=True)
