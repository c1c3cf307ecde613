"""Depthwise separable convolutions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.errors import IllegalArchitectureError
from metaqnn.networks.operations.activation import ActivationName, keras_activation, write_activation
from metaqnn.networks.operations.operation import (
    KerasSettings,
    Operation,
    Run,
    Shape,
    Weight,
    positions,
    require_image,
    sides,
)
from metaqnn.networks.primitives.padding import same_pads, strided


@dataclass(frozen=True)
class SeparableConvolution(Operation):
    """A filter for each channel, and then filters of one pixel over all channels (Chollet, CVPR 2017).

    Attributes:
        filters: how many of one pixel.
        size: sides of the receptive field, one for each side of the input.
        stride: in pixels, along every side.
        activation: of what comes out.
        has_bias: whether a number is added to each channel.
    """

    filters: int
    size: tuple[int, ...]
    stride: int = 1
    activation: ActivationName = "identity"
    has_bias: bool = True

    name: ClassVar[str] = "separable convolution"
    color: ClassVar[str] = "#56b4e9"
    kept: ClassVar[float] = 2.0  # what the first filters give is kept, too; it has about as many numbers

    def shape(self, *inputs: Shape) -> Shape:
        """Sides by SAME padding, and a channel for each filter."""
        require_image(inputs[0])
        if len(inputs[0]) != len(self.size) + 1:
            raise IllegalArchitectureError(f"has {len(self.size)} sides, but its input has {len(inputs[0]) - 1}")
        return (*strided(inputs[0][:-1], self._strides), self.filters)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        """The kernel of each channel, the kernel of one pixel, and the bias."""
        channels = inputs[0][-1]
        depthwise = Weight((*self.size, channels, 1), "glorot", decays=True)
        pointwise = Weight((*(1,) * len(self.size), channels, self.filters), "glorot", decays=True)
        bias = (Weight((self.filters,), "zeros"),) if self.has_bias else ()
        return (depthwise, pointwise, *bias)

    def flops(self, *inputs: Shape) -> int:
        """Of both."""
        channels = inputs[0][-1]
        return 2 * positions(self.shape(*inputs)) * channels * (int(np.prod(self.size)) + self.filters)

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """SeparableConv1D or SeparableConv2D."""
        from keras import layers

        kind = layers.SeparableConv1D if len(self.size) == 1 else layers.SeparableConv2D
        return kind(
            self.filters,
            self.size,
            self.stride,
            padding="same",
            activation=keras_activation(self.activation),
            use_bias=self.has_bias,
            depthwise_initializer=settings.initializer(0),
            pointwise_initializer=settings.initializer(1),
            depthwise_regularizer=settings.regularizer,
            pointwise_regularizer=settings.regularizer,
            **settings.common(),
        )

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """Convolve each channel, then all; add the bias, activate."""
        depthwise, pointwise, *bias = weights
        x = run.primitives.separable_convolution(
            inputs[0], depthwise, pointwise, bias[0] if bias else None, self.stride
        )
        return run.primitives.activate(self.activation, x)

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """A convolution in as many groups as there are channels, and one of one pixel."""
        depthwise, pointwise, *bias = weights
        rank, shape = len(self.size), writer.shape(inputs[0])
        first = writer.constant("depthwise", depthwise.transpose(rank, rank + 1, *range(rank)))
        constants = [writer.constant("pointwise", pointwise.transpose(rank + 1, rank, *range(rank)))]
        constants += [writer.constant("bias", numbers) for numbers in bias]
        out = writer.add(
            "Conv",
            writer.channels_first(inputs[0]),
            first,
            channels_first=True,
            group=shape[-1],
            strides=list(self._strides),
            pads=same_pads(shape[:-1], self.size, self._strides),
        )
        return write_activation(writer, self.activation, writer.add("Conv", out, *constants, channels_first=True))

    def text(self) -> str:
        """Its receptive field."""
        return sides(self.size)

    @property
    def _strides(self) -> tuple[int, ...]:
        return (self.stride,) * len(self.size)
