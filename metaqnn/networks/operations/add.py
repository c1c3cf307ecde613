"""The sum of several outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from metaqnn.networks.operations.joining import require_same, write_joined
from metaqnn.networks.operations.operation import KerasSettings, Operation, Run, Shape


@dataclass(frozen=True)
class Add(Operation):
    """The sum, number by number."""

    name: ClassVar[str] = "add"
    color: ClassVar[str] = "#777777"

    def shape(self, *inputs: Shape) -> Shape:
        """That of all inputs."""
        require_same(inputs, also_channels=True)
        return inputs[0]

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """A layer of its own."""
        from keras import layers

        return layers.Add(**settings.common())

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """One after another, as Keras adds."""
        return reduce(lambda left, right: left + right, inputs)

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """One node."""
        return write_joined(writer, "Sum", inputs)
