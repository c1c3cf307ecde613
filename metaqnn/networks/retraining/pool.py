"""Retrainings, and predictions of trained networks, in the pool of workers or in this process."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from metaqnn.core import HANG_SECONDS, Status, WorkerLost
from metaqnn.errors import EvaluatorError, counted
from metaqnn.networks.architecture import parse
from metaqnn.networks.retraining.messages import (
    Predict,
    Predicted,
    RetrainingEnded,
    RetrainingEpochDone,
    RetrainingJob,
    RetrainingStarted,
)
from metaqnn.networks.retraining.worker import RetrainingRunner
from metaqnn.networks.training.backend import Backend
from metaqnn.networks.training.device import current_device
from metaqnn.networks.training.memory import training_bytes
from metaqnn.replay.retrainings import RetrainingMemory
from metaqnn.workers.environment import usable_cores, worker_environment
from metaqnn.workers.inline import InlinePool
from metaqnn.workers.memory_guard import Limits
from metaqnn.workers.pipe import PipeTransport
from metaqnn.workers.pool import Pool
from metaqnn.workers.task import Event, Task, TaskFailed, TaskFinished, TaskProgress
from metaqnn.workers.worker_pool import WorkerPool

_POLL_SECONDS = 0.2

OnEvent = Callable[[RetrainingJob, RetrainingStarted | RetrainingEpochDone | RetrainingEnded], None]


def train_all(
    jobs: Sequence[RetrainingJob],
    memory: RetrainingMemory,
    backend: Backend,
    workers: int,
    gpus: Sequence[str] = (),
    stop_requested: Callable[[], bool] = lambda: False,
    on_event: OnEvent = lambda job, event: None,
    hang_seconds: float | None = HANG_SECONDS,
    announce: Callable[[str], None] = lambda line: None,
) -> bool:
    """Train, and record every epoch and every end; a training whose worker is killed goes on from its checkpoint.

    Args:
        jobs: what to train.
        memory: records it.
        backend: of Keras.
        workers: processes side by side; 0 trains in this process, which is left as it is: with several threads the
            last digits may differ from those of a worker, and a stop waits for the end of an epoch.
        gpus: shared out among the workers in turn; empty leaves the choice to the framework.
        stop_requested: asked several times a second.
        on_event: told RetrainingStarted, RetrainingEpochDone and RetrainingEnded when they are recorded.
        hang_seconds: a worker that gives no sign of life for so long is replaced; None: never.
        announce: called with a line for the user for each worker that is replaced.

    Returns:
        whether all of it ended; else a stop was requested, and the same jobs go on from their checkpoints.

    Raises:
        MetaqnnError: a network cannot be trained at all.
    """
    trainings = _Trainings(jobs, memory, on_event)

    def should_drop(event: Event) -> bool:
        trainings.record(event)
        return stop_requested()

    start = partial(RetrainingRunner, backend, 1)
    if workers:
        limits = Limits(need=_need, hang_seconds=hang_seconds, computes=True)
        pool: Pool = WorkerPool(start, PipeTransport(worker_environment), workers, gpus, limits)
    else:
        pool = InlinePool(lambda: start(device=current_device(backend)), should_drop)
    try:
        for job in jobs:
            pool.submit(Task(job.number, job))
        while trainings.unfinished and not stop_requested():
            events = pool.results(_POLL_SECONDS)
            for event in events if workers else ():  # here it was recorded when it happened
                if isinstance(event, WorkerLost):
                    announce(f"{event.reason}; it is replaced")
                trainings.record(event)
    finally:
        pool.stop()
    return not trainings.unfinished


class _Trainings:
    """Records what a pool says; `unfinished` are those that have not ended, by number."""

    def __init__(self, jobs: Sequence[RetrainingJob], memory: RetrainingMemory, on_event: OnEvent):
        self.unfinished = {job.number: job for job in jobs}
        self._memory, self._on_event = memory, on_event

    def record(self, event: Event) -> None:
        """Record an event.

        Raises:
            EvaluatorError: a network cannot be trained at all.
        """
        if not isinstance(event, TaskProgress | TaskFinished | TaskFailed):
            return
        job = self.unfinished[event.number]
        if isinstance(event, TaskProgress):
            message = event.content
        elif isinstance(event, TaskFinished):
            message = event.result
        elif event.status is None:
            raise EvaluatorError(f"retraining {job.number} of {job.architecture} cannot be trained: {event.reason}")
        else:
            message = RetrainingEnded(event.status, event.reason)
        if isinstance(message, RetrainingStarted):
            self._memory.begin(job.number, message.epochs, message.device)
        elif isinstance(message, RetrainingEpochDone):
            self._memory.record_epoch(job.number, message.epoch)
        else:
            name = Path(job.network).name if message.status == Status.OK else None
            self._memory.record_end(job.number, str(message.status), message.reason, message.score, name)
            del self.unfinished[job.number]
        self._on_event(job, message)


def _need(job: RetrainingJob) -> int:
    if job.input_shape is None:
        return 0
    recipe = job.recipe
    has = recipe.dropout, recipe.batch_normalization
    return training_bytes(parse(job.architecture), job.input_shape, recipe.batch_size, 4, *has)


def predict(question: Predict, backend: Backend) -> Predicted:
    """Ask a process of its own what trained networks say.

    Args:
        question: which networks, of which images.
        backend: of Keras.

    Raises:
        EvaluatorError: it could not say.
    """
    start = partial(RetrainingRunner, backend, usable_cores())
    pool = WorkerPool(start, PipeTransport(worker_environment), limits=Limits(computes=True))
    try:
        answer = pool.ask(question, [])
    finally:
        pool.stop()
    if isinstance(answer, TaskFailed):
        expected = (
            f"expected predictions of {counted(len(question.networks), 'network')}, but " if answer.status else ""
        )
        raise EvaluatorError(f"{expected}{answer.reason}")
    return answer.result
