"""The targets in a table of files: one column of classes, of lists of labels or of numbers, or a column for each."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metaqnn.core import TargetKind
from metaqnn.errors import DataError, brief, shown
from metaqnn.networks.data.arrays import as_labels
from metaqnn.networks.data.target_arrays import LARGEST

SEPARATORS = (";", "|")
"""Between the labels of a cell."""


@dataclass(frozen=True)
class TableRows:
    """Some rows of a table.

    Attributes:
        names: of the files, as they are written.
        cells: of each row, the texts of the columns of targets.
        lines: of each row, its number in the file, from 1.
    """

    names: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]


def kind_of_cells(columns: Sequence[str], rows: TableRows, place: str) -> TargetKind:
    """What the targets of a table are; refused where they could be read in two ways.

    Args:
        columns: names of the columns of targets.
        rows: all of them.
        place: the table, for messages.

    Raises:
        DataError: they are of two kinds, or it cannot be told.
    """
    if len(columns) == 1:
        return _kind_of_column(columns[0], rows, place)
    found: dict[str, str] = {}
    for number, column in enumerate(columns):
        texts = {cells[number] for cells in rows.cells if cells[number]}
        numbers = [_number(text) for text in texts]
        if texts <= {"0", "1"}:
            found.setdefault("0 and 1 alone, as labels", column)
        elif any(math.isnan(value) for value in numbers):
            found.setdefault("texts", column)
        elif all(value == round(value) for value in numbers):
            found.setdefault("whole numbers", column)
        else:
            found.setdefault("numbers with fractions", column)
    if list(found) == ["0 and 1 alone, as labels"]:
        return "labels"
    if list(found) == ["numbers with fractions"]:
        return "numbers"
    told = " and ".join(f"the column {shown(column)} has {words}" for words, column in found.items())
    raise DataError(
        f"{place}: expected targets of one kind in its columns, but {told}; name those of one kind in "
        "dataset.label_columns, and say in dataset.target what they are"
    )


def _kind_of_column(column: str, rows: TableRows, place: str) -> TargetKind:
    first: dict[str, int] = {}
    for line, (cell,) in zip(rows.lines, rows.cells, strict=True):
        value = _number(cell)
        if any(mark in cell for mark in SEPARATORS):
            return "labels"
        if cell:
            is_fraction = not math.isnan(value) and value != round(value)
            first.setdefault("fraction" if is_fraction else "text" if math.isnan(value) else "whole", line)
    if "fraction" in first and "text" in first:
        raise DataError(
            f"{place}: expected targets of one kind in the column {shown(column)}, but line {first['fraction']} has a "
            f"number and line {first['text']} a text; set one of them right, or set dataset.target to 'classes'"
        )
    return "numbers" if "fraction" in first else "classes"


def targets_of(
    kind: TargetKind, columns: Sequence[str], rows: TableRows, names: tuple[str, ...] | None, place: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The targets of some rows in the form that a split has them, and the names of the outputs.

    Args:
        kind: what they are.
        columns: names of the columns of targets.
        rows: at least one.
        names: of classes or labels where they are known from the training part.
        place: the table, for messages.

    Raises:
        DataError: a cell cannot be used.
    """
    if kind == "classes":
        texts = [cell for (cell,) in rows.cells]
        empty = next((name for name, text in zip(rows.names, texts, strict=True) if not text), None)
        if empty is not None:
            line = rows.lines[rows.names.index(empty)]
            raise DataError(f"{place}: line {line}: expected a label for each image, got none for {shown(empty)}")
        return as_labels(np.array(texts, dtype=str), names or _sorted_classes(texts), f"{place}: labels")
    if kind == "labels" and len(columns) == 1:
        return _listed(rows, names, place)
    read: Callable[[str, str], float] = _flag if kind == "labels" else _finite
    table = []
    for line, cells in zip(rows.lines, rows.cells, strict=True):
        try:
            table.append([read(cell, column) for cell, column in zip(cells, columns, strict=True)])
        except DataError as error:
            raise DataError(f"{place}: line {line}: {error}") from error
    return np.array(table, np.int64 if kind == "labels" else np.float64), tuple(columns)


def _listed(rows: TableRows, names: tuple[str, ...] | None, place: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels from cells that list them; an empty cell is an image without any."""
    used = [mark for mark in SEPARATORS if any(mark in cell for (cell,) in rows.cells)]
    if len(used) > 1:
        lines = (next(n for n, (cell,) in zip(rows.lines, rows.cells, strict=True) if mark in cell) for mark in used)
        told = " and ".join(f"{shown(mark)} in line {line}" for mark, line in zip(used, lines, strict=True))
        raise DataError(f"{place}: expected one sign between labels, got {told}; write one of them everywhere")
    lists = []
    for line, (cell,) in zip(rows.lines, rows.cells, strict=True):
        labels = [label.strip() for label in cell.split(used[0] if used else SEPARATORS[0])] if cell else []
        if "" in labels or len(set(labels)) < len(labels):
            raise DataError(
                f"{place}: line {line}: expected different labels with {shown((used or SEPARATORS)[0])} between them, "
                f"got {shown(cell)}"
            )
        unknown = [label for label in labels if names is not None and label not in names]
        if unknown:
            known = brief(", ".join(names or ()))
            raise DataError(
                f"{place}: line {line}: {shown(unknown[0])} is no label of the training part ({known}); set it right, "
                "or leave it out"
            )
        lists.append(labels)
    found = names or _sorted_classes([label for labels in lists for label in labels])
    if not found:
        raise DataError(f"{place}: expected labels, but no image has any; fill the column of labels")
    return np.array([[label in labels for label in found] for labels in lists], np.int64), found


def _flag(cell: str, column: str) -> float:
    if cell not in ("0", "1"):
        raise DataError(f"expected 1 or 0 in the column {shown(column)}, as the label holds or not, got {_cell(cell)}")
    return int(cell)


def _finite(cell: str, column: str) -> float:
    value = _number(cell)
    if not abs(value) <= LARGEST:  # NaN neither
        bounds = f"from -{LARGEST:g} to {LARGEST:g}"
        raise DataError(f"expected a number in the column {shown(column)}, {bounds}, got {_cell(cell)}")
    return value


def _cell(cell: str) -> str:
    return shown(cell) if cell else "an empty cell"


def is_number(text: str) -> bool:
    """Whether a cell holds a number, or nothing."""
    return not text.strip() or not math.isnan(_number(text))


def _number(text: str) -> float:
    """The finite number that a text is; NaN where it is none."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) and "_" not in text else math.nan


def _sorted_classes(labels: Sequence[str]) -> tuple[str, ...]:
    """The classes in order: numbers by their size, texts by their letters."""
    found = set(labels)
    if all(label.isdecimal() for label in found):
        return tuple(sorted(found, key=lambda label: (int(label), label)))
    return tuple(sorted(found))
