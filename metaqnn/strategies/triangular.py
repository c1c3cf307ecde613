"""Triangular factors and systems of equations, of the same digits on every machine.

Element by element in a fixed order, of operations that IEEE 754 rounds exactly; no matrix products and no LAPACK, whose
order of addition depends on the processor.
"""

import math
from collections.abc import Sequence

import numpy as np


def factored(matrix: np.ndarray) -> np.ndarray | None:
    """The upper triangular U with U^T U = `matrix`; None where it is not positive definite.

    Args:
        matrix: symmetric in its first n of n rows. A column y beyond them becomes the x with U^T x = y.

    Returns:
        Of the shape of `matrix`; what lies below the diagonal has no meaning.
    """
    upper, scratch = matrix.copy(), np.empty(matrix.size)
    size = len(upper)
    for row in range(size):
        here, rest = upper[row, row:], upper[row + 1 :, row + 1 :]
        if not here[0] > 0.0:
            return None
        pivot = math.sqrt(here[0])
        here /= pivot
        here[0] = pivot
        products = scratch[: rest.size].reshape(rest.shape)  # memory asked for anew takes longer than the products
        np.multiply(here[1 : size - row, None], here[1:], out=products)
        rest -= products
    return upper


def cholesky(matrix: np.ndarray) -> np.ndarray | None:
    """The lower triangular L with L L^T = `matrix`; None where it is not positive definite."""
    upper = factored(matrix)
    return None if upper is None else np.ascontiguousarray(np.triu(upper).T)


def solve_lower(lower: np.ndarray, right: np.ndarray, at_most_zero: Sequence[int] = ()) -> np.ndarray:
    """The x with `lower` x = `right`, by forward substitution.

    Args:
        lower: shape (n, n).
        right: shape (n,) or (n, columns).
        at_most_zero: rows in which a larger x is put down to 0 (and the equation no longer holds).
    """
    solution = right.copy()
    for row in range(len(lower)):
        solution[row] /= lower[row, row]
        if row in at_most_zero:
            solution[row] = min(solution[row], 0.0)
        below = lower[row + 1 :, row]
        solution[row + 1 :] -= below * solution[row] if right.ndim == 1 else below[:, None] * solution[row]
    return solution


def solve_upper(lower: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The x with `lower`^T x = `right` of shape (n,), by backward substitution."""
    solution = right.copy()
    for row in range(len(lower) - 1, -1, -1):
        solution[row] /= lower[row, row]
        solution[:row] -= lower[row, :row] * solution[row]
    return solution
