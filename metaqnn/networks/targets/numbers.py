"""Numbers of an image: squared errors of standardised numbers, and R squared or the negative error in their unit."""

from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar, Literal

import numpy as np

from metaqnn.core import Score
from metaqnn.networks.targets.metrics import mean_absolute_error, r2, root_mean_squared_error
from metaqnn.networks.targets.target import Measured, Target

NumbersScore = Literal["r2", "negative_rmse"]


@dataclass(frozen=True)
class Numbers(Target):
    """Numbers that are predicted of an image. Targets are float64 of shape (N, numbers).

    A network learns them standardised, by the training part alone; its head undoes that.

    Attributes:
        mean: of each number over the training images.
        deviation: likewise, its standard deviation, above 0.
        measures: the name of the score.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    measures: NumbersScore = "r2"

    kind: ClassVar = "numbers"
    output: ClassVar = "numbers"

    @property
    def figures(self) -> tuple[str, ...]:  # type: ignore[override]
        """The other score, and the mean absolute error."""
        return ("negative_rmse" if self.measures == "r2" else "r2", "mean_absolute_error")

    @property
    def score(self) -> Score:
        """R squared, or the negative root mean squared error; a failure counts as the mean said to every image."""
        if self.measures == "r2":
            return Score("r2", "maximize", -inf, 1.0, 0.0, False, "best", "mean")
        failure = -sum(self.deviation) / len(self.deviation)
        return Score("negative_rmse", "maximize", -inf, 0.0, failure, False, "best", "mean")

    def facts(self) -> dict[str, Any]:
        """Everything but the names, so that a trained network can be used without its data."""
        mean, deviation = list(self.mean), list(self.deviation)
        return {"kind": self.kind, "mean": mean, "deviation": deviation, "score": self.measures}

    def encode(self, targets: np.ndarray) -> np.ndarray:
        """Standardised, as float32."""
        return ((targets - np.array(self.mean)) / np.array(self.deviation)).astype(np.float32)

    def losses(self, outputs: Any, wanted: Any) -> Any:
        """The squared error, as the mean over numbers."""
        from keras import ops

        return ops.mean(ops.square(outputs - ops.cast(wanted, outputs.dtype)), axis=-1)

    def sums(self, outputs: Any, wanted: Any) -> Any:
        """The squared errors of each number."""
        from keras import ops

        return ops.sum(ops.square(outputs - ops.cast(wanted, outputs.dtype)), axis=0)

    def no_sums(self) -> np.ndarray:
        """No error."""
        return np.zeros(self.outputs, np.float32)

    def training_score(self, sums: np.ndarray, count: int) -> float:
        """By definition of the standardised numbers, whose variance over the training images is 1."""
        errors = np.asarray(sums, np.float64) / count
        if self.measures == "r2":
            return float(1.0 - errors.mean())
        return float(-(np.sqrt(errors) * np.array(self.deviation)).mean())

    def measure(self, predictions: np.ndarray, targets: np.ndarray) -> Measured:
        """In the unit of the numbers."""
        found = {
            "r2": r2(predictions, targets),
            "negative_rmse": -root_mean_squared_error(predictions, targets),
            "mean_absolute_error": mean_absolute_error(predictions, targets),
        }
        return Measured(found[self.measures], {name: found[name] for name in self.figures})

    def measure_outputs(self, outputs: np.ndarray, targets: np.ndarray) -> Measured:
        """With the squared error of the standardised numbers."""
        with np.errstate(all="ignore"):  # of a network that diverged
            numbers = outputs.astype(np.float64) * np.array(self.deviation) + np.array(self.mean)
            measured = self.measure(numbers, targets)
            wanted = (targets - np.array(self.mean)) / np.array(self.deviation)
            return Measured(measured.score, measured.figures, float(np.square(outputs - wanted).mean()))

    def constant_loss(self, targets: np.ndarray) -> float:
        """The squared error of the mean of the training images, which is 0 when standardised."""
        return float(np.square((targets - np.array(self.mean)) / np.array(self.deviation)).mean())

    def head(self) -> Any:
        """The standardisation undone."""
        import keras

        return keras.layers.Rescaling(list(self.deviation), list(self.mean), name=self.output)

    def write_head(self, writer: Any, source: str) -> str:
        """A Mul and an Add."""
        scaled = writer.add("Mul", source, writer.constant("deviation", self.deviation))
        return writer.add("Add", scaled, writer.constant("mean", self.mean))

    def best_members(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """The negative squared error of the standardised numbers."""
        return -float(np.square((predictions - targets) / np.array(self.deviation)).mean())

    def turned(self, before: np.ndarray, after: np.ndarray, tolerance: float) -> np.ndarray:
        """None: a number has no sides."""
        return np.zeros(len(before), bool)

    def scale(self) -> np.ndarray:
        """The standard deviations, or the size of the numbers where that is larger: single precision has 7 digits."""
        return np.maximum(np.array(self.deviation), 1e-3 * np.abs(np.array(self.mean)))
