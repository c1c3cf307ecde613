"""Images with labels: what a data set must hold for networks to be trained on it."""

import numpy as np

from metaqnn.core import Split
from metaqnn.errors import DataError, counted
from metaqnn.workers.memory import GIBIBYTE, machine_bytes


def require_room(size: int, what: str) -> None:
    """Refuse what no memory of this machine holds, before it is unpacked.

    Args:
        size: bytes.
        what: has it, for messages.

    Raises:
        DataError: it is too large.
    """
    most = machine_bytes()
    if size > most:
        raise DataError(
            f"{what}: expected data that fit into the memory of this machine ({most / GIBIBYTE:.3g} GiB), got "
            f"{size / GIBIBYTE:.3g} GiB"
        )


class ImageSplit(Split):
    """The training part or the test part of a data set of images.

    Attributes:
        inputs: uint8 of shape (N, height, width, channels), N at least 1.
        targets: as of every split: classes, labels or numbers.

    Raises:
        DataError: the arrays do not have this form.
    """

    def __post_init__(self) -> None:
        images, labels, classes = self.inputs, self.targets, len(self.class_names)
        is_of_classes = labels.ndim == 1 and labels.dtype != np.float64
        if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape[1:]:
            raise DataError(
                "expected uint8 images of shape (number, height, width, channels), "
                f"got {images.dtype} of shape {images.shape}"
            )
        if is_of_classes and labels.dtype != np.int64:
            raise DataError(f"expected int64 labels of shape (number,), got {labels.dtype} of shape {labels.shape}")
        if not is_of_classes:
            self._check_form()
        if len(images) != len(labels):
            raise DataError(
                f"expected one label an image, got {counted(len(images), 'image')} and {counted(len(labels), 'label')}"
            )
        if not len(images):
            raise DataError("expected at least one image, got none")
        if is_of_classes and classes < 2:
            raise DataError(f"expected at least two classes, got {classes}")
        if any("\ud800" <= sign <= "\udfff" for name in self.class_names for sign in name):
            raise DataError("expected names of classes in Unicode, got one with half of a character; rename it")
        if not is_of_classes:
            self._check_values()
        elif labels.min() < 0 or labels.max() >= classes:
            raise DataError(
                f"expected labels from 0 to {classes - 1}, got labels from {labels.min()} to {labels.max()}"
            )

    @property
    def images(self) -> np.ndarray:
        """The inputs."""
        return self.inputs

    @property
    def labels(self) -> np.ndarray:
        """The targets."""
        return self.targets


def images_of(split: Split) -> ImageSplit:
    """A part of any data set as images with labels.

    Raises:
        DataError: it holds something else.
    """
    if isinstance(split, ImageSplit):
        return split
    return ImageSplit(split.inputs, split.targets, split.class_names, split.notes)
