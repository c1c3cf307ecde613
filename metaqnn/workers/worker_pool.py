"""The pool of workers: who does which task, and what becomes of a task whose worker ends, hangs or grows."""

import pickle
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from metaqnn.core import RETRYABLE, Notice, Status, WorkerLost, WorkerReady, WorkerSaid
from metaqnn.errors import EvaluatorError, MachineError
from metaqnn.workers.life_guard import LifeGuard
from metaqnn.workers.losses import FORGIVEN, FailedStarts, Loss, Losses
from metaqnn.workers.memory import GIBIBYTE
from metaqnn.workers.memory_guard import Limits, MemoryGuard
from metaqnn.workers.pool import Pool
from metaqnn.workers.pool_worker import PoolWorker
from metaqnn.workers.runner import StartRunner
from metaqnn.workers.task import (
    Event,
    Heartbeat,
    MachineFailed,
    Task,
    TaskFailed,
    TaskFinished,
    TaskProgress,
    TaskStarted,
    WorkerFailed,
)
from metaqnn.workers.task_queue import TaskQueue
from metaqnn.workers.transport import Transport, WorkerSetup

_OF_THE_MACHINE = (*RETRYABLE, Status.FAILED)
"""How a task may end whose worker was stopped or suspended meanwhile, without any fault of its own."""

_TASKS_PER_WORKER = 100
"""A framework keeps a little of every network, about 1 MiB here, so a worker is replaced after so many."""

_MAX_GROWTH = GIBIBYTE
"""An idle worker that holds so much more than after its first task is replaced before that."""

_GRACE_SECONDS = 15.0
"""A runner looks at the time itself; past this its worker hangs and is ended."""

_MAX_BEAT_SECONDS = 10.0
"""Workers say that they live this often, and five times before they are taken for dead."""


class WorkerPool(Pool):
    """Does tasks in persistent workers; a worker that ends, or shows no sign of life, is replaced.

    On Linux a worker ends with the thread that started it: that of the first `submit` or `results` that needed it.

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
        self._memory_guard = MemoryGuard(self._limits)
        self._life_guard = LifeGuard(self._limits)
        self._workers: list[PoolWorker] = []
        self._queue = TaskQueue()
        self._losses = Losses()
        self._failed_starts = FailedStarts()
        self._has_been_ready = False
        self._device = ""
        self._failure: Exception | None = None  # raised when everything before it has been told

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the workers there are now."""
        return tuple(worker.channel.pid for worker in self._workers)

    def submit(self, task: Task) -> None:
        """Queue a task; an idle worker takes it at once."""
        self._queue.add(task)
        if self._failure is None:
            self._assign()

    def results(self, timeout: float) -> list[Event]:
        """What the workers said since the last call, waiting at most `timeout` seconds for the first word.

        Raises:
            EvaluatorError: workers cannot start, or are stopped again and again.
            MachineError: the machine failed a worker.
            OSError, RuntimeError: it failed this process: no worker can be started, or none looked at.

        Each when everything before it has been told, and again at every further call.
        """
        events: list[Event] = []
        if self._failure is None:
            with self._failures_kept():
                self._look(timeout, events)
        if self._failure is not None and not events:
            self.stop()
            raise self._failure
        return events

    def _look(self, timeout: float, events: list[Event]) -> None:
        self._assign()
        events += map(Notice, self._transport.notices())
        by_channel = {worker.channel: worker for worker in self._workers}
        for channel in self._transport.wait(list(by_channel), timeout):
            with self._failures_kept():  # what the others have said already counts
                self._listen(by_channel[channel], events)
        if self._failure is not None:
            return
        for worker in list(self._workers):
            self._hear_words(worker, events)
            if worker.task is None:
                self._renew_if_worn(worker)
            else:
                self._end_if_hanging(worker, worker.task, events)
        for lifeless in self._life_guard.lifeless(self._workers):
            loss = Loss.HELD_UP if lifeless.was_held_up else Loss.HUNG
            self._lose(lifeless.worker, loss, lifeless.reason, events)
        self._end_one_over_memory_limit(events)
        self._assign()

    @contextmanager
    def _failures_kept(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # whatever it is, the events before it are not lost with it
            self._failure = self._failure or error

    def stop(self) -> None:
        """End every worker at once and forget what was queued."""
        self._queue.clear()
        # All are told before any is waited for: several may take a while to let go of their devices.
        for worker in self._workers:
            worker.channel.end()
        for worker in self._workers:
            worker.channel.close()
        self._workers.clear()
        self._transport.close()

    def _start(self, number: int) -> PoolWorker:
        gpu = self._gpus[(number - 1) % len(self._gpus)] if self._gpus else None
        hang_seconds = self._limits.hang_seconds
        beat_seconds = None if hang_seconds is None else min(_MAX_BEAT_SECONDS, hang_seconds / 5)
        setup = WorkerSetup(number, self._start_runner, gpu, self._path, beat_seconds)
        return PoolWorker(number, gpu, self._transport.start(setup))

    def _assign(self) -> None:
        """Give queued tasks to idle workers; a worker still starting takes its first one already."""
        busy = sum(worker.task is not None for worker in self._workers)
        while self._queue and len(self._workers) < min(self._count, busy + len(self._queue)):
            self._workers.append(self._start(len(self._workers) + 1))
        for worker in self._workers:
            if self._queue and worker.task is None and worker.channel.is_placed:
                task = self._queue.next_for(worker, len(self._workers))
                if self._memory_guard.has_room(task, worker, self._workers):
                    self._queue.remove(task)
                    worker.assign(task)
        self._queue.make_ready(self._workers)

    def _listen(self, worker: PoolWorker, events: list[Event]) -> None:
        """Take all messages of one worker; its end is one too."""
        try:
            for message in worker.channel.receive():
                self._life_guard.heard(worker, isinstance(message, TaskProgress))
                if isinstance(message, Heartbeat):
                    worker.beating_thread = message.thread
                    continue
                if isinstance(message, MachineFailed):
                    raise MachineError(message.reason)
                if isinstance(message, WorkerFailed):
                    if self._has_been_ready:  # it worked before: tried again like a worker that was killed
                        worker.failure = message.reason
                        continue
                    where = f" on {worker.channel.node}" if worker.channel.node else ""
                    raise EvaluatorError(
                        f"expected a worker process that can train, but it failed{where}: {message.reason}"
                    )
                if isinstance(message, WorkerReady):
                    self._memory_guard.require_room_for_idle(worker, message.resident_bytes, message.is_gpu)
                    worker.is_ready = self._has_been_ready = True
                    worker.is_gpu = message.is_gpu
                    self._failed_starts.forget()
                    self._device = message.device
                    message = replace(message, node=worker.channel.node, kind=worker.channel.kind)
                elif isinstance(message, TaskStarted):
                    worker.started_at = worker.pulse.step_began = time.monotonic()
                    worker.pulse.idle_seconds = 0.0
                    message = replace(message, node=worker.channel.node)
                elif isinstance(message, TaskProgress):
                    worker.progress.append(message.content)
                elif isinstance(message, TaskFinished | TaskFailed):
                    status = getattr(getattr(message, "result", None), "status", None)
                    if worker.pulse.was_held_up and status in _OF_THE_MACHINE:
                        self._lose(worker, Loss.HELD_UP, f"worker {worker.number} was stopped meanwhile", events)
                        return
                    worker.finish()
                    self._losses.forget(message.number)
                    message = replace(message, node=worker.channel.node)
                events.append(cast(Event, message))
        except EOFError:
            self._replace(worker, events)

    def _hear_words(self, worker: PoolWorker, events: list[Event]) -> None:
        number = worker.task.number if worker.task else None
        events += [WorkerSaid(worker.number, number, text, worker.channel.node) for text in worker.channel.said()]

    def _replace(self, worker: PoolWorker, events: list[Event]) -> None:
        """A worker is gone."""
        self._hear_words(worker, events)
        ended = worker.channel.exit()
        if ended.fault:
            raise MachineError(ended.fault)
        reason = f"the worker process could not start: {worker.failure}" if worker.failure else ended.reason
        loss = Loss.KILLED if ended.was_killed else Loss.CRASHED
        was_held_up = worker.pulse.was_held_up or ended.was_held_up
        self._lose(worker, Loss.HELD_UP if was_held_up else loss, reason, events)

    def _lose(self, worker: PoolWorker, loss: Loss, reason: str, events: list[Event]) -> None:
        """Replace a worker, whose task is tried again as often as such a loss is forgiven, and then has failed.

        Raises:
            EvaluatorError: workers are lost again and again without any fault of the task.
        """
        task = worker.task
        events.append(WorkerLost(worker.number, task.number if task else None, reason, worker.channel.node))
        if not worker.is_ready:
            self._failed_starts.count(loss, reason)
        if task is not None:
            times = self._losses.count(task.number, loss) if worker.is_ready else 0
            if not worker.is_ready or times <= FORGIVEN[loss]:
                self._queue.put_back(task)
            elif loss is Loss.HELD_UP:
                raise EvaluatorError(f"expected workers that are left running, but {times} times: {reason}")
            else:
                status = Status.HUNG if loss is Loss.HUNG else Status.CRASHED
                self._fail(task, worker, status, f"{reason}, {times} times" if times > 1 else reason, events)
        self._renew(worker)

    def _renew(self, worker: PoolWorker) -> None:
        """Put a fresh worker in a worker's place."""
        worker.channel.close()
        self._workers[self._workers.index(worker)] = self._start(worker.number)

    def _end_if_hanging(self, worker: PoolWorker, task: Task, events: list[Event]) -> None:
        limit = self._limits.max_seconds
        if limit is None or worker.seconds() <= limit + _GRACE_SECONDS:
            return
        reason = f"not finished after {self._limits.seconds_key} = {limit:g}, and the worker process hung"
        if worker.pulse.was_held_up:
            self._lose(worker, Loss.HELD_UP, f"worker {worker.number} was stopped meanwhile", events)
            return
        events.append(WorkerLost(worker.number, task.number, reason, worker.channel.node))
        self._fail(task, worker, Status.TIMED_OUT, reason, events)
        self._renew(worker)

    def _end_one_over_memory_limit(self, events: list[Event]) -> None:
        over = self._memory_guard.over_memory_limit(self._workers)
        if over is None:
            return
        events.append(WorkerLost(over.worker.number, over.task.number, over.reason, over.worker.channel.node))
        if over.is_to_blame:
            self._fail(over.task, over.worker, Status.OUT_OF_MEMORY, over.reason, events)
        else:  # what it held may be left over from others: it is tried in a fresh worker
            self._queue.put_back(over.task)
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
        self._losses.forget(task.number)
        progress, seconds = tuple(worker.progress), worker.seconds()
        failed = TaskFailed(task.number, status, reason, progress, seconds, self._device, worker.channel.node)
        events.append(failed)
