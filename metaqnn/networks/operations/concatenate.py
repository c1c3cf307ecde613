"""Several outputs beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.networks.operations.joining import require_same, write_joined
from metaqnn.networks.operations.operation import KerasSettings, Operation, Run, Shape


@dataclass(frozen=True)
class Concatenate(Operation):
    """All channels, those of the first input first."""

    name: ClassVar[str] = "concatenate"
    color: ClassVar[str] = "#777777"

    def shape(self, *inputs: Shape) -> Shape:
        """The sides of all inputs, and the sum of their channels."""
        require_same(inputs, also_channels=False)
        return (*inputs[0][:-1], sum(shape[-1] for shape in inputs))

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """A layer of its own."""
        from keras import layers

        return layers.Concatenate(**settings.common())

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """One primitive."""
        return run.primitives.concatenate(inputs)

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """One node."""
        return write_joined(writer, "Concat", inputs, axis=1)
