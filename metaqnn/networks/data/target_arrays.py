"""From the targets that people store to classes, labels or numbers, refused where that would be a guess."""

from collections.abc import Sequence

import numpy as np

from metaqnn.core import TargetKind
from metaqnn.errors import DataError, brief, counted, shown
from metaqnn.networks.data.arrays import as_labels

Names = tuple[str, ...]

LARGEST = 1e100
"""Of numbers to be predicted: squares of them, summed over all images, are numbers still."""


def kind_of(array: np.ndarray, name: str) -> TargetKind:
    """What targets are, told from their type, their shape and their values.

    One column of whole numbers or texts is classes; several columns of 0 and 1 are labels; numbers with fractions are
    numbers.

    Args:
        array: of shape (N,) or (N, columns).
        name: of the array, for messages.

    Raises:
        DataError: it could be read in two ways, or holds two kinds.
    """
    if array.dtype.kind not in "iufb" or array.ndim not in (1, 2) or not array.size:
        return "classes"  # or nothing that can be used, which is said when it is read
    columns = array.reshape(len(array), -1)
    is_binary = ((columns == 0) | (columns == 1)).all(axis=0)
    has_fractions = (columns != np.rint(columns)).any(axis=0)
    if columns.shape[1] == 1:
        return "numbers" if has_fractions[0] else "classes"
    if is_binary.all():
        if (columns.sum(axis=1) == 1).all():
            raise DataError(
                f"{name}: expected targets that can be read in one way, got shape {array.shape} with a single 1 in "
                "every row: one class, or several labels; store the number of the class, not one column a class, or "
                "set dataset.target to 'labels'"
            )
        return "labels"
    if has_fractions.all():
        return "numbers"
    found = []
    for words, those in (
        ("0 and 1 alone, as labels", is_binary),
        ("whole numbers", ~is_binary & ~has_fractions),
        ("numbers with fractions", has_fractions),
    ):
        if those.any():
            found.append(f"column {int(np.flatnonzero(those)[0])} has {words}")
    raise DataError(
        f"{name}: expected targets of one kind, got shape {array.shape} in which {' and '.join(found)}; set "
        "dataset.target to 'numbers' if all of them are numbers, or leave columns out"
    )


def as_targets(
    array: np.ndarray, names: Names | None, kind: TargetKind | None, name: str, stored: Sequence[str] | None = None
) -> tuple[np.ndarray, Names, TargetKind]:
    """Targets in the form that a split has them, the names of the outputs, and what they are.

    Args:
        array: of shape (N,) or (N, columns).
        names: of classes, labels or numbers where they are known; None finds or makes them.
        kind: what they are; None tells it.
        name: of the array, for messages.
        stored: names of the columns, where they are stored beside them.

    Raises:
        DataError: they cannot be of this kind, or it cannot be told.
    """
    kind = kind or kind_of(array, name)
    if kind == "classes":
        labels, found = as_labels(array, names, name)
        return labels, found, kind
    if array.ndim not in (1, 2) or array.dtype.kind not in "iufb":
        raise DataError(
            f"{name}: expected {kind} of shape (number, {kind}), one column each, got {array.dtype} of shape "
            f"{array.shape}"
        )
    columns = array.reshape(len(array), -1)
    if names is None:
        names = tuple(stored) if stored else tuple(map(str, range(columns.shape[1])))
    if len(names) != columns.shape[1]:
        raise DataError(
            f"{name}: expected a column for each of {counted(len(names), 'name')} ({brief(', '.join(names))}), got "
            f"{columns.shape[1]}"
        )
    if kind == "labels":
        return _as_flags(columns, name), names, kind
    numbers = columns.astype(np.float64)
    bad = np.argwhere(~(np.abs(numbers) <= LARGEST))
    if len(bad):
        row, column = bad[0]
        raise DataError(
            f"{name}: expected numbers from -{LARGEST:g} to {LARGEST:g}, got {numbers[row, column]} in row {row}, "
            f"column {column} ({brief(names[column])}); leave that row out, or set it right"
        )
    return numbers, names, kind


def _as_flags(columns: np.ndarray, name: str) -> np.ndarray:
    bad = np.argwhere((columns != 0) & (columns != 1))
    if len(bad):
        row, column = bad[0]
        raise DataError(
            f"{name}: expected labels as one column each with 1 where it holds and 0 where it does not, got "
            f"{shown(columns[row, column].item())} in row {row}, column {column}; if these are numbers, set "
            "dataset.target to 'numbers'"
        )
    return columns.astype(np.int64)
