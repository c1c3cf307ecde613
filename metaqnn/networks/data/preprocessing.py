"""How uint8 images become the numbers that a network sees."""

from dataclasses import dataclass
from typing import get_args

import numpy as np

from metaqnn.networks.data.config import Preprocessing

# Goodfellow, Bengio and Courville, Deep Learning (2016), section 12.2.1.1: scale 1 and this floor.
_CONTRAST_FLOOR = 1e-8
_CHUNK = 512  # images widened at a time: a few MiB, whatever the size of the set


@dataclass(frozen=True, eq=False)
class Statistics:
    """A preprocessing, fitted. It treats each image alone, so batches do not matter.

    Attributes:
        kind: 'none' (pixels / 255), 'mean' ((pixels - mean) / 255),
            'standardize' ((pixels - mean) / deviation), or
            'global_contrast' (each image minus its own mean, over its own standard deviation).
        mean: of each pixel and channel over the training images, float32 of shape (h, w, c); or None.
        deviation: the standard deviation likewise, 1 where a pixel is constant; or None.
    """

    kind: Preprocessing
    mean: np.ndarray | None = None
    deviation: np.ndarray | None = None

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Images, uint8 of shape (N, h, w, c), as float32 of that shape."""
        if self.kind == "global_contrast":
            return _global_contrast(images)
        numbers = images.astype(np.float32)
        if self.mean is not None:
            numbers -= self.mean
        numbers /= np.float32(255) if self.deviation is None else self.deviation
        return numbers


def fit_statistics(kind: Preprocessing, x_train: np.ndarray) -> Statistics:
    """Fit a preprocessing on training images: never on validation or test images.

    Sums are of whole numbers, hence exact: the result does not depend on the order of the images.

    Args:
        kind: which preprocessing.
        x_train: uint8 of shape (N, h, w, c), N at least 1 and below ten million (the sums fit 64 bits).

    Raises:
        ValueError: there is no such preprocessing.
    """
    if kind not in get_args(Preprocessing):
        raise ValueError(f"expected a preprocessing of {', '.join(get_args(Preprocessing))}, got {kind!r}")
    if kind in ("none", "global_contrast"):
        return Statistics(kind)
    number = len(x_train)
    total = np.zeros(x_train.shape[1:], dtype=np.int64)
    squares = np.zeros_like(total)
    for start in range(0, number, _CHUNK):
        chunk = x_train[start : start + _CHUNK].astype(np.uint32)
        total += chunk.sum(axis=0, dtype=np.int64)
        squares += (chunk * chunk).sum(axis=0, dtype=np.int64)
    mean = (total / number).astype(np.float32)
    if kind == "mean":
        return Statistics(kind, mean)
    deviation = np.sqrt(number * squares - total * total) / number
    return Statistics(kind, mean, np.where(deviation == 0, 1, deviation).astype(np.float32))


def _global_contrast(images: np.ndarray) -> np.ndarray:
    """Global contrast normalisation. Double sums of pixels are exact, so a flat image becomes 0."""
    axes = (1, 2, 3)
    mean = images.mean(axis=axes, dtype=np.float64, keepdims=True)
    numbers = (images - mean).astype(np.float32)
    deviation = np.sqrt(np.square(numbers).mean(axis=axes, dtype=np.float64, keepdims=True))
    numbers /= np.maximum(deviation, _CONTRAST_FLOOR).astype(np.float32)
    return numbers
