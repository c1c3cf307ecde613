"""The product of several outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from metaqnn.networks.operations.joining import require_same, write_joined
from metaqnn.networks.operations.operation import KerasSettings, Operation, Run, Shape


@dataclass(frozen=True)
class Multiply(Operation):
    """The product, number by number."""

    name: ClassVar[str] = "multiply"
    color: ClassVar[str] = "#555555"

    def shape(self, *inputs: Shape) -> Shape:
        """That of all inputs."""
        require_same(inputs, also_channels=True)
        return inputs[0]

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """A layer of its own."""
        from keras import layers

        return layers.Multiply(**settings.common())

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """One after another, as Keras multiplies."""
        return reduce(lambda left, right: left * right, inputs)

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """A node for each two."""
        product, *others = inputs
        for other in others:
            shape = writer.shape(product)
            product = write_joined(writer, "Mul", (product, other))
            writer.known(product, shape)
        return product
