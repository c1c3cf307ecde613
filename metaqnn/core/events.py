"""What happens to candidates and worker processes, as the search hears of it."""

from dataclasses import dataclass, field

from metaqnn.core.evaluation import CurvePoint, Evaluation


@dataclass(frozen=True)
class WorkerReady:
    """A worker process can evaluate; `resident_bytes` is the memory that it holds before its first candidate."""

    worker: int
    pid: int
    device: str
    versions: dict[str, str] = field(default_factory=dict)
    is_gpu: bool = False
    resident_bytes: int = 0


@dataclass(frozen=True)
class WorkerLost:
    """A worker process ended unasked and is replaced; its candidate, if any, is tried again or recorded."""

    worker: int
    number: int | None
    reason: str


@dataclass(frozen=True)
class CandidateStarted:
    """A worker began to evaluate the candidate of an episode."""

    number: int


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


Event = WorkerReady | WorkerLost | CandidateStarted | EpochFinished | CandidateFinished
