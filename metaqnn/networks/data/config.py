"""The section `dataset` of an experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from metaqnn.config import require

Preprocessing = Literal["none", "mean", "global_contrast", "standardize"]

ARRAY_KEYS = ("channels", "scale")
"""Keys that say how arrays are read: of a data set of a plug-in they are its own."""


@dataclass(frozen=True)
class DatasetConfig:
    """The section `dataset`; the defaults hold out the paper's 5,000 validation images.

    Attributes:
        name: a registered name, or a path to an .npz file or to a folder of images.
        train_limit: train on a stratified subset of this many of the images not held out; None is all.
        validation_size: images of the training part held out, class distribution unchanged.
        preprocessing: how uint8 images become numbers; fitted on the training images alone.
        mirror: whether training images are mirrored horizontally at random; the training package does it.
        channels: where arrays of images have their channels; None tells it from the shape, where that can be told.
        scale: the value that is white in arrays of images, in place of 255; None takes them as they are.
        options: of a data set of a plug-in; they stand among the other keys.
    """

    name: str
    train_limit: int | None = None
    validation_size: int = 5000
    preprocessing: Preprocessing = "none"
    mirror: bool = False
    channels: Literal["first", "last"] | None = None
    scale: float | None = None
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

    def as_mapping(self) -> dict[str, Any]:
        """The section as plain values; options of a plug-in, and how arrays are read, only where that is said."""
        content = {each.name: getattr(self, each.name) for each in fields(self)}
        return {key: value for key, value in content.items() if value or key not in ("options", *ARRAY_KEYS)}
