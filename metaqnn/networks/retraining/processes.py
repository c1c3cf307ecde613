"""Worker processes of finals: trainings side by side, one process each, and predictions."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

from metaqnn.core import Status
from metaqnn.errors import EvaluatorError
from metaqnn.evaluators.process import WorkerProcess
from metaqnn.networks.retraining.messages import (
    FinalEnded,
    FinalEpochDone,
    FinalStarted,
    Predict,
    Predicted,
    TrainFinal,
    WorkerRefused,
)
from metaqnn.replay.finals import FinalMemory

_MODULE = "metaqnn.networks.retraining.worker"
_POLL_SECONDS = 0.2

_MAX_KILLS = 3
"""A training whose process is killed from outside goes on from its checkpoint so many times."""


@dataclass
class Running:
    """A training in its process; None is this one."""

    job: TrainFinal
    process: WorkerProcess | None
    device: str = ""
    is_over: bool = False


def train_all(
    jobs: Sequence[TrainFinal],
    memory: FinalMemory,
    workers: int,
    gpus: Sequence[str] = (),
    stop_requested: Callable[[], bool] = lambda: False,
    on_event: Callable[[TrainFinal, object], None] = lambda job, event: None,
) -> bool:
    """Train, and record every epoch and every end.

    Args:
        jobs: what to train.
        memory: records it.
        workers: processes side by side.
        gpus: shared out among them in turn; empty leaves the choice to the framework.
        stop_requested: asked several times a second.
        on_event: told FinalStarted, FinalEpochDone and FinalEnded when they are recorded.

    Returns:
        whether all of it ended; else a stop was requested, and the same jobs go on from their checkpoints.

    Raises:
        EvaluatorError: a worker cannot do what it was asked to at all.
    """
    waiting, running, kills = deque(jobs), {}, dict.fromkeys((job.final for job in jobs), 0)
    try:
        while waiting or running:
            for place in range(1, workers + 1):
                if waiting and place not in running:
                    job, gpu = waiting.popleft(), gpus[(place - 1) % len(gpus)] if gpus else None
                    running[place] = Running(job, WorkerProcess(place, job, gpu, _MODULE))
            by_connection = {training.process.connection: place for place, training in running.items()}
            for connection in wait(list(by_connection), _POLL_SECONDS):
                place = by_connection[connection]
                training = running[place]
                try:
                    while connection.poll():
                        record(training, connection.recv(), memory, on_event)
                except (EOFError, OSError):
                    if not training.is_over:
                        kills[training.job.final] += 1
                        if training.process.was_killed_from_outside() and kills[training.job.final] <= _MAX_KILLS:
                            waiting.appendleft(training.job)
                        else:
                            end = FinalEnded(Status.CRASHED, training.process.reason())
                            record(training, end, memory, on_event)
                    training.is_over = True
                if training.is_over:
                    training.process.kill()
                    del running[place]
            if stop_requested():
                return False
    finally:
        for training in running.values():
            training.process.end()
        for training in running.values():
            training.process.kill()
    return True


def record(
    training: Running, message: object, memory: FinalMemory, on_event: Callable[[TrainFinal, object], None]
) -> None:
    """Record what a training says.

    Raises:
        EvaluatorError: it cannot be done at all.
    """
    job = training.job
    if isinstance(message, WorkerRefused):
        raise EvaluatorError(f"final {job.final} of {job.architecture} cannot be trained: {message.reason}")
    if isinstance(message, FinalStarted):
        training.device = message.device
        memory.begin(job.final, message.epochs, message.device)
    elif isinstance(message, FinalEpochDone):
        memory.record_epoch(job.final, message.epoch)
    elif isinstance(message, FinalEnded):
        name = Path(job.network).name if message.status == Status.OK else None
        memory.record_end(job.final, str(message.status), message.reason, message.validation_accuracy, name)
        training.is_over = True
    on_event(job, message)


def predict(question: Predict) -> Predicted:
    """Ask a process of its own what trained networks say.

    Raises:
        EvaluatorError: it could not say.
    """
    process = WorkerProcess(1, question, None, _MODULE)
    try:
        answer = process.connection.recv()
    except (EOFError, OSError):
        raise EvaluatorError(
            f"expected predictions of {len(question.networks)} networks, but {process.reason()}"
        ) from None
    finally:
        process.kill()
    if isinstance(answer, WorkerRefused):
        raise EvaluatorError(answer.reason)
    return answer
