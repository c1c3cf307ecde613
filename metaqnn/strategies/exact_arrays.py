"""Arrays of the same digits on every machine: exponential, logarithm, sigmoid, tanh, sums and products of matrices.

Mathematics libraries differ in their last digit, and products of matrices as well as NumPy's sums add in an order that
depends on the processor: its vectors, its caches, its fused operations. Here everything is an elementwise operation
that IEEE 754 rounds exactly (+, -, *, /, comparisons, scaling by powers of two), each an array operation of its own, so
that nothing is fused, and sums add in an order that is written down. It is `metaqnn.strategies.exact_math` for many
numbers at once.
"""

from itertools import accumulate

import numpy as np

from metaqnn.strategies.exact_math import LN_2_HIGH, LN_2_LOW, LOG2_E, SQRT_HALF

_LOG2_E, _LEAST, _ONE = np.array(LOG2_E), np.array(-700.0), np.array(1.0)  # an array of one is faster than a float

_POWER_OF_TWO = [
    np.array(term) for term in accumulate(range(1, 12), lambda term, n: term * (LN_2_HIGH + LN_2_LOW) / n, initial=1.0)
][::-1]
"""The Taylor series of 2^x: (log 2)^n / n!, from n of 11 down."""

_AREA_TANGENT = tuple(1.0 / n for n in range(21, 0, -2))
_HIGH, _LOW = np.array(40.0), np.array(-40.0)
"""A sigmoid is 0 or 1 to 1e-17 from there on."""


def exponentials(x: np.ndarray) -> np.ndarray:
    """The number e to the power x; that of -700 below -700.

    Args:
        x: at most 700, of any shape.

    Returns:
        right to 1e-14 + 3e-16 |x|, relatively.
    """
    return _exponentials(np.maximum(x, _LEAST))


def _exponentials(x: np.ndarray) -> np.ndarray:
    """By 2^(x / log 2), and a Taylor polynomial of degree 11 for what is left of the exponent beside a whole number.

    Args:
        x: from -700 to 700.
    """
    rest = x * _LOG2_E
    power = np.rint(rest)
    rest -= power
    result = rest * _POWER_OF_TWO[0]
    result += _POWER_OF_TWO[1]
    for coefficient in _POWER_OF_TWO[2:]:
        result *= rest
        result += coefficient
    return np.asarray(np.ldexp(result, power.astype(np.int32)))


def logarithms(x: np.ndarray) -> np.ndarray:
    """The natural logarithms of positive numbers, by log(m) = 2 artanh((m - 1) / (m + 1)) of their mantissas."""
    mantissa, power = np.frexp(x)
    is_low = mantissa < SQRT_HALF
    mantissa, power = np.where(is_low, 2.0 * mantissa, mantissa), power - is_low
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square, total = ratio * ratio, np.zeros_like(ratio)
    for coefficient in _AREA_TANGENT:
        total = total * square + coefficient
    return np.asarray(power * LN_2_HIGH + (2.0 * ratio * total + power * LN_2_LOW))


def sigmoids(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x) = e^x / (1 + e^x), right to 3e-14, relatively."""
    odds = _exponentials(np.minimum(np.maximum(x, _LOW), _HIGH))
    odds /= odds + _ONE
    return odds


def hyperbolic_tangents(x: np.ndarray) -> np.ndarray:
    """Tanh x = 2 sigmoid(2 x) - 1, right to 1e-14, absolutely."""
    result = sigmoids(x + x)
    result += result
    result -= _ONE
    return result


def total(terms: np.ndarray) -> np.ndarray:
    """The sum over the axis before the last, by halves: the second half is added to the first until one row is left.

    Of an odd number of rows the one in the middle waits for the next round.

    Args:
        terms: shape (..., n, m) with n of at least 1; it is written over.

    Returns:
        shape (..., m), a view of `terms`.
    """
    rows = terms if terms.ndim == 2 else np.moveaxis(terms, -2, 0)
    count = len(rows)
    while count > 1:
        half = (count + 1) >> 1
        upper = rows[: count - half]
        np.add(upper, rows[half:count], upper)
        count = half
    return np.asarray(rows[0])


def matrix_product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The product of matrices (n, k) and (k, m), added over k from the first to the last."""
    result = np.zeros((left.shape[0], right.shape[1]))
    term = np.empty_like(result)
    for k in range(left.shape[1]):
        np.multiply(left[:, k, None], right[k], out=term)
        result += term
    return result


def add_rows(result: np.ndarray, places: np.ndarray, rows: np.ndarray) -> None:
    """Add each row to the row of `result` at its place, one after another: a place may stand there more than once."""
    for place, row in zip(places.tolist(), rows, strict=True):
        result[place] += row
