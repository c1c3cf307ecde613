"""What a pool and its workers say to each other: a task is asked for, and what comes of it is streamed back."""

from dataclasses import dataclass
from typing import Any

from metaqnn.core import Notice, Status, WorkerLost, WorkerReady, WorkerSaid


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
    """A worker began a task, on the machine of a cluster that the pool fills in."""

    number: int
    node: str = ""


@dataclass(frozen=True)
class TaskProgress:
    """What a runner reports in the middle of a task."""

    number: int
    content: Any


@dataclass(frozen=True)
class TaskFinished:
    """The result of a task; `node` is the machine of a cluster that it comes from, filled in by the pool."""

    number: int
    result: Any
    node: str = ""


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
        node: the machine of a cluster on which it ended, filled in by the pool.
    """

    number: int
    status: Status | None
    reason: str
    progress: tuple[Any, ...] = ()
    seconds: float = 0.0
    device: str = ""
    node: str = ""


Event = WorkerReady | WorkerLost | WorkerSaid | Notice | TaskStarted | TaskProgress | TaskFinished | TaskFailed
