"""What is measured of trainings."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measurement:
    """One candidate: seconds of the whole, to the end of the first step, of an epoch; validation accuracy."""

    seconds: float
    seconds_to_first_step: float
    seconds_per_epoch: float
    accuracy: float


@dataclass(frozen=True)
class Pass:
    """One training of a workload: wall clock of the whole, and each candidate."""

    seconds: float
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True)
class Machine:
    """What is measured on: its name, whether it is a GPU, its rate of matrix products in FLOP/s, versions."""

    name: str
    is_gpu: bool
    matmul_rate: float
    versions: Mapping[str, str] = field(default_factory=dict)


def measurement(seconds: float, epochs: Sequence[float], accuracy: float) -> Measurement:
    """To the first step it takes what is outside of all epochs, and what the first takes beyond the fastest other."""
    to_first_step = seconds - sum(epochs) + max(0.0, epochs[0] - min(epochs[1:]))
    return Measurement(seconds, to_first_step, statistics.median(epochs[1:]), accuracy)
