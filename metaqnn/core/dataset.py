"""The contract of a data set: where examples and targets come from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from metaqnn.core.options import NoOptions
from metaqnn.errors import DataError, counted

if TYPE_CHECKING:
    import numpy as np


TargetKind = Literal["classes", "labels", "numbers"]
"""What is to be predicted of an example: the one class it is of, the labels it has, or numbers."""


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
        targets: int64 of shape (N,), each an index into `class_names`: one class an example; int64 of shape
            (N, labels), 1 where a label holds and else 0: several labels an example, or none; or float64 of shape
            (N, numbers), all finite: numbers that are to be predicted.
        class_names: one name a class (at least two), label or number; the same for both parts.
        notes: what was noticed while it was read.

    Raises:
        DataError: the arrays do not have this form.
    """

    inputs: "np.ndarray"
    targets: "np.ndarray"
    class_names: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        inputs, targets, names = self.inputs, self.targets, len(self.class_names)
        if inputs.ndim < 2 or 0 in inputs.shape[1:]:
            raise DataError(f"expected examples of shape (number, ...), got {inputs.dtype} of shape {inputs.shape}")
        self._check_form()
        if len(inputs) != len(targets):
            raise DataError(
                f"expected one label for each example, got {counted(len(inputs), 'example')}, "
                f"{counted(len(targets), 'label')}"
            )
        if not len(inputs):
            raise DataError("expected at least one example, got none")
        if self.kind == "classes" and names < 2:
            raise DataError(f"expected at least two classes, got {names}")
        self._check_values()

    @property
    def kind(self) -> TargetKind:
        """What the targets are, as their type and their shape say."""
        if str(self.targets.dtype) == "float64":
            return "numbers"
        return "classes" if self.targets.ndim == 1 else "labels"

    def _check_form(self) -> None:
        """Refuse targets of another type or shape."""
        targets, names = self.targets, len(self.class_names)
        is_row_each = targets.shape[1:] == (names,) and names
        if not (
            (str(targets.dtype) == "int64" and (targets.ndim == 1 or is_row_each))
            or (str(targets.dtype) == "float64" and is_row_each)
        ):
            raise DataError(
                f"expected int64 labels of shape (number,) or (number, {names}), or float64 numbers of shape "
                f"(number, {names}), got {targets.dtype} of shape {targets.shape}"
            )

    def _check_values(self) -> None:
        """Refuse values that targets of the kind cannot have."""
        low, high = self.targets.min(), self.targets.max()
        if self.kind == "numbers":
            if not (isfinite(low) and isfinite(high)):
                raise DataError("expected numbers that are finite, got one that is not")
            return
        most = len(self.class_names) if self.kind == "classes" else 2
        if low < 0 or high >= most:
            raise DataError(f"expected labels from 0 to {most - 1}, got {low} to {high}")


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
