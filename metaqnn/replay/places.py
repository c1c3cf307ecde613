"""Places for new files: nothing that exists is ever overwritten."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metaqnn.errors import ReplayError
from metaqnn.files import written_whole


def require_new(target: Path, what: str = "file") -> None:
    """Refuse a target that exists.

    Raises:
        ReplayError: it does.
    """
    if os.path.lexists(target):
        raise ReplayError(f"{target}: expected a new {what}, but it exists; choose another name")


def behind_links(path: Path) -> Path:
    """What a link leads to, where SQLite keeps its log and we what belongs to a database; else the path as it is."""
    return Path(os.path.realpath(path)) if os.path.islink(path) else path


@contextmanager
def new_place(target: Path, what: str = "file", makes_folder: bool = True) -> Iterator[Path]:
    """A place beside a new file or folder, which appears whole when the block ends well, or not at all.

    Args:
        target: what must not exist.
        what: it is, for messages.
        makes_folder: whether the folder that it lies in is made where absent.

    Raises:
        ReplayError: the target exists, or cannot be written.
    """
    require_new(target, what)
    try:
        if makes_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(target, is_new=True) as part:
            yield part
    except OSError as error:
        require_new(target, what)  # somebody may have put something there in the meantime
        raise ReplayError(
            f"{target}: expected a place that can be written, but {error.strerror or error}; choose another"
        ) from error
