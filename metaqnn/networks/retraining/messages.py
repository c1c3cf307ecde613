"""What a command and its workers say to each other about retrainings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metaqnn.core import CurvePoint, TrainingSplit
from metaqnn.networks.costs import Shape
from metaqnn.networks.data import DatasetConfig
from metaqnn.networks.retraining.config import RetrainingConfig
from metaqnn.networks.retraining.stored import StoredNetwork
from metaqnn.networks.retraining.test_split import SplitCheck


@dataclass(frozen=True)
class DataSource:
    """Which images, and the proof that they are the same in every process.

    Attributes:
        dataset: the section `dataset`.
        seed: the search's; the validation split derives from it.
        fingerprint: of the data (`SearchData.fingerprint`); a worker that sees others refuses.
    """

    dataset: DatasetConfig
    seed: int
    fingerprint: str


def data_fingerprint(data: Mapping[str, Any]) -> str:
    """The fingerprint of the images of a retraining, from what is recorded of them."""
    return f"{data['data_hash']}:{data['split_hash']}"


@dataclass(frozen=True)
class RetrainingJob:
    """Asks a worker to train a network, or to go on where its checkpoint stands.

    Attributes:
        number: from 1.
        source: the images.
        architecture: what to train.
        recipe: how.
        seed: all randomness derives from it.
        split: the images to learn from.
        checkpoint: path of the file with the state after the last epoch; it is deleted at the end.
        network: path of the file for the trained network.
        origin: a network whose weights it begins with; None for fresh ones.
        input_shape: (height, width, channels), to tell what fits side by side; None starts it whatever runs.
    """

    number: int
    source: DataSource
    architecture: str
    recipe: RetrainingConfig
    seed: int
    split: TrainingSplit
    checkpoint: str
    network: str
    origin: StoredNetwork | None = None
    input_shape: Shape | None = None

    @property
    def identity(self) -> str:
        """What decides every number of this training: two with the same identity are the same training."""
        origin = self.origin and Path(self.origin.path).name  # wherever the database lies
        return repr((self.source, self.architecture, self.recipe, self.seed, str(self.split), origin))


@dataclass(frozen=True)
class RetrainingStarted:
    """A worker begins or goes on with a training, which has the epochs of its checkpoint behind it."""

    device: str
    epochs: tuple[CurvePoint, ...]


@dataclass(frozen=True)
class RetrainingEpochDone:
    """An epoch is over, and its checkpoint is on the disk."""

    epoch: CurvePoint


@dataclass(frozen=True)
class RetrainingEnded:
    """How a training ended: `ok` or a failure with its reason; what the network reached on held-out images."""

    status: str
    reason: str = ""
    score: float | None = None


@dataclass(frozen=True)
class Predict:
    """Asks a worker what trained networks say of the validation images and of the test split.

    Attributes:
        source: the images.
        networks: the networks.
        allow_duplicates: whether to go on where test images are training images, too.
    """

    source: DataSource
    networks: tuple[StoredNetwork, ...]
    allow_duplicates: bool = False


@dataclass(frozen=True, eq=False)
class Predictions:
    """What some networks say of one split.

    Attributes:
        targets: as a split has them.
        said: float32 of shape (networks, N, outputs): probabilities, or numbers in their unit.
    """

    targets: np.ndarray
    said: np.ndarray


@dataclass(frozen=True)
class Predicted:
    """The answer to `Predict`: what the check found, and the predictions; None where it forbids them."""

    check: SplitCheck
    validation: Predictions | None = None
    test: Predictions | None = None
