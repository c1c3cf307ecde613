"""Training images of one epoch: in its order, some mirrored, each shifted by a few pixels."""

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


def augmented(images: np.ndarray, order: np.ndarray, mirror: bool, shift: int, seed: int, epoch: int) -> np.ndarray:
    """The images of an epoch; a function of the seed and the epoch, to the bit.

    What a shift uncovers takes the colour of the nearest pixel at the edge.

    Args:
        images: uint8 of shape (N, height, width, channels).
        order: the order of the rows, int64 of shape (N,).
        mirror: whether each is mirrored with probability 1/2.
        shift: each is moved by a whole number of pixels, uniformly from -shift to shift, up and down and to the sides.
        seed, epoch: address the draws.

    Returns:
        uint8 of the same shape, a copy.
    """
    count, (height, width) = len(images), images.shape[1:3]
    images = images[order]
    if mirror:
        flags = Stream(seed, "final mirror", epoch).flags(count)
        images[flags] = images[flags, :, ::-1]
    if not shift:
        return images
    sides = 2 * shift + 1
    # The bias of a remainder of 64 random bits is below 1e-15.
    places = (Stream(seed, "final shift", epoch).raw(count) % np.uint64(sides * sides)).astype(np.int64)
    padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
    for place in range(sides * sides):  # images with the same shift move together
        rows, (down, right) = np.flatnonzero(places == place), divmod(place, sides)
        images[rows] = padded[rows, down : down + height, right : right + width]
    return images
