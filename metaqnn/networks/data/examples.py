"""Examples out of what other libraries hold: `tf.data`, PyTorch, Hugging Face, or any source of images with labels.

No library is imported here: an object that is given has brought its own.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from metaqnn.core import Note
from metaqnn.errors import DataError, brief, shown
from metaqnn.networks.data.decoding import pixels_of

TAKEN = (
    "a tf.data.Dataset, a PyTorch Dataset or DataLoader, a Hugging Face Dataset, or another source of "
    "(image, label) pairs"
)

_ONE_CHANNEL_OR_COLOURS = (1, 3, 4)
_ROWS = 256
"""Of arrays taken at a time."""

_EXACT = 1e-3
"""How far from a whole number a pixel may be that was divided by 255 in single precision."""

Labels = list[int] | list[str]

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
            names = names or _columns_by_name(element, what)
            yield element[names[0]], element[names[1]] if names[1] else None
        elif isinstance(element, tuple | list):
            if len(element) != 2:
                raise DataError(f"{what}: expected (image, label) pairs, got {len(element)} values")
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


def columns_by_type(
    columns: Mapping[str, Any], image: str | None, label: str | None, what: str, advice: str
) -> tuple[str, str | None]:
    """Which columns of a Hugging Face Dataset hold the image and the label.

    Args:
        columns: its features by name.
        image, label: the columns that are named; None finds them by type.
        what: it is, for messages.
        advice: what to do where that is not clear.

    Raises:
        DataError: it is not clear, or there is no such column.
    """
    for name in (image, label):
        if name is not None and name not in columns:
            raise DataError(f"{what}: there is no column {shown(name)} among {brief(', '.join(columns))}")
    kinds = {name: type(column).__name__ for name, column in columns.items()}
    images = [image] if image else [name for name, kind in kinds.items() if kind in ("Image", "Array2D", "Array3D")]
    labels = [label] if label else [name for name, kind in kinds.items() if kind == "ClassLabel"]
    if not labels:
        labels = [name for name in _names_among(columns, _LABELS) if name not in images]
    if not images:
        images = _names_among(columns, _IMAGES)
    if len(images) != 1 or len(labels) > 1:
        found = f"{len(images)} of images ({brief(', '.join(images))}) and {len(labels)} of labels"
        raise DataError(
            f"{what}: expected one column of images and one of labels among {brief(', '.join(columns))}, got {found} "
            f"({brief(', '.join(labels))}); {advice}"
        )
    return images[0], labels[0] if labels else None


_IMAGES = ("image", "img", "images", "x", "pixel_values", "pixels", "inputs")
_LABELS = ("label", "labels", "class", "target", "targets", "y", "fine_label")


def _names_among(columns: Mapping[str, Any], usual: tuple[str, ...]) -> list[str]:
    return [name for name in usual if name in columns][:1]


def _columns_by_name(element: Mapping[str, Any], what: str) -> tuple[str, str | None]:
    images, labels = _names_among(element, _IMAGES), _names_among(element, _LABELS)
    if not images:
        raise DataError(
            f"{what}: expected examples with an 'image' and a 'label', got {brief(', '.join(map(str, element)))}; "
            "give (image, label) pairs"
        )
    return images[0], labels[0] if labels else None


@dataclass(frozen=True, eq=False)
class Batch:
    """Some examples.

    Attributes:
        images: as they came, of shape (n, height, width, channels).
        labels: one for each, whole numbers or texts; None where there are none.
    """

    images: np.ndarray
    labels: Labels | None


def batch_of(image: Any, label: Any, what: str) -> Batch:
    """One pair of a source, which may be a batch already, as images with the channels last.

    Raises:
        DataError: it is no image, or its label none.
    """
    pixels, is_torch = _array(image), _is_tensor(image)
    marks = None if label is None else _array(label)
    if pixels.dtype.kind not in "uifb":
        raise DataError(f"{what}: expected images of numbers, got {shown(image)}")
    if pixels.ndim not in (2, 3, 4):
        raise DataError(
            f"{what}: expected images of shape (height, width) or (height, width, channels), or batches of them, got "
            f"an array of shape {pixels.shape}"
        )
    is_batch = pixels.ndim == 4 or (pixels.ndim == 3 and _is_batch_of_grey(pixels, marks))
    if not is_batch:
        pixels, marks = pixels[np.newaxis], None if marks is None else marks[np.newaxis]
    if pixels.ndim == 3:
        pixels = pixels[..., np.newaxis]
    elif is_torch and not _is_channels_last(pixels.shape[1:]):
        pixels = np.moveaxis(pixels, 1, -1)
    elif not is_torch and pixels.shape[1] <= 4 < pixels.shape[3]:
        raise DataError(f"{what}: expected the channels last, got images of shape {pixels.shape[1:]}; move axis 0 last")
    if marks is not None and len(marks) != len(pixels):
        raise DataError(f"{what}: expected one label an image, got {len(pixels)} images and {len(marks)} labels")
    return Batch(pixels, None if marks is None else _labels(marks, what))


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "getbands"):  # an image of Pillow
        return pixels_of(value, "an image")
    if hasattr(value, "detach"):  # a tensor of PyTorch, perhaps on a GPU
        value = value.detach().cpu()
    return np.asarray(value)


def _is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch, where the channels come first."""
    return type(value).__module__.partition(".")[0] in ("torch", "torchvision") and hasattr(value, "detach")


def _is_channels_last(shape: tuple[int, ...]) -> bool:
    return shape[2] in _ONE_CHANNEL_OR_COLOURS and shape[0] not in _ONE_CHANNEL_OR_COLOURS


def _is_batch_of_grey(pixels: np.ndarray, marks: np.ndarray | None) -> bool:
    """Whether an array of three axes is a batch of images without an axis of channels."""
    if marks is None or marks.ndim == 0 or len(marks) != len(pixels):
        return False
    return marks.ndim == 2 or pixels.shape[2] not in _ONE_CHANNEL_OR_COLOURS


def _labels(marks: np.ndarray, what: str) -> Labels:
    """Labels as whole numbers or texts, whether they came as these, as columns of one, or as one column a class."""
    marks = marks.reshape(len(marks), -1)
    if marks.shape[1] > 1:
        ones = marks.dtype.kind in "uifb" and ((marks == 0) | (marks == 1)).all() and (marks.sum(1) == 1).all()
        if not ones:
            raise DataError(f"{what}: expected one label an image, got {marks.shape[1]} numbers that mark no one class")
        marks = marks.argmax(axis=1)[:, np.newaxis]
    marks = marks[:, 0]
    if marks.dtype.kind in "OSU":
        texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in marks.tolist()]
        if not all(isinstance(value, str) for value in texts):
            raise DataError(f"{what}: expected labels that are whole numbers or texts, got {shown(texts[0])}")
        return texts
    if marks.dtype.kind == "f" and not (np.isfinite(marks).all() and (marks == np.rint(marks)).all()):
        raise DataError(f"{what}: expected labels that are whole numbers or texts, got {shown(marks[0].item())}")
    if marks.dtype.kind not in "uifb":
        raise DataError(f"{what}: expected labels that are whole numbers or texts, got {marks.dtype}")
    return [int(value) for value in marks]


class Pixels:
    """Turns images of any source into uint8, by one rule for all of its images, which its first ones decide.

    Whole numbers from 0 to 255 stay; floats from 0 to 1 are taken times 255, floats up to 255 are rounded.

    Args:
        what: the source, for messages.
    """

    def __init__(self, what: str):
        self._what = what
        self._is_share: bool | None = None
        self._is_rounded = False
        self._most = 0.0

    def convert(self, images: np.ndarray) -> np.ndarray:
        """Some images as uint8, of the same shape.

        Raises:
            DataError: their values are no pixel values, or of another range than those of the first ones.
        """
        kind = images.dtype.kind
        low, high = (images.min(), images.max()) if images.size else (0, 0)
        if images.dtype == np.uint8:
            self._require(is_share=False, low=low, high=high)
            self._most = max(self._most, float(high))
            return images
        if kind == "b":
            self._require(is_share=True, low=low, high=high)
            return images.astype(np.uint8) * np.uint8(255)
        if not (low >= 0 and high <= 255):  # not a number neither
            raise DataError(
                f"{self._what}: expected images from 0 to 255, or floats from 0 to 1, got {images.dtype} from {low} "
                f"to {high}; give them as they are before they are normalised"
            )
        self._most = max(self._most, float(high))
        if kind in "ui":
            self._require(is_share=False, low=low, high=high)
            return images.astype(np.uint8)
        if self._is_share is None and high > 0:
            self._is_share = bool(high <= 1)
        if self._is_share:
            self._require(is_share=bool(high <= 1), low=low, high=high)
        numbers = images.astype(np.float64) * (255 if self._is_share else 1)
        whole = np.rint(numbers)
        self._is_rounded |= bool((np.abs(numbers - whole) > _EXACT).any())
        return whole.astype(np.uint8)

    def notes(self) -> tuple[Note, ...]:
        """What to know of images that were converted."""
        told = []
        if self._is_rounded:
            told.append(Note("doubt", f"{self._what}: pixels between two of 256 steps were rounded to the nearest"))
        if self._is_share is False and 0 < self._most <= 15:
            told.append(
                Note("doubt", f"{self._what}: no pixel of 0 to 255 is above {self._most:g}, so images are nearly black")
            )
        return tuple(told)

    def _require(self, is_share: bool, low: Any, high: Any) -> None:
        if self._is_share is None:
            self._is_share = is_share
        if self._is_share != is_share:
            wanted = "0 to 1" if self._is_share else "0 to 255"
            raise DataError(
                f"{self._what}: expected all images from {wanted}, as the first ones are, got some from {low} to "
                f"{high}; bring them to one range"
            )


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
        batch = batch_of(*pair, what)
        images = pixels.convert(batch.images)
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
