"""Convolutions: plain, strided and dilated, over images and signals."""

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
class Convolution(Operation):
    """Filters with SAME padding, a bias, and an activation.

    Attributes:
        filters: how many.
        size: sides of the receptive field, one for each side of the input.
        stride: likewise, in pixels.
        dilation: likewise, from one tap of a filter to the next, in pixels; only where every stride is 1.
        activation: of what comes out.
        has_bias: whether a number is added to each channel.
    """

    filters: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...] = ()
    activation: ActivationName = "identity"
    has_bias: bool = True

    name: ClassVar[str] = "convolution"
    color: ClassVar[str] = "#0072b2"

    def shape(self, *inputs: Shape) -> Shape:
        """Sides by SAME padding, and a channel for each filter."""
        require_image(inputs[0])
        if len(inputs[0]) != len(self.size) + 1:
            raise IllegalArchitectureError(f"has {len(self.size)} sides, but its input has {len(inputs[0]) - 1}")
        if max(self.dilation, default=1) > 1 and max(self.stride) > 1:
            raise IllegalArchitectureError("is both strided and dilated, which no framework computes")
        return (*strided(inputs[0][:-1], self.stride), self.filters)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        """The kernel, and the bias."""
        kernel = Weight((*self.size, inputs[0][-1], self.filters), "glorot", decays=True)
        return (kernel, Weight((self.filters,), "zeros")) if self.has_bias else (kernel,)

    def flops(self, *inputs: Shape) -> int:
        """At every position, every filter."""
        return 2 * positions(self.shape(*inputs)) * int(np.prod(self.size)) * inputs[0][-1] * self.filters

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """Conv1D or Conv2D."""
        from keras import layers

        kind = layers.Conv1D if len(self.size) == 1 else layers.Conv2D
        return kind(
            self.filters,
            self.size,
            self.stride,
            padding="same",
            dilation_rate=self._dilation,
            activation=keras_activation(self.activation),
            use_bias=self.has_bias,
            kernel_initializer=settings.initializer(0),
            kernel_regularizer=settings.regularizer,
            **settings.common(),
        )

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """Convolve, add the bias, activate."""
        kernel, *bias = weights
        x = run.primitives.convolution(inputs[0], kernel, bias[0] if bias else None, self.stride, self._dilation)
        return run.primitives.activate(self.activation, x)

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """Channels first, as ONNX has them."""
        kernel, *bias = weights
        rank = len(self.size)
        constants = [writer.constant("kernel", kernel.transpose(rank + 1, rank, *range(rank)))]
        constants += [writer.constant("bias", numbers) for numbers in bias]
        source = writer.channels_first(inputs[0])
        reach = [(size - 1) * dilation + 1 for size, dilation in zip(self.size, self._dilation, strict=True)]
        pads = same_pads(writer.shape(inputs[0])[:-1], reach, self.stride)
        out = writer.add(
            "Conv",
            source,
            *constants,
            channels_first=True,
            strides=list(self.stride),
            pads=pads,
            dilations=list(self._dilation),
        )
        return write_activation(writer, self.activation, out)

    def text(self) -> str:
        """Its receptive field."""
        return sides(self.size)

    @property
    def _dilation(self) -> tuple[int, ...]:
        return self.dilation or (1,) * len(self.size)
