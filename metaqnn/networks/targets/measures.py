"""The loss and the sums of a target as Keras trains and measures with them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from metaqnn.networks.targets.classes import Classes
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


def as_columns(target: Target, targets: np.ndarray) -> np.ndarray:
    """Targets as the losses of `smoothed_measures` take them: classes as a column each, others encoded."""
    import keras

    if isinstance(target, Classes):
        return keras.utils.to_categorical(targets, target.outputs)
    return target.encode(targets)


def smoothed_measures(target: Target, smoothing: float) -> dict[str, Any]:
    """The loss and the metrics of a model that is retrained; `smoothing` as of `target_loss`, of classes over all."""
    import keras

    if isinstance(target, Classes):
        # Penalties and smoothing are part of the loss in validation too: the cross-entropy is measured beside it.
        return {
            "loss": keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing),
            "metrics": ["accuracy", keras.metrics.CategoricalCrossentropy("cross_entropy", from_logits=True)],
        }
    return {"loss": target_loss(target, smoothing), "metrics": [target_sums(target)]}


def plain_measures(target: Target) -> dict[str, Any]:
    """The loss and the metrics of a candidate's model; targets encoded."""
    import keras

    if isinstance(target, Classes):
        # Keras adds the penalty of weight decay to its loss in validation too, so that is measured beside it.
        return {
            "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "metrics": ["accuracy", keras.metrics.SparseCategoricalCrossentropy("cross_entropy", from_logits=True)],
        }
    return {"loss": target_loss(target), "metrics": [target_sums(target)]}
