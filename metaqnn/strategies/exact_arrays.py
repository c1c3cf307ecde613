"""Arrays of the same digits on every machine: exponential, logarithm, sigmoid, tanh, sums and products of matrices.

Mathematics libraries differ in their last digit, and products of matrices as well as NumPy's sums add in an order that
depends on the processor: its vectors, its caches, its fused operations. Here everything is an elementwise operation
that IEEE 754 rounds exactly (+, -, *, /, comparisons, scaling by powers of two), each an array operation of its own, so
that nothing is fused, and sums add in an order that is written down. It is `metaqnn.strategies.exact_math` for many
numbers at once.
"""

import math

import numpy as np

from metaqnn.strategies.exact_math import LN_2_HIGH, LN_2_LOW, LOG2_E, SQRT_HALF

_COEFFICIENTS = np.array([1.0 / math.factorial(n) for n in range(12)])
_EVEN, _ODD = _COEFFICIENTS[0::2, None], _COEFFICIENTS[1::2, None]
_AREA_TANGENT = tuple(1.0 / n for n in range(21, 0, -2))
_SATURATED = 40.0
"""A sigmoid is 0 or 1 to 1e-17 from there on."""


def exponentials(x: np.ndarray) -> np.ndarray:
    """The number e to the power x, right to 1e-14, relatively; that of -700 below -700.

    Args:
        x: at most 700, of any shape.
    """
    return _exponentials(np.maximum(x, -700.0))


def _exponentials(x: np.ndarray) -> np.ndarray:
    """By a Taylor polynomial of degree 11 after the nearest multiple of log 2 is taken off.

    Its terms are added in pairs, and pairs of pairs (Estrin, 1960), which takes few operations of arrays; a controller
    spends much of its time here, and most of that in calls.

    Args:
        x: from -700 to 700.
    """
    flat = x if x.ndim == 1 else x.reshape(-1)
    power = np.rint(flat * LOG2_E)
    rest = flat - power * LN_2_HIGH
    rest -= power * LN_2_LOW
    square = rest * rest
    pairs = _ODD * rest
    pairs += _EVEN
    quads = pairs[1::2] * square
    quads += pairs[0::2]
    square *= square
    result = quads[2] * square
    result += quads[1]
    result *= square
    result += quads[0]
    result = np.ldexp(result, power.astype(np.int32))
    return result if x.ndim == 1 else result.reshape(x.shape)


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
    """1 / (1 + e^-x) = e^x / (1 + e^x), right to 1e-14."""
    odds = _exponentials(np.minimum(np.maximum(x, -_SATURATED), _SATURATED))
    odds /= odds + 1.0
    return odds


def hyperbolic_tangents(x: np.ndarray) -> np.ndarray:
    """Tanh x = 2 sigmoid(2 x) - 1, right to 1e-14, absolutely."""
    result = sigmoids(x + x)
    result += result
    result -= 1.0
    return result


def total(terms: np.ndarray) -> np.ndarray:
    """The sum over the axis before the last, by halves: the second half is added to the first until one row is left.

    Args:
        terms: shape (..., n, m) with n of at least 1; it is written over.

    Returns:
        shape (..., m), a view of `terms`.
    """
    rows = terms if terms.ndim == 2 else np.moveaxis(terms, -2, 0)
    count = len(rows)
    while count > 1:
        half = count >> 1
        upper, first = rows[:half], rows[0]
        np.add(upper, rows[half : 2 * half], out=upper)
        if count & 1:
            np.add(first, rows[count - 1], out=first)
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
