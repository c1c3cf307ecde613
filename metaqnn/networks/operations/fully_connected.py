"""Fully connected layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metaqnn.errors import IllegalArchitectureError
from metaqnn.networks.operations.activation import ActivationName, keras_activation, write_activation
from metaqnn.networks.operations.operation import KerasSettings, Operation, Run, Shape, Weight


@dataclass(frozen=True)
class FullyConnected(Operation):
    """A weighted sum of all numbers of a vector for each neuron.

    Attributes:
        neurons: how many.
        activation: of what comes out.
        has_bias: whether a number is added to each.
        is_output: whether it is the network's last, which computes in single precision whatever the others do.
    """

    neurons: int
    activation: ActivationName = "identity"
    has_bias: bool = True
    is_output: bool = False

    name: ClassVar[str] = "fully connected"
    color: ClassVar[str] = "#009e73"

    def shape(self, *inputs: Shape) -> Shape:
        """A number for each neuron."""
        if len(inputs[0]) != 1:
            raise IllegalArchitectureError(f"needs a vector, but an image of {'x'.join(map(str, inputs[0]))} comes in")
        return (self.neurons,)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        """The kernel, and the bias."""
        kernel = Weight((inputs[0][0], self.neurons), "glorot", decays=True)
        return (kernel, Weight((self.neurons,), "zeros")) if self.has_bias else (kernel,)

    def flops(self, *inputs: Shape) -> int:
        """Every input for every neuron."""
        return 2 * inputs[0][0] * self.neurons

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """Dense."""
        from keras import layers

        return layers.Dense(
            self.neurons,
            activation=keras_activation(self.activation),
            use_bias=self.has_bias,
            kernel_initializer=settings.initializer(0),
            kernel_regularizer=settings.regularizer,
            **settings.common() | ({"dtype": None} if self.is_output else {}),
        )

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """Multiply, add the bias, activate."""
        kernel, *bias = weights
        x = run.primitives.dense(inputs[0], kernel, bias[0] if bias else None)
        return run.primitives.activate(self.activation, x)

    def write_onnx(self, writer, weights: Sequence[np.ndarray], *inputs: str) -> str:
        """A Gemm."""
        kernel, *bias = weights
        constants = [writer.constant("kernel", kernel)] + [writer.constant("bias", numbers) for numbers in bias]
        return write_activation(writer, self.activation, writer.add("Gemm", inputs[0], *constants))

    def text(self) -> str:
        """How many neurons."""
        return str(self.neurons)
