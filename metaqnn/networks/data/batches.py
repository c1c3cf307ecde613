"""Batches of examples, out of whatever shape and type another library hands them over in."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from metaqnn.errors import DataError, counted, shown
from metaqnn.networks.data.decoding import pixels_of

_ONE_CHANNEL_OR_COLOURS = (1, 3, 4)

Labels = list[int] | list[str]


@dataclass(frozen=True, eq=False)
class Batch:
    """Some examples.

    Attributes:
        images: as they came, of shape (n, height, width, channels).
        labels: one for each, whole numbers or texts; None where there are none.
        seen: what should be known of them, as verbs: "are transparent in places, which become white".
    """

    images: np.ndarray
    labels: Labels | None
    seen: tuple[str, ...] = ()


def batch_of(image: Any, label: Any, what: str, number: int) -> Batch:
    """One pair of a source, which may be a batch already, as images with the channels last.

    Args:
        image, label: the pair.
        what: the source, for messages.
        number: of examples before it.

    Raises:
        DataError: it is no image, or its label none.
    """
    is_picture, is_torch = hasattr(image, "getbands"), _is_tensor(image)  # of Pillow, of PyTorch
    pixels, seen = pixels_of(image, f"{what}: example {number}") if is_picture else (_array(image), ())
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
        raise DataError(
            f"{what}: expected one label an image, got {counted(len(pixels), 'image')} and "
            f"{counted(len(marks), 'label')}"
        )
    return Batch(pixels, None if marks is None else _labels(marks, what), seen)


def _array(value: Any) -> np.ndarray:
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
            raise DataError(
                f"{what}: expected one label an image, got {marks.shape[1]} numbers that mark no one class; write "
                "several labels, or numbers, to an .npz file"
            )
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
