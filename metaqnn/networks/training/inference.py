"""A trained network for use: what belongs around it, its preprocessing and a softmax, made part of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.costs import Shape
from metaqnn.networks.data import Statistics
from metaqnn.networks.training.fit_engine import preprocessing_layers
from metaqnn.networks.training.network import build_network

if TYPE_CHECKING:
    import keras


def inference_network(
    architecture: Architecture,
    input_shape: Shape,
    statistics: Statistics,
    weights: Sequence[np.ndarray],
    batch_normalization: bool = False,
) -> "keras.Sequential":
    """A network of stock layers in single precision, without dropout.

    Args:
        architecture: the network.
        input_shape: (height, width, channels).
        statistics: the fitted preprocessing.
        weights: in the order of `build_network`'s model.
        batch_normalization: as in `build_network`.

    Returns:
        a model from uint8 images (N, height, width, channels) to float32 probabilities (N, classes).
    """
    import keras

    network = build_network(architecture, input_shape, dropout=False, batch_normalization=batch_normalization)
    network.set_weights(list(weights))
    return keras.Sequential(
        [
            keras.Input(input_shape, dtype="uint8", name="images"),
            *preprocessing_layers(statistics),
            *network.layers,
            keras.layers.Softmax(name="probabilities"),
        ]
    )
