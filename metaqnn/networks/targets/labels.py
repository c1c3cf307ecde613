"""Several labels an image, or none: a sigmoid each, and the share of images whose labels are all right."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.core import Score
from metaqnn.networks.targets.metrics import exact_match, mean_average_precision
from metaqnn.networks.targets.target import Measured, Target

THRESHOLD = 0.5
"""Of a probability above which a label is said to hold."""

_LEAST = 1e-7
"""Of the probability of a label in a constant answer, so that one that never held in training has a finite loss."""


@dataclass(frozen=True)
class Labels(Target):
    """Labels of which an image has any number. Targets are int64 of shape (N, labels), 1 where a label holds.

    Attributes:
        majority: share of the training images that have the commonest set of labels: what answering that set to every
            image reaches.
        frequencies: of each label among the training images; empty where only predictions are measured.
    """

    majority: float = 0.0
    frequencies: tuple[float, ...] = ()

    kind: ClassVar = "labels"
    output: ClassVar = "probabilities"
    figures: ClassVar = ("mean_average_precision",)

    @property
    def score(self) -> Score:
        """Exact match; a failure counts as the commonest set of labels said to every image."""
        return Score("exact_match", "maximize", 0.0, 1.0, self.majority, True, "best", "majority")

    def facts(self) -> dict[str, Any]:
        """The kind, and what a failure counts as."""
        return {"kind": self.kind, "majority": self.majority}

    def encode(self, targets: np.ndarray) -> np.ndarray:
        """As float32."""
        return targets.astype(np.float32)

    def losses(self, outputs: Any, wanted: Any) -> Any:
        """The binary cross-entropy, as the mean over labels."""
        from keras import ops

        return ops.mean(ops.binary_crossentropy(ops.cast(wanted, outputs.dtype), outputs, from_logits=True), axis=-1)

    def sums(self, outputs: Any, wanted: Any) -> Any:
        """How many images are right in every label."""
        from keras import ops

        return ops.sum(ops.cast(ops.all(ops.equal(outputs > 0, wanted > 0), axis=-1), "int32"))

    def no_sums(self) -> np.ndarray:
        """None is right."""
        return np.zeros((), np.int32)

    def training_score(self, sums: np.ndarray, count: int) -> float:
        """Their share."""
        return float(sums) / count

    def measure(self, predictions: np.ndarray, targets: np.ndarray) -> Measured:
        """Exact match at a threshold of 0.5, and the mean average precision."""
        found = mean_average_precision(predictions, targets)
        return Measured(exact_match(predictions > THRESHOLD, targets), {self.figures[0]: found})

    def measure_outputs(self, outputs: np.ndarray, targets: np.ndarray) -> Measured:
        """With the binary cross-entropy. A probability is above 0.5 where its output is above 0, and orders alike."""
        found, numbers = mean_average_precision(outputs, targets), outputs.astype(np.float64)
        with np.errstate(all="ignore"):  # of a network that diverged
            losses = np.logaddexp(0.0, numbers) - numbers * targets
        return Measured(exact_match(outputs > 0, targets), {self.figures[0]: found}, float(losses.mean()))

    def constant_loss(self, targets: np.ndarray) -> float:
        """The binary cross-entropy of the frequencies of the training images."""
        said = np.clip(np.array(self.frequencies), _LEAST, 1 - _LEAST)
        return float(-(targets * np.log(said) + (1 - targets) * np.log1p(-said)).mean())

    def head(self) -> Any:
        """A sigmoid."""
        import keras

        return keras.layers.Activation("sigmoid", name=self.output)

    def write_head(self, writer: Any, source: str) -> str:
        """A Sigmoid."""
        return writer.add("Sigmoid", source)

    def best_members(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """The mean log-probability of what holds, over images and labels."""
        right = np.where(targets > 0, predictions, 1.0 - predictions)
        return float(np.log(np.maximum(right, 1e-12)).mean())

    def turned(self, before: np.ndarray, after: np.ndarray, tolerance: float) -> np.ndarray:
        """A label that is said now and was not, or the reverse, where it was clear."""
        is_clear = np.abs(before - THRESHOLD) > tolerance
        return (is_clear & ((before > THRESHOLD) != (after > THRESHOLD))).any(axis=1)
