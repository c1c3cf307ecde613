"""Files and folders that are never seen half-written, and that never cost another's file of any name."""

import io
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple
from datetime import datetime
from errno import EEXIST, EFBIG, EINVAL, EISDIR
from itertools import count
from pathlib import Path
from typing import IO, BinaryIO

from metaqnn.owner import Owner

_MOST_OF_A_LINE, _MOST_CHARACTERS, _MOST_LINES = 2**20, 2**30, 2**21
"""Of a table, far above what one of networks has."""

_PREFIX, _OWNER, _MARK = ".metaqnn-part-", "owner", "a temporary folder of metaqnn"


def open_regular(path: Path | str, most: int | None = None) -> BinaryIO:
    """Open a user's file for reading: a regular one, or a link to one, so that nothing waits and nothing has no end.

    Args:
        path: of the file.
        most: bytes that it may have; None is any number.

    Raises:
        OSError: it is something else, or larger, or cannot be opened.
    """
    try:
        _require_regular(path, os.stat(path))  # opening a device may do something
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:  # a name that no file can have
        raise OSError(EINVAL, str(error), str(path)) from error
    try:
        found = os.fstat(descriptor)
        _require_regular(path, found)
        if most is not None and found.st_size > most:
            raise OSError(EFBIG, f"it has {found.st_size:,} bytes, more than {most:,}", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _require_regular(path: Path | str, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
        kind = kinds.get(stat.S_IFMT(found.st_mode), "a device")
        raise OSError(EINVAL, f"it is {kind}, and only regular files are read", str(path))


def read_whole(path: Path | str, most: int) -> bytes:
    """The content of a regular file of at most so many bytes.

    Raises:
        OSError: as `open_regular`, or it grew meanwhile.
    """
    with open_regular(path, most) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(EFBIG, f"it has more than {most:,} bytes", str(path))
    return content


def text_lines(file: IO[bytes]) -> Iterator[str]:
    """The lines of a text in UTF-8, with their ends, none of them without bound; the file is closed with the last.

    Raises:
        OSError: a line is longer than any of a table, or all are more than any table has.
        UnicodeDecodeError: it is no UTF-8.
    """
    total = 0
    with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as lines:
        for number in count(1):
            line = lines.readline(_MOST_OF_A_LINE + 1)
            total += len(line)
            if len(line) > _MOST_OF_A_LINE or total > _MOST_CHARACTERS or number > _MOST_LINES:
                limits = (
                    f"{_MOST_OF_A_LINE:,} characters in a line, {_MOST_CHARACTERS:,} in all, or {_MOST_LINES:,} lines"
                )
                raise OSError(EFBIG, f"it has more than {limits}")
            if not line:
                return
            yield line


@contextmanager
def private_folder(target: Path) -> Iterator[Path]:
    """An empty folder of one's own beside a target, on the same file system; gone afterwards whatever happens.

    What killed processes left beside the target goes first: only folders that name their owner, the very folder that
    it made, and a process that is gone. Nothing else is ever removed, whatever its name.

    Raises:
        OSError: it cannot be made.
    """
    for left in list(target.parent.glob(f"{_PREFIX}*")):
        if _is_left_over(left):
            shutil.rmtree(left, ignore_errors=True)
    place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=target.parent))
    try:
        lines = (_MARK, str(place.stat().st_ino), *astuple(Owner.here()))
        (place / _OWNER).write_text("\n".join(lines), encoding="utf-8")
        inside = place / "new"  # whatever the target is called, it is not taken for the owner
        inside.mkdir()
        yield inside
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _is_left_over(place: Path) -> bool:
    try:
        if place.is_symlink() or not (place / _OWNER).is_file():
            return False
        with (place / _OWNER).open(encoding="utf-8") as file:
            mark, inode, *facts = file.read(4096).split("\n")
        return (mark, inode) == (_MARK, str(place.stat().st_ino)) and Owner(*facts).is_gone()
    except (OSError, ValueError, TypeError):
        return False


@contextmanager
def written_whole(target: Path, is_new: bool = False) -> Iterator[Path]:
    """A place of the same name in a folder of its own, which becomes the target when the block ends well.

    It is on the disk before it takes the name, so that a power cut leaves the old one or the new one. When the block
    fails, nothing is left of it.

    Args:
        target: a file, or a folder that does not exist.
        is_new: whether the name must not be taken by then.

    Raises:
        FileExistsError: it is.
        OSError: the place cannot be written.
    """
    with private_folder(target) as folder:
        part = folder / target.name
        yield part
        flush(part)
        if is_new:
            rename_new(part, target)
        else:
            os.replace(part, target)
        with suppress(OSError):  # some file systems cannot flush a folder
            _sync(target.parent)


def flush(path: Path) -> None:
    """Have a file, or a folder with all that is in it, on the disk, so that a power cut leaves it.

    Raises:
        OSError: it cannot be written.
    """
    if path.is_dir():
        for inside in path.iterdir():
            flush(inside)
        with suppress(OSError):
            _sync(path)
    else:
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename_new(source: Path, target: Path) -> None:
    """Rename onto a name that nobody has, also when somebody takes it this moment.

    Raises:
        FileExistsError: somebody has it.
        OSError: it cannot be renamed.
    """
    if source.is_dir() and not source.is_symlink():
        if os.path.lexists(target):
            raise FileExistsError(EEXIST, os.strerror(EEXIST), str(target))
        os.rename(source, target)  # refused by the system where something came, but for an empty folder
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name is taken first
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(source, target)
    else:
        source.unlink()


def aside_names(path: Path) -> Iterator[Path]:
    """Names beside a path that tell the time: where what stands in the way may go."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    for number in count(1):
        yield path.with_name(f"{path.stem}.{stamp}{f'-{number}' if number > 1 else ''}{path.suffix}")


def moved_aside(path: Path) -> Path | None:
    """Rename what stands in the way, never deleting anything.

    Returns:
        its new name; None where nothing stood there.

    Raises:
        OSError: it cannot be renamed.
    """
    if not os.path.lexists(path):
        return None
    for target in aside_names(path):
        with suppress(FileExistsError):
            rename_new(path, target)
            return target
    return None
