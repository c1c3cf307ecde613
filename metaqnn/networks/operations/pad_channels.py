"""Channels of zeros behind those of an image, so that it has as many as another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.errors import IllegalArchitectureError
from metaqnn.networks.operations.operation import KerasSettings, Operation, Run, Shape, require_image


@dataclass(frozen=True)
class PadChannels(Operation):
    """As residual networks widen what goes around a layer (He et al., CVPR 2016, option A).

    Attributes:
        channels: of what comes out, no fewer than come in.
    """

    channels: int

    name: ClassVar[str] = "pad channels"

    def shape(self, *inputs: Shape) -> Shape:
        """The channels asked for; the sides stay."""
        require_image(inputs[0])
        if self.channels < inputs[0][-1]:
            raise IllegalArchitectureError(f"pads to {self.channels} channels, but {inputs[0][-1]} come in")
        return (*inputs[0][:-1], self.channels)

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """ZeroPadding1D or ZeroPadding2D, told that what we call the last side is one of an image's."""
        from keras import layers

        added = (0, self.channels - inputs[0][-1])
        if len(inputs[0]) == 2:
            return layers.ZeroPadding1D(added, data_format="channels_first", **settings.common())
        return layers.ZeroPadding2D(((0, 0), added), data_format="channels_first", **settings.common())

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """One primitive."""
        x = inputs[0]
        return run.primitives.pad(x, [(0, 0)] * (len(x.shape) - 1) + [(0, self.channels - x.shape[-1])])

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """One node; batch and channels first, all that is added before, and then all after."""
        *extents, channels = writer.shape(inputs[0])
        none = [0] * len(extents)
        widths = writer.constant("pads", [0, 0, *none, 0, self.channels - channels, *none], kind="int64")
        return writer.add("Pad", writer.channels_first(inputs[0]), widths, channels_first=True)

    def text(self) -> str:
        """How many there are then."""
        return f"to {self.channels}"
