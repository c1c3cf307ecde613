"""Dropout."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.networks.operations.operation import KerasSettings, Operation, Run, Shape
from metaqnn.networks.primitives.primitives import Primitives


@dataclass(frozen=True)
class Dropout(Operation):
    """In training, numbers become 0 at random, and the others larger by as much (Srivastava et al., JMLR 2014).

    Attributes:
        rate: the share that becomes 0, above 0 and below 1.
    """

    rate: float

    name: ClassVar[str] = "dropout"
    kept: ClassVar[float] = 1.25  # what comes out, and a mask of a byte each

    def shape(self, *inputs: Shape) -> Shape:
        """That of its input."""
        return inputs[0]

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """A layer of its own, with a seed."""
        from keras import layers

        kind = layers.Dropout if settings.masks is None else _masked(settings.masks)
        return kind(self.rate, seed=settings.dropout_seed, **settings.common())

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """The masks of the seed and step, which are Keras's but with TensorFlow."""
        if not run.is_training:
            return inputs[0]
        return run.primitives.dropout(inputs[0], self.rate, run.dropout_seed, run.step)

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """Nothing: a network in use drops nothing."""
        return inputs[0]

    def text(self) -> str:
        """Its rate."""
        return f"{self.rate:.3g}"


def _masked(masks: Primitives) -> type:
    """Keras's layer of dropout, but for the masks."""
    from keras import layers, ops

    class Dropout(layers.Dropout):
        def call(self, inputs, training=False):
            if not training:
                return inputs
            seed, step = ops.unstack(ops.cast(self.seed_generator.next(), "int32"))
            return masks.dropout(inputs, self.rate, seed, step)

    return Dropout
