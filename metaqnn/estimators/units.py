"""What the numbers of images are: bytes, the same as shares of 1 or as words of 16 bits, or something else."""

from enum import Enum

import numpy as np

_SHADES = 16
"""So many of the 256 shades should be left to all values but a few."""

_SAMPLE = 2**20
"""Numbers looked at to know where most of them lie."""


class Unit(Enum):
    """A way of writing the 256 shades of a pixel as numbers; its value is the number that stands for one shade more."""

    BITS = 0.0
    """Black and white alone, as 0 and 1: shares or two of the shades."""
    SHARES = 1 / 255
    BYTES = 1.0
    WORDS = 257.0


def unit_of(values: np.ndarray) -> Unit | None:
    """The unit that all of some numbers are of; None where they are something else, or where there is none to tell."""
    low, high = values.min(), values.max()
    if low < 0 or high == 0 or high > 65535:
        return None
    if all(np.array_equal(part, np.rint(part)) for part in values):
        if high <= 1:
            return Unit.BITS
        if high <= 255:
            return Unit.BYTES
        return Unit.WORDS if all(not (part % 257).any() for part in values) else None
    # A step of a byte is 0.004 as a share, which single precision holds to a thousandth of a step.
    is_shares = high <= 1 and all(np.abs(255 * part - np.rint(255 * part)).max() < 1e-3 for part in values)
    return Unit.SHARES if is_shares else None


def outliers(values: np.ndarray, is_each_feature: bool) -> str | None:
    """What is said of a few numbers that leave the others next to no shades; None where there are none.

    Args:
        values: of shape (N, ...).
        is_each_feature: whether every feature has a range of its own.
    """
    if values.dtype == np.uint8:
        return None
    columns = values.reshape(len(values), -1).T if is_each_feature else values.reshape(1, -1)
    found = [(number, *squeezed) for number, column in enumerate(columns) if (squeezed := _squeezed(column))]
    if not found:
        return None
    number, extreme, usual, shades = found[0]
    of = f"feature {number} of X" if is_each_feature else "X"
    more = f" (and so for {len(found) - 1} more features)" if len(found) > 1 else ""
    left = f"{shades} of 256 shades" if shades > 1 else "a single shade"
    return (
        f"{of}: one value in a thousand at most is as far out as {extreme:.6g}, all others lie within {usual:.6g} of "
        f"the median, and they are left with {left}{more}; mend or clip such values if they are mistakes"
    )


def _squeezed(values: np.ndarray) -> tuple[float, float, int] | None:
    """The value furthest out, how far out the others are, and their shades; None where that is as usual."""
    sample = values[:: -(-len(values) // _SAMPLE)].astype(np.float64) / 4  # the span of the largest would overflow
    median = np.median(sample)
    distances = np.sort(np.abs(sample[sample != median] - median))
    if len(distances) < 10:
        return None
    extreme = max(float(values.min()) / 4, float(values.max()) / 4, key=lambda value: abs(value - median))
    usual = float(distances[-1 - max(1, len(distances) // 1000)])
    if abs(extreme - median) <= 256 / _SHADES * usual:
        return None
    return 4 * extreme, 4 * usual, max(1, round(256 * usual / abs(extreme - median)))
