"""The test split: this is the only place of the package that opens it, for `metaqnn.networks.retraining.testing`."""

from collections.abc import Sequence

from metaqnn.errors import DataError
from metaqnn.networks.data import DatasetConfig, ImageSplit, open_dataset
from metaqnn.networks.data.sources import images_of


def open_test_split(
    config: DatasetConfig, class_names: Sequence[str], input_shape: tuple[int, ...], is_named_by_user: bool = False
) -> ImageSplit:
    """Open the test split of a data set.

    Args:
        config: the section `dataset`.
        class_names, input_shape: of the training part.
        is_named_by_user: as of `open_dataset`.

    Raises:
        DataError: it is absent or unreadable, or its images or classes are not those of the training part.
    """
    split = images_of(open_dataset(config, is_named_by_user).test())
    if split.images.shape[1:] != tuple(input_shape):
        expected, got = ("x".join(map(str, shape)) for shape in (input_shape, split.images.shape[1:]))
        raise DataError(f"the test split of {config.name}: expected images of {expected} as trained on, got {got}")
    if tuple(split.class_names) != tuple(class_names):
        raise DataError(
            f"the test split of {config.name}: expected the classes {', '.join(class_names)} as trained on, "
            f"got {', '.join(split.class_names)}"
        )
    return split
