"""The pool of workers: who does which task, and what becomes of a task whose worker ends, hangs or grows."""

import pickle
import time
from collections import deque
from collections.abc import Sequence
from typing import cast

from metaqnn.core import Status, WorkerLost, WorkerReady
from metaqnn.errors import EvaluatorError, MachineError
from metaqnn.workers.memory import GIBIBYTE
from metaqnn.workers.memory_guard import Limits, MemoryGuard
from metaqnn.workers.pool import Pool
from metaqnn.workers.pool_worker import PoolWorker
from metaqnn.workers.runner import StartRunner
from metaqnn.workers.task import (
    Event,
    MachineFailed,
    Task,
    TaskFailed,
    TaskFinished,
    TaskProgress,
    TaskStarted,
    WorkerFailed,
)
from metaqnn.workers.transport import Transport, WorkerSetup

_MAX_KILLS = 3
"""A task whose worker is killed from outside is tried again so many times."""

_MAX_FAILED_STARTS = 3
"""So many workers in a row that end by themselves before they are ready are the machine's fault."""

_MAX_KILLED_STARTS = 20
"""So many in a row that are killed before they are ready, too: by then it is no accident."""

_TASKS_PER_WORKER = 100
"""A framework keeps a little of every network, about 1 MiB here, so a worker is replaced after so many."""

_MAX_GROWTH = GIBIBYTE
"""An idle worker that holds so much more than after its first task is replaced before that."""

_GRACE_SECONDS = 15.0
"""A runner looks at the time itself; past this its worker hangs and is ended."""


class WorkerPool(Pool):
    """Does tasks in persistent workers; a worker that ends is replaced.

    Args:
        start: starts the runner of each worker.
        transport: starts the workers, as soon as there is a task for one more of them.
        workers: how many at most.
        gpus: shared out among the workers in turn; empty leaves the choice to the framework.
        limits: of a task.
        path: folders that workers look for modules in after all others.
    """

    def __init__(
        self,
        start: StartRunner,
        transport: Transport,
        workers: int = 1,
        gpus: Sequence[str] = (),
        limits: Limits | None = None,
        path: Sequence[str] = (),
    ):
        self._start_runner, self._path = pickle.dumps(start), tuple(path)
        self._transport = transport
        self._count, self._gpus = workers, tuple(gpus)
        self._limits = limits or Limits()
        self._memory_guard = MemoryGuard(self._limits, transport.memory_bytes)
        self._workers: list[PoolWorker] = []
        self._queue: deque[Task] = deque()
        self._kills: dict[int, int] = {}  # task -> times its worker was killed from outside
        self._failed_starts = self._killed_starts = 0
        self._has_been_ready = False
        self._device = ""
        self._fault = ""  # of the machine; told when everything before it has been

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the workers there are now."""
        return tuple(worker.channel.pid for worker in self._workers)

    def submit(self, task: Task) -> None:
        """Queue a task; an idle worker takes it at once."""
        self._queue.append(task)
        self._assign()

    def results(self, timeout: float) -> list[Event]:
        """What the workers said since the last call, waiting at most `timeout` seconds for the first word.

        Raises:
            EvaluatorError: workers cannot start.
            MachineError: the machine failed a worker.
        """
        if self._fault:
            self.stop()
            raise MachineError(self._fault)
        self._assign()
        by_channel = {worker.channel: worker for worker in self._workers}
        events: list[Event] = []
        for channel in self._transport.wait(list(by_channel), timeout):
            self._listen(by_channel[channel], events)
        if self._fault:
            return events
        for worker in list(self._workers):
            if worker.task is None:
                self._renew_if_worn(worker)
            else:
                self._end_if_hanging(worker, worker.task, events)
        self._end_one_over_memory_limit(events)
        self._assign()
        return events

    def stop(self) -> None:
        """End every worker at once and forget what was queued."""
        self._queue.clear()
        # All are told before any is waited for: several may take a while to let go of their devices.
        for worker in self._workers:
            worker.channel.end()
        for worker in self._workers:
            worker.channel.close()
        self._workers.clear()

    def _start(self, number: int) -> PoolWorker:
        gpu = self._gpus[(number - 1) % len(self._gpus)] if self._gpus else None
        setup = WorkerSetup(number, self._start_runner, gpu, self._path)
        return PoolWorker(number, gpu, self._transport.start(setup))

    def _assign(self) -> None:
        """Give queued tasks to idle workers; a worker still starting takes its first one already."""
        busy = sum(worker.task is not None for worker in self._workers)
        while self._queue and len(self._workers) < min(self._count, busy + len(self._queue)):
            self._workers.append(self._start(len(self._workers) + 1))
        for worker in self._workers:
            if self._queue and worker.task is None:
                task = self._next_for(worker)
                if self._memory_guard.has_room(task, worker.gpu, self._workers):
                    self._queue.remove(task)
                    worker.assign(task)
        # What waits is for whoever is done first; each GPU has one of them made ready meanwhile.
        waiting = {task.number: task for task in self._queue}
        spoken_for = {worker.prepares for worker in self._workers}
        for worker in self._workers:
            if worker.is_gpu and worker.prepares not in waiting:
                next_task = next((task for number, task in waiting.items() if number not in spoken_for), None)
                if next_task is not None:
                    worker.prepare(next_task)
                    spoken_for.add(next_task.number)

    def _next_for(self, worker: PoolWorker) -> Task:
        """What a worker has made ready, if that is nearly due, else the oldest: the oldest holds up all others."""
        due = list(self._queue)[: len(self._workers)]
        return next((task for task in due if task.number == worker.prepares), due[0])

    def _listen(self, worker: PoolWorker, events: list[Event]) -> None:
        """Take all messages of one worker; its end is one too."""
        try:
            for message in worker.channel.receive():
                if isinstance(message, MachineFailed):
                    self._fault = message.reason
                    return
                if isinstance(message, WorkerFailed):
                    if self._has_been_ready:  # it worked before: tried again like a worker that was killed
                        worker.failure = message.reason
                        continue
                    self.stop()
                    raise EvaluatorError(f"expected a worker process that can train, but it failed: {message.reason}")
                if isinstance(message, WorkerReady):
                    worker.is_ready = self._has_been_ready = True
                    worker.is_gpu = message.is_gpu
                    self._failed_starts = self._killed_starts = 0
                    self._device = message.device
                elif isinstance(message, TaskStarted):
                    worker.started_at = time.monotonic()
                elif isinstance(message, TaskProgress):
                    worker.progress.append(message.content)
                elif isinstance(message, TaskFinished | TaskFailed):
                    worker.finish()
                    self._kills.pop(message.number, None)
                events.append(cast(Event, message))
        except EOFError:
            self._replace(worker, events)

    def _replace(self, worker: PoolWorker, events: list[Event]) -> None:
        """A worker is gone: its task is tried again if somebody killed it, and else has crashed it."""
        ended, task = worker.channel.exit(), worker.task
        if ended.fault:
            self._fault = ended.fault
            return
        reason = f"the worker process could not start: {worker.failure}" if worker.failure else ended.reason
        events.append(WorkerLost(worker.number, task.number if task else None, reason))
        if not worker.is_ready:
            self._count_failed_start(ended.was_killed, reason)
        if task is not None:
            kills = self._kills.get(task.number, 0) + (worker.started_at is not None)
            if not worker.is_ready or (ended.was_killed and kills <= _MAX_KILLS):
                self._kills[task.number] = kills
                self._queue.appendleft(task)
            else:
                times = f", {kills} times" if kills > 1 else ""
                self._fail(task, worker, Status.CRASHED, f"{reason}{times}", events)
        self._renew(worker)

    def _count_failed_start(self, was_killed: bool, reason: str) -> None:
        self._killed_starts += was_killed
        self._failed_starts += not was_killed
        if self._failed_starts >= _MAX_FAILED_STARTS or self._killed_starts >= _MAX_KILLED_STARTS:
            self.stop()
            raise EvaluatorError(
                f"expected a worker process that can train, but {self._failed_starts + self._killed_starts} in a row "
                f"ended while starting: {reason}"
            )

    def _renew(self, worker: PoolWorker) -> None:
        """Put a fresh worker in a worker's place."""
        worker.channel.close()
        self._workers[self._workers.index(worker)] = self._start(worker.number)

    def _end_if_hanging(self, worker: PoolWorker, task: Task, events: list[Event]) -> None:
        limit = self._limits.max_seconds
        if limit is None or worker.seconds() <= limit + _GRACE_SECONDS:
            return
        reason = f"not finished after {self._limits.seconds_key} = {limit:g}, and the worker process hung"
        events.append(WorkerLost(worker.number, task.number, reason))
        self._fail(task, worker, Status.TIMED_OUT, reason, events)
        self._renew(worker)

    def _end_one_over_memory_limit(self, events: list[Event]) -> None:
        over = self._memory_guard.over_memory_limit(self._workers)
        if over is None:
            return
        if over.worker.started_at is None and over.is_to_blame:
            self.stop()
            limit = f"a larger {self._limits.bytes_key}" if self._limits.max_bytes else "more memory"
            raise EvaluatorError(f"expected {limit}: before anything was trained, {over.reason}")
        events.append(WorkerLost(over.worker.number, over.task.number, over.reason))
        if over.is_to_blame:
            self._fail(over.task, over.worker, Status.OUT_OF_MEMORY, over.reason, events)
        else:  # what it held may be left over from others: it is tried in a fresh worker
            self._queue.appendleft(over.task)
        self._renew(over.worker)

    def _renew_if_worn(self, worker: PoolWorker) -> None:
        """Replace an idle worker that has done many tasks, or kept much of their memory."""
        if not worker.tasks_done:
            return
        held = worker.channel.resident_bytes()
        worker.first_bytes = worker.first_bytes or held
        if worker.tasks_done >= _TASKS_PER_WORKER or held - worker.first_bytes > _MAX_GROWTH:
            self._renew(worker)

    def _fail(self, task: Task, worker: PoolWorker, status: Status, reason: str, events: list[Event]) -> None:
        self._kills.pop(task.number, None)
        progress, seconds = tuple(worker.progress), worker.seconds()
        events.append(TaskFailed(task.number, status, reason, progress, seconds, self._device))
