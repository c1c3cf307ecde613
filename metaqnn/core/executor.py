"""The contract of what has candidates evaluated: worker processes, this process, or a cluster."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.core.episode import Candidate
from metaqnn.core.events import Event

HANG_SECONDS = 300.0
"""A worker that gives no sign of life for so long is replaced, unless `search.hang_seconds` says otherwise. A healthy
process waits less for what needs no processor, such as a file server that comes back or a driver that starts anew, and
a search that loses so much once in a while does not notice."""


@dataclass(frozen=True)
class SpeedMeasurement:
    """How fast this device evaluates, from a short calibration.

    Attributes:
        operations_per_second: sustained.
        setup_seconds: before the first step of a candidate.
        step_seconds: fixed cost of a step, whatever the candidate.
    """

    operations_per_second: float
    setup_seconds: float
    step_seconds: float


class Executor(ABC):
    """Has candidates evaluated, asynchronously."""

    @abstractmethod
    def submit(self, candidate: Candidate) -> None:
        """Queue a candidate; returns at once."""

    @abstractmethod
    def results(self, timeout: float) -> list[Event]:
        """What happened since the last call, waiting at most `timeout` seconds for the first of it.

        Raises:
            EvaluatorError: nothing can be evaluated at all.
        """

    def measure_speed(self, architectures: Sequence[str]) -> SpeedMeasurement | None:
        """Calibrate on a few architectures; None where there is nothing to measure.

        Raises:
            CalibrationError: it could not be measured.
        """
        return None

    @abstractmethod
    def stop(self) -> None:
        """End all work at once; what is in flight is dropped. No process is left when this returns."""
