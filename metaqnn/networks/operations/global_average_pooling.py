"""Global average pooling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.networks.operations.operation import KerasSettings, Operation, Run, Shape, require_image


@dataclass(frozen=True)
class GlobalAveragePooling(Operation):
    """The mean of each channel over all positions: a vector."""

    name: ClassVar[str] = "global average pooling"
    color: ClassVar[str] = "#cc79a7"
    kept: ClassVar[float] = 0.0  # nothing that the backward pass needs

    def shape(self, *inputs: Shape) -> Shape:
        """A number for each channel."""
        require_image(inputs[0])
        return inputs[0][-1:]

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """GlobalAveragePooling1D or GlobalAveragePooling2D."""
        from keras import layers

        kind = layers.GlobalAveragePooling1D if len(inputs[0]) == 2 else layers.GlobalAveragePooling2D
        return kind(**settings.common())

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """One primitive."""
        return run.primitives.global_average_pooling(inputs[0])

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """A mean that leaves sides of one, and those taken off."""
        out = writer.add("GlobalAveragePool", writer.channels_first(inputs[0]), channels_first=True)
        return writer.add("Flatten", out, axis=1)
