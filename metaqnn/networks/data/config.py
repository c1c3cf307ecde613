"""The section `dataset` of an experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, get_args

from metaqnn.config import read_section, require
from metaqnn.core import TargetKind

Preprocessing = Literal["none", "mean", "global_contrast", "standardize"]
Layout = Literal["auto", "parts", "classes"]

NEWEST_DECODING = 2
TARGET_KEYS = ("target", "score")
"""Keys that say what is predicted: of a data set of a plug-in that has such keys they are its own."""

FOLDER_KEYS = ("layout", "depth")
"""Keys that say how a folder of images is read: of a data set of a plug-in they are its own."""

ARRAY_KEYS = ("channels", "scale")
"""Keys that say how arrays are read: of a data set of a plug-in they are its own."""


OLD: Mapping[str, Any] = MappingProxyType({"decoding": 1, "target": "classes"})
"""What a database without these keys means."""


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
        channels: where arrays of images have their channels; None tells it from the shape, where that can be told.
        scale: the value that is white in arrays of images, in place of 255; None takes them as they are.
        decoding: how image files become pixels. None is the newest, 2, or in a search that is resumed the one that it
            began with; a database without the key means 1, in which orientation, transparency and links are not
            looked at.
        layout: what the folders in a folder of images are: 'parts' (train, val, test) or 'classes'; 'auto' tells it
            from their names, and refuses what could be either.
        target: what is predicted: 'classes' (one an image), 'labels' (any number of them, or none) or 'numbers'. None
            tells it from the targets, and refuses what could be either; a database records what was understood, and one
            without the key means classes.
        score: of numbers, 'r2' or 'negative_rmse'; None is r2. Classes and labels have one score each.
        depth: bits a value has, 9 to 16, in images of more than 8; None refuses those.
        options: of a data set of a plug-in, or of files (`FileOptions`); they stand among the other keys.
    """

    name: str
    train_limit: int | None = None
    validation_size: int = 5000
    preprocessing: Preprocessing = "none"
    mirror: bool = False
    channels: Literal["first", "last"] | None = None
    scale: float | None = None
    decoding: int | None = None
    layout: Layout = "auto"
    depth: int | None = None
    target: TargetKind | None = None
    score: Literal["r2", "negative_rmse"] | None = None
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self):
        require(bool(self.name.strip()), "name", "the name of a data set, or a path", self.name)
        limit = self.train_limit
        require(limit is None or limit >= 1, "train_limit", "at least 1 image, or nothing", limit)
        require(self.validation_size >= 1, "validation_size", "at least 1 image", self.validation_size)
        is_scale = self.scale is None or 0 < self.scale < float("inf")
        require(is_scale, "scale", "the value that is white, above 0, or nothing", self.scale)
        require(self.channels in ("first", "last", None), "channels", "first, last, or nothing", self.channels)
        kinds = get_args(Preprocessing)
        require(self.preprocessing in kinds, "preprocessing", f"one of {', '.join(kinds)}", self.preprocessing)
        require(self.decoding in (None, 1, 2), "decoding", "1, 2, or nothing", self.decoding)
        require(self.layout in get_args(Layout), "layout", f"one of {', '.join(get_args(Layout))}", self.layout)
        require(self.depth is None or 9 <= self.depth <= 16, "depth", "9 to 16 bits, or nothing", self.depth)
        kinds_of_target = (*get_args(TargetKind), None)
        require(self.target in kinds_of_target, "target", "classes, labels, numbers, or nothing", self.target)
        require(self.score in ("r2", "negative_rmse", None), "score", "r2, negative_rmse, or nothing", self.score)
        is_scored = self.score is None or self.target in ("numbers", None)
        require(is_scored, "score", "nothing, as only numbers have a choice of scores", self.score)
        is_old = self.decoding == 1 and (self.layout, self.depth) != ("auto", None)
        require(not is_old, "decoding", "2, as dataset.layout and dataset.depth have no meaning before", self.decoding)

    @classmethod
    def recorded(cls, content: Mapping[str, Any], place: str) -> "DatasetConfig":
        """The section as a database holds it, perhaps from before there was a decoding, or a target.

        Raises:
            ConfigError: something in it cannot be used; the message names the place.
        """
        return read_section(cls, {**OLD, **content}, "dataset", place)

    def as_mapping(self) -> dict[str, Any]:
        """The section as plain values; without what `recorded` adds, and without what does not concern it."""
        content = {each.name: getattr(self, each.name) for each in fields(self)}
        said: dict[str, Any] = {key: content[key] for key in ("depth", "options", *ARRAY_KEYS)}
        said["decoding"] = self.decoding != 1 and (self.decoding or NEWEST_DECODING)
        said["layout"] = self.layout != "auto" and self.layout
        said["target"] = self.target != "classes" and self.target
        said["score"] = self.score
        return {key: value for key, value in (content | said).items() if key not in said or value}


@dataclass(frozen=True)
class FileOptions:
    """Keys of the section `dataset` for tables (.csv), TFRecord files and folders of Hugging Face's `datasets`.

    Attributes:
        image_column: the column, or the feature, that holds an image or the name of its file; None finds it.
        label_column: likewise, its label.
        label_columns: of a table, several columns with a label or a number each; None finds them.
        split_column: of a table, where it says to which part a row belongs; None finds it.
        train_split: what the training part is called: in that column, among the splits, or in the names of files.
        test_split: likewise, the test part; None is 'test', or else 'validation'.
        image_shape: (height, width, channels) of images stored as raw bytes; None finds it in the file.
    """

    image_column: str | None = None
    label_column: str | None = None
    label_columns: tuple[str, ...] | None = None
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
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        changed = {each.name: said[each.name] for each in fields(self) if said[each.name] != each.default}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in changed.items()}
