"""Trained networks as they are kept: weights alone, read into a network that is built here.

So no stored file can run code: neither is a model loaded from it, nor is anything in it followed out of it. The
`.keras` files of older databases are taken as archives of weights; what they say of layers is not looked at, but for
the numbers of a preprocessing that Keras kept there.
"""

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metaqnn.errors import MetaqnnError, ReplayError
from metaqnn.files import open_regular, written_whole
from metaqnn.machine import raise_machine_fault
from metaqnn.networks.architecture import parse
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.costs import describe
from metaqnn.networks.data.config import Preprocessing
from metaqnn.networks.graph import Graph
from metaqnn.networks.targets import Target, recorded_target

if TYPE_CHECKING:
    import keras

ENDING = ".weights.h5"
"""Of a trained network's file; Keras goes by it."""


@dataclass(frozen=True)
class StoredNetwork:
    """A file of weights, and what they are the weights of, as plain values: the database records them.

    Attributes:
        path: of the file.
        architecture: in the paper's notation.
        input_shape: (height, width, channels).
        preprocessing: its kind.
        batch_normalization: whether it stands before every ReLU.
        target: what is recorded of the target; empty is classes.
    """

    path: str
    architecture: str
    input_shape: Sequence[int]
    preprocessing: Preprocessing
    batch_normalization: bool = False
    target: Mapping[str, Any] = field(default_factory=dict)

    @property
    def predicts(self) -> Target:
        """The target, with numbers for the names of its outputs."""
        return recorded_target({"classes": parse(self.architecture)[-1].classes, "target": self.target})


class _UnfitError(Exception):
    """Why a file is not what it should be, as a clause."""


def weights_of(model: "keras.Model") -> bytes:
    """The content of a file of weights."""
    with tempfile.TemporaryDirectory(prefix="metaqnn-") as folder:
        file = Path(folder, f"network{ENDING}")
        model.save_weights(file)
        return file.read_bytes()


def save_network(model: "keras.Model", path: Path) -> None:
    """Save the weights of a network; the file appears whole or not at all."""
    content = weights_of(model)
    with written_whole(path) as part:
        part.write_bytes(content)


def load_network(stored: StoredNetwork, content: bytes | None = None) -> "keras.Model":
    """A trained network for use, preprocessing included: of stock layers, from uint8 images to predictions.

    Args:
        stored: the network.
        content: of its file; None reads it.

    Raises:
        ReplayError: the file does not hold the weights of that network.
        MachineError: the machine failed; the file may be whole.
    """
    try:
        return _loaded(stored, content)
    except MetaqnnError:
        raise
    except Exception as error:  # h5py, zipfile and Keras raise whatever the damage leads to
        raise_machine_fault(error)
        told = getattr(error, "strerror", None) or type(error).__name__
        reason = error if isinstance(error, _UnfitError) else f"it cannot be read ({told})"
        raise ReplayError(
            f"{stored.path}: expected the weights of {stored.architecture}, but {reason}; put the right file back, or "
            "use `metaqnn train --retrain`"
        ) from error


def _loaded(stored: StoredNetwork, content: bytes | None) -> "keras.Model":
    from metaqnn.networks.training.inference import fresh_network

    shape = tuple(stored.input_shape)
    described = describe(stored.architecture, shape)
    values = described.parameters + 4 * prod(shape) + 4 * sum(cost.shape[-1] for cost in described.layers)
    most = 16 * values + 2**16 * len(described.layers) + 2**20  # texts and tables included
    if content is None:
        with open_regular(stored.path) as file:
            content = file.read(min(most, os.fstat(file.fileno()).st_size) + 1)
    numbers = None
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if stored.preprocessing in ("mean", "standardize"):
                numbers = _numbers(_member(archive, "config.json", most), shape)
            content = _member(archive, "model.weights.h5", most)
    if not 4 * described.parameters <= len(content) <= most:  # also before a network of any size is built
        raise _UnfitError("it is too small or too large for them")
    _require_plain(content, most)
    model = fresh_network(
        described.architecture, shape, stored.preprocessing, stored.batch_normalization, numbers, stored.predicts
    )
    with tempfile.TemporaryDirectory(prefix="metaqnn-") as folder:
        weights = Path(folder, f"network{ENDING}")
        weights.write_bytes(content)
        model.load_weights(weights)
    return model


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > most:
        raise _UnfitError(f"its {name} is too large for them")
    return archive.read(info)


def _numbers(config: bytes, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Mean and variance of each pixel, which Keras keeps among a layer's settings."""
    layers = json.loads(config)["config"]["layers"]
    (settings,) = (layer["config"] for layer in layers if layer["class_name"] == "Normalization")
    return [np.array(settings[key], "float32").reshape(shape) for key in ("mean", "variance")]


def _require_plain(content: bytes, most: int) -> None:
    """Refuse weights that name other files, or say that they are larger than any could be."""
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        links, items = [], []
        file.visititems_links(lambda _, link: links.append(link))
        file.visititems(lambda _, item: items.append(item))
        arrays = [item for item in items if isinstance(item, h5py.Dataset)]
        if any(type(link) is not h5py.HardLink for link in links) or any(a.external or a.is_virtual for a in arrays):
            raise _UnfitError("it names data that lie elsewhere")
        if any(array.dtype.kind not in "fiu" for array in arrays) or sum(array.nbytes for array in arrays) > most:
            raise _UnfitError("it holds other data, or more of them")


def graph_of(stored: StoredNetwork) -> Graph:
    """The graph of a stored network, without dropout."""
    shape = tuple(stored.input_shape)
    return compile_network(parse(stored.architecture), shape, batch_normalization=stored.batch_normalization)
