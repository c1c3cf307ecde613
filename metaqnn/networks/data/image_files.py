"""Image files: which are listed, and how one is opened."""

import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metaqnn.core import Note
from metaqnn.errors import DataError, brief
from metaqnn.files import open_regular
from metaqnn.networks.data.split import strata, stratified
from metaqnn.seeding import Stream

if TYPE_CHECKING:
    from PIL import ImageFile


@dataclass(frozen=True)
class Listing:
    """Image files, sorted by class and name, and the class or the targets of each.

    Attributes:
        files: at least one.
        labels: int64 of shape (N,), indices into `class_names`; or other targets, as a split has them.
        class_names: one name a class.
        notes: what was noticed while they were listed.

    Raises:
        DataError: there is no file.
    """

    files: tuple[Path, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        if not self.files:
            raise DataError("expected images to train on and images to test on, got too few for both; add some")

    def rows(self, rows: np.ndarray) -> "Listing":
        """Some of the files."""
        return Listing(tuple(self.files[row] for row in rows), self.labels[rows], self.class_names, self.notes)

    def divided(self) -> tuple["Listing", "Listing"]:
        """The test part, a stratified fifth that follows from the order alone, and the training part."""
        size = max(1, len(self.labels) // 5)
        test, train = stratified(strata(self.labels, size), size, Stream(0, "folder test part"))
        return self.rows(test), self.rows(train)


def subfolders(folder: Path) -> list[str]:
    """The names of the folders in a folder, sorted; hidden ones are no classes."""
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


@contextmanager
def opened(file: Path, formats: tuple[str, ...]) -> Iterator["ImageFile.ImageFile"]:
    """The image of a file, its pixels not yet decoded. Other formats than these may start other programs.

    Raises:
        DataError: it cannot be read, or what the block does with it fails.
    """
    from PIL import Image

    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open_regular(file))
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                image = stack.enter_context(Image.open(stream, formats=formats))
            yield image
        except DataError:
            raise
        except Exception as error:  # Pillow raises whatever the damage leads to
            raise _unreadable(file, error, formats) from error


def _unreadable(file: Path, error: Exception, formats: tuple[str, ...]) -> DataError:
    from PIL import UnidentifiedImageError

    reason = getattr(error, "strerror", None) or brief(str(error), 200) or type(error).__name__
    if isinstance(error, UnidentifiedImageError):
        reason = f"its content is no image ({', '.join(formats)})"
    return DataError(f"{file}: expected an image, but it cannot be read: {reason}")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Tell of a folder that may not be looked into, or whose name none can have."""
    try:
        yield
    except OSError as error:
        reason = f"expected a folder of images that can be read, but {error.strerror or error}"
        raise DataError(f"{error.filename or path}: {reason}") from error


def require_folder(path: Path) -> None:
    """Refuse a path that is no folder.

    Raises:
        DataError: it is none.
    """
    if not os.path.isdir(path):
        raise DataError(f"{path}: there is no such folder")
