"""Stratified selection: a part of a data set in which the classes keep their proportions."""

import numpy as np

from metaqnn.errors import DataError, counted
from metaqnn.seeding import Stream

_STRATA = 100
"""Of numbers: enough that a selection has their distribution."""


def strata(targets: np.ndarray, size: int) -> np.ndarray:
    """What a selection keeps the proportions of: int64 (N,), a stratum each row.

    Classes are strata as they are. A set of labels is one where its share of the selection is at least a row; the
    rarer ones are one stratum together, so that none of them is favoured. Numbers are divided by the size of the first
    of them into up to 100 strata of as many rows each.

    Args:
        targets: as a split has them.
        size: how many rows will be chosen.
    """
    if targets.ndim == 1:
        return targets
    if targets.dtype != np.int64:
        ranks = np.empty(len(targets), np.int64)
        ranks[np.argsort(targets[:, 0], kind="stable")] = np.arange(len(targets))
        return ranks * max(1, min(size, _STRATA)) // len(targets)
    _, sets, counts = np.unique(targets, axis=0, return_inverse=True, return_counts=True)
    sets = sets.reshape(-1)
    is_common = counts * size >= len(targets)
    return np.where(is_common[sets], sets, len(counts)).astype(np.int64)


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
