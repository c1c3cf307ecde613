"""What a search trains and validates on: the training part of a data set, split by the search's seed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metaqnn.core import Note
from metaqnn.errors import DataError
from metaqnn.networks.data.config import DatasetConfig
from metaqnn.networks.data.mapped_rows import MappedRows, rows_of
from metaqnn.networks.data.registry import open_dataset
from metaqnn.networks.data.sources import images_of
from metaqnn.networks.data.split import stratified
from metaqnn.seeding import Stream

_ARRAYS = ("x_train", "y_train", "x_validation", "y_validation")

_CHUNK = 4096
"""Rows hashed at a time."""


@dataclass(frozen=True, eq=False)
class SearchData:
    """Training and validation images of one search.

    Attributes:
        x_train: uint8 of shape (N, height, width, channels); of data in .npy files it is `MappedRows`.
        y_train: int64 of shape (N,), indices into `class_names`.
        x_validation: uint8 of shape (M, height, width, channels).
        y_validation: int64 of shape (M,).
        class_names: one name a class.
        data_hash: SHA-256 of the source's whole training part, hexadecimal: the same data has the same.
        split_hash: SHA-256 of the row numbers of both parts, hexadecimal: the same split has the same.
        notes: what was noticed while they were read.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    class_names: tuple[str, ...]
    data_hash: str
    split_hash: str
    notes: tuple[Note, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Both hashes in one: equal for the same images in the same split, and only then."""
        return f"{self.data_hash}:{self.split_hash}"

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of an image."""
        return self.x_train.shape[1:]

    def arrays(self) -> dict[str, np.ndarray]:
        """Its arrays by name, for machines that cannot read them; none where images stay on the disk."""
        return {} if isinstance(self.x_train, MappedRows) else {name: getattr(self, name) for name in _ARRAYS}


def data_facts(data: SearchData) -> dict[str, Any]:
    """What a database remembers of its data, to tell whether they are still the same."""
    return {
        "data_hash": data.data_hash,
        "split_hash": data.split_hash,
        "input_shape": list(data.input_shape),
        "classes": data.classes,
        "train_images": len(data.x_train),
        "validation_images": len(data.x_validation),
    }


def sent_data(folder: Path, facts: Mapping[str, Any], class_names: Sequence[str]) -> SearchData:
    """What `SearchData.arrays` gave and was sent to this machine; its files are mapped, not read.

    Args:
        folder: with a file NAME.npy for each array.
        facts: of the data, from `data_facts`.
        class_names: one name a class.
    """
    arrays: dict[str, Any] = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS}
    return SearchData(
        **arrays, class_names=tuple(class_names), data_hash=facts["data_hash"], split_hash=facts["split_hash"]
    )


def load_search_data(config: DatasetConfig, seed: int, is_named_by_user: bool = False) -> SearchData:
    """Read the training part and hold out the validation images; the test part is never read.

    The validation images depend on the seed and `validation_size` alone, whatever `train_limit` is.

    See `open_dataset` for `is_named_by_user`.

    Raises:
        DataError: the data set is absent or unusable, or smaller than the section asks for.
    """
    split = images_of(open_dataset(config, is_named_by_user).train())
    number = len(split.labels)
    if config.validation_size >= number:
        raise DataError(
            f"dataset.validation_size: expected fewer than the {number} images of the training part of "
            f"{config.name}, got {config.validation_size}"
        )
    validation, train = stratified(split.labels, config.validation_size, Stream(seed, "validation"))
    if config.train_limit is not None:
        if config.train_limit > len(train):
            raise DataError(
                f"dataset.train_limit: expected at most the {len(train)} images of {config.name} that the "
                f"validation split leaves, got {config.train_limit}"
            )
        chosen, _ = stratified(split.labels[train], config.train_limit, Stream(seed, "train_limit"))
        train = train[chosen]
    return SearchData(
        x_train=rows_of(split.images, train),
        y_train=split.labels[train],
        x_validation=np.asarray(split.images[validation]),
        y_validation=split.labels[validation],
        class_names=split.class_names,
        data_hash=array_hash(split.images, split.labels),
        split_hash=array_hash(validation, train),
        notes=split.notes,
    )


def array_hash(*arrays: np.ndarray) -> str:
    """SHA-256 over the type, the shape and the bytes of each array, the same on every machine."""
    digest = hashlib.sha256()
    for array in arrays:
        order = array.dtype.newbyteorder("<")
        digest.update(f"{order.str}{array.shape}".encode())
        for start in range(
            0, len(array), _CHUNK
        ):  # an array on the disk that lies otherwise is not brought into memory
            digest.update(np.ascontiguousarray(array[start : start + _CHUNK], dtype=order).data)
    return digest.hexdigest()
