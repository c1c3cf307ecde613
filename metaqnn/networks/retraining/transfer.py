"""A network found on one data set taken to another: its outputs, and what of its weights can come along."""

import numpy as np

from metaqnn.errors import IllegalArchitectureError, MetaqnnError
from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.costs import Shape, layer_costs
from metaqnn.networks.layers import FullyConnected, GlobalAveragePooling, Softmax
from metaqnn.networks.retraining.stored import StoredNetwork, load_network

_TRAINED = ("Conv2D", "Dense", "BatchNormalization")
"""The kinds of layers that have weights to learn."""


def with_classes(text: str, classes: int) -> str:
    """The same network with as many outputs as there are classes.

    Args:
        text: in the paper's notation.
        classes: at least 2.
    """
    heads = {GlobalAveragePooling: GlobalAveragePooling(classes), Softmax: Softmax(classes)}
    return str(Architecture(heads.get(type(layer), layer) for layer in parse(text)))


def refuse_unbuildable(text: str, input_shape: Shape, dataset: str) -> None:
    """Refuse a network that cannot stand on images of a shape.

    Raises:
        IllegalArchitectureError: it cannot, for example because a pool does not fit.
    """
    try:
        layer_costs(parse(text), input_shape)
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
    layers = parse(text)
    old, new = ([shape, *(cost.shape for cost in layer_costs(layers, shape))] for shape in (old_shape, new_shape))
    for index, layer in enumerate(layers):
        inputs = [int(np.prod(shapes[index])) for shapes in (old, new)]
        if isinstance(layer, FullyConnected) and inputs[0] != inputs[1]:
            raise IllegalArchitectureError(
                f"the weights of {layer} in {text} have {inputs[0]:,} inputs, and there are {inputs[1]:,} on images of "
                f"{'x'.join(map(str, new_shape))}; leave --finetune out to train the network from fresh weights"
            )


def take_weights(model, origin: StoredNetwork) -> None:
    """Let a network begin with the weights of a trained one, but for its outputs.

    The outputs (softmax, and the convolution of a global average pooling) keep their fresh weights. A first
    convolution over another number of channels is adapted: every new channel has the mean of the old ones' kernels,
    scaled so that a grey image has the same response.

    Args:
        model: the Keras model to change.
        origin: a trained network.

    Raises:
        MetaqnnError: the two are not of the same layers, or the file does not hold its weights.
    """
    trained = load_network(origin)
    ours, theirs = ([layer for layer in m.layers if type(layer).__name__ in _TRAINED] for m in (model, trained))
    if [type(layer) for layer in ours] != [type(layer) for layer in theirs]:
        raise MetaqnnError(
            f"{origin.path}: expected a network of the same layers, but one is with batch normalisation and one is "
            "without; set final.batch_normalization as it was trained"
        )
    heads = 1 + any(type(layer).__name__ == "GlobalAveragePooling2D" for layer in model.layers)
    for number, (layer, other) in enumerate(zip(ours[:-heads], theirs[:-heads], strict=True)):
        weights = other.get_weights()
        shape = tuple(layer.kernel.shape) if hasattr(layer, "kernel") else None
        if number == 0 and shape is not None and weights[0].shape != shape:
            kernel = weights[0].mean(axis=2, keepdims=True) * (weights[0].shape[2] / shape[2])
            weights = [np.broadcast_to(kernel, shape), *weights[1:]]
        layer.set_weights(weights)
