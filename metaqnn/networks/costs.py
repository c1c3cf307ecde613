"""Shapes, parameters and FLOPs of a network, read from its graph without building a model.

Parameters are weights and biases and equal Keras's `count_params()`. FLOPs are 2 x the multiply-adds of the
convolutions and fully connected layers of one image's forward pass; biases, activations, normalisation, pooling and the
softmax are left out, as is usual in the field.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.compiling import add_layer, compile_network
from metaqnn.networks.graph import Graph, GraphBuilder, node_parameters
from metaqnn.networks.layers import Layer
from metaqnn.networks.operations.operation import Shape as Shape


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


def graph_costs(graph: Graph, layers: Iterable[Layer]) -> tuple[LayerCost, ...]:
    """What each layer of a network gives and costs, in order: the sums over its nodes, and the shape of the last."""
    costs = [LayerCost(layer, (), 0, 0) for layer in layers]
    for _, node in graph.computed():
        before = costs[node.layer]
        costs[node.layer] = replace(
            before,
            shape=node.shape,
            parameters=before.parameters + node_parameters(graph, node),
            flops=before.flops + node.operation.flops(*graph.shapes_into(node)),
        )
    return tuple(costs)


@lru_cache(1 << 16)  # a search steps over the same few layers and shapes all the time
def layer_cost(layer: Layer, shape: Shape) -> LayerCost:
    """What `layer` outputs and costs on an input of `shape`.

    Raises:
        IllegalArchitectureError: the layer cannot stand on that shape.
    """
    builder = GraphBuilder(shape, (str(layer),))
    add_layer(builder, layer, 0, 0, batch_normalization=False)
    return graph_costs(builder.graph(), (layer,))[0]


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
    shape = tuple(input_shape)
    return Description(architecture, shape, graph_costs(compile_network(architecture, shape), architecture))
