"""Every network of a small space trained, with several seeds, into a replay database: a table of known results."""

import csv
import gzip
import io
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from metaqnn.core import Candidate, CandidateFinished, Evaluator, Executor, Model, Space, WorkerLost, WorkerReady
from metaqnn.errors import ConfigError, ReplayError
from metaqnn.files import moved_aside
from metaqnn.replay.copying import move_aside
from metaqnn.replay.evaluations import read_evaluations
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.places import new_place, require_new
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.stop import StopRequest
from metaqnn.tables.table import EvaluationTable, read_database
from metaqnn.workers.environment import usable_cores, visible_gpus
from metaqnn.workers.evaluating import make_executor
from metaqnn.workflows.components import build_evaluator, build_space
from metaqnn.workflows.experiment import Experiment, read_experiment
from metaqnn.workflows.resume import changes_since, current_versions, refuse_changes
from metaqnn.workflows.search import announce_download

MAX_NETWORKS = 100_000
"""A space with more is not small: at a second each they would take more than a day a seed."""

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class EnumerationProgress:
    """Where an enumeration stands.

    Attributes:
        done, total: trainings.
        networks: of the space.
        failed: trainings that failed, of those done in this run.
        best_score: of this run's trainings; None before the first success.
    """

    done: int
    total: int
    networks: int
    failed: int = 0
    best_score: float | None = None

    @property
    def words(self) -> str:
        """The rest of it for people."""
        best = "-" if self.best_score is None else f"{self.best_score:.4g}"
        return f"of {self.networks:,} networks, best {best}, {self.failed} failed"


@dataclass(frozen=True)
class EnumerationReport:
    """How a run ended: whether everything is trained, and the signal that asked for an earlier end, if any."""

    is_complete: bool
    signal: int | None


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

    Raises:
        MetaqnnError: the space is too large, or the database holds something else; nothing recorded is lost.
    """
    stop = StopRequest()
    with stop.installed():
        announce_download(experiment, announce)
        experiment = _without_early_stopping(experiment)
        evaluator = build_evaluator(experiment)
        networks = _networks(build_space(experiment, evaluator.facts()))
        gpus = visible_gpus() if gpus is None else gpus
        workers = workers or len(gpus) or usable_cores()
        if fresh and (moved := move_aside(database)):
            announce(f"The earlier table was moved to {moved}.")
        for file in table_files if fresh else ():
            if moved := moved_aside(file):
                announce(f"The earlier {file} was moved to {moved}.")
        with SQLiteReplayMemory(database) as memory:
            _begin(memory, experiment, evaluator, networks, workers)
            executor = make_executor(evaluator, workers, gpus, path=sys.path)
            outcome = "failed"
            try:
                with stop.deferred():
                    is_complete = _train(memory, executor, experiment.seed, seeds, networks, workers, stop, on_progress)
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
    if stored:  # as this version reads it: keys that are new since then have their defaults
        stored["experiment"] = _sections(read_experiment(stored["experiment"], str(memory.path)))
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
    options = replace(experiment.training, prediction=None)
    return replace(experiment, evaluator=replace(experiment.evaluator, options=options))


def _train(
    memory: SQLiteReplayMemory,
    executor: Executor,
    first_seed: int,
    seeds: int,
    networks: Sequence[Model],
    workers: int,
    stop: StopRequest,
    on_progress: Callable[[EnumerationProgress], None],
) -> bool:
    """Train what is missing; whether all of it was."""
    done = {training.evaluation for training in read_evaluations(memory, "table")}
    total = seeds * len(networks)
    missing = deque(number for number in range(1, total + 1) if number not in done)
    progress = EnumerationProgress(total - len(missing), total, len(networks))
    on_progress(progress)
    in_flight: set[int] = set()
    while missing or in_flight:
        while missing and len(in_flight) < 2 * workers:
            number = missing.popleft()
            network, seed = _training(number, first_seed, networks)
            executor.submit(Candidate(number, network.architecture, seed, costs=network.costs))
            in_flight.add(number)
        for event in executor.results(_POLL_SECONDS):
            if isinstance(event, WorkerReady | WorkerLost):
                memory.record_worker(event)
            elif isinstance(event, CandidateFinished):
                network, seed = _training(event.number, first_seed, networks)
                memory.record_table_evaluation(event.number, network.model, seed, event.evaluation)
                in_flight.discard(event.number)
                score, best = event.evaluation.score, progress.best_score
                progress = replace(
                    progress,
                    done=progress.done + 1,
                    failed=progress.failed + (score is None),
                    best_score=best if score is None or not memory.score().is_better(score, best) else score,
                )
                on_progress(progress)
        if stop.requested:
            return False
    return True


def _training(number: int, first_seed: int, networks: Sequence[Model]) -> tuple[Model, int]:
    """The network and the seed of a training: its number says both, so that a resumed run needs nothing else."""
    seed, index = divmod(number - 1, len(networks))
    return networks[index], first_seed + seed


def packed_file(description: Path) -> Path:
    """The CSV that a table's YAML file describes, beside it."""
    return description.with_name(f"{description.stem}.csv.gz")


def write_table(database: Path, description: Path, name: str) -> EvaluationTable:
    """Write an enumerated table as a CSV, packed, with the YAML file that describes it.

    Args:
        database: from `run_enumeration`.
        description: the YAML file; the CSV stands beside it with the ending `.csv.gz`.
        name: of the table.

    Returns:
        the table.

    Raises:
        ReplayError: one of the files exists or cannot be written, or the database cannot be read.
    """
    import yaml

    require_new(description)

    with ReplayReader(database) as reader:
        table, config = read_database(reader), reader.config()
        costs = {model.architecture: model.costs for model in reader.models()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    trainings = max(len(entry.scores) for entry in table.entries.values())
    names = [*next(iter(costs.values()))][:2]
    writer.writerow(
        ("architecture", "reward", "target", *(f"{table.score.name}_{n + 1}" for n in range(trainings)), *names)
    )
    for architecture, entry in table.entries.items():
        scores = (f"{score:.6g}" for score in entry.scores)
        of_it = (costs[architecture][name] for name in names)
        writer.writerow((architecture, f"{entry.reward:.6g}", f"{entry.target:.6g}", *scores, *of_it))
    packed = packed_file(description)
    with new_place(packed) as part:
        part.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))  # the same table, the same bytes
    data = config["data"]
    content = {
        "name": name,
        "space": config["experiment"]["space"],
        "table": {
            "file": packed.name,
            "key": "architecture",
            "reward": "reward",
            "target": "target",
            "input_shape": data["input_shape"],
            "classes": data["classes"],
        },
    }
    with new_place(description) as part:
        part.write_text(yaml.safe_dump(content, sort_keys=False, default_flow_style=None), encoding="utf-8")
    return table
