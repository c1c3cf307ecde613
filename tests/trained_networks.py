"""Databases with trained networks whose weights are random: nothing is trained; all else is the real thing."""

import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from metaqnn.core import Retraining, Status, TrainingSplit
from metaqnn.networks.architecture import parse
from metaqnn.networks.data import fit_statistics
from metaqnn.networks.retraining.stored import ENDING, save_network
from metaqnn.networks.training.device import prepare_device
from metaqnn.replay.retrainings import RetrainingMemory, read_retrainings, weights_folder
from metaqnn.seeding import Stream

KINDS = ("none", "mean", "standardize", "global_contrast")
"""All preprocessings."""


def random_images(count: int, shape: tuple[int, ...], purpose: str = "images") -> np.ndarray:
    """Images of any pixels, uint8."""
    words = Stream(0, purpose).raw(count * int(np.prod(shape)))
    return (words >> np.uint64(56)).astype(np.uint8).reshape(count, *shape)


def random_network(text: str, shape: tuple[int, ...], preprocessing: str, batch_normalization: bool = False):
    """A network as `metaqnn train` stores it, with random numbers for all weights, biases and statistics."""
    with suppress(RuntimeError):  # TensorFlow has begun in this process, as it was
        prepare_device()  # before Keras does anything: other tests of this process rely on it
    from metaqnn.networks.training.inference import inference_network
    from metaqnn.networks.training.network import build_network

    statistics = fit_statistics(preprocessing, random_images(50, shape) // 2)
    fresh = build_network(parse(text), shape, batch_normalization=batch_normalization).get_weights()
    model = inference_network(parse(text), shape, statistics, fresh, batch_normalization)
    for number, weight in enumerate(model.weights):
        if weight.path.startswith("normalization"):
            continue
        words = Stream(0, "weights", number).raw(int(np.prod(weight.shape)))
        uniform = (words >> np.uint64(40)).astype(np.float32).reshape(weight.shape) / 2**24
        name = weight.path.split("/")[-1]
        if name == "kernel":  # of the size that keeps numbers of one size from layer to layer
            weight.assign((uniform - 0.5) * np.sqrt(24 / np.prod(weight.shape[:-1])))
        elif name in ("gamma", "moving_variance"):
            weight.assign(uniform + 0.5)
        elif name in ("bias", "beta", "moving_mean"):
            weight.assign(uniform - 0.5)
    return model


def save(network, path: Path) -> None:
    """Save a network; TensorFlow's variables do not know NumPy 2's newest argument yet, of which nobody need hear."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        save_network(network, path)


def save_as_before(network, path: Path) -> None:
    """Save a network as the first versions did: a whole Keras model, the numbers of its preprocessing as settings."""
    import keras

    first, *others = network.layers
    if isinstance(first, keras.layers.Normalization):
        numbers = {name: np.asarray(getattr(first, name))[0] for name in ("mean", "variance")}
        first = keras.layers.Normalization(axis=(1, 2, 3), **numbers)
    whole = keras.Sequential([keras.Input(network.input_shape[1:], dtype="uint8"), first, *others])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        whole.save(path)


def recipe_of(preprocessing: str, batch_normalization: bool = False) -> dict:
    """What is recorded with a network of `random_network`."""
    return {"name": "one_cycle", "preprocessing": preprocessing, "batch_normalization": batch_normalization}


def add_retraining(database: Path, model: int = 1, content=b"no network", **facts) -> Retraining:
    """Record a retraining that ended well.

    Args:
        database: a small search.
        model: whose.
        content: what its file of weights holds: a network, or bytes; None is no file.
        facts: what differs from the usual.
    """
    with RetrainingMemory(database) as memory:
        config, known = memory.config(), {each.model: each for each in memory.models()}
        architecture = known[model].architecture if model in known else "[SM(10)]"
        number = len(read_retrainings(memory)) + 1
        weights = f"final-{number}{ENDING}"
        retraining = Retraining(
            *(number, model, architecture, 0, {"name": "one_cycle", "preprocessing": None}),
            *(config["experiment"]["dataset"], config["data"], TrainingSplit.TRAIN, None, 100),
            *(str(Status.OK), "", 0.9, 1.0, "a test", weights),
        )
        retraining = replace(retraining, **facts)
        memory.add([retraining])
    folder = weights_folder(database)
    folder.mkdir(exist_ok=True)
    if isinstance(content, bytes):
        (folder / weights).write_bytes(content)
    elif content is not None:
        save(content, folder / weights)
    return retraining
