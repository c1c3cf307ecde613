"""Training images of one epoch: in its order, some mirrored, each shifted by a few pixels."""

from typing import Any

import numpy as np

from metaqnn.seeding import Stream


def shift_of(shift: int | None, input_shape: tuple[int, ...]) -> int:
    """The largest shift in pixels; None is an eighth of the shorter side.

    Args:
        shift: as the recipe says; never more than what leaves a pixel of the image in sight.
        input_shape: (height, width, channels).
    """
    shorter = min(input_shape[:2])
    return min(shorter // 8 if shift is None else shift, shorter - 1)


class Augmentation:
    """The images of an epoch; a function of the seed and the epoch, to the bit.

    What a shift uncovers takes the colour of the nearest pixel at the edge.

    Args:
        order: of the rows, int64 of shape (N,).
        mirror: whether each is mirrored with probability 1/2.
        shift: each is moved by a whole number of pixels, uniformly from -shift to shift, up and down and to the sides.
        seed, epoch: address the draws.
    """

    def __init__(self, order: np.ndarray, mirror: bool, shift: int, seed: int, epoch: int):
        self.order, self._shift = order, shift
        self._flags = Stream(seed, "final mirror", epoch).flags(len(order)) if mirror else None
        self._places = np.zeros(0, np.int64)
        if shift:  # the bias of a remainder of 64 random bits is below 1e-15
            raw = Stream(seed, "final shift", epoch).raw(len(order)) % np.uint64((2 * shift + 1) ** 2)
            self._places = raw.astype(np.int64)

    def apply(self, images: Any, part: slice = slice(None)) -> np.ndarray:
        """The images of a part of the epoch, in its order.

        Args:
            images: uint8 of shape (N, height, width, channels), all of them in their own order.
            part: which of the epoch.

        Returns:
            uint8 of shape (n, height, width, channels), a copy.
        """
        images = images[self.order[part]]
        if self._flags is not None:
            flags = self._flags[part]
            images[flags] = images[flags, :, ::-1]
        if not self._shift:
            return np.asarray(images)
        shift, places, (height, width) = self._shift, self._places[part], images.shape[1:3]
        padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
        for place in np.unique(places):  # images with the same shift move together
            rows, (down, right) = np.flatnonzero(places == place), divmod(int(place), 2 * shift + 1)
            images[rows] = padded[rows, down : down + height, right : right + width]
        return np.asarray(images)
