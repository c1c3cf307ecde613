"""One class an image: a softmax, and the accuracy."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.core import Score
from metaqnn.networks.targets.target import Measured, Target


def accuracy(classes: int) -> Score:
    """The validation accuracy over so many classes; a failure counts as chance."""
    return Score("accuracy", "maximize", 0.0, 1.0, 1.0 / classes, True, "best", "chance")


@dataclass(frozen=True)
class Classes(Target):
    """Several classes, of which an image has one. Targets are int64 of shape (N,), indices into `names`."""

    kind: ClassVar = "classes"
    output: ClassVar = "probabilities"

    @property
    def score(self) -> Score:
        """The accuracy."""
        return accuracy(self.outputs)

    def facts(self) -> dict[str, Any]:
        """Nothing: databases from before there were other targets say nothing, and mean this one."""
        return {}

    def encode(self, targets: np.ndarray) -> np.ndarray:
        """As int32."""
        return targets.astype(np.int32)

    def losses(self, outputs: Any, wanted: Any) -> Any:
        """The cross-entropy."""
        from keras import ops

        return ops.sparse_categorical_crossentropy(wanted, outputs, from_logits=True)

    def sums(self, outputs: Any, wanted: Any) -> Any:
        """How many are classified rightly."""
        from keras import ops

        return ops.sum(ops.cast(ops.equal(ops.cast(ops.argmax(outputs, -1), "int32"), wanted), "int32"))

    def no_sums(self) -> np.ndarray:
        """None is classified rightly."""
        return np.zeros((), np.int32)

    def training_score(self, sums: np.ndarray, count: int) -> float:
        """Their share."""
        return float(sums) / count

    def measure(self, predictions: np.ndarray, targets: np.ndarray) -> Measured:
        """The share of images whose largest probability is at their class."""
        return Measured(float(np.count_nonzero(predictions.argmax(axis=1) == targets) / len(targets)))

    def measure_outputs(self, outputs: np.ndarray, targets: np.ndarray) -> Measured:
        """With the cross-entropy."""
        logits = outputs.astype(np.float64)
        shifted = logits - logits.max(axis=1, keepdims=True)
        losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(targets)), targets]
        return Measured(self.measure(outputs, targets).score, {}, float(losses.mean()))

    def head(self) -> Any:
        """A softmax."""
        import keras

        return keras.layers.Softmax(name=self.output)

    def write_head(self, writer: Any, source: str) -> str:
        """A Softmax."""
        return writer.add("Softmax", source, axis=-1)

    def best_members(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """The mean log-probability of the class."""
        right = predictions[np.arange(len(targets)), targets]
        return float(np.log(np.maximum(right, 1e-12)).mean())

    def turned(self, before: np.ndarray, after: np.ndarray, tolerance: float) -> np.ndarray:
        """Another class, although the original's two likeliest differ by more than the tolerance."""
        ordered = np.sort(before, axis=1)
        is_clear = ordered[:, -1] - ordered[:, -2] > tolerance
        return is_clear & (before.argmax(axis=1) != after.argmax(axis=1))
