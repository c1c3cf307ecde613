"""Training images made small, as a database keeps them."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaqnn.config import require
from metaqnn.errors import ConfigError
from metaqnn.networks.data.target_facts import first_of_each, row_words

_SIDE = 48  # pixels of a drawn image at most


@dataclass(frozen=True)
class Thumbnail:
    """One training image, made small; pixels and no file format, so that equal searches keep equal bytes.

    Attributes:
        label: the name of its class, its labels or its numbers.
        shape: (height, width, channels), at most 48 by 48 by 3.
        pixels: uint8 in that shape, in base 64.
    """

    label: str
    shape: tuple[int, int, int]
    pixels: str

    def array(self) -> np.ndarray:
        """The pixels.

        Raises:
            ConfigError: they are others than the shape says.
        """
        try:
            pixels = np.frombuffer(base64.b64decode(self.pixels, validate=True), np.uint8).reshape(self.shape)
        except ValueError as error:
            raise ConfigError("pixels: expected as many in base 64 as the shape says") from error
        require(pixels.ndim == 3 and 0 < max(pixels.shape[:2]) <= _SIDE, "shape", "at most 48 by 48", self.shape)
        require(pixels.shape[2] in (1, 3), "shape", "one channel or three", self.shape)
        return pixels


def thumbnails_of(images: Any, targets: np.ndarray, names: Sequence[str]) -> Iterator[Thumbnail]:
    """The first image of each of the first classes or labels that have one.

    Args:
        images: uint8 (N, height, width, channels).
        targets, names: of them, as a split has them.
    """
    for row in first_of_each(targets, 3):
        image = np.asarray(images[row : row + 1])[0]
        image = image[..., :3] if image.shape[2] >= 3 else image[..., :1]
        step = -(-max(image.shape[:2]) // _SIDE)
        height, width = (-(-size // step) for size in image.shape[:2])
        # Each pixel stands for a square of step x step; the last squares are filled with the edge.
        grown = np.pad(image, ((0, height * step - len(image)), (0, width * step - image.shape[1]), (0, 0)), "edge")
        squares = grown.reshape(height, step, width, step, -1).astype(np.int64).sum(axis=(1, 3))
        small = (squares // step**2).astype(np.uint8)
        yield Thumbnail(row_words(targets[row], names), small.shape, base64.b64encode(small.tobytes()).decode())
