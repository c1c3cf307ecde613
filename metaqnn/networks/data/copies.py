"""Copies of data that were given as Python objects, kept in the cache so that every process reads the same arrays."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from metaqnn.config import require
from metaqnn.core import Dataset, Note
from metaqnn.errors import DataError, brief, shown
from metaqnn.files import flush, private_folder, rename_new
from metaqnn.networks.data.arrays import MEMBERS, as_labels
from metaqnn.networks.data.batches import Labels
from metaqnn.networks.data.downloads import cache_folder
from metaqnn.networks.data.examples import are_arrays, class_names_of, in_colour_if_any, is_source, read
from metaqnn.networks.data.numpy_folder import NumpyFolder
from metaqnn.networks.data.pixels import Pixels
from metaqnn.networks.data.sources import ImageSplit

NAME = "copied"
"""Under which packages offer it."""

_FACTS = "facts.json"
_FILES = (_FACTS, *(f"{name}.npy" for name in MEMBERS))
_ROWS = 256


@dataclass(frozen=True)
class CopyOptions:
    """Which copy.

    Attributes:
        hash: SHA-256 of what was copied, whatever its order: the same data have the same.
    """

    hash: str

    def __post_init__(self) -> None:
        is_hash = len(self.hash) == 64 and not set(self.hash) - set("0123456789abcdef")
        require(is_hash, "hash", "64 hexadecimal digits", self.hash)


class Copied(Dataset):
    """Data that were given as a Python object, as they were copied into the cache.

    Args:
        options: which.
    """

    Options = CopyOptions

    def __init__(self, options: CopyOptions):
        super().__init__(options)
        self._path = copies_folder() / options.hash

    def train(self) -> ImageSplit:
        """The training part, which stays on the disk until it is used."""
        return self._folder().train()

    def test(self) -> ImageSplit:
        """The test part, where one was given."""
        folder = self._folder()
        if not (self._path / "x_test.npy").is_file():
            raise DataError(
                "the data set was given as one object, which is the training part; give the test part with it, as "
                "dataset={'train': ..., 'test': ...}"
            )
        return folder.test()

    def location(self) -> str:
        """The path of the copy."""
        return str(self._path)

    def _folder(self) -> NumpyFolder:
        try:
            facts = json.loads((self._path / _FACTS).read_text(encoding="utf-8"))
            notes = tuple(Note(kind, text) for kind, text in facts["notes"])
            return NumpyFolder(self._path, tuple(facts["class_names"]), notes)
        except FileNotFoundError:
            raise DataError(
                f"{self._path}: the copy of the data that the search was started with is not there any more; call "
                "metaqnn.search again with the same data set, which copies them again"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{self._path}: the copy of the data is damaged; remove that folder, and call metaqnn.search again "
                "with the same data set"
            ) from error


def copies_folder() -> Path:
    """Where the copies are, one folder each, named by its hash."""
    return cache_folder() / "copies"


@dataclass(frozen=True)
class Copy:
    """A copy in the cache.

    Attributes:
        hash: of what was copied.
        images: in the training and in the test part, 0 where there is none.
        size: bytes of its files.
        copied_at: when, as ISO 8601 text in UTC.
    """

    hash: str
    images: tuple[int, int]
    size: int
    copied_at: str


def copies() -> list[Copy]:
    """The copies that are whole, the oldest first; what else lies in their folder is none."""
    found = [_copy_at(path) for path in sorted(copies_folder().glob("*")) if not path.is_symlink()]
    return sorted((each for each in found if each), key=lambda each: each.copied_at)


def _copy_at(folder: Path) -> Copy | None:
    try:
        CopyOptions(folder.name)
        files = [entry for entry in folder.iterdir() if entry.name in _FILES and entry.is_file()]
        counts = {entry.name: len(np.load(entry, mmap_mode="r")) for entry in files if entry.name[0] == "y"}
        made = datetime.fromtimestamp((folder / _FACTS).stat().st_mtime, UTC)
        size = sum(entry.stat().st_size for entry in files)
    except (OSError, ValueError):
        return None
    images = counts.get("y_train.npy", 0), counts.get("y_test.npy", 0)
    return Copy(folder.name, images, size, made.isoformat(timespec="seconds"))


def remove_copy(beginning: str) -> Copy:
    """Delete a copy, and nothing that this package did not write.

    Args:
        beginning: of its hash, so much that it is the only one.

    Returns:
        what was deleted.

    Raises:
        DataError: there is none, there are several, or its folder holds other files, too.
    """
    found = [each for each in copies() if each.hash.startswith(beginning)] if beginning else []
    if len(found) != 1:
        how_many = f"{len(found)} copies" if found else "none"
        raise DataError(
            f"--remove-copy: expected the beginning of one copy's hash, got {shown(beginning)}, with which {how_many} "
            "begins; `metaqnn datasets --copies` lists them"
        )
    folder = copies_folder() / found[0].hash
    entries = sorted(folder.iterdir())
    others = [entry.name for entry in entries if entry.name not in _FILES or entry.is_symlink()]
    if others:
        raise DataError(f"{folder}: expected the files of a copy alone, got {brief(', '.join(others))}; move that away")
    try:
        for entry in sorted(entries, key=lambda entry: entry.name != _FACTS):  # first what says that there is a copy
            entry.unlink()
        folder.rmdir()
    except OSError as error:
        raise DataError(
            f"{folder}: it cannot be removed: {error.strerror or error}; mend that, or remove it"
        ) from error
    return found[0]


def can_be_copied(dataset: Any) -> bool:
    """Whether a data set is an object, two arrays, or these by part, rather than a section with its name."""
    if isinstance(dataset, Mapping):
        return "name" not in dataset and any(is_source(part) or are_arrays(part) for part in dataset.values())
    return is_source(dataset) or are_arrays(dataset)


def keep_copy(dataset: Any) -> CopyOptions:
    """Copy a data set into the cache, or find that the same is there.

    Args:
        dataset: the training part, or a mapping with 'train' and perhaps 'test'; each see `examples.TAKEN`, or a tuple
            of two arrays.

    Returns:
        which copy it is.

    Raises:
        DataError: it holds something else, or the cache cannot be written.
    """
    parts = dataset if isinstance(dataset, Mapping) else {"train": dataset}
    if "train" not in parts:
        raise DataError(f"dataset: expected a part 'train', got {brief(', '.join(map(str, parts)))}")
    folder = copies_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with private_folder(folder / NAME) as place:
            return _copy(parts, place)
    except OSError as error:
        raise DataError(
            f"{folder}: the data cannot be copied there: {error.strerror or error}; free some space, or name another "
            "folder in METAQNN_CACHE"
        ) from error


def _copy(parts: Mapping[str, Any], place: Path) -> CopyOptions:
    digest, names = hashlib.sha256(), class_names_of(parts["train"])
    skipped = [f"the part {part!r}: a search holds out its own" for part in parts if part not in ("train", "test")]
    notes = [Note("skipped", text) for text in skipped]
    for part in (part for part in ("train", "test") if part in parts):
        written = _write(parts[part], part, place)
        numbers, names = as_labels(np.array(written.labels), names, f"the labels of the {part} part")
        order = [row for *_, row in sorted(zip(written.digests, numbers.tolist(), range(len(numbers)), strict=True))]
        raw = np.memmap(place / f"{part}.raw", np.uint8, "r", shape=(len(order), *written.shape))
        images = np.lib.format.open_memmap(place / f"x_{part}.npy", "w+", np.uint8, raw.shape)
        for start in range(0, len(order), _ROWS):
            images[start : start + _ROWS] = raw[order[start : start + _ROWS]]
        ImageSplit(images, numbers[order], names)  # refuses what is none
        del raw, images
        (place / f"{part}.raw").unlink()
        np.save(place / f"y_{part}.npy", numbers[order])
        digest.update(json.dumps([part, len(order), written.shape, names]).encode())
        digest.update(b"".join(written.digests[row] for row in order) + numbers[order].astype("<i8").tobytes())
        notes += written.notes
    facts = {"class_names": names, "notes": [(note.kind, note.text) for note in notes]}
    (place / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
    options = CopyOptions(digest.hexdigest())
    target = copies_folder() / options.hash
    if not target.exists():
        flush(place)
        with suppress(FileExistsError):  # another process has copied the same
            rename_new(place, target)
    return options


@dataclass(frozen=True)
class _Written:
    """A part in a file of its bytes.

    Attributes:
        shape: (height, width, channels).
        labels: as they came.
        digests: SHA-256 of each image.
        notes: what was noticed.
    """

    shape: tuple[int, ...]
    labels: Labels
    digests: list[bytes]
    notes: tuple[Note, ...]


def _write(source: Any, part: str, place: Path) -> _Written:
    """Write the images of a part one after another, in the order in which they come."""
    what = f"the {part} part ({type(source).__name__})"
    if not (is_source(source) or are_arrays(source)):
        raise DataError(f"{what}: expected a source of (image, label) pairs, got {source!r:.100}")

    def gather(is_colour: bool) -> _Written:
        pixels, shape = Pixels(what), (0, 0, 0)
        labels: Any = []
        digests: list[bytes] = []
        with (place / f"{part}.raw").open("wb") as file:
            for batch in read(source, what, is_colour, pixels):
                if batch.labels is None:
                    raise DataError(f"{what}: expected (image, label) pairs, got images without labels")
                shape = batch.images.shape[1:]
                labels += batch.labels
                for image in batch.images:
                    content = np.ascontiguousarray(image).tobytes()
                    file.write(content)
                    digests.append(hashlib.sha256(content).digest())
        if -1 in labels:
            raise DataError(f"{what}: expected labels from 0, got -1, as of what has no label; leave that part out")
        return _Written(shape, labels, digests, pixels.notes())

    return in_colour_if_any(source, what, gather)
