"""Numbers of any range as the uint8 pixels that networks are trained on."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from metaqnn.core import Note
from metaqnn.errors import DataError, counted

_EXACT = 1e-3
"""How far from a whole number a pixel may be that was divided by 255 in single precision."""


class Pixels:
    """Turns images of any source into uint8, by one rule for all of its images, which its first ones decide.

    Whole numbers from 0 to 255 stay; floats from 0 to 1 are taken times 255, floats up to 255 are rounded.

    Args:
        what: the source, for messages.
    """

    def __init__(self, what: str):
        self._what = what
        self._is_share: bool | None = None
        self._is_rounded = False
        self._most = 0.0
        self._count = 0
        self._seen: Counter[str] = Counter()

    def convert(self, images: np.ndarray, seen: Sequence[str] = ()) -> np.ndarray:
        """Some images as uint8, of the same shape.

        Args:
            images: with the channels last.
            seen: what should be known of them, as verbs.

        Raises:
            DataError: their values are no pixel values, or of another range than those of the first ones.
        """
        self._count += len(images)
        self._seen.update(seen)
        kind = images.dtype.kind
        low, high = (images.min(), images.max()) if images.size else (0, 0)
        if images.dtype == np.uint8:
            self._require(is_share=False, low=low, high=high)
            self._most = max(self._most, float(high))
            return images
        if kind == "b":
            self._require(is_share=True, low=low, high=high)
            return images.astype(np.uint8) * np.uint8(255)
        if not (low >= 0 and high <= 255):  # not a number neither
            raise DataError(
                f"{self._what}: expected images from 0 to 255, or floats from 0 to 1, got {images.dtype} from {low} "
                f"to {high}; give them as they are before they are normalised"
            )
        self._most = max(self._most, float(high))
        if kind in "ui":
            self._require(is_share=False, low=low, high=high)
            return images.astype(np.uint8)
        if self._is_share is None and high > 0:
            self._is_share = bool(high <= 1)
        if self._is_share:
            self._require(is_share=bool(high <= 1), low=low, high=high)
        numbers = images.astype(np.float64) * (255 if self._is_share else 1)
        whole = np.rint(numbers)
        self._is_rounded |= bool((np.abs(numbers - whole) > _EXACT).any())
        return whole.astype(np.uint8)

    def notes(self) -> tuple[Note, ...]:
        """What to know of images that were converted."""
        told = [
            Note("doubt", f"{self._what}: {count:,} of {counted(self._count, 'image')} {what}")
            for what, count in self._seen.items()
        ]
        if self._is_rounded:
            told.append(Note("doubt", f"{self._what}: pixels between two of 256 steps were rounded to the nearest"))
        if self._is_share is False and 0 < self._most <= 15:
            told.append(
                Note("doubt", f"{self._what}: no pixel of 0 to 255 is above {self._most:g}, so images are nearly black")
            )
        return tuple(told)

    def _require(self, is_share: bool, low: Any, high: Any) -> None:
        if self._is_share is None:
            self._is_share = is_share
        if self._is_share != is_share:
            wanted = "0 to 1" if self._is_share else "0 to 255"
            raise DataError(
                f"{self._what}: expected all images from {wanted}, as the first ones are, got some from {low} to "
                f"{high}; bring them to one range"
            )
