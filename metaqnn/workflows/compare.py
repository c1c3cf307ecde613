"""Strategies compared on one table, each with the same seeds, in parallel over the cores."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from metaqnn.config import nearest, read_section
from metaqnn.core import Episode, Space, Strategy
from metaqnn.errors import ConfigError
from metaqnn.reports.comparison import Course
from metaqnn.search.position import Position
from metaqnn.strategies import STRATEGIES
from metaqnn.workflows.table_files import Benchmark, load_benchmark

PROPOSALS_PER_EVALUATION = 50
"""A run ends after so many proposals for each evaluation of its budget, if a strategy finds nothing new."""


@dataclass(frozen=True)
class Contestant:
    """A strategy under the name that a comparison gives it.

    Attributes:
        label: in tables and figures.
        name: in the registry.
        preset: of that strategy.
    """

    label: str
    name: str
    preset: str


@dataclass(frozen=True)
class _Task:
    path: str
    contestant: Contestant
    seed: int
    evaluations: int


def contestants(names: Sequence[str], benchmark: Benchmark) -> list[Contestant]:
    """The strategies of these names; `paper` is what `q_learning` was called.

    Raises:
        ConfigError: there is no strategy of a name, or one stands twice, or needs a package that is not installed.
    """
    known = {name: Contestant(name, name, next(iter(presets))) for name, presets in STRATEGIES.items()}
    known["paper"] = Contestant("paper", "q_learning", "paper")
    found = []
    for name in names:
        if name not in known:
            raise ConfigError(f"--strategies: there is no strategy {name!r}; {nearest(name, known)}")
        if any((one.name, one.preset) == (known[name].name, known[name].preset) for one in found):
            raise ConfigError(f"--strategies: expected each strategy once, got {name!r} twice")
        _build(known[name], benchmark.space, 0)  # what cannot run is refused before anything does
        found.append(known[name])
    if not found:
        raise ConfigError(f"--strategies: expected at least one strategy; valid names are {', '.join(sorted(known))}")
    return found


def compare(
    path: Path,
    chosen: Sequence[Contestant],
    seeds: Mapping[str, int],
    evaluations: int,
    processes: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Course]:
    """Run every contestant with the seeds from 0.

    Args:
        path: the table file or replay database.
        chosen: who takes part.
        seeds: how many runs of each, by label.
        evaluations: distinct networks looked up in each run.
        processes: side by side.
        on_progress: called with the runs that are done and their total, at the start and after each.

    Returns:
        the runs, by contestant and then by seed.
    """
    tasks = [_Task(str(path), one, seed, evaluations) for one in chosen for seed in range(seeds[one.label])]
    order = {(task.contestant.label, task.seed): index for index, task in enumerate(tasks)}
    courses: list[Course] = []
    on_progress(0, len(tasks))
    context, others = multiprocessing.get_context("spawn"), multiprocessing.active_children()
    with ProcessPoolExecutor(min(processes, len(tasks)), context, _end_with_the_parent) as pool:
        try:
            for future in as_completed([pool.submit(_run_task, task) for task in tasks]):
                courses.append(future.result())
                on_progress(len(courses), len(tasks))
        except BaseException:  # what is running would be waited for
            for process in multiprocessing.active_children():
                if process not in others:
                    process.kill()
            raise
    return sorted(courses, key=lambda course: order[course.label, course.seed])


def _end_with_the_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it does, however it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


_benchmarks: dict[str, Benchmark] = {}
"""What this process has read."""


def _run_task(task: _Task) -> Course:
    if task.path not in _benchmarks:
        _benchmarks[task.path] = load_benchmark(Path(task.path))
    return run_course(_benchmarks[task.path], task.contestant, task.seed, task.evaluations)


def _build(contestant: Contestant, space: Space, seed: int) -> Strategy:
    preset = STRATEGIES[contestant.name][contestant.preset]
    settings = {"name": contestant.name, "preset": contestant.preset, **preset.values}
    config = read_section(preset.config, settings, "strategy", contestant.label)
    return preset.build(config, space, seed)


def run_course(benchmark: Benchmark, contestant: Contestant, seed: int, evaluations: int) -> Course:
    """One run: proposals one after another, each told before the next; only distinct networks count."""
    space, table = benchmark.space, benchmark.table
    strategy, position = _build(contestant, space, seed), Position(evaluations)
    best, regret = -1.0, 100.0 * table.best
    known: dict[str, tuple[int, float]] = {}
    best_rewards, regrets = [], []
    while len(best_rewards) < evaluations and position.last < PROPOSALS_PER_EVALUATION * evaluations:
        context = position.context()
        if strategy.is_exhausted(context):
            break
        trajectory = strategy.ask(context)
        architecture, epsilon = trajectory.architecture, trajectory.recorded.get("epsilon")
        is_new = architecture not in known
        if is_new:
            entry = table.entry(architecture)
            reward = entry.reward
            known[architecture] = len(known) + 1, reward
            if reward > best:
                best, regret = reward, 100.0 * (table.best - entry.judge)
            best_rewards.append(best)
            regrets.append(regret)
        model, reward = known[architecture]
        episode = Episode(context.number, len(known), epsilon, model, architecture, model, reward, reward, not is_new)
        position.add(episode)
        position.tell()
        strategy.tell(episode)
    # A strategy that finds nothing new keeps what it has.
    missing = evaluations - len(best_rewards)
    return Course(
        contestant.label,
        seed,
        (*best_rewards, *[best] * missing),
        (*regrets, *[regret] * missing),
        position.last,
    )
