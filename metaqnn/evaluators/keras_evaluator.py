"""The evaluator that trains Keras networks in worker processes."""

import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import wait

from metaqnn.core import (
    Attempt,
    Candidate,
    CandidateFinished,
    CandidateStarted,
    EpochFinished,
    Evaluation,
    Evaluator,
    Event,
    SpeedMeasurement,
    Status,
    WorkerLost,
    WorkerReady,
)
from metaqnn.errors import CalibrationError, EvaluatorError
from metaqnn.evaluators.memory_guard import MemoryGuard
from metaqnn.evaluators.messages import MeasureSpeed, SpeedMeasured, WorkerFailed, WorkerSetup
from metaqnn.evaluators.process import WorkerProcess
from metaqnn.networks.costs import Shape
from metaqnn.networks.data import DatasetConfig
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.memory import GIBIBYTE

_MAX_KILLS = 3
"""A candidate whose worker is killed from outside is tried again so many times."""

_MAX_FAILED_STARTS = 3
"""So many workers in a row that end by themselves before they are ready are the machine's fault."""

_MAX_KILLED_STARTS = 20
"""So many in a row that are killed before they are ready, too: by then it is no accident."""

_CANDIDATES_PER_WORKER = 100
"""A framework keeps a little of every network, about 1 MiB here, so a worker is replaced after so many."""

_MAX_GROWTH = GIBIBYTE
"""An idle worker that holds so much more than after its first candidate is replaced before that."""

_GRACE_SECONDS = 15.0
"""A worker looks at the time itself, between batches; past this it hangs and is ended."""


class KerasEvaluator(Evaluator):
    """Trains candidates in persistent processes; a worker that ends is replaced.

    Args:
        dataset, training, seed: what is trained on, how, and what the randomness derives from.
        fingerprint: of the data, which every worker checks.
        workers: how many processes; they start with the first candidate or calibration.
        gpus: shared out among the workers in turn; empty leaves the choice to the framework.
        input_shape: (height, width, channels), to tell what fits side by side; None starts whatever comes.
    """

    def __init__(
        self,
        dataset: DatasetConfig,
        training: TrainingConfig,
        seed: int,
        fingerprint: str,
        workers: int = 1,
        gpus: Sequence[str] = (),
        input_shape: Shape | None = None,
    ):
        self.training = training
        self._setup = (dataset, training, seed, fingerprint)
        self._memory_guard = MemoryGuard(training, input_shape)
        self._count = workers
        self._gpus = tuple(gpus)
        self._workers: list[WorkerProcess] = []
        self._queue: deque[Candidate] = deque()
        self._kills: dict[int, int] = {}  # episode -> times its worker was killed from outside
        self._failed_starts = self._killed_starts = 0
        self._measured: SpeedMeasured | None = None
        self._has_been_ready = False
        self._device = ""
        self._unreported: list[Event] = []  # seen while calibrating

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker processes there are now."""
        return tuple(worker.pid for worker in self._workers)

    def submit(self, candidate: Candidate) -> None:
        """Queue a candidate; an idle worker takes it at once."""
        self._queue.append(candidate)
        self._assign()

    def results(self, timeout: float) -> list[Event]:
        """What the workers said since the last call, waiting at most `timeout` seconds for the first word.

        Raises:
            EvaluatorError: workers cannot start on this machine.
        """
        self._assign()
        by_connection = {worker.connection: worker for worker in self._workers}
        events, self._unreported = self._unreported, []
        for connection in wait(list(by_connection), 0 if events else timeout):
            self._listen(by_connection[connection], events)
        for worker in list(self._workers):
            if worker.candidate is None:
                self._renew_if_worn(worker)
            else:
                self._end_if_hanging(worker, events)
        self._end_a_swollen_one(events)
        self._assign()
        return events

    def measure_speed(self, architectures: Sequence[str]) -> SpeedMeasurement:
        """Calibrate the first worker; waits for it.

        Raises:
            CalibrationError: it failed, or the worker did not survive it.
            EvaluatorError: workers cannot start on this machine.
        """
        self._start_workers(1)
        worker = self._workers[0]
        worker.send(MeasureSpeed(tuple(architectures)))
        self._measured = None
        while self._measured is None and worker in self._workers:
            wait([worker.connection])
            self._listen(worker, self._unreported)
        if self._measured is None:
            raise CalibrationError(self._unreported[-1].reason)
        if self._measured.measurement is None:
            raise CalibrationError(self._measured.reason)
        return self._measured.measurement

    def stop(self) -> None:
        """End every worker at once and forget what was queued."""
        self._queue.clear()
        # All are told before any is waited for: several may take a while to let go of their devices.
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.kill()
        self._workers.clear()

    def close(self) -> None:
        """A worker keeps nothing that an orderly end would save."""
        self.stop()

    def _start_workers(self, count: int) -> None:
        while len(self._workers) < count:
            self._workers.append(self._start(len(self._workers) + 1))

    def _start(self, number: int) -> WorkerProcess:
        gpu = self._gpus[(number - 1) % len(self._gpus)] if self._gpus else None
        return WorkerProcess(number, WorkerSetup(number, *self._setup, gpu), gpu)

    def _assign(self) -> None:
        """Give queued candidates to idle workers; a worker still starting takes its first one already."""
        if self._queue:
            self._start_workers(self._count)
        for worker in self._workers:
            if self._queue and worker.candidate is None:
                candidate = self._next_for(worker)
                if self._memory_guard.has_room(candidate, worker.gpu, self._workers):
                    self._queue.remove(candidate)
                    worker.assign(candidate)
        # What waits is for whoever is done first; each GPU has one of them made ready meanwhile.
        waiting = {candidate.number: candidate for candidate in self._queue}
        spoken_for = {worker.prepares for worker in self._workers}
        for worker in self._workers:
            if worker.is_gpu and worker.prepares not in waiting:
                candidate = next((c for n, c in waiting.items() if n not in spoken_for), None)
                if candidate is not None:
                    worker.prepare(candidate)
                    spoken_for.add(candidate.number)

    def _next_for(self, worker: WorkerProcess) -> Candidate:
        """What a worker has made ready, if that is nearly due, else the oldest: the oldest holds up all others."""
        due = list(self._queue)[: len(self._workers)]
        return next((candidate for candidate in due if candidate.number == worker.prepares), due[0])

    def _listen(self, worker: WorkerProcess, events: list[Event]) -> None:
        """Take all messages of one worker; its end is one too."""
        try:
            while worker.connection.poll():
                message = worker.connection.recv()
                if isinstance(message, WorkerFailed):
                    if self._has_been_ready:  # it worked before: tried again like a worker that was killed
                        worker.failure = message.reason
                        continue
                    self.stop()
                    raise EvaluatorError(f"expected a worker process that can train, but it failed: {message.reason}")
                if isinstance(message, SpeedMeasured):
                    self._measured = message
                    worker.num_trained += 1  # it is not fresh any more
                    continue
                if isinstance(message, WorkerReady):
                    worker.is_ready = self._has_been_ready = True
                    worker.is_gpu = message.is_gpu
                    self._failed_starts = self._killed_starts = 0
                    self._device = message.device
                elif isinstance(message, CandidateStarted):
                    worker.started_at = time.monotonic()
                elif isinstance(message, EpochFinished):
                    worker.curves.setdefault(message.attempt, []).append(message.metrics)
                elif isinstance(message, CandidateFinished):
                    worker.candidate = worker.started_at = None
                    worker.num_trained += 1
                    self._kills.pop(message.number, None)
                events.append(message)
        except (EOFError, OSError):
            self._replace(worker, events)

    def _replace(self, worker: WorkerProcess, events: list[Event]) -> None:
        """A worker is gone: its candidate is tried again if somebody killed it, and else has crashed it."""
        reason, candidate = worker.reason(), worker.candidate
        events.append(WorkerLost(worker.worker, candidate.number if candidate else None, reason))
        was_killed = worker.was_killed_from_outside()
        if not worker.is_ready:
            self._count_failed_start(was_killed, reason)
        if candidate is not None:
            kills = self._kills.get(candidate.number, 0) + (worker.started_at is not None)
            if not worker.is_ready or (was_killed and kills <= _MAX_KILLS):
                self._kills[candidate.number] = kills
                self._queue.appendleft(candidate)
            else:
                times = f", {kills} times" if kills > 1 else ""
                self._fail(candidate, worker, Status.CRASHED, f"{reason}{times}", events)
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

    def _renew(self, worker: WorkerProcess) -> None:
        """Put a fresh process in a worker's place."""
        worker.kill()
        self._workers[self._workers.index(worker)] = self._start(worker.worker)

    def _end_if_hanging(self, worker: WorkerProcess, events: list[Event]) -> None:
        limit = self.training.max_seconds
        if limit is None or worker.training_seconds() <= limit + _GRACE_SECONDS:
            return
        reason = f"not finished after training.max_seconds = {limit:g}, and the worker process hung"
        events.append(WorkerLost(worker.worker, worker.candidate.number, reason))
        self._fail(worker.candidate, worker, Status.TIMED_OUT, reason, events)
        self._renew(worker)

    def _end_a_swollen_one(self, events: list[Event]) -> None:
        swollen = self._memory_guard.swollen(self._workers)
        if swollen is None:
            return
        worker, candidate = swollen.worker, swollen.worker.candidate
        if worker.started_at is None and swollen.is_to_blame:
            self.stop()
            limit = "a larger training.max_memory" if self.training.max_memory else "more memory"
            raise EvaluatorError(f"expected {limit}: before anything was trained, {swollen.reason}")
        events.append(WorkerLost(worker.worker, candidate.number, swollen.reason))
        if swollen.is_to_blame:
            self._fail(candidate, worker, Status.OUT_OF_MEMORY, swollen.reason, events)
        else:  # what it held may be left over from others: it is tried in a fresh process
            self._queue.appendleft(candidate)
        self._renew(worker)

    def _renew_if_worn(self, worker: WorkerProcess) -> None:
        """Replace an idle worker that has trained many candidates, or kept much of their memory."""
        if not worker.num_trained:
            return
        held = worker.resident_bytes()
        worker.first_bytes = worker.first_bytes or held
        if worker.num_trained >= _CANDIDATES_PER_WORKER or held - worker.first_bytes > _MAX_GROWTH:
            self._renew(worker)

    def _fail(
        self, candidate: Candidate, worker: WorkerProcess, status: Status, reason: str, events: list[Event]
    ) -> None:
        self._kills.pop(candidate.number, None)
        attempts = tuple(Attempt(curve[0].learning_rate, tuple(curve)) for curve in worker.curves.values())
        evaluation = Evaluation(status, reason, attempts, worker.training_seconds(), self._device)
        events.append(CandidateFinished(candidate.number, evaluation))
