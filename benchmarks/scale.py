"""A search on more workers than there are: the real loop and the real database, and a clock that is imagined.

`python -m benchmarks.scale` answers two questions before anybody pays for a cluster. How many workers does one driver
keep busy? Trainings take times drawn from a recorded search and scaled, some are lost with their machine and begin
anew, and what the driver itself takes, measured, moves the clock, too. And what does it cost to propose before results
are known? The default strategy on tables of trained networks, at several lookaheads.
"""

import heapq
import itertools
import os
import statistics
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.overhead import instant_evaluation
from metaqnn.core import Candidate, CandidateFinished, Event, Executor, Observer, WorkerLost
from metaqnn.networks.targets.classes import accuracy
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.reports.regret import Interval, interval
from metaqnn.search.loop import Search
from metaqnn.search.plan import SearchPlan
from metaqnn.seeding import Stream
from metaqnn.workflows import load_experiment
from metaqnn.workflows.compare import compare, strategy_specs
from metaqnn.workflows.components import build_components
from metaqnn.workflows.table_files import load_benchmark

RECORDED_SECONDS = (
    *(2.96, 3.67, 3.67, 3.68, 4.1, 4.51, 4.63, 4.95, 5.09, 5.41, 5.58, 6.02, 6.11, 6.12, 6.2, 6.76, 7.12, 7.17, 7.45),
    *(7.89, 8.06, 8.78, 8.91, 9.02, 9.3, 10.03, 10.13, 10.17, 10.39, 10.5, 10.61, 12.88, 12.92, 13.38, 13.82, 14.28),
    *(16.12, 18.86, 20.13, 22.66),
)
"""What the trainings of a search took: `make search` (digits, 40 networks of 20 epochs), one thread each."""

WORKERS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
LOOKAHEADS = (1, 2, 4, 10, 30, 100)
BUDGETS = (50, 100, 200, 300)


class ImaginedWorkers(Executor):
    """Workers that train for imagined times.

    Args:
        workers: how many.
        mean_seconds: of a training; their spread is that of the recorded ones.
        losses: in this share of trainings the worker is lost, somewhere in the middle, and the candidate waits again.
        seed: of times and losses.

    Attributes:
        clock: seconds since the beginning, those of the driver included.
        busy: seconds that workers have spent on trainings, lost ones included.
        driver: seconds that the driver took.
        processor: seconds of the processor among them, which other programs beside it do not change much.
    """

    def __init__(self, workers: int, mean_seconds: float, losses: float, seed: int):
        self._free, self._losses, self._seed = list(range(workers)), losses, seed
        self._scale = mean_seconds / statistics.fmean(RECORDED_SECONDS)
        self._queue: deque[Candidate] = deque()
        self._running: list[tuple[float, int, bool, Candidate, int]] = []
        self._tries = itertools.count()
        self.clock = self.busy = self.driver = self.processor = 0.0
        self._left_at, self._left_at_processor = time.perf_counter(), time.process_time()

    def submit(self, candidate: Candidate) -> None:
        """Queue a candidate."""
        self._queue.append(candidate)

    def results(self, timeout: float) -> list[Event]:
        """What has ended by now; where nothing has, the clock goes on to the next end."""
        spent = time.perf_counter() - self._left_at
        self.clock += spent
        self.driver += spent
        self.processor += time.process_time() - self._left_at_processor
        self._assign()
        if self._running and self._running[0][0] > self.clock:
            self.clock = self._running[0][0]
        events: list[Event] = []
        while self._running and self._running[0][0] <= self.clock:
            _, _, is_lost, candidate, worker = heapq.heappop(self._running)
            self._free.append(worker)
            if is_lost:
                self._queue.appendleft(candidate)
                events.append(WorkerLost(worker + 1, candidate.number, "its machine was lost"))
            else:
                events.append(CandidateFinished(candidate.number, instant_evaluation(candidate)))
        self._left_at, self._left_at_processor = time.perf_counter(), time.process_time()
        return events

    def _assign(self) -> None:
        while self._queue and self._free:
            candidate, number = self._queue.popleft(), next(self._tries)
            stream = Stream(self._seed, "imagined training", number)
            seconds = RECORDED_SECONDS[stream.integer(len(RECORDED_SECONDS))] * self._scale
            is_lost = stream.uniform() < self._losses
            if is_lost:
                seconds *= stream.uniform()
            self.busy += seconds
            heapq.heappush(self._running, (self.clock + seconds, number, is_lost, candidate, self._free.pop()))

    def measure_speed(self, architectures: Sequence[str]) -> None:
        """Nothing to measure."""

    def stop(self) -> None:
        """Nothing to end."""


class _Moments(Observer):
    def __init__(self) -> None:
        self.times: list[float] = []

    def on_episode(self, episode, status):
        self.times.append(time.perf_counter())


@dataclass(frozen=True)
class Throughput:
    """One search.

    Attributes:
        workers, lookahead, models: of it.
        per_hour: models in an hour of the imagined clock.
        idle: share of the workers' time in which they had nothing to do.
        driver_rate: results that the driver takes in a second of its own.
        processor_ms: what a result costs it in milliseconds of the processor.
        late_over_early: what an episode of the last quarter costs the driver, over one of the second.
    """

    workers: int
    lookahead: int
    models: int
    per_hour: float
    idle: float
    driver_rate: float
    processor_ms: float
    late_over_early: float


def throughput(workers: int, lookahead: int, models: int, mean_seconds: float, losses: float, seed: int) -> Throughput:
    """Search at random in the paper's CIFAR-10 space."""
    experiment = load_experiment("cifar10", ["strategy={name: random}"])
    parts = build_components(experiment, {"input_shape": (32, 32, 3), "classes": 10}, accuracy(10))
    executor, moments = ImaginedWorkers(workers, mean_seconds, losses, seed), _Moments()
    with TemporaryDirectory() as folder, SQLiteReplayMemory(Path(folder) / "scale.sqlite") as memory:
        memory.initialise({"seed": seed, "score": accuracy(10).recorded()})
        memory.begin_run(models, workers, {}, [])
        plan = SearchPlan(seed, models, lookahead, budget=models)
        Search(plan, parts.space, parts.make_strategy(), executor, memory, parts.reward, [moments]).run()
    quarter = len(moments.times) // 4
    second = moments.times[2 * quarter] - moments.times[quarter]
    last = moments.times[-1] - moments.times[-1 - quarter]
    idle = 1.0 - executor.busy / (workers * executor.clock)
    per_hour, per_second = 3600 * models / executor.clock, models / executor.driver
    processor_ms = 1000 * executor.processor / models
    return Throughput(workers, lookahead, models, per_hour, idle, per_second, processor_ms, last / second)


def regrets(path: Path, strategy: str, lookahead: int, seeds: int) -> list[Interval]:
    """The mean reward regret at each budget with its interval, as the table's reports show them."""
    benchmark = load_benchmark(path)
    specs = strategy_specs([strategy], benchmark)
    (traces,) = compare([benchmark], specs, {strategy: seeds}, max(BUDGETS), os.cpu_count() or 1, lookahead)
    return [interval([trace.reward_regrets[budget - 1] for trace in traces]) for budget in BUDGETS]


def draw(
    rows: Sequence[Throughput], learned: Mapping[str, Sequence[Sequence[Interval]]], learner: str, out: Path
) -> list[Path]:
    """Both answers as pictures; where they are.

    Args:
        rows, learned: the answers; either may be empty.
        learner: the strategy and how often it ran.
        out: a folder.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    drawn = []
    if rows:
        figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
        for ratio in sorted({row.lookahead // row.workers for row in rows}):
            chosen = [row for row in rows if row.lookahead // row.workers == ratio]
            label = f"lookahead = {'' if ratio == 1 else f'{ratio} x '}workers"
            axes[0].plot([r.workers for r in chosen], [r.per_hour for r in chosen], marker="o", label=label)
            axes[1].plot([r.workers for r in chosen], [100 * r.idle for r in chosen], marker="o", label=label)
        axes[0].set(title="Throughput of one driver", xlabel="workers", ylabel="networks an hour")
        axes[0].set(xscale="log", yscale="log")
        axes[1].set(title="Time in which workers wait", xlabel="workers", ylabel="share of their time (%)")
        axes[1].set(xscale="log", ylim=(0, 100))
        drawn.append((figure, axes, out / "throughput.png"))
    if learned:
        figure, axes = pyplot.subplots(
            1, len(learned), figsize=(5.0 * len(learned), 4.2), layout="constrained", squeeze=False
        )
        for each, (name, by_lookahead) in zip(axes[0], learned.items(), strict=True):
            for number, budget in enumerate(BUDGETS):
                found = [row[number] for row in by_lookahead]
                bars = [one.mean - one.low for one in found]
                each.errorbar(
                    LOOKAHEADS, [one.mean for one in found], bars, marker="o", capsize=3, label=f"{budget} networks"
                )
            each.set(title=name, xlabel="lookahead (episodes in flight)", ylabel="mean reward regret (points)")
            each.set(xscale="log", ylim=(-0.02 * each.get_ylim()[1], None), xticks=LOOKAHEADS, xticklabels=LOOKAHEADS)
        figure.suptitle(f"What lookahead costs {learner} (bars: 95 % intervals)")
        drawn.append((figure, axes[0], out / "lookahead.png"))
    for figure, axes, path in drawn:
        axes[0].legend(loc="upper left")
        for each in axes:
            each.grid(alpha=0.3)
        figure.savefig(path, dpi=120)
        pyplot.close(figure)
    return [path for *_, path in drawn]


@click.command()
@click.option(
    "--workers", default=",".join(map(str, WORKERS)), show_default=True, help="Numbers of workers; empty is none."
)
@click.option("--ratios", default="1,2,4", show_default=True, help="Lookaheads, as multiples of the workers.")
@click.option("--models", type=int, help="Of each search.  [default: 2000 + 5 for each worker]")
@click.option("--mean-seconds", default=60.0, show_default=True, help="Of a training.")
@click.option("--losses", default=0.01, show_default=True, help="Share of trainings whose worker is lost.")
@click.option("--table", "tables", multiple=True, type=click.Path(path_type=Path), help="Benchmarks to learn on.")
@click.option("--strategy", default="q_learning", show_default=True, help="What learns on them.")
@click.option("--seeds", default=10, show_default=True, help="Runs on each.")
@click.option("--out", type=click.Path(path_type=Path), default="build/scale", show_default=True)
def main(
    workers: str,
    ratios: str,
    models: int | None,
    mean_seconds: float,
    losses: float,
    tables: tuple[Path, ...],
    strategy: str,
    seeds: int,
    out: Path,
) -> None:
    """Search with imagined workers, print what came of it, and draw it into OUT."""
    out.mkdir(parents=True, exist_ok=True)
    counts = [int(word) for word in workers.split(",") if word]
    if counts:
        print("workers  lookahead   models  models an hour  idle %  driver: results/s  processor: ms  late/early")
    rows = []
    for count, ratio in itertools.product(counts, map(int, ratios.split(","))):
        row = throughput(count, count * ratio, models or 2000 + 5 * count, mean_seconds, losses, seed=0)
        rows.append(row)
        print(
            f"{row.workers:7,}  {row.lookahead:9,}  {row.models:7,}  {row.per_hour:14,.0f}  {100 * row.idle:6.1f}"
            f"  {row.driver_rate:17,.0f}  {row.processor_ms:13.2f}  {row.late_over_early:10.2f}",
            flush=True,
        )
    learned: dict[str, list[list[Interval]]] = {}
    for path in tables:
        print(f"\n{path.stem}: mean reward regret of {strategy} over {seeds} seeds, and half of its 95 % interval")
        print("lookahead" + "".join(f"{f'at {budget}':>14}" for budget in BUDGETS))
        learned[path.stem] = []
        for lookahead in LOOKAHEADS:
            found = regrets(path, strategy, lookahead, seeds)
            learned[path.stem].append(found)
            cells = (f"{one.mean:.2f} ±{one.mean - one.low:.2f}" for one in found)
            print(f"{lookahead:9}" + "".join(f"{cell:>14}" for cell in cells), flush=True)
    for path in draw(rows, learned, f"{strategy}, {seeds} seeds", out):
        print(path)


if __name__ == "__main__":
    main()
