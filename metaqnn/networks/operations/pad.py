"""Zeros around an image, so that it is as large as another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.errors import IllegalArchitectureError
from metaqnn.networks.operations.operation import KerasSettings, Operation, Run, Shape, require_image


@dataclass(frozen=True)
class Pad(Operation):
    """Zeros on both sides, the odd one after.

    Attributes:
        sides: of what comes out, one for each side of the input and none smaller.
    """

    sides: tuple[int, ...]

    name: ClassVar[str] = "pad"

    def shape(self, *inputs: Shape) -> Shape:
        """The sides asked for; the channels stay."""
        require_image(inputs[0])
        if len(self.sides) != len(inputs[0]) - 1 or any(map(int.__gt__, inputs[0], self.sides)):
            raise IllegalArchitectureError(
                f"pads to {'x'.join(map(str, self.sides))}, but {'x'.join(map(str, inputs[0]))} comes in"
            )
        return (*self.sides, inputs[0][-1])

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """ZeroPadding1D or ZeroPadding2D."""
        from keras import layers

        pads = self._pads(inputs[0])
        if len(pads) == 1:
            return layers.ZeroPadding1D(pads[0], **settings.common())
        return layers.ZeroPadding2D(tuple(pads), **settings.common())

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """One primitive."""
        return run.primitives.pad(inputs[0], [(0, 0), *self._pads(inputs[0].shape[1:]), (0, 0)])

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """One node; batch and channels first, all that is added before, and then all after."""
        pads = self._pads(writer.shape(inputs[0]))
        before, after = ([0, 0, *(pad[end] for pad in pads)] for end in (0, 1))
        widths = writer.constant("pads", before + after, kind="int64")
        return writer.add("Pad", writer.channels_first(inputs[0]), widths, channels_first=True)

    def _pads(self, shape: Shape) -> list[tuple[int, int]]:
        added = [wanted - extent for wanted, extent in zip(self.sides, shape, strict=False)]
        return [(each // 2, each - each // 2) for each in added]
