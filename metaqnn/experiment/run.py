"""A run of a search: started, or resumed where its database stands."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from metaqnn.config import as_mapping, differences
from metaqnn.core import Observer
from metaqnn.data import SearchData, load_search_data, open_source
from metaqnn.errors import ConfigError, ReplayError
from metaqnn.evaluators.keras_evaluator import KerasEvaluator
from metaqnn.experiment.files import Experiment, load_experiment, read_experiment, shipped_experiments
from metaqnn.experiment.parts import Parts, put_together, stored_schedule
from metaqnn.replay.copying import move_aside
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.search.config import MAX_MODELS
from metaqnn.search.estimate import Estimate, estimate_search
from metaqnn.search.loop import Ending, Search, SearchPlan
from metaqnn.search.stop import StopRequest
from metaqnn.strategies.schedule import Schedule
from metaqnn.training.device import library_versions, usable_cores, visible_gpus
from metaqnn.version import __version__

_MAY_CHANGE = ("search.models", "search.workers", "search.checkpoint_seconds")
"""What a search may be resumed with another value of: none of it changes an episode."""

_VERSIONED = ["numpy", "keras", "tensorflow", "scikit-learn"]


@dataclass(frozen=True)
class SearchOptions:
    """What is said when a search is started, and may be said differently each time.

    Attributes:
        models: budget of distinct architectures in total; None keeps what the file or the run before says.
        max_seconds: wall clock over all runs; None is no limit.
        workers: processes that train side by side; None is what the file says, or one a GPU or core.
        gpus: which GPUs to train on; None is all that are visible.
        fresh: move an existing database aside and start anew.
        must_exist: refuse to start anew.
    """

    models: int | None = None
    max_seconds: float | None = None
    workers: int | None = None
    gpus: tuple[str, ...] | None = None
    fresh: bool = False
    must_exist: bool = False

    def __post_init__(self):
        if self.models is not None and not 1 <= self.models <= MAX_MODELS:
            raise ConfigError(f"--models: expected from 1 to {MAX_MODELS}, got {self.models}")


@dataclass(frozen=True)
class SearchReport:
    """How a run ended: why, and the signal that asked for it, if any."""

    ending: Ending
    signal: int | None


def default_database(experiment: Experiment) -> Path:
    """Where a search leaves its database unless told otherwise."""
    return Path("replay_db") / f"{experiment.name}.sqlite"


def run_search(
    experiment: Experiment,
    database: Path,
    options: SearchOptions,
    observers: Sequence[Observer] = (),
    announce: Callable[[str], None] = lambda line: None,
) -> SearchReport:
    """Start a search, or resume it where its database stands.

    Args:
        experiment: what to search.
        database: its file.
        options: budget and the like.
        observers: told what happens.
        announce: called with lines for the user before the search begins.

    Raises:
        MetaqnnError: the search cannot start or go on; nothing recorded is lost.
        KeyboardInterrupt: interrupted before the search began.
    """
    stop = StopRequest()
    with stop.installed():
        if options.must_exist and not database.is_file():
            raise _nothing_to_resume(database)
        if not open_source(experiment.dataset.name).available():
            announce(f"The data set {experiment.dataset.name} is not on this machine; trying to download it ...")
        data = load_search_data(experiment.dataset, experiment.seed)
        # Everything that can be refused is, before a file is made or moved.
        schedule = _schedule(experiment, options)
        put_together(experiment, data.input_shape, data.classes, schedule)
        _workers(experiment, options, ())
        if options.fresh:
            moved = move_aside(database)
            if moved:
                announce(f"The earlier search was moved to {moved}.")
        with SQLiteReplayMemory(database) as memory:
            if options.must_exist and not memory.config():
                raise _nothing_to_resume(database)
            run = _begin(experiment, data, schedule, memory, options, announce)
            outcome = "failed"
            try:
                ending = run.search(memory, data, observers, announce, stop)
                outcome = str(ending)
            except KeyboardInterrupt:
                outcome = str(Ending.INTERRUPTED)
                raise
            finally:
                run.evaluator.stop()
                # Where the memory itself is what failed, the row of this run stays as a kill would leave it.
                with suppress(ReplayError) if outcome == "failed" else nullcontext():
                    memory.end_run(outcome)
    return SearchReport(ending, stop.signal)


def _nothing_to_resume(database: Path) -> ReplayError:
    return ReplayError(f"{database}: there is nothing to resume; `metaqnn search` with the same arguments starts it")


@dataclass(frozen=True)
class _Run:
    """One run of a search, about to begin."""

    experiment: Experiment
    parts: Parts
    plan: SearchPlan
    workers: int
    evaluator: KerasEvaluator

    def search(
        self,
        memory: SQLiteReplayMemory,
        data: SearchData,
        observers: Sequence[Observer],
        announce: Callable[[str], None],
        stop: StopRequest,
    ) -> Ending:
        loop = Search(
            self.plan,
            self.parts.space,
            self.parts.make_strategy(),
            self.parts.schedule,
            self.evaluator,
            memory,
            self.parts.reward,
            observers,
            lambda: stop.requested,
        )
        if next(iter(memory.episodes()), None) is None:
            announce("Measuring how fast this machine trains ...")
            estimate = estimate_search(
                self.parts.space,
                self.evaluator,
                self.experiment.training,
                (len(data.x_train), len(data.x_validation)),
                self.plan.models,
                self.workers,
                self.experiment.seed,
            )
            if estimate is not None:
                announce(_estimate_line(estimate, self.experiment))
        with stop.heed():
            return loop.run()


def _schedule(experiment: Experiment, options: SearchOptions) -> Schedule:
    """The schedule of a new search, scaled to its budget."""
    schedule = Schedule(experiment.strategy.schedule, experiment.strategy.max_repeats)
    models = options.models or experiment.search.models
    return schedule if models is None else schedule.scaled(models)


def _begin(
    experiment: Experiment,
    data: SearchData,
    schedule: Schedule,
    memory: SQLiteReplayMemory,
    options: SearchOptions,
    announce: Callable[[str], None],
) -> _Run:
    """Compare with what is stored, or store it; and add the row of this run."""
    stored = memory.config()
    if stored:  # as this version reads it: keys that are new since then have their defaults
        stored["experiment"] = as_mapping(read_experiment(stored["experiment"], str(memory.path)))
    current = {
        "experiment": as_mapping(experiment),
        "seed": experiment.seed,
        "schedule": as_mapping(schedule),
        "data": {
            "data_hash": data.data_hash,
            "split_hash": data.split_hash,
            "input_shape": list(data.input_shape),
            "classes": data.classes,
            "train_images": len(data.x_train),
            "validation_images": len(data.x_validation),
        },
    }
    changes: list[tuple] = []
    last = memory.last_run()
    versions = {"metaqnn": __version__, **library_versions(_VERSIONED)}
    if stored:
        _refuse_changes(memory.path, stored, current)
        changes = [
            (key, old, new)
            for key, old, new in differences(stored["experiment"], current["experiment"])
            if old is not None or new is not None
        ]
        schedule = stored_schedule(stored)
    else:
        memory.initialise(current)
    models = _budget(experiment, options, schedule, stored, last)
    gpus = visible_gpus() if options.gpus is None else options.gpus
    workers = _workers(experiment, options, gpus)
    if last:
        known = {name: value for name, value in last["versions"].items() if name in versions}
        for key, old, new in differences(known, {name: versions[name] for name in known}):
            announce(f"Warning: {key} was {old} before and is {new} now; new rewards may differ in their last digits.")
            changes.append((key, old, new))
        changes += [
            c for c in (("models", last["models"], models), ("workers", last["workers"], workers)) if c[1] != c[2]
        ]
    memory.begin_run(models, workers, versions, changes)
    plan = SearchPlan(
        experiment.seed,
        models,
        experiment.search.lookahead,
        options.max_seconds,
        memory.elapsed_seconds(),
        experiment.search.checkpoint_seconds,
    )
    evaluator = KerasEvaluator(experiment.dataset, experiment.training, experiment.seed, data.split_hash, workers, gpus)
    parts = put_together(experiment, data.input_shape, data.classes, schedule)
    return _Run(experiment, parts, plan, workers, evaluator)


def _workers(experiment: Experiment, options: SearchOptions, gpus: Sequence[str]) -> int:
    """How many workers: as said now, else as the file says, else one a GPU or core.

    Raises:
        ConfigError: more than may be in flight.
    """
    lookahead = experiment.search.lookahead
    workers = options.workers or experiment.search.workers
    if workers is None:
        return min(lookahead, len(gpus) or usable_cores())
    if workers > lookahead:
        raise ConfigError(
            f"--workers: expected at most search.lookahead ({lookahead}), got {workers}; "
            "a larger lookahead is another search"
        )
    return workers


def _budget(
    experiment: Experiment, options: SearchOptions, schedule: Schedule, stored: Mapping, last: Mapping | None
) -> int:
    """Distinct architectures in total: as said now, else as the file says if it changed, else as before."""
    if options.models is not None:
        return options.models
    in_file = experiment.search.models
    if last and stored["experiment"]["search"]["models"] == in_file:
        return last["models"]
    return in_file or schedule.total


def _refuse_changes(path: Path, stored: Mapping, current: Mapping) -> None:
    """Refuse to mix two searches in one database.

    Raises:
        ReplayError: what was changed makes it another search.
    """
    changed = [
        f"{key} was {old!r}, now {new!r}"
        for key, old, new in differences(stored["experiment"], current["experiment"])
        if key not in _MAY_CHANGE
    ]
    if not changed and stored["data"] != current["data"]:
        details = [f"{key} was {old!r}, now {new!r}" for key, old, new in differences(stored["data"], current["data"])]
        changed = [
            f"the data set {current['experiment']['dataset']['name']!r} holds other images ({', '.join(details)})"
        ]
    if changed:
        raise ReplayError(
            f"{path}: this search was started differently: {'; '.join(changed)}. Undo that to resume it, choose "
            "another file with --db, or start anew with --fresh, which moves this file aside"
        )


def _estimate_line(estimate: Estimate, experiment: Experiment) -> str:
    line = (
        f"Estimate: {estimate.models:,} networks of about {format_duration(estimate.seconds_per_model)} "
        f"({estimate.mean_flops / 1e6:,.1f} MFLOPs an image) take about {format_duration(estimate.total_seconds)}."
    )
    if estimate.total_seconds > 24 * 3600:
        quick = [
            name
            for name, path in shipped_experiments().items()
            if name.endswith("_quick") and load_experiment(path).dataset.name == experiment.dataset.name
        ]
        if quick and experiment.name not in quick:
            line += f"\nFor a search of minutes on the same data: make search DATASET={quick[0]}"
        else:
            line += "\nFor a shorter one, set a smaller budget with --models or --max-time."
    return line


def format_duration(seconds: float) -> str:
    """A duration for people, in its two largest units."""
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86400
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes:.0f} min"
    if hours < 48:
        return f"{int(hours)} h {int(minutes) % 60} min"
    return f"{int(days):,} days {int(hours) % 24} h"
