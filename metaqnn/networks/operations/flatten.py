"""From an image to a vector."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.networks.operations.operation import KerasSettings, Operation, Run, Shape


@dataclass(frozen=True)
class Flatten(Operation):
    """All numbers in a row: row by row, pixel by pixel, channel by channel."""

    name: ClassVar[str] = "flatten"
    kept: ClassVar[float] = 0.0  # another view of the same numbers

    def shape(self, *inputs: Shape) -> Shape:
        """One long side."""
        return (math.prod(inputs[0]),)

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """A layer without settings."""
        from keras import layers

        return layers.Flatten(name=settings.name)

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """A reshape."""
        return run.primitives.flatten(inputs[0])

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """Channels last, in whose order the weights of what follows are."""
        return writer.add("Flatten", writer.channels_last(inputs[0]), axis=1)
