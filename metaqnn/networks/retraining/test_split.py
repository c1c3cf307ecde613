"""The test split: this is the only place of the package that opens it, for `metaqnn.networks.retraining.testing`."""

from collections.abc import Mapping, Sequence
from typing import Any

from metaqnn.errors import DataError
from metaqnn.networks.data import ImageSplit, open_source
from metaqnn.networks.data.sources import images_of


def open_test_split(
    dataset: str, options: Mapping[str, Any], class_names: Sequence[str], input_shape: tuple[int, ...]
) -> ImageSplit:
    """Open the test split of a data set.

    Args:
        dataset: its name or path.
        options: of a data set of a plug-in.
        class_names, input_shape: of the training part.

    Raises:
        DataError: it is absent or unreadable, or its images or classes are not those of the training part.
    """
    split = images_of(open_source(dataset, options).test())
    if split.images.shape[1:] != tuple(input_shape):
        expected, got = ("x".join(map(str, shape)) for shape in (input_shape, split.images.shape[1:]))
        raise DataError(f"the test split of {dataset}: expected images of {expected} as trained on, got {got}")
    if tuple(split.class_names) != tuple(class_names):
        raise DataError(
            f"the test split of {dataset}: expected the classes {', '.join(class_names)} as trained on, "
            f"got {', '.join(split.class_names)}"
        )
    return split
