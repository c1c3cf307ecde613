"""What maximum and average pooling share: windows of some sides and strides, VALID or SAME."""

from dataclasses import dataclass
from typing import Literal

from metaqnn.errors import IllegalArchitectureError
from metaqnn.networks.operations.operation import Operation, Shape, require_image, sides
from metaqnn.networks.primitives.padding import same_pads, strided


@dataclass(frozen=True)
class WindowPooling(Operation):
    """One number of each channel for each window.

    Attributes:
        size: sides of the window, one for each side of the input.
        stride: from one window to the next, likewise.
        padding: `valid` has no window reach over the edge; `same` has one at every stride, and counts only what is
            inside.
    """

    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Literal["valid", "same"] = "valid"

    def shape(self, *inputs: Shape) -> Shape:
        """Sides by VALID padding, ceil((n - f + 1) / s), or by SAME, ceil(n / s); the channels stay."""
        require_image(inputs[0])
        *extents, channels = inputs[0]
        if len(extents) != len(self.size):
            raise IllegalArchitectureError(f"has {len(self.size)} sides, but its input has {len(extents)}")
        if self.padding == "same":
            return (*strided(tuple(extents), self.stride), channels)
        if any(extent < size for extent, size in zip(extents, self.size, strict=True)):
            raise IllegalArchitectureError(f"does not fit on an image of {'x'.join(map(str, extents))}")
        inside = tuple(extent - size + 1 for extent, size in zip(extents, self.size, strict=True))
        return (*strided(inside, self.stride), channels)

    def text(self) -> str:
        """Its window."""
        return sides(self.size)

    def _onnx(self, writer, operator: str, source: str) -> str:
        extents = writer.shape(source)[:-1]
        none = [0] * (2 * len(self.size))
        pads = none if self.padding == "valid" else same_pads(extents, self.size, self.stride)
        return writer.add(
            operator,
            writer.channels_first(source),
            channels_first=True,
            kernel_shape=list(self.size),
            strides=list(self.stride),
            pads=pads,
        )
