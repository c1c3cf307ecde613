"""What the search and its worker processes say to each other, beside the events of `metaqnn.core`."""

from dataclasses import dataclass

from metaqnn.core import SpeedMeasurement
from metaqnn.networks.data import DatasetConfig
from metaqnn.networks.training.config import TrainingConfig


@dataclass(frozen=True)
class WorkerSetup:
    """The first message to a worker.

    Attributes:
        worker: its number, from 1.
        dataset, training: what to train on, and how.
        seed: the search's; the validation split derives from it.
        fingerprint: of the data that the search recorded; a worker that sees other images or another split refuses.
        gpu: the one GPU that the worker sees, as CUDA_VISIBLE_DEVICES names it; None leaves the choice open.
    """

    worker: int
    dataset: DatasetConfig
    training: TrainingConfig
    seed: int
    fingerprint: str
    gpu: str | None = None


@dataclass(frozen=True)
class MeasureSpeed:
    """Asks for a calibration on some architectures."""

    architectures: tuple[str, ...]


@dataclass(frozen=True)
class Prepare:
    """Says what will probably be asked next, so that a worker with a GPU can make it ready while it trains."""

    architecture: str
    seed: int


@dataclass(frozen=True)
class SpeedMeasured:
    """The answer to `MeasureSpeed`; where measuring failed, None and why."""

    measurement: SpeedMeasurement | None
    reason: str = ""


@dataclass(frozen=True)
class WorkerFailed:
    """A worker cannot start at all; the reason in one sentence."""

    reason: str
