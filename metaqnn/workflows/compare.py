"""Strategies compared on tables, each with the same seeds, in parallel over the cores."""

import math
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from metaqnn.config import nearest, override
from metaqnn.core import Episode, Observer, SearchStatus, Space, Strategy
from metaqnn.core.plugins import find, installed, is_target
from metaqnn.errors import ConfigError, MachineError, counted, shown
from metaqnn.replay.comparisons import ComparisonRuns, FinishedRun, RunKey
from metaqnn.reports.comparison import RegretTrace
from metaqnn.search.immediate import ImmediateExecutor
from metaqnn.search.loop import Search
from metaqnn.search.plan import SearchPlan
from metaqnn.search.ram_memory import RamMemory
from metaqnn.search.rewards import ScoreReward, ScoreRewardOptions
from metaqnn.tables.table import EvaluationTable
from metaqnn.workers.process_main import end_with
from metaqnn.workflows.run_keys import code_of, contents_of, settings_of
from metaqnn.workflows.section import Section, read_part
from metaqnn.workflows.table_files import Benchmark, load_benchmark

PROPOSALS_PER_EVALUATION = 50
"""A run ends after so many proposals for each evaluation of its budget, if a strategy finds nothing new."""

_PARTS = {
    "contents": "another content of the table",
    "settings": "other settings of the strategy",
    "code": "another version of the strategy, of metaqnn or of a library",
}
"""What a run follows from, for people; by the names of `ComparisonRuns.outdated`."""


@dataclass(frozen=True)
class StrategySpec:
    """A strategy with its options, under the label that a comparison gives it.

    Attributes:
        label: as it was asked for.
        name: a registered name, or `module:Name`.
        options: `key=value` with dotted keys of its section, as behind `--set strategy.`.
    """

    label: str
    name: str
    options: tuple[str, ...] = ()


def strategy_specs(words: Sequence[str], benchmark: Benchmark) -> list[StrategySpec]:
    """The strategies that are asked for, each as NAME or NAME:KEY=VALUE:KEY=VALUE.

    `epsilon=E` stands for a schedule of that one stage, and `paper` for `q_learning:preset=paper`.

    Raises:
        ConfigError: there is no strategy of a name, or one stands twice, or has no such option, or needs a package that
            is not installed.
    """
    found: list[StrategySpec] = []
    for label in words:
        parts = label.split(":")
        name = ":".join(part for part in parts if "=" not in part)
        spec = StrategySpec(label, name, tuple(part for part in parts if "=" in part))
        if name == "paper":
            spec = StrategySpec(label, "q_learning", ("preset=paper", *spec.options))
        if any(spec.label == one.label for one in found):
            raise ConfigError(f"--strategies: expected each strategy once, got {label!r} twice")
        _build(spec, benchmark.space, 0)  # what cannot run is refused before anything does
        found.append(spec)
    if not found:
        valid = ", ".join(sorted((*installed("strategy"), "paper")))
        raise ConfigError(f"--strategies: expected at least one strategy; valid names are {valid}")
    return found


def compare(
    benchmarks: Sequence[Benchmark],
    chosen: Sequence[StrategySpec],
    seeds: Mapping[str, int],
    evaluations: int,
    processes: int,
    lookahead: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    allowed: Sequence[str] = (),
    runs_before: ComparisonRuns | None = None,
    announce: Callable[[str], None] = lambda line: None,
) -> list[list[RegretTrace]]:
    """Run every spec on every table with the seeds from 0.

    Args:
        benchmarks: the tables.
        chosen: who takes part.
        seeds: how many runs of each, by label.
        evaluations: distinct networks looked up in each run.
        processes: side by side.
        lookahead: episodes that may be in flight, as in a search.
        on_progress: called with the runs that are done and their total, at the start and after each.
        allowed: each `module:Name` that may be run although a database says so.
        runs_before: what is finished in it is not done again, and what is finished now is added.
        announce: called with a line for the user where runs by the same names are there, but none that can be used.

    Returns:
        of each table the runs, by spec and then by seed.

    Raises:
        MachineError: one of the processes was ended from outside.
        ReplayError: `runs_before` cannot be used.
    """
    runs = [(at, one, seed) for at in range(len(benchmarks)) for one in chosen for seed in range(seeds[one.label])]
    keys: dict[int, RunKey] = {}
    traces: dict[int, RegretTrace] = {}
    if runs_before is not None:
        contents = [contents_of(benchmark) for benchmark in benchmarks]
        parts = {one.label: _part(one) for one in chosen}
        keys_of = {label: (settings_of(part), code_of(part)) for label, part in parts.items()}
        outdated: list[set[str]] = []
        for place, (at, one, seed) in enumerate(runs):
            keys[place] = RunKey(contents[at], *keys_of[one.label], seed, evaluations, lookahead)
            if found := runs_before.find(keys[place]):
                traces[place] = _trace(benchmarks[at].table, one.label, seed, found)
            elif differs := runs_before.outdated(keys[place], benchmarks[at].name, one.label):
                outdated.append(differs)
        if outdated:
            announce(_told(outdated, runs_before.path))
    on_progress(len(traces), len(runs))
    context, others = multiprocessing.get_context("spawn"), multiprocessing.active_children()
    missing = [place for place in range(len(runs)) if place not in traces]
    with ProcessPoolExecutor(max(1, min(processes, len(missing))), context, _end_with_the_parent) as pool:
        try:
            places = {}
            for place in missing:
                at, one, seed = runs[place]
                run = pool.submit(_run, benchmarks[at].path, tuple(allowed), one, seed, evaluations, lookahead)
                places[run] = place
            for future in as_completed(places):
                finished, (at, one, seed) = future.result(), runs[places[future]]
                traces[places[future]] = _trace(benchmarks[at].table, one.label, seed, finished)
                if runs_before is not None:
                    runs_before.add(keys[places[future]], benchmarks[at].name, one.label, finished)
                on_progress(len(traces), len(runs))
        except BrokenProcessPool as error:
            raise MachineError(
                "expected processes that compare to their end, but one was ended from outside; see that there is "
                "memory for all, or use fewer --processes, and run the same command again"
            ) from error
        except BaseException:  # what is running would be waited for
            for process in multiprocessing.active_children():
                if process not in others:
                    process.kill()
            raise
    return [[traces[place] for place, (at, _, _) in enumerate(runs) if at == table] for table in range(len(benchmarks))]


def _told(outdated: Sequence[set[str]], path: Path) -> str:
    names = [name for key, name in _PARTS.items() if any(key in differs for differs in outdated)]
    what = f"{counted(len(outdated), 'run')} {'was' if len(outdated) == 1 else 'were'} done before"
    return f"{path}: {what} with {' and '.join(names)}; those are kept in it, but not used: what is asked is done anew."


def _end_with_the_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it does, however it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    if not (parent := multiprocessing.parent_process()) or parent.pid is None:
        return
    end_with(parent.pid)  # also where this process is stopped

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@cache
def _benchmark(path: Path, allowed: tuple[str, ...]) -> Benchmark:
    """A table, read once a process."""
    return load_benchmark(path, allowed=allowed)


def _run(
    path: Path, allowed: tuple[str, ...], spec: StrategySpec, seed: int, evaluations: int, lookahead: int
) -> FinishedRun:
    return finished_run(_benchmark(path, allowed), spec, seed, evaluations, lookahead)


def _part(spec: StrategySpec) -> Section:
    place, section = f"--strategies {spec.label}", dict[str, object](name=spec.name)
    if not is_target(spec.name) and spec.name not in installed("strategy"):
        valid = nearest(spec.name, (*installed("strategy"), "paper"))
        raise ConfigError(f"--strategies: there is no strategy {shown(spec.name)}; {valid}")
    said = {"name"}
    for option in spec.options:
        key, equals, _ = option.partition("=")
        if not key or not equals:
            raise ConfigError(f"{place}: expected KEY=VALUE behind a colon, got {shown(option)}")
        if key in said:
            raise ConfigError(f"{place}: expected each key once, got {shown(key)} twice")
        said.add(key)
        section = override(section, option, "--strategies")
    if "epsilon" in said:
        section["schedule"] = [[section.pop("epsilon"), 2700]]
    return read_part("strategy", section, place, find)


def _build(spec: StrategySpec, space: Space, seed: int) -> Strategy:
    part = _part(spec)
    strategy: Strategy = part.plugin.load()(part.options, space, seed)
    return strategy


class _Trace(Observer):
    """Follows the best score and its two regrets, a value for each distinct architecture."""

    def __init__(self, table: EvaluationTable, most: int):
        self.table, self.most = table, most
        self.scale, _ = table.scale
        self.best, self.best_reward = table.best, table.best_reward
        self.regret, self.reward_regret = self.scale * abs(self.best), self.scale * abs(self.best_reward)
        self.bests: list[float] = []
        self.regrets: list[float] = []
        self.reward_regrets: list[float] = []
        self.proposals = 0

    def on_episode(self, episode: Episode, status: SearchStatus) -> None:
        """Take note of a network that was not known."""
        self.proposals = episode.number
        if episode.reused:
            return
        score, entry = self.table.score, self.table.entry(episode.architecture)
        best = self.bests[-1] if self.bests else None
        if best is None or score.is_better(entry.reward, than=best):
            best = entry.reward
            self.regret = self.scale * (score.gain(self.best) - score.gain(entry.target))
            self.reward_regret = self.scale * (score.gain(self.best_reward) - score.gain(entry.reward))
        self.bests.append(best)
        self.regrets.append(self.regret)
        self.reward_regrets.append(self.reward_regret)

    def is_over(self) -> bool:
        """Whether so many proposals were made that nothing new is to be expected."""
        return self.proposals >= self.most


def finished_run(
    benchmark: Benchmark, spec: StrategySpec, seed: int, evaluations: int, lookahead: int = 1
) -> FinishedRun:
    """One run: a search on the table, with the replay memory in RAM; only distinct networks count."""
    space, table, began = benchmark.space, benchmark.table, time.process_time()
    trace = _Trace(table, PROPOSALS_PER_EVALUATION * evaluations)
    Search(
        SearchPlan(seed, evaluations, lookahead, checkpoint_seconds=math.inf),
        space,
        _build(spec, space, seed),
        ImmediateExecutor(table.evaluate),
        RamMemory(),
        ScoreReward(ScoreRewardOptions(), table.score),
        [trace],
        trace.is_over,
    ).run()
    # A strategy that finds nothing new keeps what it has.
    missing = evaluations - len(trace.bests)
    return FinishedRun(
        trace.proposals,
        (time.process_time() - began) / max(1, trace.proposals),
        (*trace.bests, *trace.bests[-1:] * missing),
        (*trace.regrets, *[trace.regret] * missing),
        (*trace.reward_regrets, *[trace.reward_regret] * missing),
    )


def run_trace(benchmark: Benchmark, spec: StrategySpec, seed: int, evaluations: int, lookahead: int = 1) -> RegretTrace:
    """One run, as comparisons show it."""
    run = finished_run(benchmark, spec, seed, evaluations, lookahead)
    return _trace(benchmark.table, spec.label, seed, run)


def _trace(table: EvaluationTable, label: str, seed: int, run: FinishedRun) -> RegretTrace:
    scale, unit = table.scale
    return RegretTrace(
        label,
        seed,
        run.best_rewards,
        run.regrets,
        run.proposals,
        unit,
        scale * table.span,
        run.reward_regrets,
        run.proposal_seconds,
    )
