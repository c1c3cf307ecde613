"""Images with labels: what a data set must hold for networks to be trained on it."""

import numpy as np

from metaqnn.core import Split
from metaqnn.errors import DataError


class ImageSplit(Split):
    """The training part or the test part of a data set of images.

    Attributes:
        inputs: uint8 of shape (N, height, width, channels), N at least 1.
        targets: int64 of shape (N,), each an index into `class_names`.

    Raises:
        DataError: the arrays do not have this form.
    """

    def __post_init__(self) -> None:
        images, labels, classes = self.inputs, self.targets, len(self.class_names)
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
    return split if isinstance(split, ImageSplit) else ImageSplit(split.inputs, split.targets, split.class_names)
