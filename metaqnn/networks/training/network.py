"""A network's graph as a Keras model. Written for Keras 3 as such: any backend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.costs import describe
from metaqnn.networks.graph import Graph
from metaqnn.networks.operations.operation import KerasSettings, Shape
from metaqnn.networks.primitives.primitives import Primitives
from metaqnn.networks.training.backend import plain_keras
from metaqnn.seeding import integer_seed

if TYPE_CHECKING:
    import keras


class KerasNetwork:
    """The layers of Keras that compute a graph, one for each node after the input, with fresh Glorot-uniform weights.

    Layers of one chain make a `Sequential` model; of any other graph they have the names `node_1`, `node_2`, ...

    Args:
        graph: what to build.
        seed: weights and dropout derive from it, the attempt and the layer's number.
        attempt: from 1.
        weight_decay: gradient per unit of weight; Keras's L2 factor is half of it.
        dtype: Keras's dtype policy of all layers but the last, which is in single precision; None is the default's.
        masks: whose dropout masks are drawn; None are Keras's own, and its stock layers.
    """

    @plain_keras()
    def __init__(
        self,
        graph: Graph,
        seed: int = 0,
        attempt: int = 1,
        weight_decay: float = 0.0,
        dtype: str | None = None,
        masks: Primitives | None = None,
    ):
        from keras import initializers, regularizers

        self.graph = graph

        def settings(number: int, layer: int) -> KerasSettings:
            return KerasSettings(
                lambda part: initializers.GlorotUniform(weight_seed(seed, attempt, layer, part)),
                regularizers.L2(weight_decay / 2) if weight_decay else None,
                integer_seed(seed, "dropout", attempt, layer),
                dtype,
                None if graph.is_chain else _name(number),
                masks,
            )

        self.layers: list[Any] = [
            node.operation.keras_layer(settings(number, node.layer), *graph.shapes_into(node))
            for number, node in graph.computed()
        ]

    @plain_keras()
    def model(
        self, before: Sequence[Any] = (), after: Sequence[Any] = (), dtype: str | None = None, name: str | None = None
    ) -> "keras.Model":
        """A model of it, between other layers.

        Args:
            before, after: layers before and after the network, in order.
            dtype: of the input; None is Keras's default.
            name: of the input.
        """
        import keras

        images = keras.Input(self.graph.input_shape, dtype=dtype, name=name)
        if self.graph.is_chain:
            return keras.Sequential([images, *before, *self.layers, *after])
        return keras.Model(images, apply_layers(ModelParts(before, self.layers, after), self.graph, images))

    def get_weights(self) -> list[np.ndarray]:
        """All weights in the order of the nodes; the model must have been built."""
        return [array for layer in self.layers for array in _arrays(layer)]


def weight_seed(seed: int, attempt: int, layer: int, part: int) -> int:
    """The seed of the initial numbers of a layer's weight: of its first one, part 0, or of another."""
    return integer_seed(seed, "weights", attempt, layer, *((part,) if part else ()))


@dataclass(frozen=True)
class ModelParts:
    """The layers of a model: before the network, one for each node of its graph after the input, and after it."""

    before: Sequence[Any]
    nodes: Sequence[Any]
    after: Sequence[Any]


def parts_of(model: "keras.Model", graph: Graph, has_head: bool = False) -> ModelParts:
    """The parts of a model that `KerasNetwork.model` made of a graph, with the head of a target after it or nothing."""
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    after = layers[-1:] if has_head else []
    if graph.is_chain:
        start = len(layers) - len(after) - len(graph.nodes) + 1
        return ModelParts(layers[:start], layers[start : len(layers) - len(after)], after)
    nodes = [model.get_layer(_name(number)) for number, _ in graph.computed()]
    known = {layer.name for layer in (*nodes, *after)}
    return ModelParts([layer for layer in layers if layer.name not in known], nodes, after)


def apply_layers(parts: ModelParts, graph: Graph, images: Any) -> Any:
    """What the layers of a model give of a tensor of images."""
    x = images
    for layer in parts.before:
        x = layer(x)
    values = [x]
    for (_, node), layer in zip(graph.computed(), parts.nodes, strict=True):
        values.append(layer([values[i] for i in node.inputs] if len(node.inputs) > 1 else values[node.inputs[0]]))
    x = values[-1]
    for layer in parts.after:
        x = layer(x)
    return x


def set_weights(layers: Sequence[Any], weights: Sequence[np.ndarray]) -> None:
    """Give layers their weights, in the order of the layers."""
    rest = list(weights)
    for layer in layers:
        count = len(_arrays(layer))
        if count:
            layer.set_weights(rest[:count])
            rest = rest[count:]
    if rest:
        raise ValueError(f"expected {len(weights) - len(rest)} arrays of weights, got {len(weights)}")


def _arrays(layer: Any) -> list[np.ndarray]:
    """The weights of a layer, without the state of a dropout's generator."""
    return [] if type(layer).__name__ == "Dropout" else layer.get_weights()


def _name(number: int) -> str:
    return f"node_{number}"


def build_network(
    architecture: Architecture,
    input_shape: Shape,
    seed: int = 0,
    attempt: int = 1,
    dropout: bool = True,
    weight_decay: float = 0.0,
    dtype: str | None = None,
    batch_normalization: bool = False,
) -> "keras.Model":
    """Build a network with fresh Glorot-uniform weights.

    Args:
        architecture: what to build.
        input_shape: (height, width, channels).
        seed, attempt, weight_decay, dtype: as of `KerasNetwork`.
        dropout, batch_normalization: as in `compile_network`.

    Returns:
        a model from float32 images (N, height, width, channels) to logits (N, classes): the softmax is left to the
        loss, which is the same function and numerically sounder.
    """
    graph = compile_network(architecture, tuple(input_shape), dropout, batch_normalization)
    return KerasNetwork(graph, seed, attempt, weight_decay, dtype).model()


def build(
    network: Architecture | str, input_shape: Shape, seed: int = 0, dropout: bool = True, **options: Any
) -> "keras.Model":
    """Build an untrained Keras model of a network in the paper's notation, checked first.

    Args:
        network: such as "[C(64,3,1), P(2,2), SM(10)]"; dropout marks in it are read and dropped.
        input_shape: (height, width, channels) of an image.
        seed: weights and dropout derive from it.
        dropout: whether dropout i / (2n) follows every two layers, as in a search.
        options: others of `build_network`, which says what the model is.

    Raises:
        NotationError: the text is no network.
        IllegalArchitectureError: the network cannot be built on that input.
    """
    described = describe(network, input_shape)
    return build_network(described.architecture, described.input_shape, seed, dropout=dropout, **options)
