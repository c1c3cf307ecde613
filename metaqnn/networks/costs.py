"""Shapes, parameters and FLOPs of an architecture, without building a model.

Parameters are weights and biases and equal Keras's `count_params()`. FLOPs are 2 x the multiply-adds of the
convolutions and fully connected layers of one image's forward pass; biases, ReLU, pooling and the softmax are
left out, as is usual in the field.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from metaqnn.errors import IllegalArchitectureError
from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.layers import Convolution, FullyConnected, GlobalAveragePooling, Layer, Pooling

Shape = tuple[int, ...]
"""(height, width, channels) of an image, or (neurons,) of a vector."""


@dataclass(frozen=True)
class LayerCost:
    """One layer in its place: the shape of its output, its weights and biases, and its operations for one image."""

    layer: Layer
    shape: Shape
    parameters: int
    flops: int


@dataclass(frozen=True)
class Description:
    """An architecture over images of a shape, (height, width, channels), with what each layer outputs and costs."""

    architecture: Architecture
    input_shape: Shape
    layers: tuple[LayerCost, ...]

    @property
    def parameters(self) -> int:
        """Weights and biases of the whole network."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def flops(self) -> int:
        """Operations of one image's forward pass."""
        return sum(layer.flops for layer in self.layers)


def layer_cost(layer: Layer, shape: Shape) -> LayerCost:
    """What `layer` outputs and costs on an input of `shape`.

    Raises:
        IllegalArchitectureError: the layer cannot stand on that shape.
    """
    inputs = math.prod(shape)
    if isinstance(layer, Convolution | Pooling | GlobalAveragePooling) and len(shape) != 3:
        raise IllegalArchitectureError(f"{layer} needs an image, but a vector of {inputs} comes in")
    if isinstance(layer, Convolution):
        # SAME padding: ceil(n / s)
        height, width = (-(-size // layer.stride) for size in shape[:2])
        kernel = layer.receptive_field**2 * shape[2] * layer.filters
        return LayerCost(layer, (height, width, layer.filters), kernel + layer.filters, 2 * height * width * kernel)
    if isinstance(layer, Pooling):
        if min(shape[:2]) < layer.receptive_field:
            raise IllegalArchitectureError(f"{layer} does not fit on an image of {shape[0]}x{shape[1]}")
        # VALID padding: ceil((n - f + 1) / s)
        height, width = (-(-(size - layer.receptive_field + 1) // layer.stride) for size in shape[:2])
        return LayerCost(layer, (height, width, shape[2]), 0, 0)
    if isinstance(layer, GlobalAveragePooling):
        kernel = shape[2] * layer.classes
        return LayerCost(layer, (layer.classes,), kernel + layer.classes, 2 * shape[0] * shape[1] * kernel)
    neurons = layer.neurons if isinstance(layer, FullyConnected) else layer.classes
    return LayerCost(layer, (neurons,), inputs * neurons + neurons, 2 * inputs * neurons)


def layer_costs(layers: Iterable[Layer], input_shape: Shape) -> tuple[LayerCost, ...]:
    """`layer_cost` of each layer on the output of the one before."""
    costs, shape = [], tuple(input_shape)
    for layer in layers:
        costs.append(layer_cost(layer, shape))
        shape = costs[-1].shape
    return tuple(costs)


def describe(architecture: Architecture | str, input_shape: Shape) -> Description:
    """Describe a network, given as a value or in the paper's notation, over images (height, width, channels).

    Raises:
        NotationError: the text is no network.
        IllegalArchitectureError: the network cannot be built on that input.
    """
    if isinstance(architecture, str):
        architecture = parse(architecture)
    return Description(architecture, tuple(input_shape), layer_costs(architecture, input_shape))


def dropout_rates(architecture: Architecture) -> dict[int, float]:
    """Where a network is trained with dropout, and at what rate.

    Dropout follows every two layers (convolutions, pools and fully connected ones count; none follows GAP or SM);
    the i-th of n has rate i / (2n), with n the number placed. Source: Baker et al., section 5.

    Returns:
        the index of the layer that it follows -> the rate in (0, 0.5].
    """
    counted = [i for i, layer in enumerate(architecture) if isinstance(layer, Convolution | Pooling | FullyConnected)]
    places = counted[1::2]
    return {place: i / (2 * len(places)) for i, place in enumerate(places, start=1)}
