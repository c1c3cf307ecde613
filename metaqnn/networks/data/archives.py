"""Data sets in one .npz file with the members x_train, y_train, x_test and y_test."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from metaqnn.core import Dataset
from metaqnn.errors import DataError, brief
from metaqnn.files import open_regular
from metaqnn.networks.data.arrays import as_images, as_labels
from metaqnn.networks.data.sources import ImageSplit, require_room

MEMBERS = "x_train, y_train, x_test and y_test"


class Archive(Dataset):
    """One .npz file. A search needs x_train and y_train alone.

    Args:
        path: of the file.
        class_names: the classes where they are known; None takes them from y_train.
    """

    def __init__(self, path: Path, class_names: tuple[str, ...] | None = None):
        self.path = path
        self._class_names = class_names

    def train(self) -> ImageSplit:
        """The members x_train and y_train; no other member is read."""
        return self._part("train")

    def test(self) -> ImageSplit:
        """The members x_test and y_test; the classes are those of y_train."""
        return self._part("test")

    def location(self) -> str:
        """The path of the file."""
        return str(self.path)

    def available(self) -> bool:
        """Whether the file exists."""
        return os.path.isfile(self.path)

    def _part(self, part: str) -> ImageSplit:
        x, y, class_names = f"x_{part}", f"y_{part}", self._class_names
        with self._open() as members:
            images = as_images(_member(members, x), x)
            if class_names is None and part == "test":
                _, class_names = as_labels(_member(members, "y_train"), None, "y_train")
            labels, class_names = as_labels(_member(members, y), class_names, y)
            return ImageSplit(images, labels, class_names)

    @contextmanager
    def _open(self) -> Iterator[np.lib.npyio.NpzFile]:
        """The members, read only when asked for; every problem in one sentence that names the file."""
        with ExitStack() as opened:
            try:
                # Opened here, so that the file is closed whatever NumPy makes of its content.
                file = opened.enter_context(open_regular(self.path))
                is_archive = zipfile.is_zipfile(file)
                file.seek(0)
                members = opened.enter_context(np.load(file, allow_pickle=False)) if is_archive else None
            except FileNotFoundError:
                raise DataError(f"{self.path}: there is no such file") from None
            except Exception as error:  # zipfile and NumPy raise whatever the damage leads to
                reason = getattr(error, "strerror", None) or brief(str(error)) or type(error).__name__
                raise DataError(f"{self.path}: it cannot be read: {reason}") from error
            try:
                if members is None:
                    raise DataError(f"it is no complete .npz file; write it with numpy.savez ({MEMBERS})")
                yield members
            except DataError as error:
                raise DataError(f"{self.path}: {error}") from error


def _member(members: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    """One array of the file, never unpickled."""
    if name not in members.files:
        found = brief(", ".join(members.files)) or "nothing"
        raise DataError(f"expected a member {name} beside others of {MEMBERS}, got {found}")
    try:
        # Before it is unpacked; an array that says that it is larger than its member ends as a damaged one.
        listed = members.zip.infolist() if members.zip else []
        require_room(max(info.file_size for info in listed if info.filename in (name, f"{name}.npy")), name)
        array = members[name]
    except DataError:
        raise
    except Exception as error:  # zipfile and NumPy raise whatever the damage leads to
        if "Object arrays" in str(error):
            raise DataError(
                f"{name}: expected one array of numbers, got Python objects (images of different sizes?); "
                "bring all images to one size"
            ) from error
        raise DataError(f"{name}: it is damaged: {brief(str(error)) or type(error).__name__}") from error
    if not isinstance(array, np.ndarray):  # NumPy hands out a member that is no array as its raw bytes
        raise DataError(f"{name}: it is damaged: it is no array")
    return array
