"""What a pool remembers of each of its workers."""

import time
from dataclasses import dataclass, field
from typing import Any

from metaqnn.workers.task import Prepare, Task
from metaqnn.workers.transport import Channel


@dataclass(eq=False)
class Pulse:
    """What was seen of the life of a worker since it was given its task; see `metaqnn.workers.life_guard`.

    Attributes:
        quiet_seconds: without a message, and without work.
        idle_seconds: without the end of a step, and without work.
        busy_seconds: of its processor when it was last looked at; None before.
        was_held_up: whether it was seen stopped, or the machine was suspended.
        step_began: `time.monotonic()` when its present step began.
    """

    quiet_seconds: float = 0.0
    idle_seconds: float = 0.0
    busy_seconds: float | None = None
    was_held_up: bool = False
    step_began: float = field(default_factory=time.monotonic)

    def step_seconds(self) -> float:
        """How long the step has taken."""
        return time.monotonic() - self.step_began


@dataclass(eq=False)
class PoolWorker:
    """A worker and what it is at.

    Attributes:
        number: from 1; a worker that takes the place of another has its number.
        gpu: the one GPU that it may see; None leaves the choice open.
        channel: how it is reached.
        is_ready: whether it said that it can work.
        is_gpu: whether it computes on a GPU; known when it is ready.
        failure: why it could not start, in its own words; empty if it did not say.
        task: what it was given to do; None while idle.
        started_at: `time.monotonic()` when it began that; None before.
        progress: what it reported of that so far.
        prepares: number of the task that it was told to make ready; None before.
        tasks_done: how many it has finished.
        first_bytes: the memory that it held after its first task; 0 before.
        beating_thread: the thread of it that says that it lives; None before it did.
        pulse: how it does with its task.
    """

    number: int
    gpu: str | None
    channel: Channel
    is_ready: bool = False
    is_gpu: bool = False
    failure: str = ""
    task: Task | None = None
    started_at: float | None = None
    progress: list[Any] = field(default_factory=list)
    prepares: int | None = None
    tasks_done: int = 0
    first_bytes: int = 0
    beating_thread: int | None = None
    pulse: Pulse = field(default_factory=Pulse)

    @property
    def device(self) -> tuple[str, str | None]:
        """What it shares with the workers that have the same: a GPU of a machine, or a machine."""
        return self.channel.node, self.gpu

    def assign(self, task: Task) -> None:
        """Have it do a task."""
        self.task, self.started_at, self.progress, self.pulse = task, None, [], Pulse()
        self.channel.send(task)

    def prepare(self, task: Task) -> None:
        """Tell it what it will probably do next."""
        self.prepares = task.number
        self.channel.send(Prepare(task.payload))

    def finish(self) -> None:
        """Its task is done."""
        self.task = self.started_at = None
        self.tasks_done += 1

    def seconds(self) -> float:
        """How long it has been at its task; 0 before it began."""
        return 0.0 if self.started_at is None else time.monotonic() - self.started_at
