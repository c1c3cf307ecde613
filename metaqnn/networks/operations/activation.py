"""Activations: what stands between two layers, number by number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from metaqnn.networks.operations.operation import KerasSettings, Operation, Run, Shape

ActivationName = Literal["identity", "relu", "selu", "tanh", "sigmoid"]
"""ReLU; the scaled exponential linear unit of Klambauer et al. (NeurIPS 2017); tanh; the logistic function."""

ACTIVATIONS: tuple[ActivationName, ...] = get_args(ActivationName)

_ONNX = {"relu": "Relu", "selu": "Selu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


@dataclass(frozen=True)
class Activation(Operation):
    """A function of each number by itself."""

    function: ActivationName = "relu"

    name: ClassVar[str] = "activation"
    color: ClassVar[str] = "#bbbbbb"

    def shape(self, *inputs: Shape) -> Shape:
        """That of its input."""
        return inputs[0]

    def keras_layer(self, settings: KerasSettings, *inputs: Shape):
        """A layer of its own."""
        from keras import layers

        if self.function == "relu":
            return layers.ReLU(**settings.common())
        return layers.Activation(keras_activation(self.function) or "linear", **settings.common())

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """As the last step of other operations."""
        return run.primitives.activate(self.function, inputs[0])

    def write_onnx(self, writer, weights, *inputs: str) -> str:
        """As the last step of other operations."""
        return write_activation(writer, self.function, inputs[0])

    def text(self) -> str:
        """Its name."""
        return self.function


def keras_activation(function: ActivationName) -> str | None:
    """Keras's name of it; None for the identity."""
    return None if function == "identity" else function


def write_activation(writer: Any, function: ActivationName, source: str) -> str:
    """It, as a node of an ONNX graph; returns the name of what comes out. ONNX's constants of SELU are Keras's."""
    if function == "identity":
        return source
    return writer.add(_ONNX[function], source, channels_first=writer.is_channels_first(source))
