"""Batch normalisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.networks.operations.operation import KerasSettings, Operation, Run, Shape, Weight

MOMENTUM = 0.9
"""Of the running mean and variance: with Keras's 0.99 a training of few steps ends before they are those of its network
(240 steps of digits: chance)."""

EPSILON = 1e-3
"""Keras's: what is added to a variance."""


@dataclass(frozen=True)
class BatchNormalization(Operation):
    """Each channel to mean 0 and variance 1 over the batch, then by a scale and an offset (Ioffe & Szegedy, 2015)."""

    name: ClassVar[str] = "batch normalisation"
    color: ClassVar[str] = "#d55e00"
    casts_weights: ClassVar[bool] = False

    def shape(self, *inputs: Shape) -> Shape:
        """That of its input."""
        return inputs[0]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        """Scale, offset, and running mean and variance."""
        width = inputs[0][-1:]
        return (
            Weight(width, "ones"),
            Weight(width, "zeros"),
            Weight(width, "zeros", is_trained=False),
            Weight(width, "ones", is_trained=False),
        )

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """A layer of its own."""
        from keras import layers

        return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, **settings.common())

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """In single precision, as Keras does; in training the running numbers follow the batch's.

        The weights are the variables themselves: two of them are written to.
        """
        return run.primitives.batch_normalization(inputs[0], weights, run.is_training, MOMENTUM, EPSILON)

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """One node."""
        constants = [writer.constant("normalization", numbers) for numbers in weights]
        is_vector = len(writer.shape(inputs[0])) == 1
        source = inputs[0] if is_vector else writer.channels_first(inputs[0])
        return writer.add("BatchNormalization", source, *constants, channels_first=not is_vector, epsilon=EPSILON)
