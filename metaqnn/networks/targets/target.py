"""The contract of a target: what of training, measuring and using a network depends on what it predicts."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from metaqnn.core import Score, TargetKind


@dataclass(frozen=True)
class Measured:
    """How good predictions are.

    Attributes:
        score: by the target's score.
        figures: what else was measured, by name.
        loss: the mean over examples of what is trained on, without penalties; NaN where it was not asked for.
    """

    score: float
    figures: Mapping[str, float] = field(default_factory=dict)
    loss: float = float("nan")


@dataclass(frozen=True)
class Target(ABC):
    """What is predicted of an image.

    A network ends with one output a class, label or number (`SM(n)`), without an activation of its own; the losses take
    these outputs as they are, and `head` is what turns them into what people use.

    Attributes:
        names: of the classes, labels or numbers, in the order of the outputs.
    """

    names: tuple[str, ...]

    kind: ClassVar[TargetKind]
    output: ClassVar[str]
    """What the predictions are called in exported files."""

    figures: ClassVar[tuple[str, ...]] = ()
    """What is measured beside the score."""

    @property
    def outputs(self) -> int:
        """How many outputs a network has."""
        return len(self.names)

    @property
    @abstractmethod
    def score(self) -> Score:
        """The score that architectures are compared by."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What a database records of it, as JSON-like values; `recorded_target` reads it."""

    @abstractmethod
    def encode(self, targets: np.ndarray) -> np.ndarray:
        """Targets as data have them, shape (N,) or (N, outputs), as `losses` and `sums` take them."""

    @abstractmethod
    def losses(self, outputs: Any, wanted: Any) -> Any:
        """What is trained on: tensors (n, outputs) and encoded targets to a loss each, (n,), in operations of Keras."""

    @abstractmethod
    def sums(self, outputs: Any, wanted: Any) -> Any:
        """What `training_score` adds up over batches, a tensor like `no_sums`, in operations of Keras."""

    @abstractmethod
    def no_sums(self) -> np.ndarray:
        """What `sums` gives of no example."""

    @abstractmethod
    def training_score(self, sums: np.ndarray, count: int) -> float:
        """The score on `count` examples while they were trained on."""

    @abstractmethod
    def measure(self, predictions: np.ndarray, targets: np.ndarray) -> Measured:
        """The score and the figures of predictions.

        Args:
            predictions: as a network with its `head` gives them, shape (N, outputs).
            targets: as data have them.
        """

    @abstractmethod
    def measure_outputs(self, outputs: np.ndarray, targets: np.ndarray) -> Measured:
        """The same of outputs without the head, with the loss."""

    def constant_loss(self, targets: np.ndarray) -> float | None:
        """The loss of the best answer that does not look at the images, which a network that learns stays below.

        None: that is told by the score, as the paper tells it.
        """
        return None

    @abstractmethod
    def head(self) -> Any:
        """The Keras layer from the outputs of a network to predictions; its name is `output`."""

    @abstractmethod
    def write_head(self, writer: Any, source: str) -> str:
        """The same as nodes of an `OnnxWriter`.

        Args:
            writer: the graph being written.
            source: name of the network's outputs in it.

        Returns:
            the name of the predictions.
        """

    @abstractmethod
    def best_members(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """What tells apart ensembles of equal score; more is better.

        Args:
            predictions: of an ensemble, float64 of shape (N, outputs).
            targets: as data have them.
        """

    @abstractmethod
    def turned(self, before: np.ndarray, after: np.ndarray, tolerance: float) -> np.ndarray:
        """Of which images an export says something else, although the original is clear, bool (N,)."""

    def scale(self) -> np.ndarray | float:
        """By what differences of predictions are divided before they are compared with a tolerance."""
        return 1.0
