"""From the arrays that people store to uint8 images and int64 labels, refused where that would be a guess."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from metaqnn.core import Note
from metaqnn.errors import DataError, brief, shown

MEMBERS = ("x_train", "y_train", "x_test", "y_test")
"""What the arrays of a data set are called."""

TARGET_NAMES = "target_names"
"""What an array of texts is called that names labels or numbers, in the order of their columns."""

MEMBER_WORDS = "x_train, y_train, x_test and y_test"
"""The same in a sentence."""

_SIGNALS = "; store signals as (number, 1, length) and set space.one_dimensional to true"

_CHUNK = 512  # images widened at a time


def as_images(
    array: np.ndarray, name: str, channels: Literal["first", "last"] | None = None, scale: float | None = None
) -> np.ndarray:
    """Images as uint8 of shape (N, height, width, channels).

    Args:
        array: uint8 or whole numbers from 0 to 255, or any numbers from 0 to `scale`; shape (N, height, width),
            (N, height, width, channels) or, with `channels` 'first', (N, channels, height, width).
        name: of the array, for messages.
        channels: where they are; None tells it from the shape.
        scale: the value that becomes 255; None takes the numbers as they are.

    Raises:
        DataError: another shape, values that are no pixel values, or a shape that can be read in two ways.
    """
    if array.ndim not in (3, 4):
        raise DataError(
            f"{name}: expected images of shape (number, height, width) or (number, height, width, channels), "
            f"got shape {array.shape}{_SIGNALS if array.ndim == 2 else ''}"
        )
    if array.ndim == 3:
        images = array[..., np.newaxis]
    elif channels == "first":
        images = np.moveaxis(array, 1, -1)
    else:
        images = array
        if channels is None:
            _require_channels_last(array.shape, name)
    if scale is not None:
        return _scaled(images, name, scale)
    return images if images.dtype == np.uint8 else _as_pixels(images, name)


def _require_channels_last(shape: tuple[int, ...], name: str) -> None:
    """Refuse a shape whose second axis looks like the channels: fewer of them than rows and columns."""
    first, last = shape[1], shape[3]
    if first <= 4 < last:
        raise DataError(
            f"{name}: expected the channels last, got shape {shape}; set dataset.channels to 'first', or to 'last' if "
            f"these are images of {first} rows"
        )
    if last > 4 and first < min(shape[2:]):
        raise DataError(
            f"{name}: expected a shape that can be read in one way, got {shape}: images of {first} rows and {last} "
            f"channels, or of {shape[2]} rows with {first} channels first; set dataset.channels to 'last' or to 'first'"
        )


def as_labels(array: np.ndarray, class_names: tuple[str, ...] | None, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as int64 of shape (N,), and the names of the classes.

    Args:
        array: shape (N,) or (N, 1); whole numbers or texts.
        class_names: the known classes; None finds them: the sorted texts, or the numbers 0 to c - 1.
        name: of the array, for messages.

    Raises:
        DataError: another shape or type, numbers that leave gaps, or a text that is no known class.
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"{name}: expected labels of shape (number,), got shape {array.shape}; "
            "store the number of the class, not one column a class"
        )
    if array.dtype.kind not in "iuU":
        how = {"f": "int", "b": "int", "S": "str"}.get(array.dtype.kind)
        advice = f"; store {name}.astype({how})" if how else ""
        advice += ", or set dataset.target to 'numbers'" if how == "int" and array.dtype.kind == "f" else ""
        raise DataError(f"{name}: expected labels that are whole numbers or texts, got {array.dtype}{advice}")
    try:
        found, positions = np.unique(array, return_inverse=True)
        texts = tuple(str(value) for value in found)
    except (ValueError, SystemError) as error:  # a number that no character has
        raise DataError(f"{name}: it is damaged: expected texts, got other data") from error
    if class_names is None:
        class_names = texts
        if array.dtype.kind != "U" and not np.array_equal(found, np.arange(len(found))):
            raise DataError(
                f"{name}: expected labels from 0 to {len(found) - 1} without gaps for {len(found)} classes, "
                f"got labels from {found[0]} to {found[-1]}"
            )
    if array.dtype.kind != "U":
        return array.astype(np.int64), class_names
    unknown = [text for text in texts if text not in class_names]
    if unknown:
        raise DataError(
            f"{name}: {shown(unknown[0])} is no class of the training part ({brief(', '.join(class_names))})"
        )
    numbers = np.array([class_names.index(value) for value in texts], dtype=np.int64)
    return numbers[positions], class_names


def target_names(array: np.ndarray, name: str) -> tuple[str, ...]:
    """The names of labels or numbers.

    Raises:
        DataError: they are no different texts.
    """
    if array.dtype.kind != "U" or array.ndim != 1 or len(set(array.tolist())) != len(array):
        raise DataError(
            f"{name}: expected a text for each column of targets, no two of them the same, got {array.dtype} of shape "
            f"{array.shape}"
        )
    return tuple(array.tolist())


def skipped(names: Sequence[str]) -> list[Note]:
    """What is said of arrays that no part of a data set has."""
    if not names:
        return []
    is_validation = any(name[:5] in ("x_val", "y_val") for name in names)
    why = (
        ": a search holds out images of x_train; join them to x_train and y_train to use them" if is_validation else ""
    )
    return [Note("skipped", f"{brief(', '.join(map(brief, names)))}: not read{why}")]


def _as_pixels(images: np.ndarray, name: str) -> np.ndarray:
    """Whole numbers from 0 to 255, stored in another type, as uint8."""
    kind = images.dtype.kind
    if kind not in "iuf":
        raise DataError(f"{name}: expected uint8 images, got {images.dtype}")
    if not images.size:
        return images.astype(np.uint8)
    low, high = images.min(), images.max()
    # Floats up to 1 may be whole by chance (a binary image), but then 1 means white, not nearly black.
    pixels = low >= 0 and high <= 255 and (kind != "f" or (high > 1 and bool((images == np.rint(images)).all())))
    if not pixels:
        advice = f", or set dataset.scale to the value that is white, such as {_white(high)}" if low >= 0 else ""
        raise DataError(
            f"{name}: expected uint8 images from 0 to 255, got {images.dtype} from {low} to {high}; "
            f"scale them to 0 to 255, round, and store them as uint8{advice}"
        )
    return images.astype(np.uint8)


def _white(high: float) -> int:
    """The largest value of the number of bits that the largest one takes: 1, 15, 4095."""
    return 2 ** int(np.ceil(high)).bit_length() - 1 if np.isfinite(high) else 1


def _scaled(images: np.ndarray, name: str, scale: float) -> np.ndarray:
    """Numbers from 0 to `scale` as uint8 from 0 to 255, rounded to the nearest, halves to the even."""
    if images.dtype.kind not in "iufb":
        raise DataError(f"{name}: expected images of numbers, got {images.dtype}")
    pixels = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK].astype(np.float64)
        if chunk.size and not (chunk.min() >= 0 and chunk.max() <= scale):
            raise DataError(
                f"{name}: expected values from 0 to dataset.scale ({scale:g}), got values from {chunk.min():g} to "
                f"{chunk.max():g}"
            )
        pixels[start : start + _CHUNK] = np.rint(chunk * (255 / scale))
    return pixels
