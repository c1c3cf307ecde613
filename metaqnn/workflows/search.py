"""A run of a search: started, or resumed where its database stands."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaqnn.core import EpisodeOrigin, Evaluator, Executor, Observer
from metaqnn.errors import CalibrationError, ConfigError, ReplayError
from metaqnn.machine import machine_faults
from metaqnn.networks.spaces.layer_choices import refuse_signals
from metaqnn.replay.copying import move_aside
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.search.loop import Ending, Search
from metaqnn.search.plan import SearchPlan
from metaqnn.search.stop import StopRequest
from metaqnn.workers.environment import usable_cores, visible_gpus
from metaqnn.workers.evaluating import make_executor
from metaqnn.workflows.check import stored_architectures
from metaqnn.workflows.components import Components, build_components, build_evaluator, recorded_again, stored_budget
from metaqnn.workflows.experiment import Experiment
from metaqnn.workflows.forecast import announce_doubts, announce_download, forecast
from metaqnn.workflows.observing import observer_processes
from metaqnn.workflows.on_cluster import OpenCluster, opened_cluster
from metaqnn.workflows.resume import (
    backend_for,
    changes_since,
    chosen_models,
    current_versions,
    nothing_to_resume,
    refuse_changes,
    require_search,
)
from metaqnn.workflows.search_options import SearchOptions
from metaqnn.workflows.warm_start import WarmStart, read_warm_start


@dataclass(frozen=True)
class SearchReport:
    """How a run ended: why, and the signal that asked for it, if any."""

    ending: Ending
    signal: int | None


def default_database(experiment: Experiment) -> Path:
    """Where a search leaves its database unless told otherwise."""
    return Path("replay_db") / f"{experiment.name}.sqlite"


@machine_faults()
def run_search(
    experiment: Experiment,
    database: Path,
    options: SearchOptions,
    observers: Sequence[Observer] = (),
    announce: Callable[[str], None] = lambda line: None,
    evaluator: Evaluator | None = None,
) -> SearchReport:
    """Start a search, or resume it where its database stands.

    Args:
        experiment: what to search.
        database: its file.
        options: budget and the like.
        observers: told what happens.
        announce: called with lines for the user before the search begins.
        evaluator: the experiment's, where it is made already.

    Raises:
        MetaqnnError: the search cannot start or go on; nothing recorded is lost, and what is in flight stays so.
        KeyboardInterrupt: interrupted while the data was read, before anything was begun.
    """
    stop = StopRequest()
    with stop.installed():
        if options.must_exist and not database.is_file():
            raise nothing_to_resume(database)
        stored = {} if options.fresh else require_search(database)
        experiment = experiment.begun(stored, database).with_backend(lambda: backend_for(database if stored else None))
        if evaluator is None:
            announce_download(experiment, announce)
            evaluator = build_evaluator(experiment)
        experiment = experiment.understood(evaluator.facts())
        announce_doubts(evaluator.facts(), announce)
        if not (stored or options.take_rows):
            refuse_signals(experiment.space.options, evaluator.facts().get("input_shape", ()))
        # Everything that can be refused is, before a file is made or moved.
        components = build_components(experiment, evaluator.facts(), evaluator.score)
        warm_start = None
        if not stored and experiment.warm_start is not None:
            warm_start = read_warm_start(Path(experiment.warm_start), components, evaluator)
        _workers(experiment, options, 1)
        address = None if options.in_process else options.cluster
        with (
            opened_cluster(experiment, address, options.same_kind, evaluator, components.space) as cluster,
            _opened_memory(database, options, announce) as memory,
        ):
            run = _begin(experiment, evaluator, components, memory, options, announce, warm_start, stop, cluster)
            outcome = "failed"
            with ExitStack() as stack:
                try:
                    if options.estimate and not options.in_process:
                        run.forecast(memory, announce)
                    stack.enter_context(stop.deferred())
                    allowed = [plugin.name for plugin in experiment.plugins.values()]
                    named = observer_processes(
                        (*experiment.observers, *options.observe), database, allowed, announce, lambda: stop.requested
                    )
                    ending = run.search(memory, (*observers, *named), lambda: stop.requested)
                    outcome = str(ending)
                except KeyboardInterrupt:
                    stack.enter_context(stop.deferred())
                    ending = Ending.INTERRUPTED
                    outcome = str(ending)
                finally:
                    run.executor.stop()
                    # Where the memory itself is what failed, the row of this run stays as a kill would leave it.
                    with suppress(ReplayError) if outcome == "failed" else nullcontext():
                        memory.end_run(outcome)
    return SearchReport(ending, stop.signal if ending is Ending.INTERRUPTED else None)


@contextmanager
def _opened_memory(
    database: Path, options: SearchOptions, announce: Callable[[str], None]
) -> Iterator[SQLiteReplayMemory]:
    if options.fresh:
        moved = move_aside(database, options.break_lock)
        if moved:
            announce(f"The earlier search was moved to {moved}.")
    with SQLiteReplayMemory(database, break_lock=options.break_lock) as memory:
        if options.must_exist and not memory.config():
            raise nothing_to_resume(database)
        yield memory


@dataclass(frozen=True)
class _Run:
    """One run of a search, about to begin."""

    experiment: Experiment
    components: Components
    plan: SearchPlan
    workers: int
    evaluator: Evaluator
    executor: Executor

    def forecast(self, memory: SQLiteReplayMemory, announce: Callable[[str], None]) -> None:
        """Tell the user how long a search over networks that has not begun will take."""
        if not self.experiment.is_of_networks:
            return
        if any(episode.origin is not EpisodeOrigin.IMPORTED for episode in memory.episodes()):
            return
        from metaqnn.networks.estimate import estimate_search

        announce("Measuring how fast this machine trains ...")
        facts = self.evaluator.facts()
        try:
            estimate = estimate_search(
                self.components.space,
                self.executor,
                self.experiment.training,
                (facts["train_images"], facts["validation_images"]),
                self.plan.models,
                self.workers,
                self.experiment.seed,
            )
        except CalibrationError as error:
            announce(f"It could not be measured ({error}); the search begins.")
        else:
            if estimate is not None:
                announce(forecast(estimate, self.experiment))

    def search(
        self, memory: SQLiteReplayMemory, observers: Sequence[Observer], stop_requested: Callable[[], bool]
    ) -> Ending:
        """Run the loop."""
        components = self.components
        with stored_architectures(memory, components.space):
            return Search(
                self.plan,
                components.space,
                components.make_strategy(),
                self.executor,
                memory,
                components.reward,
                observers,
                stop_requested,
                components.make_early_stopping(),
            ).run()


def _begin(
    experiment: Experiment,
    evaluator: Evaluator,
    components: Components,
    memory: SQLiteReplayMemory,
    options: SearchOptions,
    announce: Callable[[str], None],
    warm_start: WarmStart | None,
    stop: StopRequest,
    cluster: OpenCluster | None,
) -> _Run:
    """Compare with what is stored, or store it; and add the row of this run."""
    memory.require_search()
    stored = memory.config()
    if stored:
        stored["experiment"] = recorded_again(memory, experiment).as_mapping()
    current: dict[str, Any] = {
        "experiment": experiment.as_mapping(),
        "seed": experiment.seed,
        "budget": options.models or experiment.search.models or components.make_strategy().default_models,
        "data": json.loads(json.dumps(dict(evaluator.facts()))),  # as it is read back: a tuple is a list there
        "score": evaluator.score.recorded(),
        "plugins": {kind: plugin.recorded() for kind, plugin in experiment.plugins.items()},
    }
    if stored:
        refuse_changes(memory.path, stored, current)
    else:
        memory.initialise(current, warm_start.imported if warm_start else ())
        if warm_start:
            announce(warm_start.words)
    last = memory.last_run()
    budget = stored_budget(stored or current)
    models = chosen_models(options.models, experiment, budget, stored, last)
    gpus = () if cluster else visible_gpus() if options.gpus is None else options.gpus
    workers = _workers(experiment, options, cluster.room if cluster else len(gpus) or usable_cores())
    transport = cluster.make_transport(evaluator, memory, workers, announce) if cluster else None
    versions = current_versions(experiment, workers == 0)
    changes = changes_since(last, models, workers, versions) if last else []
    for key, old, new in changes:
        if key in versions:
            announce(f"Warning: {key} was {old} before and is {new} now; new rewards may differ.")
    memory.begin_run(models, workers, versions, changes)
    plan = SearchPlan(
        experiment.seed,
        models,
        experiment.search.lookahead,
        options.max_seconds,
        memory.elapsed_seconds(),
        experiment.search.checkpoint_seconds,
        budget,
    )
    hang_seconds = experiment.search.hang_seconds
    executor = make_executor(evaluator, workers, gpus, lambda: stop.requested, sys.path, hang_seconds, transport)
    return _Run(experiment, components, plan, workers, evaluator, executor)


def _workers(experiment: Experiment, options: SearchOptions, room: int) -> int:
    """How many workers: as said now, else as the file says, else as many as have room; 0: this process.

    Raises:
        ConfigError: more than may be in flight.
    """
    if options.in_process:
        return 0
    lookahead = experiment.search.lookahead
    workers = options.workers or experiment.search.workers
    if workers is None:
        return min(lookahead, room)
    if workers > lookahead:
        raise ConfigError(
            f"--workers: expected at most search.lookahead ({lookahead}), got {workers}; "
            "so many are in flight when the next is proposed, and a larger lookahead is another search, with other rows"
        )
    return workers
