"""Files and folders that are never seen half-written."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def written_whole(target: Path, keeps_ending: bool = False, is_durable: bool = False) -> Iterator[Path]:
    """A place beside the target that takes its name when the block ends well, and is removed when it does not.

    What a killed process left there is removed first.

    Args:
        target: a file, or a folder that does not exist.
        keeps_ending: whether the place ends as the target does, for programs that go by the ending.
        is_durable: whether a file's content is on the disk before it takes the name, so that a power cut leaves the old
            one or the new one.

    Raises:
        OSError: the place cannot be written.
    """
    name = f"{target.stem}.part{target.suffix}" if keeps_ending else f"{target.name}.part"
    part = target.with_name(name)
    _remove(part)
    try:
        yield part
        if is_durable:
            with part.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(part, target)
    finally:
        with suppress(OSError):
            _remove(part)


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)
