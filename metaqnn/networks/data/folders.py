"""Data sets of image files, one folder a class."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metaqnn.core import Dataset
from metaqnn.errors import DataError, brief, shown
from metaqnn.files import open_regular
from metaqnn.networks.data.sources import ImageSplit, require_room
from metaqnn.networks.data.split import stratified
from metaqnn.seeding import Stream

if TYPE_CHECKING:
    from PIL import Image

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


@dataclass(frozen=True)
class _Listing:
    """Image files, sorted by class and name, and the class of each."""

    files: tuple[Path, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]

    def rows(self, rows: np.ndarray) -> "_Listing":
        return _Listing(tuple(self.files[row] for row in rows), self.labels[rows], self.class_names)


class ImageFolder(Dataset):
    """FOLDER/train/CLASS/IMAGE and FOLDER/test/CLASS/IMAGE, or FOLDER/CLASS/IMAGE alone.

    Without folders of their own, a stratified fifth of the files, by their sorted names, is the test part:
    the same whatever the search's seed. Images are grey if all training images are, else RGB.
    """

    def __init__(self, path: Path):
        self.path = path

    def train(self) -> ImageSplit:
        """The training images; no test image is opened."""
        with _told(self.path):
            train = self._train_files()
            return _read(train, _common_form(train.files))

    def test(self) -> ImageSplit:
        """The test images, in the size and the channels of the training images."""
        with _told(self.path):
            train = self._train_files()
            test = self._test_files(train.class_names)
            size, mode = _common_form(train.files)
            _common_form((train.files[0], *test.files))
            return _read(test, (size, mode))

    def location(self) -> str:
        """The path of the folder."""
        return str(self.path)

    def available(self) -> bool:
        """Whether the folder exists."""
        return os.path.isdir(self.path)

    def _train_files(self) -> _Listing:
        if not self.path.is_dir():
            raise DataError(f"{self.path}: there is no such folder")
        return _list(self.path / "train") if self._has_parts() else self._divided()[1]

    def _test_files(self, class_names: tuple[str, ...]) -> _Listing:
        if not self._has_parts():
            return self._divided()[0]
        folder = self.path / "test"
        if not _subfolders(folder):
            raise DataError(f"{folder}: expected a folder of images for each class, as in 'train' beside it, got none")
        return _list(folder, class_names)

    def _has_parts(self) -> bool:
        """Whether 'train' is a part; without folders in it, it is a class, as of a data set of vehicles."""
        return bool(_subfolders(self.path / "train"))

    def _divided(self) -> tuple[_Listing, _Listing]:
        """The test part and the training part of files that stand together."""
        files = _list(self.path)
        size = max(1, len(files.labels) // 5)
        test, train = stratified(files.labels, size, Stream(0, "folder test part"))
        return files.rows(test), files.rows(train)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell of a folder that may not be looked into, or whose name none can have."""
    try:
        yield
    except OSError as error:
        told = f"expected a folder of images that can be read, but {error.strerror or error}"
        raise DataError(f"{error.filename or path}: {told}") from error


def _subfolders(folder: Path) -> list[str]:
    """The names of the folders in a folder, sorted; hidden ones are no classes."""
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _is_image(file: Path) -> bool:
    """Whether a name is an image's; macOS leaves hidden '._NAME.png' beside them."""
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def _list(folder: Path, class_names: tuple[str, ...] | None = None) -> _Listing:
    """The image files of a folder of classes."""
    found = _subfolders(folder)
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
        images = sorted(file for file in (folder / name).iterdir() if _is_image(file))
        if not images:
            raise DataError(f"{folder / name}: expected images ({', '.join(SUFFIXES)}), got none")
        files += images
        labels += [class_names.index(name)] * len(images)
    return _Listing(tuple(files), np.array(labels, dtype=np.int64), class_names)


def _common_form(files: Sequence[Path]) -> tuple[tuple[int, int], str]:
    """The size (width, height) that the images share, and the mode that holds them all, from headers."""
    first, mode = (0, 0), "L"
    for file in files:
        with _opened(file) as image:
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


def _read(listing: _Listing, form: tuple[tuple[int, int], str]) -> ImageSplit:
    """Decode the files into one array."""
    (width, height), mode = form
    require_room(len(listing.files) * height * width * (1 if mode == "L" else 3), str(listing.files[0].parents[1]))
    images = np.empty((len(listing.files), height, width, 1 if mode == "L" else 3), dtype=np.uint8)
    for row, file in enumerate(listing.files):
        with _opened(file) as image:
            try:
                images[row] = np.asarray(image.convert(mode)).reshape(images.shape[1:])
            except Exception as error:  # Pillow raises whatever the damage leads to
                raise _unreadable(file, error) from error
    return ImageSplit(images, listing.labels, listing.class_names)


@contextmanager
def _opened(file: Path) -> Iterator["Image.Image"]:
    """The image of a file, its pixels not yet decoded. Other formats than these may start other programs."""
    from PIL import Image

    with ExitStack() as opened:
        try:
            stream = opened.enter_context(open_regular(file))
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                image = opened.enter_context(Image.open(stream, formats=_FORMATS))
        except Exception as error:  # Pillow raises whatever the damage leads to
            raise _unreadable(file, error) from error
        yield image


def _unreadable(file: Path, error: Exception) -> DataError:
    from PIL import UnidentifiedImageError

    reason = getattr(error, "strerror", None) or brief(str(error), 200) or type(error).__name__
    if isinstance(error, UnidentifiedImageError):
        reason = f"its content is no image ({', '.join(_FORMATS)})"
    return DataError(f"{file}: expected an image, but it cannot be read: {reason}")
