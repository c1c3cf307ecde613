"""A trained network for use: what belongs around it, its preprocessing and the head of its target, made part of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.data import Statistics
from metaqnn.networks.data.config import Preprocessing
from metaqnn.networks.operations.operation import Shape
from metaqnn.networks.targets import Classes, Target
from metaqnn.networks.training.backend import plain_keras
from metaqnn.networks.training.fit_engine import preprocessing_layers
from metaqnn.networks.training.network import KerasNetwork, parts_of, set_weights

if TYPE_CHECKING:
    import keras


@plain_keras()
def fresh_network(
    architecture: Architecture,
    input_shape: Shape,
    preprocessing: Preprocessing,
    batch_normalization: bool = False,
    numbers: Sequence[np.ndarray] | None = None,
    target: Target | None = None,
) -> "keras.Model":
    """A network of stock layers in single precision, without dropout, of which only the weights are missing.

    Args:
        architecture: the network.
        input_shape: (height, width, channels).
        preprocessing: its kind.
        batch_normalization: as in `build_network`.
        numbers: mean and variance of each pixel, where the preprocessing has them; None makes them weights.
        target: what is predicted; None is classes.

    Returns:
        a model from uint8 images (N, height, width, channels) to float32 (N, outputs): probabilities of classes or of
        labels, or numbers in their own unit.
    """
    import keras

    if preprocessing in ("mean", "standardize"):
        mean, variance = numbers or (None, None)
        first = [keras.layers.Normalization(axis=(1, 2, 3), mean=mean, variance=variance)]
    else:
        first = preprocessing_layers(Statistics(preprocessing))
    graph = compile_network(architecture, tuple(input_shape), batch_normalization=batch_normalization)
    return KerasNetwork(graph).model(before=first, after=[(target or Classes(())).head()], dtype="uint8", name="images")


def inference_network(
    architecture: Architecture,
    input_shape: Shape,
    statistics: Statistics,
    weights: Sequence[np.ndarray],
    batch_normalization: bool = False,
    target: Target | None = None,
) -> "keras.Model":
    """A network as `fresh_network` makes it, with its weights and those of its preprocessing.

    Args:
        architecture, input_shape, batch_normalization: of the network.
        statistics: the fitted preprocessing.
        weights: in the order of `build_network`'s model.
        target: what is predicted; None is classes.
    """
    model = fresh_network(architecture, input_shape, statistics.kind, batch_normalization, target=target)
    graph = compile_network(architecture, tuple(input_shape), batch_normalization=batch_normalization)
    set_weights(parts_of(model, graph, has_head=True).nodes, weights)
    if statistics.mean is not None:
        (fitted,) = preprocessing_layers(statistics)
        (normalization,) = (layer for layer in model.layers if type(layer).__name__ == "Normalization")
        normalization.set_weights([fitted.input_mean, fitted.input_variance, np.zeros((), "int32")])
        normalization.finalize_state()
    return model
