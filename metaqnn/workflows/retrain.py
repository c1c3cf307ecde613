"""After a search: its best networks trained again by the retraining recipe, on its own data or on others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from metaqnn.config import as_mapping
from metaqnn.core import RETRYABLE, TRAINING, Retraining, Score, Status
from metaqnn.errors import ReplayError
from metaqnn.files import moved_aside
from metaqnn.machine import machine_faults
from metaqnn.networks.retraining.choice import problem_with, stored_network
from metaqnn.networks.retraining.messages import DataSource, RetrainingEpochDone, RetrainingJob, RetrainingStarted
from metaqnn.networks.retraining.pool import train_all
from metaqnn.networks.retraining.stored import ENDING
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import (
    RetrainingMemory,
    kept_file,
    read_retraining,
    read_retrainings,
    weights_folder,
)
from metaqnn.search.stop import StopRequest
from metaqnn.workers.environment import usable_cores, visible_gpus
from metaqnn.workflows.retraining_plan import RetrainingPlan, TrainOptions, plan_retrainings

_ACCURACY = Score("accuracy", low=0.0, high=1.0, is_share=True)


@dataclass(frozen=True)
class TrainProgress:
    """Where the trainings stand.

    Attributes:
        epochs_done, epochs_total: over all of them.
        retrainings: trainings asked for.
        ended: of them.
        best_score: the best validation score after any epoch so far; None where nothing is held out.
        score: what it is.
    """

    epochs_done: int
    epochs_total: int
    retrainings: int
    ended: int
    best_score: float | None = None
    score: Score = _ACCURACY

    @property
    def words(self) -> str:
        """The rest of it for people."""
        best = "" if self.best_score is None else f", best {self.score.told(self.best_score)}"
        return f"{self.ended} of {self.retrainings} networks done{best}"


@dataclass(frozen=True)
class TrainReport:
    """How it ended: the trainings asked for as they stand now, and the signal that asked for an earlier end, if any.

    `score` is what was measured on held-out images.
    """

    retrainings: tuple[Retraining, ...]
    is_complete: bool
    signal: int | None
    score: Score = _ACCURACY


@machine_faults()
def train_best(
    database: Path,
    options: TrainOptions,
    on_progress: Callable[[TrainProgress], None] = lambda progress: None,
    announce: Callable[[str], None] = lambda line: None,
) -> TrainReport:
    """Train the best networks of a search again, or go on where the database stands.

    What was asked for before with the same recipe, seed and images is not trained twice.

    Args:
        database: of a search, or imported.
        options: what is asked for.
        on_progress: called when it begins and after each epoch.
        announce: called with lines for the user.

    Raises:
        MetaqnnError: it cannot begin or go on; nothing recorded is lost.
    """
    stop = StopRequest()
    with stop.installed():
        with ReplayReader(database) as reader:
            plan = plan_retrainings(reader, options, announce)
        with RetrainingMemory(database, options.break_lock) as memory:
            folder = weights_folder(database)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ReplayError(f"{folder}: expected a folder that can be written, but {error.strerror}") from error
            retrainings = _record_asked(memory, plan, options.retrain)
            jobs = [
                _job(memory, retraining, plan, folder) for retraining in retrainings if retraining.status == TRAINING
            ]
            _clear_the_way(jobs, announce)
            watch = _Watch(retrainings, plan.recipe.num_epochs, plan.data.target.score, on_progress, announce)
            gpus = visible_gpus() if options.gpus is None else options.gpus
            workers = 0 if options.in_process else options.workers or len(gpus) or usable_cores()
            with stop.deferred():
                is_complete = train_all(
                    jobs,
                    memory,
                    plan.backend,
                    workers,
                    gpus,
                    lambda: stop.requested,
                    watch.see,
                    plan.experiment.search.hang_seconds,
                    announce,
                )
            retrainings = [read_retraining(memory, retraining.number) for retraining in retrainings]
    return TrainReport(tuple(retrainings), is_complete, None if is_complete else stop.signal, plan.data.target.score)


def _record_asked(memory: RetrainingMemory, plan: RetrainingPlan, retrain: bool) -> list[Retraining]:
    """The trainings that are asked for, with their numbers: those known from before, and new ones."""
    recorded = read_retrainings(memory)
    known = {_identity(retraining): retraining for retraining in recorded}
    numbers, new, asked = max((each.number for each in recorded), default=0), [], []
    for retraining in plan.wanted:
        found = known.get(_identity(retraining))
        if found is None:
            numbers += 1
            found = replace(retraining, number=numbers)
            new.append(found)
        elif found.status != TRAINING and (retrain or not _is_kept(memory, found)):
            memory.restart(found.number)
            found = read_retraining(memory, found.number)
        asked.append(found)
    memory.add(new)
    return asked


def _is_kept(memory: RetrainingMemory, retraining: Retraining) -> bool:
    """Whether a training has ended for good: what crashed, hung, or lost its file, is tried again."""
    if retraining.status == Status.OK:
        return problem_with(memory, retraining) is None
    return retraining.status not in RETRYABLE


def _identity(retraining: Retraining) -> tuple:
    """What makes two trainings the same."""
    parts = (retraining.recipe, retraining.dataset, retraining.data)
    return (
        *(retraining.model, retraining.architecture, retraining.seed, retraining.split, retraining.finetuned_from),
        *(repr(sorted(as_mapping(dict(part)).items())) for part in parts),
    )


def _job(memory: RetrainingMemory, retraining: Retraining, plan: RetrainingPlan, folder: Path) -> RetrainingJob:
    origin = None
    if retraining.finetuned_from is not None:
        origin = stored_network(memory, read_retraining(memory, retraining.finetuned_from))
    return RetrainingJob(
        retraining.number,
        DataSource(plan.dataset, plan.experiment.seed, plan.data.fingerprint),
        retraining.architecture,
        plan.recipe,
        retraining.seed,
        retraining.split,
        str(
            kept_file(
                memory.path,
                f"final-{retraining.number}.checkpoint.npz",
                f"the checkpoint of retraining {retraining.number}",
            )
        ),
        str(folder / f"final-{retraining.number}{ENDING}"),
        origin,
        plan.data.input_shape,
    )


def _clear_the_way(jobs: Sequence[RetrainingJob], announce: Callable[[str], None]) -> None:
    """Move aside what lies where these trainings will write and is not theirs, as beside an older database put back.

    Raises:
        ReplayError: it cannot be moved.
    """
    from metaqnn.networks.retraining.trainer import is_checkpoint_of

    for job in jobs:
        network, checkpoint = Path(job.network), Path(job.checkpoint)
        for path in (network,) if is_checkpoint_of(checkpoint, job.identity) else (network, checkpoint):
            try:
                if moved := moved_aside(path):
                    announce(f"{path} is not of this training; it was moved to {moved.name}.")
            except OSError as error:
                raise ReplayError(f"{path}: expected to move this file aside, but {error.strerror}") from error


class _Watch:
    """Counts epochs for a display."""

    def __init__(
        self,
        retrainings: Sequence[Retraining],
        epochs: int,
        score: Score,
        on_progress: Callable[[TrainProgress], None],
        announce: Callable[[str], None],
    ):
        self._epochs, self._score, self._on_progress, self._announce = epochs, score, on_progress, announce
        self._done = {retraining.number: 0 if retraining.status == TRAINING else epochs for retraining in retrainings}
        self._ended = {retraining.number for retraining in retrainings if retraining.status != TRAINING}
        self._best: float | None = None
        self._device = ""
        self._tell()

    def see(self, job: RetrainingJob, event: object) -> None:
        """An event of a training."""
        if isinstance(event, RetrainingStarted):
            self._done[job.number] = len(event.epochs)
            if event.device != self._device:
                self._device = event.device
                self._announce(f"Training on {event.device}.")
        elif isinstance(event, RetrainingEpochDone):
            self._done[job.number] = event.epoch.step
            found = event.epoch.score
            if found is not None and self._score.is_better(found, self._best):
                self._best = found
            if event.epoch.step == self._epochs:
                return  # its end follows
        else:
            self._done[job.number] = self._epochs
            self._ended.add(job.number)
        self._tell()

    def _tell(self) -> None:
        total = self._epochs * len(self._done)
        done = sum(self._done.values())
        self._on_progress(TrainProgress(done, total, len(self._done), len(self._ended), self._best, self._score))
