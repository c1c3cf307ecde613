"""Every network of a small space trained, with several seeds, into a replay database: a table of known results."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from metaqnn.core import (
    Context,
    Episode,
    Evaluation,
    Evaluator,
    Event,
    Executor,
    Model,
    Observer,
    Score,
    Space,
    Strategy,
    Trajectory,
    WorkerLost,
)
from metaqnn.errors import ConfigError, ReplayError, counted
from metaqnn.files import moved_aside
from metaqnn.machine import machine_faults
from metaqnn.replay.copying import move_aside
from metaqnn.replay.evaluations import read_evaluations
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.search.loop import Ending, Search
from metaqnn.search.plan import SearchPlan
from metaqnn.search.rewards import ScoreReward, ScoreRewardOptions
from metaqnn.search.stop import StopRequest
from metaqnn.workers.environment import usable_cores, visible_gpus
from metaqnn.workers.evaluating import make_executor
from metaqnn.workflows.components import build_evaluator, build_space, recorded_again
from metaqnn.workflows.experiment import Experiment
from metaqnn.workflows.forecast import announce_download
from metaqnn.workflows.resume import backend_for, changes_since, current_versions, refuse_changes, started_with
from metaqnn.workflows.table_memory import TableMemory

MAX_NETWORKS = 100_000
"""A space with more is not small: at a second each they would take more than a day a seed."""

_AHEAD = 8
"""Networks in flight for each worker, so that none waits for a slow one whose turn it is to be recorded."""


@dataclass(frozen=True)
class EnumerationProgress:
    """Where an enumeration stands.

    Attributes:
        done, total: trainings.
        networks: of the space.
        score: what is measured.
        failed: trainings that failed, of those done in this run.
        best_score: of this run's trainings; None before the first success.
    """

    done: int
    total: int
    networks: int
    score: Score
    failed: int = 0
    best_score: float | None = None

    @property
    def words(self) -> str:
        """The rest of it for people."""
        return f"of {counted(self.networks, 'network')}, best {self.score.told(self.best_score)}, {self.failed} failed"

    def after(self, found: float | None) -> "EnumerationProgress":
        """One training later."""
        best = self.best_score if found is None or not self.score.is_better(found, self.best_score) else found
        return replace(self, done=self.done + 1, failed=self.failed + (found is None), best_score=best)


@dataclass(frozen=True)
class EnumerationReport:
    """How a run ended: whether everything is trained, and the signal that asked for an earlier end, if any."""

    is_complete: bool
    signal: int | None


@machine_faults()
def run_enumeration(
    experiment: Experiment,
    database: Path,
    seeds: int,
    workers: int | None = None,
    gpus: tuple[str, ...] | None = None,
    fresh: bool = False,
    on_progress: Callable[[EnumerationProgress], None] = lambda progress: None,
    announce: Callable[[str], None] = lambda line: None,
    table_files: Sequence[Path] = (),
    break_lock: bool = False,
) -> EnumerationReport:
    """Train every network of an experiment's space with `seeds` seeds, or go on where the database stands.

    All networks are trained with the experiment's seed first, then all with the next, and so on. Every seed has the
    same training and validation images. Neither the number of workers nor an interruption changes a result.

    Args:
        experiment: its sections dataset, space and training count.
        database: the file.
        seeds: trainings of each network, in total over all runs.
        workers: processes that train side by side; None is one per GPU, otherwise one per core.
        gpus: which GPUs to train on; None is all that are visible.
        fresh: move an existing database aside and start anew.
        on_progress: called when it begins and after each training.
        announce: called with lines for the user.
        table_files: what `fresh` moves aside with the database.
        break_lock: take the database from a process of which this machine cannot know whether it has ended.

    Raises:
        MetaqnnError: the space is too large, or the database holds something else; nothing recorded is lost.
    """
    stop = StopRequest()
    with stop.installed():
        experiment = experiment.begun({} if fresh else started_with(database), database)
        experiment = experiment.with_backend(lambda: backend_for(None if fresh else database))
        announce_download(experiment, announce)
        experiment = _without_early_stopping(experiment)
        evaluator = build_evaluator(experiment)
        experiment = experiment.understood(evaluator.facts())
        space = build_space(experiment, evaluator.facts())
        networks = _networks(space)
        gpus = visible_gpus() if gpus is None else gpus
        workers = workers or len(gpus) or usable_cores()
        if fresh and (moved := move_aside(database, break_lock)):
            announce(f"The earlier table was moved to {moved}.")
        for file in table_files if fresh else ():
            if moved := moved_aside(file):
                announce(f"The earlier {file} was moved to {moved}.")
        with SQLiteReplayMemory(database, break_lock=break_lock) as memory:
            _begin(memory, experiment, evaluator, networks, workers)
            executor = make_executor(
                evaluator, workers, gpus, path=sys.path, hang_seconds=experiment.search.hang_seconds
            )
            outcome = "failed"
            try:
                with stop.deferred():
                    is_complete = _train(
                        memory,
                        executor,
                        space,
                        range(experiment.seed, experiment.seed + seeds),
                        networks,
                        _AHEAD * workers,
                        stop,
                        on_progress,
                        announce,
                    )
                outcome = "completed" if is_complete else "interrupted"
            finally:
                executor.stop()
                memory.end_run(outcome)
    return EnumerationReport(is_complete, None if is_complete else stop.signal)


def _networks(space: Space) -> list[Model]:
    """Every network of the space, numbered in its order.

    Raises:
        ConfigError: there are too many.
    """
    texts = list(islice(space.architectures(), MAX_NETWORKS + 1))
    if len(texts) > MAX_NETWORKS:
        raise ConfigError(
            f"space: expected at most {MAX_NETWORKS:,} networks to train every one of them, but there are more; "
            "make it smaller, for example with a smaller space.max_depth or space.limits"
        )
    return [Model(number, text, space.costs(space.parse(text))) for number, text in enumerate(texts, start=1)]


def _begin(
    memory: SQLiteReplayMemory, experiment: Experiment, evaluator: Evaluator, networks: Sequence[Model], workers: int
) -> None:
    """Compare with what is stored, or store it; and add the row of this run."""
    current = {
        "experiment": _sections(experiment),
        "seed": experiment.seed,
        "data": dict(evaluator.facts()),
        "score": evaluator.score.recorded(),
        "plugins": {kind: plugin.recorded() for kind, plugin in experiment.plugins.items()},
        "purpose": "table",
    }
    stored, last = memory.config(), memory.last_run()
    if stored and not memory.is_table():
        raise ReplayError(f"{memory.path}: this file holds a search; choose another for the table with --db")
    if stored:
        stored["experiment"] = _sections(recorded_again(memory, experiment))
        refuse_changes(memory.path, stored, current, "table")
    else:
        memory.initialise(current)
    versions = current_versions(experiment)
    changes = changes_since(last, len(networks), workers, versions) if last else []
    memory.begin_run(len(networks), workers, versions, changes)
    memory.add_models(networks)


def _sections(experiment: Experiment) -> dict[str, Any]:
    """What a table follows from: no strategy, reward or budget."""
    content = experiment.as_mapping()
    return {
        key: content[key] for key in ("name", "seed", "dataset", "space", "training", "evaluator") if key in content
    }


def _without_early_stopping(experiment: Experiment) -> Experiment:
    """It follows from a search, and there is none."""
    if not experiment.is_of_networks:
        return experiment
    options = replace(experiment.training, early_stopping=None)
    return replace(experiment, evaluator=replace(experiment.evaluator, options=options))


class _InOrder(Strategy):
    """Proposes each architecture of `options`, one after another."""

    def ask(self, context: Context, recorded: Mapping[str, float] | None = None) -> Trajectory:
        """The one whose turn it is."""
        return self.space.trajectory(self.options[context.number - 1])

    def tell(self, episode: Episode) -> None:
        """There is nothing to learn."""


class _Losses(Observer):
    """Says which workers were lost."""

    def __init__(self, announce: Callable[[str], None]):
        self._announce = announce

    def on_event(self, event: Event) -> None:
        """A lost worker."""
        if isinstance(event, WorkerLost):
            self._announce(f"{event.reason}; it is replaced")


def _train(
    memory: SQLiteReplayMemory,
    executor: Executor,
    space: Space,
    seeds: Sequence[int],
    networks: Sequence[Model],
    lookahead: int,
    stop: StopRequest,
    on_progress: Callable[[EnumerationProgress], None],
    announce: Callable[[str], None],
) -> bool:
    """Train what is missing, one seed after another; whether all of it was.

    The number of an evaluation says its network and its seed, so that a resumed run needs nothing else.
    """
    count = len(networks)
    done = [each.evaluation for each in read_evaluations(memory, "table") if each.evaluation <= count * len(seeds)]
    progress = EnumerationProgress(len(done), count * len(seeds), count, memory.score())
    on_progress(progress)

    def on_recorded(evaluation: Evaluation) -> None:
        nonlocal progress
        progress = progress.after(evaluation.score)
        on_progress(progress)

    for index, seed in enumerate(seeds):
        first = index * count + 1
        if sum(first <= number < first + count for number in done) < count:
            ending = Search(
                SearchPlan(seed, count, lookahead, checkpoint_seconds=math.inf),
                space,
                _InOrder([network.architecture for network in networks], space, seed),
                executor,
                TableMemory(memory, seed, first, on_recorded),
                ScoreReward(ScoreRewardOptions(), progress.score),
                [_Losses(announce)],
                stop_requested=lambda: stop.requested,
            ).run()
            if ending is not Ending.COMPLETED:
                return False
    return True
