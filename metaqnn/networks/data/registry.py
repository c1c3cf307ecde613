"""Which data sets there are by name, and what is known of each before it is read."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from metaqnn.config import nearest
from metaqnn.core import Dataset
from metaqnn.core.plugins import OWN, Plugin, find, installed, is_target, read_options
from metaqnn.errors import DataError, brief, shown
from metaqnn.networks.data.archives import Archive
from metaqnn.networks.data.config import ARRAY_KEYS, FOLDER_KEYS, DatasetConfig, FileOptions
from metaqnn.networks.data.copies import NAME as COPIED
from metaqnn.networks.data.folders import ImageFolder
from metaqnn.networks.data.hugging_face import SavedDataset, is_saved_dataset
from metaqnn.networks.data.image_files import told
from metaqnn.networks.data.numpy_folder import FIRST, NumpyFolder
from metaqnn.networks.data.sources import images_of
from metaqnn.networks.data.table_files import ENDINGS, TableOfFiles, table_of
from metaqnn.networks.data.tfrecords import TFRecords, is_tfrecord

_PACKED = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")


@dataclass(frozen=True)
class CatalogueRow:
    """One named data set, as `metaqnn datasets` shows it.

    Attributes:
        name: what `dataset.name` takes.
        input_shape: (height, width, channels).
        classes: how many.
        num_train: images of the training part, of which a search holds some out.
        num_test: images of the test part.
        location: where it would be read from.
        available: whether it is there; else a search downloads it.
    """

    name: str
    input_shape: tuple[int, int, int]
    classes: int
    num_train: int
    num_test: int
    location: str
    available: bool


def catalogue() -> list[CatalogueRow]:
    """The built-in data sets; instant, as none is read and no library imported."""
    rows = []
    for name, (plugin, *_) in installed("dataset").items():
        part: Any = plugin.load() if plugin.package == OWN else None
        if hasattr(part, "KNOWN"):
            dataset: Dataset = part(part.Options())
            _, shape, class_names, num_train, num_test = part.KNOWN
            known = (name, shape, len(class_names), num_train, num_test)
            rows.append(CatalogueRow(*known, dataset.location(), dataset.available()))
    return sorted(rows, key=lambda row: (prod(row.input_shape), row.num_train, len(row.name)))  # the smallest first


def open_source(name: str, options: Mapping[str, Any] | None = None, is_named_by_user: bool = False) -> Dataset:
    """The data set of a name, of a path to an .npz file, or of a path to a folder of images; reads nothing.

    A registered name wins over a folder of that name, which './NAME' still reaches.

    Args:
        name: as in the section `dataset`.
        options: of a data set of a plug-in.
        is_named_by_user: whether `module:Name` may be run: never because a database says so.

    Raises:
        DataError: it is none of these.
        PluginError: it is a data set of a plug-in that cannot be used.
    """
    if name in installed("dataset"):
        return _made(find("dataset", name, "dataset.name"), options)
    if is_target(name):
        if is_named_by_user:
            return _made(Plugin("dataset", name, name), options)
        raise DataError(f"{name}: a data set that is code and not installed serves a search alone; make it a plug-in")
    path = Path(os.path.expanduser(name))  # as it is, where there is no such user
    if path.suffix.lower() == ".npz":
        return Archive(path)
    if path.name == FIRST or os.path.isfile(path / FIRST):
        return NumpyFolder(path.parent if path.name == FIRST else path)
    if files := _files(path, FileOptions(**options or {})):
        return files
    if path.suffix.lower() in _PACKED and not os.path.isdir(path):
        raise DataError(
            f"{path}: expected a folder of images or an .npz file, got an archive; unpack it, and name the folder"
        )
    if os.path.isdir(path) or len(path.parts) > 1:
        return ImageFolder(path)
    raise DataError(
        f"{shown(name)} is neither a data set nor a path to an .npz file or a folder of images; "
        f"{nearest(name, [each for each in installed('dataset') if each != COPIED])}"
    )


def open_dataset(config: DatasetConfig, is_named_by_user: bool = False) -> Dataset:
    """The data set of a section, as its keys say that it is to be read; see `open_source`.

    Raises:
        DataError: also where a key that is said decides nothing for this kind of data set.
    """
    source = open_source(config.name, config.options, is_named_by_user)
    if config.decoding == 1 and isinstance(source, TableOfFiles) and source.path.suffix != Path(config.name).suffix:
        source = ImageFolder(source.path.parent)  # what a folder with a table was before there were tables
    own: tuple[str, ...] = ()
    if isinstance(source, ImageFolder):
        source, own = ImageFolder(source.path, config.decoding, config.layout, config.depth), FOLDER_KEYS
    elif isinstance(source, Archive):
        # Before there was a decoding, no shape was taken for one that can be read in two ways.
        channels = config.channels or ("last" if config.decoding == 1 else None)
        source, own = Archive(source.path, None, channels, config.scale, config.target), ARRAY_KEYS
    elif isinstance(source, NumpyFolder):
        source = NumpyFolder(source.path, None, (), config.channels, config.scale, config.target)
        own = ARRAY_KEYS
    elif isinstance(source, TableOfFiles):
        source = TableOfFiles(source.path, source.options, config.target)
    said = config.as_mapping()
    for keys, what in ((FOLDER_KEYS, "a folder of images"), (ARRAY_KEYS, "an .npz file or a folder of .npy files")):
        for key in keys if keys != own else ():
            if key in said:
                raise DataError(
                    f"dataset.{key}: expected nothing, as it says how {what} is read and {brief(config.name)} is none"
                )
    return source


def _files(path: Path, options: FileOptions) -> Dataset | None:
    """The data set of files that are no folder of images by class; None where they are none of these."""
    if path.suffix.lower() in ENDINGS:
        return TableOfFiles(path, options)
    with told(path):
        if is_saved_dataset(path):
            return SavedDataset(path, options)
        if is_tfrecord(path):
            return TFRecords(path, options)
        table = table_of(path)
    return TableOfFiles(table, options) if table else None


def _made(plugin: Plugin, options: Mapping[str, Any] | None) -> Dataset:
    part: Any = plugin.load()
    dataset: Dataset = part(read_options(part, options or {}, "dataset", plugin.name))
    return dataset


def image_facts(name: str) -> tuple[tuple[int, int, int], int]:
    """The shape (height, width, channels) of a data set's images, and the number of its classes.

    Of a built-in data set they are known without it; only of others is the training part read.

    Raises:
        DataError: there is no such data set, or it cannot be read.
    """
    known = {row.name: (row.input_shape, row.classes) for row in catalogue()}
    if name in known:
        return known[name]
    split = images_of(open_source(name).train())
    return split.images.shape[1:], len(split.class_names)
