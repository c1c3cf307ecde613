"""Data sets in .npy files, which stay on the disk until they are used: x_train.npy, y_train.npy and the test part."""

import os
from pathlib import Path
from typing import Literal

import numpy as np

from metaqnn.core import Dataset, Note, TargetKind
from metaqnn.errors import DataError, brief
from metaqnn.files import open_regular
from metaqnn.networks.data.arrays import MEMBERS, TARGET_NAMES, as_images, skipped, target_names
from metaqnn.networks.data.sources import ImageSplit
from metaqnn.networks.data.target_arrays import as_targets

FIRST = "x_train.npy"


class NumpyFolder(Dataset):
    """A folder with x_train.npy and y_train.npy, and x_test.npy and y_test.npy for final results.

    Images that are stored as uint8 are mapped: what is used of them is read when it is used. Of others uint8 images are
    made in memory.

    Args:
        path: of the folder.
        class_names: the classes where they are known; None takes them from y_train.
        notes: what is known of the data already.
        channels, scale, target: as in the section `dataset`.
    """

    def __init__(
        self,
        path: Path,
        class_names: tuple[str, ...] | None = None,
        notes: tuple[Note, ...] = (),
        channels: Literal["first", "last"] | None = None,
        scale: float | None = None,
        target: TargetKind | None = None,
    ):
        self.path = path
        self._class_names = class_names
        self._notes = notes
        self._channels, self._scale, self._target = channels, scale, target

    def train(self) -> ImageSplit:
        """x_train.npy and y_train.npy; no other file is read."""
        return self._part("train")

    def test(self) -> ImageSplit:
        """x_test.npy and y_test.npy; the classes are those of y_train.npy."""
        return self._part("test")

    def location(self) -> str:
        """The path of the folder."""
        return str(self.path)

    def available(self) -> bool:
        """Whether the training images exist."""
        return os.path.isfile(self.path / FIRST)

    def _part(self, part: str) -> ImageSplit:
        x, y = self.path / f"x_{part}.npy", self.path / f"y_{part}.npy"
        class_names = self._class_names
        images, labels = as_images(_mapped(x), str(x), self._channels, self._scale), _mapped(y)
        kind, beside = self._target, self.path / f"{TARGET_NAMES}.npy"
        named = target_names(_mapped(beside), str(beside)) if beside.is_file() else None
        if class_names is None and part == "test":
            train = self.path / "y_train.npy"
            _, class_names, kind = as_targets(_mapped(train), None, kind, str(train), named)
        numbers, class_names, kind = as_targets(labels, class_names, kind, str(y), named)
        known = MEMBERS if kind == "classes" else (*MEMBERS, TARGET_NAMES)
        try:
            others = sorted(entry.name for entry in self.path.glob("*.npy")) if part == "train" else []
            passed_over = skipped([name for name in others if name.removesuffix(".npy") not in known])
            return ImageSplit(images, numbers, class_names, (*self._notes, *passed_over))
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from error


def _mapped(path: Path) -> np.ndarray:
    """The array of a file, never unpickled and not yet read."""
    try:
        open_regular(path).close()
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except Exception as error:  # NumPy raises whatever the damage leads to
        if "Object arrays" in str(error) or "dtype('O')" in str(error):
            raise DataError(
                f"{path}: expected one array of numbers, got Python objects; store texts as fixed-width texts (astype"
                "(str)), and images of one size"
            ) from error
        reason = getattr(error, "strerror", None) or brief(str(error)) or type(error).__name__
        raise DataError(f"{path}: it cannot be read: {reason}") from error
