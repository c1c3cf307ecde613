"""What is trained in the measurements of speed: which networks, on what images, and how long."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from metaqnn.networks.data import DatasetConfig, SearchData
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.seeding import Stream
from metaqnn.workflows import load_experiment
from metaqnn.workflows.components import build_space

# PAPER: Table A2, the networks of 6.92 %, 8.78 %, 8.88 %, 9.24 % and 9.48 %.
NETWORKS = {
    "net1": "[C(512,5,1), C(256,3,1), C(256,5,1), C(256,3,1), P(5,3), C(512,3,1), C(512,5,1), P(2,2), SM(10)]",
    "net2": "[C(128,1,1), C(512,3,1), C(64,1,1), C(128,3,1), P(2,2), C(256,3,1), P(2,2), C(512,3,1), P(3,2), SM(10)]",
    "net3": "[C(128,3,1), C(128,1,1), C(512,5,1), P(2,2), C(128,3,1), P(2,2), C(64,3,1), C(64,5,1), SM(10)]",
    "net4": "[C(256,3,1), C(256,3,1), P(5,3), C(256,1,1), C(128,3,1), P(2,2), C(128,3,1), SM(10)]",
    "net5": "[C(64,3,1), C(128,3,1), P(5,3), C(256,3,1), P(3,2), FC(512), FC(128), SM(10)]",
}

WARM_UP = "[C(16,3,1), P(2,2), SM(10)]"
"""Trained and thrown away before anything is measured."""

CPU_WORKLOADS = ("digits", "net4", "net5")

_CIFAR = (32, 32, 3)
_TOY_FACTOR = 32
_STEADY = TrainingConfig(epochs=3, max_restarts=0, restart_accuracy=0.0)
"""No restarts: everything that is compared trains exactly the epochs named."""


@dataclass(frozen=True)
class Workload:
    """Networks to train, on what, and how long.

    Attributes:
        networks: by name, in the paper's notation.
        passes: how often they are trained; the spread is over the passes.
    """

    name: str
    dataset: DatasetConfig
    training: TrainingConfig
    networks: dict[str, str]
    passes: int = 1


def workload(name: str, folder: Path) -> Workload:
    """A workload by name; synthetic images are made in `folder`, by seed.

    `digits`: 20 networks at random of the digits space. `net1` to `net5`: one of Table A2 with as many images as a CPU
    can bear. `gpu`: those five and 30 at random of the paper's CIFAR-10 space, with as many images as it has; `toy`:
    those five and three at random with a 32nd of the filters, 64 images.
    """
    if name == "digits":
        networks = _at_random("digits", (8, 8, 1), 20)
        training = replace(_STEADY, epochs=20, learning_rate=0.003)
        return Workload(name, load_experiment("digits").dataset, training, networks, 3)
    if name == "gpu":
        return Workload(name, _images(folder, 45_000, 5_000), _STEADY, NETWORKS | _at_random("cifar10", _CIFAR, 30))
    if name == "toy":
        networks = NETWORKS | _at_random("cifar10", _CIFAR, 3)
        shrunk = {name: _shrunk(network) for name, network in networks.items()}
        # Enough to validate with that no network has none right: one that has is said to learn nothing.
        return Workload(name, _images(folder, 64, 100), replace(_STEADY, batch_size=16), shrunk)
    return Workload(name, _images(folder, 2_048, 256), _STEADY, {name: NETWORKS[name]}, 3)


def part(data: SearchData, images: int) -> SearchData:
    """The first so many training images, and as large a share of the validation images (one at least)."""
    held_out = max(1, round(len(data.x_validation) * images / len(data.x_train)))
    return replace(
        data,
        x_train=data.x_train[:images],
        y_train=data.y_train[:images],
        x_validation=data.x_validation[:held_out],
        y_validation=data.y_validation[:held_out],
    )


def _at_random(experiment: str, shape: tuple[int, int, int], count: int) -> dict[str, str]:
    """Networks of an experiment's space, each choice uniform, as a search begins."""
    space = build_space(load_experiment(experiment), {"input_shape": shape, "classes": 10})
    networks = {}
    for number in range(count):
        stream = Stream(0, "benchmark", number)
        walk = space.walk(lambda _, choices, stream=stream: stream.integer(len(choices)))
        networks[f"random{number + 1}"] = walk.architecture
    return networks


def _shrunk(network: str) -> str:
    """A network with fewer filters and neurons."""
    return re.sub(r"\b(C|FC)\((\d+)", lambda found: f"{found[1]}({int(found[2]) // _TOY_FACTOR}", network)


def _images(folder: Path, images: int, held_out: int) -> DatasetConfig:
    """Noise that is a little brighter from class to class; how fast a network trains does not depend on its images."""
    path = folder / f"images-{images}.npz"
    if not path.exists():
        rng = np.random.Generator(np.random.Philox(0))
        labels = np.arange(images + held_out) % 10
        pixels = rng.integers(0, 200, (len(labels), *_CIFAR), np.uint8)
        pixels += (5 * labels).astype(np.uint8).reshape(-1, 1, 1, 1)
        np.savez(path, x_train=pixels, y_train=labels)
    return DatasetConfig(str(path), validation_size=held_out, preprocessing="standardize")
