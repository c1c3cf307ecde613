"""Maximum pooling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.networks.operations.operation import KerasSettings, Run, Shape
from metaqnn.networks.operations.pooling import WindowPooling


@dataclass(frozen=True)
class MaxPooling(WindowPooling):
    """The largest number of each window."""

    name: ClassVar[str] = "max pooling"
    color: ClassVar[str] = "#e69f00"

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """MaxPooling1D or MaxPooling2D."""
        from keras import layers

        kind = layers.MaxPooling1D if len(self.size) == 1 else layers.MaxPooling2D
        return kind(self.size, self.stride, padding=self.padding, **settings.common())

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """One primitive."""
        return run.primitives.max_pooling(inputs[0], self.size, self.stride, self.padding)

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """One node; what SAME adds never counts."""
        return self._onnx(writer, "MaxPool", inputs[0])
