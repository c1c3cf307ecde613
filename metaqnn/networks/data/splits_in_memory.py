"""A part of a data set out of examples that are read one after another."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from metaqnn.core import Note
from metaqnn.errors import DataError
from metaqnn.networks.data.arrays import as_labels
from metaqnn.networks.data.examples import whole
from metaqnn.networks.data.sources import ImageSplit
from metaqnn.networks.data.split import stratified
from metaqnn.seeding import Stream


class _Again:
    """An iterable that can be gone through once more."""

    def __init__(self, pairs: Iterable[Any]):
        self._pairs = list(pairs)

    def __iter__(self):
        return iter(self._pairs)


def image_split(
    pairs: Iterable[Any], what: str, class_names: tuple[str, ...] | None, notes: tuple[Note, ...] = ()
) -> ImageSplit:
    """All (image, label) pairs of a part.

    Args:
        pairs: see `examples.TAKEN`.
        what: it is, for messages.
        class_names: the classes where they are known.
        notes: what is known of it already.

    Raises:
        DataError: they are none.
    """
    source = pairs if hasattr(pairs, "__getitem__") else _Again(pairs)
    images, labels, seen = whole(source, what)
    if labels is None:
        raise DataError(f"{what}: expected a label for each image, got images without; name their column")
    if -1 in labels:
        raise DataError(f"{what}: expected labels from 0, got -1, which marks what has no label; name another part")
    numbers, names = as_labels(np.array(labels), class_names, what)
    try:
        return ImageSplit(images, numbers, names, (*notes, *seen))
    except DataError as error:
        raise DataError(f"{what}: {error}") from error


def set_apart(split: ImageSplit) -> tuple[ImageSplit, ImageSplit]:
    """The test part, a stratified fifth that follows from the order alone, and the training part."""
    size = max(1, len(split.labels) // 5)
    rows = stratified(split.labels, size, Stream(0, "folder test part"))
    test, train = (replace(split, inputs=split.inputs[each], targets=split.targets[each]) for each in rows)
    return test, train
