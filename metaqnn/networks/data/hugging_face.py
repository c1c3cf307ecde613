"""Folders that Hugging Face's `datasets` has written with `save_to_disk`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metaqnn.core import Dataset
from metaqnn.errors import DataError, brief
from metaqnn.networks.data import parts
from metaqnn.networks.data.config import FileOptions
from metaqnn.networks.data.example_columns import columns_by_type
from metaqnn.networks.data.examples import class_names_of
from metaqnn.networks.data.sources import ImageSplit
from metaqnn.networks.data.splits_in_memory import image_split, set_apart

_ADVICE = "set dataset.image_column and dataset.label_column"


def is_saved_dataset(path: Path) -> bool:
    """Whether a folder was written by `save_to_disk`."""
    return os.path.isfile(path / "dataset_dict.json") or os.path.isfile(path / "state.json")


class SavedDataset(Dataset):
    """A folder of `Dataset.save_to_disk` or `DatasetDict.save_to_disk`.

    Of a single Dataset a stratified fifth is the test part.

    Args:
        path: of the folder.
        options: what columns and splits are called.
    """

    def __init__(self, path: Path, options: FileOptions):
        super().__init__(options)
        self.path = path

    def train(self) -> ImageSplit:
        """The split `train_split`."""
        train, test, notes = self._parts()
        split = self._split(train, "training part", class_names_of(train), notes)
        return split if test is not None else set_apart(split)[1]

    def test(self) -> ImageSplit:
        """The split `test_split`."""
        train, test, _ = self._parts()
        if test is None:
            return set_apart(self._split(train, "training part", class_names_of(train)))[0]
        names = class_names_of(train) or self._split(train, "training part", None).class_names
        return self._split(test, "test part", names)

    def location(self) -> str:
        """The path of the folder."""
        return str(self.path)

    def available(self) -> bool:
        """Whether the folder exists."""
        return os.path.isdir(self.path)

    def _parts(self) -> tuple[Any, Any, tuple[Any, ...]]:
        try:
            from datasets import load_from_disk
        except ImportError as error:
            raise DataError(
                f"{self.path}: this folder is read by Hugging Face's datasets; install them: pip install datasets"
            ) from error
        try:
            loaded = load_from_disk(str(self.path))
        except Exception as error:  # whatever the damage leads to
            reason = brief(" ".join(str(error).split()), 200) or type(error).__name__
            raise DataError(f"{self.path}: it cannot be read as a Hugging Face data set: {reason}") from error
        if not isinstance(loaded, Mapping):
            return loaded, None, ()
        test = parts.test_name(loaded, self.options, str(self.path))
        told = parts.unused(loaded, self.options, test)
        return loaded[self.options.train_split], loaded[test] if test else None, told

    def _split(self, part: Any, name: str, class_names: Any, notes: tuple[Any, ...] = ()) -> ImageSplit:
        what, options = f"{self.path}: {name}", self.options
        image, label = columns_by_type(part.features, options.image_column, options.label_column, what, _ADVICE)
        if label is not None:
            class_names = tuple(getattr(part.features[label], "names", None) or ()) or class_names
        return image_split(part.select_columns([image, *filter(None, [label])]), what, class_names, notes)
