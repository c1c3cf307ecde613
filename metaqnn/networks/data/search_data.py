"""What a search trains and validates on: the training part of a data set, split by the search's seed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metaqnn.core import Note, TargetKind
from metaqnn.errors import DataError, shown
from metaqnn.networks.data.config import DatasetConfig
from metaqnn.networks.data.mapped_rows import MappedRows, rows_of
from metaqnn.networks.data.registry import open_dataset
from metaqnn.networks.data.sources import images_of
from metaqnn.networks.data.split import strata, stratified
from metaqnn.networks.targets import Classes, Numbers, Target, target_of
from metaqnn.seeding import Stream

_ARRAYS = ("x_train", "y_train", "x_validation", "y_validation")

_CHUNK = 4096
"""Rows hashed at a time."""


@dataclass(frozen=True, eq=False)
class SearchData:
    """Training and validation images of one search.

    Attributes:
        x_train: uint8 of shape (N, height, width, channels); of data in .npy files it is `MappedRows`.
        y_train: int64 of shape (N,), indices into `class_names`; or labels or numbers, see `metaqnn.core.Split`.
        x_validation: uint8 of shape (M, height, width, channels).
        y_validation: likewise, of shape (M,) or (M, outputs).
        class_names: one name a class, label or number.
        data_hash: SHA-256 of the source's whole training part, hexadecimal: the same data has the same.
        split_hash: SHA-256 of the row numbers of both parts, hexadecimal: the same split has the same.
        notes: what was noticed while they were read.
        known_target: what is predicted, by all training images; None is classes.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    class_names: tuple[str, ...]
    data_hash: str
    split_hash: str
    notes: tuple[Note, ...] = ()
    known_target: Target | None = None

    @property
    def target(self) -> Target:
        """What is predicted."""
        return self.known_target or Classes(self.class_names)

    @property
    def fingerprint(self) -> str:
        """Both hashes in one: equal for the same images in the same split, and only then."""
        return f"{self.data_hash}:{self.split_hash}"

    @property
    def classes(self) -> int:
        """The number of outputs: of classes, labels or numbers."""
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
    target = data.target.facts()
    return {
        "data_hash": data.data_hash,
        "split_hash": data.split_hash,
        "input_shape": list(data.input_shape),
        "classes": data.classes,
        "train_images": len(data.x_train),
        "validation_images": len(data.x_validation),
        **({"target": target} if target else {}),
    }


def sent_data(folder: Path, facts: Mapping[str, Any], class_names: Sequence[str]) -> SearchData:
    """What `SearchData.arrays` gave and was sent to this machine; its files are mapped, not read.

    Args:
        folder: with a file NAME.npy for each array.
        facts: of the data, from `data_facts`.
        class_names: one name a class.
    """
    arrays: dict[str, Any] = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS}
    known = facts.get("target", {})
    return SearchData(
        **arrays,
        class_names=tuple(class_names),
        data_hash=facts["data_hash"],
        split_hash=facts["split_hash"],
        known_target=target_of(known.get("kind", "classes"), class_names, arrays["y_train"], known.get("score")),
    )


def load_search_data(config: DatasetConfig, seed: int, is_named_by_user: bool = False) -> SearchData:
    """Read the training part and hold out the validation images; the test part is never read.

    The validation images depend on the seed and `validation_size` alone, whatever `train_limit` is.

    See `open_dataset` for `is_named_by_user`.

    Raises:
        DataError: the data set is absent or unusable, or smaller than the section asks for, or its targets are others
            than the section says.
    """
    split = images_of(open_dataset(config, is_named_by_user).train())
    _require_target(config, split.kind)
    number = len(split.labels)
    if config.validation_size >= number:
        raise DataError(
            f"dataset.validation_size: expected fewer than the {number} images of the training part of "
            f"{config.name}, got {config.validation_size}"
        )
    validation, train = _chosen(split.labels, config.validation_size, Stream(seed, "validation"))
    if config.train_limit is not None:
        if config.train_limit > len(train):
            raise DataError(
                f"dataset.train_limit: expected at most the {len(train)} images of {config.name} that the "
                f"validation split leaves, got {config.train_limit}"
            )
        chosen, _ = _chosen(split.labels[train], config.train_limit, Stream(seed, "train_limit"))
        train = train[chosen]
    try:
        target = target_of(split.kind, split.class_names, split.labels[train], config.score)
    except DataError as error:
        raise DataError(f"{config.name}: {error}") from error
    if isinstance(target, Numbers) and target.measures == "r2":
        _require_variation(config, split.class_names, split.labels[validation])
    return SearchData(
        x_train=rows_of(split.images, train),
        y_train=split.labels[train],
        x_validation=np.asarray(split.images[validation]),
        y_validation=split.labels[validation],
        class_names=split.class_names,
        data_hash=array_hash(split.images, split.labels),
        split_hash=array_hash(validation, train),
        notes=split.notes,
        known_target=target,
    )


def _chosen(targets: np.ndarray, size: int, stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    return stratified(strata(targets, size), size, stream)


def _require_variation(config: DatasetConfig, names: Sequence[str], targets: np.ndarray) -> None:
    """Refuse what R squared cannot be measured on."""
    for name, low, high in zip(names, targets.min(axis=0), targets.max(axis=0), strict=True):
        if low == high:
            raise DataError(
                f"dataset.validation_size: expected validation images between which {shown(name)} varies, as R squared "
                f"needs, but it is {low:g} for all {config.validation_size}; hold out more, or set dataset.score to "
                "'negative_rmse'"
            )


def _require_target(config: DatasetConfig, kind: TargetKind) -> None:
    if config.target not in (None, kind):
        raise DataError(
            f"dataset.target: expected targets of {config.name} that are {config.target}, got {kind}; leave the key "
            "out, or name other data"
        )
    if config.score is not None and kind != "numbers":
        raise DataError(
            f"dataset.score: expected nothing, as only numbers have a choice of scores, and {config.name} has {kind}"
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
