"""What happens to candidates and worker processes, as the search hears of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from metaqnn.core.evaluation import CurvePoint, Evaluation


@dataclass(frozen=True)
class WorkerReady:
    """A worker process can evaluate.

    Attributes:
        worker: its number, from 1.
        pid: of its process, on its machine.
        device: what it computes on, for people.
        versions: of what computes there.
        is_gpu: whether that is a GPU.
        resident_bytes: the memory that it holds before its first candidate.
        node: its machine in a cluster; empty where that is the search's own.
        kind: of that machine: what decides about the last digits of a score there, by name; {} where nobody asks.
    """

    worker: int
    pid: int
    device: str
    versions: dict[str, str] = field(default_factory=dict)
    is_gpu: bool = False
    resident_bytes: int = 0
    node: str = ""
    kind: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkerLost:
    """A worker process ended unasked and is replaced; its candidate, if any, is tried again or recorded."""

    worker: int
    number: int | None
    reason: str
    node: str = ""


@dataclass(frozen=True)
class Notice:
    """Something about the workers' machines that a person should know; a sentence."""

    text: str


@dataclass(frozen=True)
class WorkerSaid:
    """A line that a worker process, or what it uses, wrote; `number` is the episode that it was at, if any."""

    worker: int
    number: int | None
    text: str
    node: str = ""


@dataclass(frozen=True)
class CandidateStarted:
    """A worker began to evaluate the candidate of an episode; `node` is its machine in a cluster, else empty."""

    number: int
    node: str = ""


@dataclass(frozen=True)
class EpochFinished:
    """A candidate's learning curve has a new point."""

    number: int
    attempt: int
    point: CurvePoint


@dataclass(frozen=True)
class CandidateFinished:
    """The answer to a candidate; exactly one for each submitted."""

    number: int
    evaluation: Evaluation


Event = WorkerReady | WorkerLost | WorkerSaid | Notice | CandidateStarted | EpochFinished | CandidateFinished
