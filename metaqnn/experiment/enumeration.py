"""Every network of a small space trained, with several seeds, into a replay database: a table of known results."""

import csv
import gzip
import io
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from metaqnn.config import as_mapping
from metaqnn.core import CandidateFinished, WorkerLost, WorkerReady
from metaqnn.data import SearchData, load_search_data, open_source
from metaqnn.errors import ConfigError, ReplayError
from metaqnn.evaluators.keras_evaluator import KerasEvaluator
from metaqnn.evaluators.table import EvaluationTable, read_database
from metaqnn.experiment.files import Experiment, read_experiment
from metaqnn.experiment.parts import make_space
from metaqnn.experiment.resuming import changes_since, current_versions, data_facts, refuse_changes
from metaqnn.files import moved_aside
from metaqnn.replay.copying import move_aside
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.places import new_place, require_new
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.stop import StopRequest
from metaqnn.space.layer_space import LayerSpace
from metaqnn.training.device import usable_cores, visible_gpus
from metaqnn.trial import Candidate, Model

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
        best_accuracy: of this run's trainings, in [0, 1]; None before the first success.
    """

    done: int
    total: int
    networks: int
    failed: int = 0
    best_accuracy: float | None = None

    @property
    def words(self) -> str:
        """The rest of it for people."""
        best = "-" if self.best_accuracy is None else f"{100 * self.best_accuracy:.2f} %"
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
        workers: processes that train side by side; None is one a GPU, or one a core.
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
        if not open_source(experiment.dataset.name).available():
            announce(f"The data set {experiment.dataset.name} is not on this machine; trying to download it ...")
        data = load_search_data(experiment.dataset, experiment.seed)
        networks = _networks(make_space(experiment, data.input_shape, data.classes))
        gpus = visible_gpus() if gpus is None else gpus
        workers = workers or len(gpus) or usable_cores()
        if fresh and (moved := move_aside(database)):
            announce(f"The earlier table was moved to {moved}.")
        for file in table_files if fresh else ():
            if moved := moved_aside(file):
                announce(f"The earlier {file} was moved to {moved}.")
        with SQLiteReplayMemory(database) as memory:
            _begin(memory, experiment, data, networks, workers)
            evaluator = KerasEvaluator(
                experiment.dataset,
                replace(experiment.training, prediction=None),  # it follows from a search, and there is none
                experiment.seed,
                data.fingerprint,
                workers,
                gpus,
                data.input_shape,
            )
            outcome = "failed"
            try:
                with stop.heed():
                    is_complete = _train(
                        memory, evaluator, experiment.seed, seeds, networks, workers, stop, on_progress
                    )
                outcome = "completed" if is_complete else "interrupted"
            finally:
                evaluator.stop()
                memory.end_run(outcome)
    return EnumerationReport(is_complete, None if is_complete else stop.signal)


def _networks(space: LayerSpace) -> list[Model]:
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
    costs = [space.cost(space.parse(text)) for text in texts]
    return [
        Model(number, text, cost.layers, cost.parameters, cost.flops)
        for number, (text, cost) in enumerate(zip(texts, costs, strict=True), start=1)
    ]


def _begin(
    memory: SQLiteReplayMemory, experiment: Experiment, data: SearchData, networks: Sequence[Model], workers: int
) -> None:
    """Compare with what is stored, or store it; and add the row of this run."""
    current = {
        "experiment": _sections(experiment),
        "seed": experiment.seed,
        "data": data_facts(data),
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
    versions = current_versions()
    changes = changes_since(last, len(networks), workers, versions) if last else []
    memory.begin_run(len(networks), workers, versions, changes)
    memory.add_models(networks)


def _sections(experiment: Experiment) -> dict[str, Any]:
    """What a table follows from: no strategy, reward or budget."""
    content = as_mapping(experiment)
    return {key: content[key] for key in ("name", "seed", "dataset", "space", "training")}


def _train(
    memory: SQLiteReplayMemory,
    evaluator: KerasEvaluator,
    first_seed: int,
    seeds: int,
    networks: Sequence[Model],
    workers: int,
    stop: StopRequest,
    on_progress: Callable[[EnumerationProgress], None],
) -> bool:
    """Train what is missing; whether all of it was."""
    done = {training.evaluation for training in memory.table_trainings()}
    total = seeds * len(networks)
    missing = deque(number for number in range(1, total + 1) if number not in done)
    progress = EnumerationProgress(total - len(missing), total, len(networks))
    on_progress(progress)
    in_flight: set[int] = set()
    while missing or in_flight:
        while missing and len(in_flight) < 2 * workers:
            number = missing.popleft()
            network, seed = _training(number, first_seed, networks)
            evaluator.submit(Candidate(number, network.architecture, seed))
            in_flight.add(number)
        for event in evaluator.results(_POLL_SECONDS):
            if isinstance(event, WorkerReady | WorkerLost):
                memory.record_worker(event)
            elif isinstance(event, CandidateFinished):
                network, seed = _training(event.number, first_seed, networks)
                memory.record_table_evaluation(event.number, network.model, seed, event.evaluation)
                in_flight.discard(event.number)
                accuracy, best = event.evaluation.accuracy, progress.best_accuracy
                progress = replace(
                    progress,
                    done=progress.done + 1,
                    failed=progress.failed + (accuracy is None),
                    best_accuracy=best if accuracy is None else max(accuracy, best or 0.0),
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
        costs = {model.architecture: model for model in reader.models()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    trainings = max(len(entry.accuracies) for entry in table.entries.values())
    writer.writerow(
        ("architecture", "reward", "judge", *(f"accuracy_{n + 1}" for n in range(trainings)), "parameters", "flops")
    )
    for architecture, entry in table.entries.items():
        cost = costs[architecture]
        accuracies = (f"{accuracy:.6g}" for accuracy in entry.accuracies)
        row = (architecture, f"{entry.reward:.6g}", f"{entry.judge:.6g}", *accuracies, cost.parameters, cost.flops)
        writer.writerow(row)
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
            "judge": "judge",
            "input_shape": data["input_shape"],
            "classes": data["classes"],
        },
    }
    with new_place(description) as part:
        part.write_text(yaml.safe_dump(content, sort_keys=False, default_flow_style=None), encoding="utf-8")
    return table
