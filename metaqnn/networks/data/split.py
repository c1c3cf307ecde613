"""Stratified selection: a part of a data set in which the classes keep their proportions."""

import numpy as np

from metaqnn.errors import DataError, counted
from metaqnn.seeding import Stream


def stratified(labels: np.ndarray, size: int, stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    """Choose exactly `size` rows, each class in proportion (largest remainder, ties to the lower label).

    Args:
        labels: the class of each row, int64 of shape (N,).
        size: how many rows to choose, in [0, N].
        stream: what decides which rows of a class are chosen; the result is a function of it, to the bit.

    Returns:
        The chosen rows, shape (size,), and the others, shape (N - size,): int64, ascending.

    Raises:
        DataError: there are fewer rows than `size`, or it is negative.
    """
    if not 0 <= size <= len(labels):
        raise DataError(f"expected a selection of 0 to {counted(len(labels), 'image')}, got {size}")
    classes, counts = np.unique(labels, return_counts=True)
    chosen = np.zeros(len(labels), dtype=bool)
    for label, share in zip(classes, _shares(counts, size), strict=True):
        rows = np.flatnonzero(labels == label)
        chosen[rows[stream.permutation(len(rows))[:share]]] = True
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


def _shares(counts: np.ndarray, size: int) -> np.ndarray:
    """How many rows each class gives; in whole numbers, so that no rounding decides a tie."""
    total = max(int(counts.sum()), 1)
    shares, remainders = np.divmod(counts * size, total)
    shares[np.argsort(-remainders, kind="stable")[: size - shares.sum()]] += 1
    return shares
