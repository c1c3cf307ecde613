"""What a pool and its workers say to each other: a task is asked for, and what comes of it is streamed back."""

from dataclasses import dataclass
from typing import Any

from metaqnn.core import Status, WorkerLost, WorkerReady


@dataclass(frozen=True, eq=False)
class Task:
    """Something to do: a number by which the answer is recognised, and what the runner is given; all can be pickled."""

    number: int
    payload: Any


@dataclass(frozen=True)
class Prepare:
    """The payload that will probably come next, so that a worker with a GPU makes it ready meanwhile."""

    payload: Any


@dataclass(frozen=True)
class Heartbeat:
    """A worker lives; `thread` is the system's number of the thread that says so."""

    thread: int


@dataclass(frozen=True)
class WorkerFailed:
    """A worker cannot start at all; the reason in one sentence."""

    reason: str


@dataclass(frozen=True)
class MachineFailed:
    """The machine failed a worker: its task has no result, and stays to be done; the reason in one sentence."""

    reason: str


@dataclass(frozen=True)
class TaskStarted:
    """A worker began a task."""

    number: int


@dataclass(frozen=True)
class TaskProgress:
    """What a runner reports in the middle of a task."""

    number: int
    content: Any


@dataclass(frozen=True)
class TaskFinished:
    """The result of a task."""

    number: int
    result: Any


@dataclass(frozen=True)
class TaskFailed:
    """A task without a result.

    Attributes:
        number: of the task.
        status: how it ended its worker: crashed, hung, timed out, out of memory; None where its runner refused it.
        reason: in one sentence.
        progress: what was reported before the end of the worker.
        seconds: from the start of the task to that.
        device: of the workers.
    """

    number: int
    status: Status | None
    reason: str
    progress: tuple[Any, ...] = ()
    seconds: float = 0.0
    device: str = ""


Event = WorkerReady | WorkerLost | TaskStarted | TaskProgress | TaskFinished | TaskFailed
