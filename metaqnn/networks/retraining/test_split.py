"""The test split: this is the only place of the package that opens it.

`metaqnn.networks.retraining.testing` asks for it to say how good a network is, `metaqnn.workflows.describe_data` to
compare its images with those of the training part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.core import Note
from metaqnn.errors import DataError
from metaqnn.networks.data import DatasetConfig, ImageSplit, open_dataset
from metaqnn.networks.data.description import Look, compare_parts
from metaqnn.networks.data.sources import images_of


@dataclass(frozen=True)
class SplitCheck:
    """What looks wrong across the training part and the test split.

    Attributes:
        examples: of the test split.
        duplicates: of them, images that are training images, to the bit.
        notes: the doubts, and what was noticed while the test split was read.
    """

    examples: int
    duplicates: int
    notes: tuple[Note, ...]

    @property
    def doubts(self) -> tuple[str, ...]:
        """Their texts."""
        return tuple(note.text for note in self.notes if note.kind == "doubt")


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
        kind = split.kind
        raise DataError(
            f"the test split of {config.name}: expected the {kind} {', '.join(class_names)} as trained on, "
            f"got {', '.join(split.class_names)}"
        )
    if config.target not in (None, split.kind):
        raise DataError(
            f"the test split of {config.name}: expected {config.target} as trained on, got {split.kind}; set it right"
        )
    return split


def check_test_split(test: ImageSplit, train: Sequence[Look]) -> tuple[SplitCheck, Look]:
    """Compare an open test split with the training part, in one or several pieces."""
    look = Look(test.images, test.labels)
    duplicates, doubts = compare_parts(train, look, test.class_names)
    return SplitCheck(len(test.labels), duplicates, (*test.notes, *doubts)), look
