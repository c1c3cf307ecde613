"""The contract of a data set: where examples and targets come from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from metaqnn.core.options import NoOptions
from metaqnn.errors import DataError, counted

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Note:
    """What a person should know of data as they were read.

    Attributes:
        kind: 'fact', how something was read; 'skipped', what was passed over and why; or 'doubt', what looks wrong and
            would change results.
        text: one line without a full stop.
    """

    kind: Literal["fact", "skipped", "doubt"]
    text: str


@dataclass(frozen=True, eq=False)
class Split:
    """The training part or the test part of a data set.

    Attributes:
        inputs: of shape (N, ...), N at least 1: one example a row.
        targets: int64 of shape (N,), each an index into `class_names`; or of shape (N, classes), 1 where a label holds.
        class_names: one name a class, at least two; the same for both parts.
        notes: what was noticed while it was read.

    Raises:
        DataError: the arrays do not have this form.
    """

    inputs: "np.ndarray"
    targets: "np.ndarray"
    class_names: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        inputs, targets, classes = self.inputs, self.targets, len(self.class_names)
        if inputs.ndim < 2 or 0 in inputs.shape[1:]:
            raise DataError(f"expected examples of shape (number, ...), got {inputs.dtype} of shape {inputs.shape}")
        if str(targets.dtype) != "int64" or targets.shape[1:] not in ((), (classes,)):
            raise DataError(
                f"expected int64 labels of shape (number,) or (number, {classes}), got {targets.dtype} of shape "
                f"{targets.shape}"
            )
        if len(inputs) != len(targets):
            raise DataError(
                f"expected one label for each example, got {counted(len(inputs), 'example')}, "
                f"{counted(len(targets), 'label')}"
            )
        if not len(inputs):
            raise DataError("expected at least one example, got none")
        if classes < 2:
            raise DataError(f"expected at least two classes, got {classes}")
        most = classes if targets.ndim == 1 else 2
        if targets.min() < 0 or targets.max() >= most:
            raise DataError(f"expected labels from 0 to {most - 1}, got {targets.min()} to {targets.max()}")


class Dataset(ABC):
    """A data set that can be read, perhaps after a download; making one reads nothing.

    `train` never reads the test part, so nothing of a search can depend on it.

    Args:
        options: the section `dataset` as `Options`, where it is named there.

    Examples:
        >>> import numpy as np
        >>> from metaqnn.core import Dataset, Split
        >>> class Stripes(Dataset):
        ...     '''Images of one pixel that are dark or bright.'''
        ...
        ...     def train(self):
        ...         pixels = np.array([10, 20, 200, 210], dtype=np.uint8)
        ...         return Split(pixels.reshape(4, 1, 1, 1), np.array([0, 0, 1, 1]), ("dark", "bright"))
        ...
        ...     def test(self):
        ...         return Split(np.full((1, 1, 1, 1), 15, np.uint8), np.array([0]), ("dark", "bright"))
        >>> split = Stripes().train()
        >>> split.inputs.shape, split.class_names
        ((4, 1, 1, 1), ('dark', 'bright'))
    """

    Options: ClassVar[type] = NoOptions

    def __init__(self, options: Any = None):
        self.options = options

    @abstractmethod
    def train(self) -> Split:
        """The training part, of which a search holds out its validation examples.

        Raises:
            DataError: it is absent, unreadable or inconsistent.
        """

    @abstractmethod
    def test(self) -> Split:
        """The test part, for final results alone.

        Raises:
            DataError: it is absent, unreadable or inconsistent.
        """

    def location(self) -> str:
        """Where the data set would be read from, for people."""
        return "made on the fly"

    def available(self) -> bool:
        """Whether it is on this machine, found out without reading it."""
        return True
