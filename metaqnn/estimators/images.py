"""From the arrays that scikit-learn's users have to the uint8 images that networks are trained on."""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from metaqnn.errors import ConfigError, DataError
from metaqnn.estimators.units import Unit, unit_of

_REACH = 0.4
"""How far outside the range of `fit` numbers are clipped, as a share of it; if more are further out than are inside and
above black, they are of another scale."""

_CHUNK = 2**22
"""Numbers widened at a time: 32 MiB."""


def image_shape(shape: tuple[int, ...], input_shape: object) -> tuple[int, int, int]:
    """The image that a row of X is.

    Args:
        shape: of X: (N, features), (N, height, width) or (N, height, width, channels).
        input_shape: what the user says: (height, width), (height, width, channels), or None, by which features are a
            square where their number is one, else one row of pixels.

    Returns:
        (height, width, channels).

    Raises:
        ConfigError: `input_shape` is no shape, or another than that of X.
        DataError: X holds no images.
    """
    said = None if input_shape is None else _shape(input_shape)
    if len(shape) == 2:
        features = shape[1]
        if said is None:
            side = math.isqrt(features)
            return (side, side, 1) if side * side == features else (1, features, 1)
        if math.prod(said) != features:
            raise ConfigError(
                f"input_shape: expected a shape of {features} pixels, as many as X has features, got "
                f"{'x'.join(map(str, said))} = {math.prod(said)}"
            )
        return said
    if len(shape) not in (3, 4):
        raise DataError(
            "X: expected rows of features or images of shape (number, height, width) or (number, height, width, "
            f"channels), got shape {shape}"
        )
    if len(shape) == 4 and shape[1] <= 4 < shape[3]:
        raise DataError(f"X: expected the channels last, got shape {shape}; move axis 1 to the end")
    height, width, channels = (*shape[1:], 1)[:3]
    found = height, width, channels
    if said is not None and said != found:
        raise ConfigError(
            f"input_shape: expected the shape of the images in X, {'x'.join(map(str, found))}, or None, got "
            f"{'x'.join(map(str, said))}"
        )
    return found


def _shape(value: Any) -> tuple[int, int, int]:
    is_sequence = isinstance(value, tuple | list) and len(value) in (2, 3)
    if not is_sequence or not all(isinstance(size, Integral) and int(size) >= 1 for size in value):
        raise ConfigError(
            f"input_shape: expected (height, width), (height, width, channels) or None, got {value!r}; each at least 1"
        )
    height, width, channels = (int(size) for size in (*value, 1)[:3])
    return height, width, channels


@dataclass(frozen=True, eq=False)
class PixelScale:
    """The 8-bit scale of the images: which value becomes 0 and which 255; what lies outside is clipped.

    Attributes:
        low, high: float64 of shape () for whole images, or (features,) where each feature has a scale of its own.
        unit: of the numbers it was fitted on; None where that is not known.
    """

    low: np.ndarray | np.float64
    high: np.ndarray | np.float64
    unit: Unit | None = None

    @classmethod
    def fitted(cls, values: np.ndarray, is_each_feature: bool) -> "PixelScale":
        """The scale of some values, of shape (N, ...); that of uint8 keeps them as they are."""
        unit = None if is_each_feature else unit_of(values)
        if values.dtype == np.uint8:
            return cls(np.float64(0), np.float64(255), unit)
        axis = 0 if is_each_feature else None
        return cls(values.min(axis).astype(np.float64), values.max(axis).astype(np.float64), unit)

    def converted(self, values: np.ndarray) -> np.ndarray:
        """Values of shape (N, ...) in the unit that this scale was fitted on.

        Features of their own are left as they are, and so are bytes where bytes were fitted.

        Raises:
            DataError: they are of another scale, and it is not certain of which.
        """
        if self.low.ndim or (values.dtype == np.uint8 and self.unit in (Unit.BYTES, None) and self.high == 255):
            return values
        unit = unit_of(values)
        if unit == self.unit is not None or (unit, self.unit) == (Unit.BITS, Unit.SHARES):
            return values
        if unit is not None and self.unit is not None and Unit.BITS not in (unit, self.unit):
            return values.astype(np.float64) * (self.unit.value / unit.value)
        low, high = float(values.min()), float(values.max())
        fitted_low, fitted_high = float(self.low), float(self.high)
        span = fitted_high / 2 - fitted_low / 2  # halves, as in `apply`
        is_small = fitted_low < high and high / 2 - fitted_low / 2 < span / (25 if low < fitted_low else 100)
        is_share = fitted_low < high <= 1 < fitted_high and self.unit in (Unit.BYTES, Unit.WORDS)
        halves, reach = values / 2, _REACH * span
        is_far = (halves > fitted_high / 2 + reach) | (halves < fitted_low / 2 - reach)
        is_inside = (values > fitted_low) & (values <= fitted_high)
        if span > 0 and (is_small or is_share or is_far.sum() > is_inside.sum()):
            raise DataError(
                f"X: expected numbers on the scale of fit, {fitted_low:g} to {fitted_high:g}, got {low:g} to {high:g}; "
                "scale them as they were for fit"
            )
        return values

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Values of shape (N, ...) as uint8 of that shape: rounded to one of 256 steps."""
        if values.dtype == np.uint8 and self.low.ndim == 0 and (self.low, self.high) == (0, 255):
            return values
        # Halves, as the span of the largest numbers would overflow. What never varies becomes 0.
        middle, span = self.low / 2, self.high / 2 - self.low / 2
        span = np.where(span > 0, span, np.inf)
        pixels = np.empty(values.shape, np.uint8)
        rows = max(1, _CHUNK // max(1, math.prod(values.shape[1:])))
        for start in range(0, len(values), rows):
            part = slice(start, start + rows)
            share = (values[part].astype(np.float64) / 2 - middle) / span
            pixels[part] = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
        return pixels
