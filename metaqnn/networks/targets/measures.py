"""The loss and the sums of a target as Keras trains and measures with them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from metaqnn.networks.targets.target import Target


def target_loss(target: Target, smoothing: float = 0.0) -> Callable[[Any, Any], Any]:
    """The loss of each example of a batch, from encoded targets and outputs.

    Args:
        target: labels or numbers.
        smoothing: share of labels that is spread over both answers; numbers have none.
    """

    def loss(wanted: Any, outputs: Any) -> Any:
        if smoothing and target.kind == "labels":
            wanted = wanted * (1.0 - smoothing) + 0.5 * smoothing
        return target.losses(outputs, wanted)

    return loss


def target_sums(target: Target) -> Any:
    """A metric that adds a target's sums up; `total()` is what they came to since the epoch began."""
    import keras

    class Sums(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="sums", dtype="float32")
            self._sums = self.add_weight(shape=target.no_sums().shape, initializer="zeros", name="sums")

        def update_state(self, y_true, y_pred, sample_weight=None):
            sums = target.sums(keras.ops.cast(y_pred, "float32"), keras.ops.cast(y_true, "float32"))
            self._sums.assign_add(keras.ops.cast(sums, "float32"))

        def result(self):
            return keras.ops.sum(self._sums)

        def total(self) -> np.ndarray:
            return keras.ops.convert_to_numpy(self._sums)

    return Sums()
