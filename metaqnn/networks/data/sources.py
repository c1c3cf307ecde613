"""The contract of a data set: where its images and labels come from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from metaqnn.errors import DataError


@dataclass(frozen=True, eq=False)
class Split:
    """The training part or the test part of a data set.

    Attributes:
        images: uint8 of shape (N, height, width, channels), N at least 1.
        labels: int64 of shape (N,), each an index into `class_names`.
        class_names: one name a class, at least two; the same for both parts.

    Raises:
        DataError: the arrays do not have this form.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __post_init__(self):
        images, labels, classes = self.images, self.labels, len(self.class_names)
        if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape[1:]:
            raise DataError(
                "expected uint8 images of shape (number, height, width, channels), "
                f"got {images.dtype} of shape {images.shape}"
            )
        if labels.dtype != np.int64 or labels.ndim != 1:
            raise DataError(f"expected int64 labels of shape (number,), got {labels.dtype} of shape {labels.shape}")
        if len(images) != len(labels):
            raise DataError(f"expected one label an image, got {len(images)} images and {len(labels)} labels")
        if not len(images):
            raise DataError("expected at least one image, got none")
        if classes < 2:
            raise DataError(f"expected at least two classes, got {classes}")
        if labels.min() < 0 or labels.max() >= classes:
            raise DataError(
                f"expected labels from 0 to {classes - 1}, got labels from {labels.min()} to {labels.max()}"
            )


class Source(ABC):
    """A data set that can be read, perhaps after a download.

    Opening a source reads nothing. `train` never reads images or labels of the test part (but for `digits`,
    whose two parts lie in one file), so nothing of a search can depend on them.
    """

    @abstractmethod
    def train(self) -> Split:
        """The training part, of which a search holds out its validation images.

        Raises:
            DataError: it is absent, unreadable or inconsistent.
        """

    @abstractmethod
    def test(self) -> Split:
        """The test part, for final results alone.

        Raises:
            DataError: it is absent, unreadable or inconsistent.
        """

    @abstractmethod
    def location(self) -> str:
        """Where the data set would be read from, for people."""

    @abstractmethod
    def available(self) -> bool:
        """Whether it is on this machine, found out without reading it."""
