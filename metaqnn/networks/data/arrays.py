"""From the arrays that people store to uint8 images and int64 labels, refused where that would be a guess."""

import numpy as np

from metaqnn.errors import DataError, brief, shown


def as_images(array: np.ndarray, name: str) -> np.ndarray:
    """Images as uint8 of shape (N, height, width, channels).

    Args:
        array: uint8 or whole numbers from 0 to 255, shape (N, height, width) or (N, height, width, channels).
        name: of the array, for messages.

    Raises:
        DataError: another shape, or values that are no pixel values.
    """
    if array.ndim not in (3, 4):
        raise DataError(
            f"{name}: expected images of shape (number, height, width) or (number, height, width, channels), "
            f"got shape {array.shape}"
        )
    if array.ndim == 4 and array.shape[1] <= 4 < array.shape[3]:
        raise DataError(f"{name}: expected the channels last, got shape {array.shape}; move axis 1 to the end")
    images = array if array.ndim == 4 else array[..., np.newaxis]
    return images if images.dtype == np.uint8 else _as_pixels(images, name)


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
        raise DataError(f"{name}: expected labels that are whole numbers or texts, got {array.dtype}")
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
        raise DataError(
            f"{name}: expected uint8 images from 0 to 255, got {images.dtype} from {low} to {high}; "
            "scale them to 0 to 255, round, and store them as uint8"
        )
    return images.astype(np.uint8)
