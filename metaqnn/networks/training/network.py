"""An architecture as a Keras model. Written for Keras 3 as such: any backend."""

from typing import TYPE_CHECKING, Any

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.costs import Shape, describe, dropout_rates
from metaqnn.networks.layers import Convolution, FullyConnected, GlobalAveragePooling, Pooling, Softmax
from metaqnn.networks.training.backend import plain_keras
from metaqnn.seeding import integer_seed

if TYPE_CHECKING:
    import keras

_MOMENTUM = 0.9
"""Of batch normalisation's running mean and variance: with Keras's 0.99 a training of few steps ends before they are
those of its network (240 steps of digits: chance)."""


@plain_keras()
def build_network(
    architecture: Architecture,
    input_shape: Shape,
    seed: int = 0,
    attempt: int = 1,
    dropout: bool = True,
    weight_decay: float = 0.0,
    dtype: str | None = None,
    batch_normalization: bool = False,
) -> "keras.Sequential":
    """Build a network with fresh Glorot-uniform weights.

    Args:
        architecture: what to build.
        input_shape: (height, width, channels).
        seed: weights and dropout derive from it and from the attempt.
        attempt: from 1.
        dropout: whether dropout i / (2n) follows every two layers.
        weight_decay: gradient per unit of weight; Keras's L2 factor is half of it.
        dtype: Keras's dtype policy of all layers but the last, which is in single precision; None is the default's.
        batch_normalization: whether it stands between every convolution or fully connected layer and its ReLU, in
            place of the bias (Ioffe & Szegedy, 2015).

    Returns:
        a model from float32 images (N, height, width, channels) to logits (N, classes): the softmax is left to the
        loss, which is the same function and numerically sounder.
    """
    from keras import Input, Sequential, initializers, layers, regularizers

    def options(index: int, activation: str | None = "relu") -> dict:
        return {
            "activation": activation,
            "kernel_initializer": initializers.GlorotUniform(integer_seed(seed, "weights", attempt, index)),
            "kernel_regularizer": regularizers.L2(weight_decay / 2) if weight_decay else None,
            "dtype": None if isinstance(architecture[index], Softmax) else dtype,
        }

    def add_normalised(kind: type, index: int, *arguments: object, **others: object) -> None:
        if not batch_normalization:
            model.add(kind(*arguments, **others, **options(index)))
            return
        model.add(kind(*arguments, use_bias=False, **others, **options(index, activation=None)))
        model.add(layers.BatchNormalization(momentum=_MOMENTUM, dtype=dtype))
        model.add(layers.ReLU(dtype=dtype))

    rates = dropout_rates(architecture) if dropout else {}
    model = Sequential([Input(input_shape)])
    is_flat = False
    for index, layer in enumerate(architecture):
        if isinstance(layer, Convolution):
            size, stride = layer.receptive_field, layer.stride
            add_normalised(layers.Conv2D, index, layer.filters, size, stride, padding="same")
        elif isinstance(layer, Pooling):
            model.add(layers.MaxPooling2D(layer.receptive_field, layer.stride, padding="valid", dtype=dtype))
        elif isinstance(layer, GlobalAveragePooling):
            model.add(layers.Conv2D(layer.classes, 1, **options(index)))
            model.add(layers.GlobalAveragePooling2D(dtype=dtype))
            is_flat = True
        else:
            if not is_flat:
                model.add(layers.Flatten())
                is_flat = True
            if isinstance(layer, FullyConnected):
                add_normalised(layers.Dense, index, layer.neurons)
            else:
                model.add(layers.Dense(layer.classes, **options(index, activation=None)))
        if index in rates:
            model.add(layers.Dropout(rates[index], seed=integer_seed(seed, "dropout", attempt, index), dtype=dtype))
    return model


def build(
    network: Architecture | str, input_shape: Shape, seed: int = 0, dropout: bool = True, **options: Any
) -> "keras.Sequential":
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
