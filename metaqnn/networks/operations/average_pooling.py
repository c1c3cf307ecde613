"""Average pooling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.networks.operations.operation import KerasSettings, Run, Shape
from metaqnn.networks.operations.pooling import WindowPooling


@dataclass(frozen=True)
class AveragePooling(WindowPooling):
    """The mean of each window; of one that reaches over the edge, of what is inside."""

    name: ClassVar[str] = "average pooling"
    color: ClassVar[str] = "#f0e442"

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """AveragePooling1D or AveragePooling2D."""
        from keras import layers

        kind = layers.AveragePooling1D if len(self.size) == 1 else layers.AveragePooling2D
        return kind(self.size, self.stride, padding=self.padding, **settings.common())

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """One primitive."""
        return run.primitives.average_pooling(inputs[0], self.size, self.stride, self.padding)

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """One node; ONNX, too, counts only what is inside unless told otherwise."""
        return self._onnx(writer, "AveragePool", inputs[0])
