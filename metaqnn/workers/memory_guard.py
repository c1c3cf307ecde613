"""Keeps the workers within the memory of their devices: who may start now, and who has grown too large."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from metaqnn.core import HANG_SECONDS
from metaqnn.errors import EvaluatorError
from metaqnn.workers.memory import GIBIBYTE, IDLE_BYTES
from metaqnn.workers.pool_worker import PoolWorker
from metaqnn.workers.task import Task

_MACHINE_SHARE = 0.9
"""Workers that hold more than this part of the machine's memory are ended, before the system ends something else."""


@dataclass(frozen=True)
class Limits:
    """What a task may take, each with the key by which a user sets it.

    Attributes:
        max_seconds: a worker that takes much longer hangs; None is no limit.
        max_bytes: of a worker on a CPU; None is what the machine has.
        need: estimates the bytes that a payload takes beyond those of an idle worker; None starts whatever comes.
        seconds_key, bytes_key: for messages.
        hang_seconds: a worker that gives no sign of life for so long is replaced; None: never.
        computes: whether a task uses a processor or ends a step all the while, so that one that does neither hangs.
    """

    max_seconds: float | None = None
    max_bytes: float | None = None
    need: Callable[[Any], int] | None = None
    seconds_key: str = "max_seconds"
    bytes_key: str = "max_memory"
    hang_seconds: float | None = HANG_SECONDS
    computes: bool = False


@dataclass(frozen=True)
class OverMemoryLimit:
    """A worker that must end.

    Attributes:
        worker: which one.
        task: what it is at.
        is_to_blame: whether the task alone is the cause: a fresh worker, and no crowd.
        reason: in one sentence.
    """

    worker: PoolWorker
    task: Task
    is_to_blame: bool
    reason: str


class MemoryGuard:
    """What the memory allows.

    Args:
        limits: of a task.
    """

    def __init__(self, limits: Limits):
        self._limits = limits
        self._capacities: dict[tuple[str, str | None], int | None] = {}

    def has_room(self, task: Task, where: PoolWorker, workers: Sequence[PoolWorker]) -> bool:
        """Whether a task fits beside what runs on the same device now; it always does where nothing runs.

        So several workers on one device never make a task fail that would have fitted alone.
        """
        need, sharing = self._limits.need, [worker for worker in workers if worker.device == where.device]
        beside = [worker.task for worker in sharing if worker.task]
        if not beside or need is None:
            return True
        capacity = self._capacity(where, where.gpu)
        needed = sum(need(each.payload) for each in (*beside, task))
        return capacity is None or needed + len(sharing) * IDLE_BYTES <= capacity

    def over_memory_limit(self, workers: Sequence[PoolWorker]) -> OverMemoryLimit | None:
        """A worker that holds too much, if there is one.

        Raises:
            EvaluatorError: it is one that has not even started.
        """
        held = [(worker.channel.resident_bytes(), worker, worker.task) for worker in workers if worker.task]
        for size, worker, task in held:
            own = self._most(worker, worker.is_gpu)
            if not worker.is_ready:
                self.require_room_for_idle(worker, size, worker.is_gpu)
            elif size > own:
                return OverMemoryLimit(worker, task, worker.tasks_done == 0, _reason(size, own))
        for node in {worker.channel.node: None for _, worker, _ in held}:
            there = [each for each in held if each[1].channel.node == node]
            size, worker, task = max(there, key=lambda each: each[0])
            total, most = sum(size for size, _, _ in there), self._most(worker, is_gpu=True)
            if len(there) > 1 and total > most:
                return OverMemoryLimit(worker, task, False, _reason(total, most, "all worker processes together"))
        return None

    def require_room_for_idle(self, worker: PoolWorker, held: int, is_gpu: bool) -> None:
        """See that a worker may hold what it holds before its first task, for which no task is to blame.

        Raises:
            EvaluatorError: every worker would be ended, whatever it was given.
        """
        most = self._most(worker, is_gpu)
        if held > most:
            limit = f"a larger {self._limits.bytes_key}" if self._limits.max_bytes else "more memory"
            raise EvaluatorError(f"expected {limit}: before anything was trained, {_reason(held, most)}")

    def _capacity(self, worker: PoolWorker, gpu: str | None) -> int | None:
        """The memory of a GPU, or of the machine, on which a worker is."""
        key = worker.channel.node, gpu
        if key not in self._capacities:
            self._capacities[key] = worker.channel.memory_bytes(gpu)
        return self._capacities[key]

    def _most(self, worker: PoolWorker, is_gpu: bool) -> float:
        """Bytes that one worker may hold; the limit of a task is for those without a GPU."""
        limit = self._limits.max_bytes
        if limit is not None and not is_gpu:
            return limit
        machine = self._capacity(worker, None)
        return math.inf if machine is None else _MACHINE_SHARE * machine


def _reason(held: float, most: float, who: str = "the worker process") -> str:
    return f"{who} grew to {held / GIBIBYTE:.2f} GiB, and the most is {most / GIBIBYTE:.2f}"
