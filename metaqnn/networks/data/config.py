"""The section `dataset` of an experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from metaqnn.config import require

Preprocessing = Literal["none", "mean", "global_contrast", "standardize"]


@dataclass(frozen=True)
class DatasetConfig:
    """The section `dataset`; the defaults hold out the paper's 5,000 validation images.

    Attributes:
        name: a registered name, or a path: to a folder of images, a table of files and labels, arrays, or
            files of other libraries.
        train_limit: train on a stratified subset of this many of the images not held out; None is all.
        validation_size: images of the training part held out, class distribution unchanged.
        preprocessing: how uint8 images become numbers; fitted on the training images alone.
        mirror: whether training images are mirrored horizontally at random; the training package does it.
        options: of a data set of a plug-in, or of files (`FileOptions`); they stand among the other keys.
    """

    name: str
    train_limit: int | None = None
    validation_size: int = 5000
    preprocessing: Preprocessing = "none"
    mirror: bool = False
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self):
        require(bool(self.name.strip()), "name", "the name of a data set, or a path", self.name)
        limit = self.train_limit
        require(limit is None or limit >= 1, "train_limit", "at least 1 image, or nothing", limit)
        require(self.validation_size >= 1, "validation_size", "at least 1 image", self.validation_size)
        kinds = get_args(Preprocessing)
        require(self.preprocessing in kinds, "preprocessing", f"one of {', '.join(kinds)}", self.preprocessing)

    def as_mapping(self) -> dict[str, Any]:
        """The section as plain values; options only where there are some."""
        content = {each.name: getattr(self, each.name) for each in fields(self)}
        return content if self.options else {key: value for key, value in content.items() if key != "options"}


@dataclass(frozen=True)
class FileOptions:
    """Keys of the section `dataset` for tables (.csv), TFRecord files and folders of Hugging Face's `datasets`.

    Attributes:
        image_column: the column, or the feature, that holds an image or the name of its file; None finds it.
        label_column: likewise, its label.
        split_column: of a table, where it says to which part a row belongs; None finds it.
        train_split: what the training part is called: in that column, among the splits, or in the names of files.
        test_split: likewise, the test part; None is 'test', or else 'validation'.
        image_shape: (height, width, channels) of images stored as raw bytes; None finds it in the file.
    """

    image_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    train_split: str = "train"
    test_split: str | None = None
    image_shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        shape = self.image_shape
        is_shape = shape is None or (len(shape) == 3 and min(shape) >= 1)
        require(is_shape, "image_shape", "(height, width, channels), each at least 1, or nothing", shape)

    def as_mapping(self) -> dict[str, Any]:
        """What is said and no default, as plain values."""
        said = {each.name: getattr(self, each.name) for each in fields(self) if getattr(self, each.name) != each.default}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in said.items()}
