"""A network found on one data set taken to another: its outputs, and what of its weights can come along."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from metaqnn.errors import ConfigError, IllegalArchitectureError, MetaqnnError
from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.graph import Graph
from metaqnn.networks.layers import GlobalAveragePooling, Softmax
from metaqnn.networks.operations.fully_connected import FullyConnected
from metaqnn.networks.operations.operation import Shape
from metaqnn.networks.retraining.config import RetrainingConfig
from metaqnn.networks.retraining.stored import StoredNetwork, load_network
from metaqnn.networks.spaces.block_space import restacked
from metaqnn.networks.training.network import KerasNetwork, parts_of


def with_classes(text: str, classes: int) -> str:
    """The same network with as many outputs as there are classes.

    Args:
        text: in the paper's notation.
        classes: at least 2.
    """
    heads = {GlobalAveragePooling: GlobalAveragePooling(classes), Softmax: Softmax(classes)}
    return str(Architecture(heads.get(type(layer), layer) for layer in parse(text)))


def retrained_text(text: str, classes: int, recipe: RetrainingConfig) -> str:
    """A network as a recipe trains it: with as many outputs as there are classes, and its blocks stacked as it says.

    Raises:
        ConfigError: the recipe stacks blocks, and the network has none.
    """
    text = with_classes(text, classes)
    if recipe.repeats is None and recipe.filters is None:
        return text
    try:
        return str(restacked(parse(text), recipe.filters, recipe.repeats))
    except IllegalArchitectureError as error:
        raise ConfigError(f"final.repeats and final.filters: {error}; leave them out") from None


def refuse_unbuildable(text: str, input_shape: Shape, dataset: str) -> None:
    """Refuse a network that cannot stand on images of a shape.

    Raises:
        IllegalArchitectureError: it cannot, for example because a pool does not fit.
    """
    try:
        compile_network(parse(text), tuple(input_shape))
    except IllegalArchitectureError as error:
        size = "x".join(map(str, input_shape))
        raise IllegalArchitectureError(
            f"{text} cannot be trained on the {size} images of {dataset}: {error}; choose another model or data set"
        ) from error


def refuse_untransferable(text: str, old_shape: Shape, new_shape: Shape) -> None:
    """Refuse a network whose weights do not fit images of another shape.

    Convolutions take images of any size, and the first one any number of channels; a fully connected layer does not.

    Raises:
        IllegalArchitectureError: one of its fully connected layers has another number of inputs there.
    """
    architecture = parse(text)
    old, new = (compile_network(architecture, tuple(shape)) for shape in (old_shape, new_shape))
    for (_, node), (_, other) in zip(old.computed(), new.computed(), strict=True):
        if node.layer in _heads(architecture) or not isinstance(node.operation, FullyConnected):
            continue
        inputs = [graph.shapes_into(each)[0][0] for graph, each in ((old, node), (new, other))]
        if inputs[0] != inputs[1]:
            raise IllegalArchitectureError(
                f"the weights of {architecture[node.layer]} in {text} have {inputs[0]:,} inputs, and there are "
                f"{inputs[1]:,} on images of {'x'.join(map(str, new_shape))}; leave --finetune out to train the "
                "network from fresh weights"
            )


def take_weights(network: KerasNetwork, origin: StoredNetwork) -> None:
    """Let a network begin with the weights of a trained one, but for its outputs.

    The outputs (softmax, and the convolution of a global average pooling) keep their fresh weights. A convolution over
    the image with another number of channels is adapted: every new channel has the mean of the old ones' kernels,
    scaled so that a grey image has the same response.

    Args:
        network: the one to change; its model is built.
        origin: a trained network.

    Raises:
        MetaqnnError: the two are not of the same layers, or the file does not hold its weights.
    """
    architecture = parse(origin.architecture)
    graph = compile_network(architecture, tuple(origin.input_shape), False, origin.batch_normalization)
    ours = _weighted(network.graph, network.layers)
    theirs = _weighted(graph, parts_of(load_network(origin), graph, has_head=True).nodes)
    if [type(layer) for _, layer in ours] != [type(layer) for _, layer in theirs]:
        raise MetaqnnError(
            f"{origin.path}: expected a network of the same layers, but one is with batch normalisation and one is "
            "without; set final.batch_normalization as it was trained"
        )
    for (number, layer), (_, other) in zip(ours, theirs, strict=True):
        node = network.graph.nodes[number]
        if node.layer in _heads(architecture):
            continue
        weights, shape = other.get_weights(), network.graph.input_shape
        if node.inputs == (0,) and weights[0].ndim > 2 and weights[0].shape[-2] != shape[-1]:
            kernel = weights[0].mean(axis=-2, keepdims=True) * (weights[0].shape[-2] / shape[-1])
            weights = [np.repeat(kernel, shape[-1], axis=-2), *weights[1:]]
        layer.set_weights(weights)


def _heads(architecture: Architecture) -> set[int]:
    """The layers that give a number for each class."""
    return {number for number, layer in enumerate(architecture) if isinstance(layer, GlobalAveragePooling | Softmax)}


def _weighted(graph: Graph, layers: Sequence[Any]) -> list[tuple[int, Any]]:
    """The layers of Keras that have weights, with the numbers of their nodes."""
    pairs = zip(graph.computed(), layers, strict=True)
    return [(number, layer) for (number, node), layer in pairs if node.operation.weights(*graph.shapes_into(node))]
