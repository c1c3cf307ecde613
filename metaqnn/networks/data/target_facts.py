"""What can be said of targets of any kind: how often each class or label occurs, and what the numbers range over."""

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from metaqnn.core import TargetKind
from metaqnn.errors import brief

_UNIT = {"classes": "class", "labels": "label", "numbers": "number"}


def kind_of_targets(targets: np.ndarray) -> TargetKind:
    """What targets are, in the form that a split has them."""
    if targets.dtype.kind == "f":
        return "numbers"
    return "classes" if targets.ndim == 1 else "labels"


def counts_of(targets: np.ndarray, outputs: int) -> tuple[int, ...]:
    """How many images each class or label has; empty for numbers."""
    kind = kind_of_targets(targets)
    if kind == "numbers":
        return ()
    counts = np.bincount(targets, minlength=outputs) if kind == "classes" else targets.sum(axis=0)
    return tuple(counts.tolist())


def ranges_of(targets: np.ndarray) -> tuple[tuple[float, float], ...]:
    """The least and the largest of each number; empty for what are none."""
    if kind_of_targets(targets) != "numbers":
        return ()
    return tuple(zip(targets.min(axis=0).tolist(), targets.max(axis=0).tolist(), strict=True))


def keys_of(targets: np.ndarray) -> list[Hashable]:
    """The target of each image, to compare and to look up."""
    rows = targets.tolist()
    return rows if targets.ndim == 1 else [tuple(row) for row in rows]


def outputs_words(kind: TargetKind, outputs: int) -> str:
    """The targets of a data set in words that follow `images`."""
    unit = _UNIT[kind] if outputs == 1 else kind
    return f"in {outputs} {unit}" if kind == "classes" else f"with {outputs} {unit}"


def unclear_words(kind: TargetKind, some: Hashable, other: Hashable, names: Sequence[str]) -> str:
    """What is said of equal images with different targets."""
    if kind == "classes":
        first, second = (brief(names[int(str(label))], 30) for label in (some, other))
        return f"in more than one class, such as {first} and {second}"
    return f"there more than once, with different {kind}"


def first_of_each(targets: np.ndarray, most: int) -> Iterator[int]:
    """Rows to show: the first of each of the first classes or labels, or of all."""
    kind = kind_of_targets(targets)
    if kind == "classes":
        yield from np.unique(targets, return_index=True)[1][:most].tolist()
    elif kind == "labels":
        rows = [int(np.flatnonzero(column)[0]) for column in targets.T if column.any()]
        yield from list(dict.fromkeys(rows))[:most]
    else:
        yield from range(min(most, len(targets)))


def row_words(row: np.ndarray, names: Sequence[str]) -> str:
    """The target of one image: its class, the labels that hold, or its numbers."""
    if not row.ndim:
        return names[int(row)]
    if row.dtype.kind == "f":
        return ", ".join(f"{name} {value:.4g}" for name, value in zip(names, row.tolist(), strict=True))
    return ", ".join(names[label] for label in np.flatnonzero(row).tolist()) or "no label"


def target_notes(targets: np.ndarray) -> Iterator[str]:
    """What should be known of targets."""
    if kind_of_targets(targets) == "labels":
        per_image = targets.sum(axis=1)
        yield (
            f"labels: {per_image.mean():.2f} an image, at most {per_image.max()}; "
            f"{np.count_nonzero(per_image == 0):,} of {len(targets):,} training images have none"
        )
