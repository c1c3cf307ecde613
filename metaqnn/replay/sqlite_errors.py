"""What SQLite's errors mean for a database."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metaqnn.errors import DamageError, ReplayError

_DAMAGED = ("malformed", "not a database", "disk image")
_OTHER_SCHEMA = ("no such table", "no such column", "UTF-8", "utf-8")


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """Say what SQLite's errors mean for this file.

    Raises:
        ReplayError: in place of any `sqlite3.Error`.
    """
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite's own messages may quote what is no UTF-8
        text = " ".join(str(error).split())[:200]
        if any(word in text for word in _DAMAGED):
            raise DamageError(path, f"expected a whole database, but this file is damaged ({text})") from error
        if any(word in text for word in _OTHER_SCHEMA):
            raise DamageError(path, f"expected every table and column of a replay database, but {text}") from error
        if "full" in text:
            problem = (
                "the disk is full; everything recorded before is safe: free some space and run the same command again"
            )
        elif "locked" in text:
            problem = "another process holds the database locked; end it and run the same command again"
        elif "readonly" in text or "unable to open" in text or "disk I/O" in text:
            problem = (
                f"expected a place that can be read and written, but {text}; everything recorded before is safe: mend "
                "that and run the same command again, or choose another place"
            )
        else:
            problem = f"the database could not be used: {text}"
        raise ReplayError(f"{path}: {problem}") from error
    except OverflowError as error:
        raise ReplayError(
            f"{path}: expected numbers up to {2**63 - 1:,}, but one is larger; choose a smaller"
        ) from error
