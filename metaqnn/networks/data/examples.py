"""Examples out of what other libraries hold: `tf.data`, PyTorch, Hugging Face, or any source of images with labels.

No library is imported here: an object that is given has brought its own.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from metaqnn.core import Note
from metaqnn.errors import DataError, brief, counted
from metaqnn.networks.data.batches import Batch, Labels, batch_of
from metaqnn.networks.data.example_columns import columns_by_name, columns_by_type
from metaqnn.networks.data.pixels import Pixels

TAKEN = (
    "a tf.data.Dataset, a PyTorch Dataset or DataLoader, a Hugging Face Dataset, or another source of "
    "(image, label) pairs"
)

_ROWS = 256
"""Of arrays taken at a time."""

Result = TypeVar("Result")


def is_source(value: Any) -> bool:
    """Whether a value is an object that examples can be taken from, rather than an array, a table or a text."""
    if isinstance(value, str | bytes | Mapping | list | tuple | np.ndarray) or value is None:
        return False
    if hasattr(value, "__array__") or hasattr(value, "iloc") or hasattr(value, "tocsr"):
        return False
    return hasattr(value, "__iter__") or (hasattr(value, "__getitem__") and hasattr(value, "__len__"))


def are_arrays(value: Any) -> bool:
    """Whether a value is images and labels as two arrays."""
    return isinstance(value, tuple) and len(value) == 2 and all(hasattr(each, "shape") for each in value)


def class_names_of(source: Any) -> tuple[str, ...] | None:
    """The names that a source gives its classes; None where it has none."""
    seen = 0
    while source is not None and seen < 10:  # a Subset of a Subset, or a DataLoader over one
        columns = getattr(source, "features", None)
        if isinstance(columns, Mapping):
            found = [names for each in columns.values() if (names := getattr(each, "names", None))]
            return tuple(map(str, found[0])) if len(found) == 1 else None
        for attribute in ("class_names", "classes"):
            names = getattr(source, attribute, None)
            if isinstance(names, list | tuple) and len(names) > 1 and all(isinstance(name, str) for name in names):
                return tuple(names)
        source, seen = getattr(source, "dataset", None), seen + 1
    return None


def pairs(source: Any, what: str) -> Iterator[tuple[Any, Any]]:
    """The images of a source with their labels, single or in batches, in the source's own order.

    Args:
        source: see `TAKEN`.
        what: it is, for messages.

    Yields:
        an image or a batch of them, and its label or theirs; None where there are no labels.

    Raises:
        DataError: what comes out is no image with a label.
    """
    names = _columns_of(source, what)
    for element in _elements(source):
        if isinstance(element, Mapping):
            names = names or columns_by_name(element, what)
            yield element[names[0]], element[names[1]] if names[1] else None
        elif isinstance(element, tuple | list):
            if len(element) != 2:
                raise DataError(f"{what}: expected (image, label) pairs, got {counted(len(element), 'value')}")
            yield element[0], element[1]
        else:
            yield element, None


def _elements(source: Any) -> Iterator[Any]:
    if isinstance(source, tuple):
        for start in range(0, len(source[0]), _ROWS):
            yield tuple(array[start : start + _ROWS] for array in source)
        return
    loaded = getattr(source, "dataset", None)
    if _is_whole_loader(source) and hasattr(loaded, "__getitem__"):
        source = loaded  # in its own order, and not in the loader's, which is another each time
    if hasattr(source, "as_numpy_iterator"):
        yield from source.as_numpy_iterator()
    elif hasattr(source, "__getitem__") and hasattr(source, "__len__"):
        # The protocol of a PyTorch Dataset; by iteration alone one that raises no IndexError would never end.
        for row in range(len(source)):
            yield source[row]
    else:
        yield from source


def _is_whole_loader(source: Any) -> bool:
    """Whether a DataLoader hands out all its data set, each example once."""
    sampler = type(getattr(source, "sampler", None)).__name__
    is_complete = not getattr(source, "drop_last", False) and getattr(source, "batch_size", None) is not None
    plain = sampler == "SequentialSampler" or (
        sampler == "RandomSampler" and len(source.sampler) == len(source.dataset) and not source.sampler.replacement
    )
    return is_complete and plain and not _has_own_collation(source)


def _has_own_collation(source: Any) -> bool:
    return getattr(getattr(source, "collate_fn", None), "__name__", "default_collate") != "default_collate"


def _columns_of(source: Any, what: str) -> tuple[str, str | None] | None:
    """The columns that a Hugging Face Dataset has by type: its one image, and its one class."""
    columns = getattr(source, "features", None)
    if not isinstance(columns, Mapping):
        return None
    return columns_by_type(columns, None, None, what, "keep two columns, for example with select_columns")


class ColoursAfterGreyError(Exception):
    """A coloured image came after grey ones; read anew, with three channels for all."""


def read(source: Any, what: str, is_colour: bool, pixels: Pixels) -> Iterator[Batch]:
    """The examples of a source as uint8 images of one size.

    Args:
        source: see `TAKEN`.
        what: it is, for messages.
        is_colour: whether grey images become coloured ones.
        pixels: converts them.

    Raises:
        ColoursAfterGreyError: this is not so, and some are coloured.
        DataError: it holds something else, or cannot be read.
    """
    shape, number = (0, 0, 0), 0
    elements = pairs(source, what)
    while True:
        try:
            pair = next(elements, None)
        except DataError:
            raise
        except Exception as error:  # the source is code of the user's
            reason = brief(" ".join(str(error).split()), 200) or "nothing else is known"
            raise DataError(f"{what}: example {number} cannot be read: {type(error).__name__}: {reason}") from error
        if pair is None:
            break
        batch = batch_of(*pair, what, number)
        images = pixels.convert(batch.images, batch.seen)
        if images.shape[3] == 1 and (is_colour or shape[2] == 3):
            images = np.repeat(images, 3, axis=3)
        if not number:
            shape = images.shape[1:]
        elif shape[:2] == images.shape[1:3] and (shape[2], images.shape[3]) == (1, 3):
            raise ColoursAfterGreyError
        elif shape != images.shape[1:]:
            first, second = ("x".join(map(str, each)) for each in (shape, images.shape[1:]))
            raise DataError(
                f"{what}: expected images of one size, got {first} and, in example {number}, {second}; bring all "
                "images to one size"
            )
        yield Batch(images, batch.labels)
        number += len(images)
    if not number:
        raise DataError(f"{what}: expected at least one image, got none")


def whole(source: Any, what: str) -> tuple[np.ndarray, Labels | None, tuple[Note, ...]]:
    """All examples of a source in memory: uint8 images, their labels if it has some, and what was noticed.

    Raises:
        DataError: it holds something else, or cannot be read.
    """

    def gather(is_colour: bool) -> tuple[np.ndarray, Labels | None, tuple[Note, ...]]:
        pixels = Pixels(what)
        batches = list(read(source, what, is_colour, pixels))
        labels: Any = [label for batch in batches for label in batch.labels or ()]
        images = np.concatenate([batch.images for batch in batches])
        return images, labels if len(labels) == len(images) else None, pixels.notes()

    return in_colour_if_any(source, what, gather)


def in_colour_if_any(source: Any, what: str, gather: Callable[[bool], Result]) -> Result:
    """What a reading of a source gives, begun anew where a coloured image comes after grey ones."""
    try:
        return gather(False)
    except ColoursAfterGreyError:
        if iter(source) is source:
            raise DataError(
                f"{what}: expected all images grey or all coloured of what is read once, got both; convert them to RGB"
            ) from None
        return gather(True)
