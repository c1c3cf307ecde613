"""Folders of images as searches read them that began before there was `dataset.decoding`, to the byte.

Nothing here changes: what is read otherwise from now on is another decoding.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from metaqnn.errors import DataError, brief, shown
from metaqnn.networks.data.image_files import Listing, opened, require_folder, subfolders
from metaqnn.networks.data.sources import ImageSplit, require_room

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


def read_train(path: Path) -> ImageSplit:
    """The training images; no test image is opened.

    Raises:
        DataError: there are none that can be used.
    """
    train = _train_files(path)
    return _read(train, _common_form(train.files))


def read_test(path: Path) -> ImageSplit:
    """The test images, in the size and the channels of the training images.

    Raises:
        DataError: there are none that can be used.
    """
    train = _train_files(path)
    test = _test_files(path, train.class_names)
    size, mode = _common_form(train.files)
    _common_form((train.files[0], *test.files))
    return _read(test, (size, mode))


def _has_parts(path: Path) -> bool:
    """Whether 'train' is a part; without folders in it, it is a class, as of a data set of vehicles."""
    return bool(subfolders(path / "train"))


def _train_files(path: Path) -> Listing:
    require_folder(path)
    return _list(path / "train") if _has_parts(path) else _list(path).divided()[1]


def _test_files(path: Path, class_names: tuple[str, ...]) -> Listing:
    if not _has_parts(path):
        return _list(path).divided()[0]
    folder = path / "test"
    if not subfolders(folder):
        raise DataError(f"{folder}: expected a folder of images for each class, as in 'train' beside it, got none")
    return _list(folder, class_names)


def _list(folder: Path, class_names: tuple[str, ...] | None = None) -> Listing:
    """The image files of a folder of classes."""
    found = subfolders(folder)
    if class_names is None:
        class_names = tuple(found)
        if len(class_names) < 2:
            raise DataError(
                f"{folder}: expected a folder of images for each of two or more classes, got {shown(found)}"
            )
    files, labels = [], []
    for name in found:
        if name not in class_names:
            raise DataError(
                f"{folder}: {shown(name)} is no class of the training part ({brief(', '.join(class_names))})"
            )
        # macOS leaves hidden '._NAME.png' beside images.
        images = sorted(
            file
            for file in (folder / name).iterdir()
            if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".")
        )
        if not images:
            raise DataError(f"{folder / name}: expected images ({', '.join(_SUFFIXES)}), got none")
        files += images
        labels += [class_names.index(name)] * len(images)
    return Listing(tuple(files), np.array(labels, dtype=np.int64), class_names)


def _common_form(files: Sequence[Path]) -> tuple[tuple[int, int], str]:
    """The size (width, height) that the images share, and the mode that holds them all, from headers."""
    first, mode = (0, 0), "L"
    for file in files:
        with opened(file, _FORMATS) as image:
            if image.mode[0] in "IF":
                raise DataError(f"{file}: expected 8 bits a channel, got mode {image.mode}; convert it to 8 bits")
            if file is files[0]:
                first = image.size
            if image.size != first:
                sizes = (f"{width}x{height} in {at}" for (width, height), at in ((first, files[0]), (image.size, file)))
                raise DataError(f"expected images of one size, got {' and '.join(sizes)}; bring all images to one size")
            if image.mode not in ("1", "L", "LA"):
                mode = "RGB"
    return first, mode


def _read(listing: Listing, form: tuple[tuple[int, int], str]) -> ImageSplit:
    """Decode the files into one array."""
    (width, height), mode = form
    require_room(len(listing.files) * height * width * (1 if mode == "L" else 3), str(listing.files[0].parents[1]))
    images = np.empty((len(listing.files), height, width, 1 if mode == "L" else 3), dtype=np.uint8)
    for row, file in enumerate(listing.files):
        with opened(file, _FORMATS) as image:
            images[row] = np.asarray(image.convert(mode)).reshape(images.shape[1:])
    return ImageSplit(images, listing.labels, listing.class_names)
