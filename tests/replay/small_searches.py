"""Small searches over digits whose networks are judged by a function, so that they take no time.

Everything else is the real thing: `run_search` reads the data, stores the configuration and runs the loop. As a
script it is a search in a process of its own, for tests that look at it or kill it:

    python small_searches.py DATABASE MODELS [KEY=VALUE ...]     (prints each episode's number when it is committed)

The golden file of a schema was made with: python small_searches.py ../golden/schema_v8.sqlite 12
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path

import pytest

from metaqnn.core import Attempt, Candidate, CurvePoint, Evaluation, Observer, SpeedMeasurement, Status
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.immediate import ImmediateExecutor
from metaqnn.search.loop import Ending, Search
from metaqnn.search.plan import SearchPlan
from metaqnn.workflows import (
    SearchOptions,
    load_experiment,
    run_search,
    stored_budget,
    stored_components,
    stored_experiment,
    verify_database,
)

SMALL_YAML = """
name: small
seed: 3
dataset: {name: digits, validation_size: 300}
space:
  max_depth: 3
  convolution: {filters: [4, 8], receptive_fields: [1, 3]}
  pooling: [[2, 2]]
  fully_connected: {neurons: [16, 8], max_in_row: 1}
strategy: {preset: paper, learning_rate: 0.1, replay_episodes: 5, schedule: [[1.0, 6], [0.5, 3], [0.1, 3]]}
training: {epochs: 2}
search: {lookahead: 2, checkpoint_seconds: 0}
"""

FAILURES = {4: Status.CRASHED, 6: Status.DIVERGED, 9: Status.TIMED_OUT}
"""How some of the episodes of the finished search end."""


def judge(candidate: Candidate, failures: Mapping[int, Status] = FAILURES) -> Evaluation:
    """A made-up result: a function of the network alone, unless its episode is to fail."""
    first, second, *_ = blake2b(candidate.architecture.encode(), digest_size=4).digest()
    status = failures.get(candidate.number, Status.OK)
    if status is Status.DIVERGED:
        points = (_epoch(1, 0.001, float("nan"), 0.125, float("nan"), 0.0625),)
        reason = "the loss is not finite in epoch 1"
        return _evaluation(status, None, reason, (Attempt(points),), 0.75)
    if status is not Status.OK:
        return _evaluation(status, None, f"this one {status}", (), 0.25)
    best = (first + 1) / 256
    attempts = [_attempt(0.001, 0.0625)] if second % 4 == 0 else []
    curve = (best, best * 0.75) if second % 2 else (best * 0.5, best)
    return _evaluation(status, best, "", (*attempts, _attempt(0.0004, *curve)), 2.0)


PHASES = ("waiting", "building", "tracing", "training", "validation", "messages", "garbage", "bookkeeping")


def _evaluation(status: Status, score: float | None, reason: str, attempts: tuple, seconds: float) -> Evaluation:
    figures = {"learning_rate": attempts[-1].points[0].figures["learning_rate"]} if attempts else {}
    return Evaluation(status, score, reason, attempts, figures, seconds, "a test", phases=dict.fromkeys(PHASES, 0.125))


def _attempt(learning_rate: float, *accuracies: float) -> Attempt:
    points = enumerate(accuracies, start=1)
    return Attempt(tuple(_epoch(n, learning_rate, 2.0 - a, a, 2.25 - a, a) for n, a in points))


def _epoch(step: int, rate: float, loss: float, accuracy: float, validation_loss: float, score: float) -> CurvePoint:
    figures = {"train_loss": loss, "train_accuracy": accuracy, "validation_loss": validation_loss}
    return CurvePoint(step, score, 0.5, {"learning_rate": rate, **figures})


class Judge(ImmediateExecutor):
    """The executor that asks `function`, calibrated like one that trains."""

    def measure_speed(self, architectures):
        return SpeedMeasurement(operations_per_second=1e9, setup_seconds=0.5, step_seconds=0.001)


@contextmanager
def judged(function: Callable[[Candidate], Evaluation] = judge) -> Iterator[None]:
    """Have every search in this process ask `function` instead of training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("metaqnn.workflows.search.make_executor", lambda *_: Judge(function))
        yield


def small_experiment(folder: Path, *overrides: str):
    """The small experiment, read from a file in `folder`."""
    file = folder / "small.yaml"
    file.write_text(SMALL_YAML, encoding="utf-8")
    return load_experiment(file, overrides)


def run_small(
    database: Path,
    *overrides: str,
    function: Callable[[Candidate], Evaluation] = judge,
    observers: tuple[Observer, ...] = (),
    **options,
):
    """Start or resume the small search; returns what `run_search` returns."""
    experiment = small_experiment(database.parent, *overrides)
    with judged(function):
        return run_search(experiment, database, SearchOptions(**options), observers)


def go_on(memory: SQLiteReplayMemory, models: int) -> Ending:
    """Go on with a small search on a memory that is open already."""
    components, experiment = stored_components(memory), stored_experiment(memory)
    budget = stored_budget(memory.config())
    plan = SearchPlan(experiment.seed, models, experiment.search.lookahead, budget=budget)
    strategy = components.make_strategy()
    return Search(plan, components.space, strategy, Judge(judge), memory, components.reward).run()


def interrupt_after(models: int) -> Callable[[Candidate], Evaluation]:
    """A function that judges, and at its call number `models` asks the search to stop as Ctrl-C does."""
    calls = []

    def function(candidate: Candidate) -> Evaluation:
        calls.append(candidate)
        if len(calls) == models:
            signal.raise_signal(signal.SIGINT)
        return judge(candidate)

    return function


def contents(database: Path) -> dict[str, list[tuple]]:
    """All rows of the tables in which two equal searches agree, without the columns that may differ."""
    tables = ("config", "models", "evaluations", "learning_curves", "replay", "q_values")
    rows = {}
    with ReplayReader(database) as reader:
        for table in tables:
            columns, _ = reader.query(f"SELECT * FROM {table} LIMIT 0")
            kept = [c for c in columns if not (c.endswith(("_seconds", "_at")) or c in ("device", "node"))]
            found = reader.query(f"SELECT {', '.join(kept)} FROM {table}")[1]
            rows[table] = sorted(found, key=lambda row: [(value is None, value) for value in row])
    return rows


def difference(database: Path) -> str | None:
    """What `verify` says of a database; None where everything is equal."""
    with closing(ReplayReader(database)) as reader:
        return verify_database(reader).difference


ENDLESS = ("strategy.schedule=[[1.0, 5000]]", "space.max_depth=9")
"""With these and a budget of 5,000 models a search outlives every test, and repeats are rare."""


def start_endless(database: Path) -> subprocess.Popen:
    """Start an endless search in a process of its own; it prints each episode's number when that is committed."""
    command = [sys.executable, __file__, str(database), "5000", *ENDLESS]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class _Announce(Observer):
    def on_episode(self, episode, status):
        print(episode.number, flush=True)


def _slow_judge(candidate: Candidate) -> Evaluation:
    time.sleep(0.002)
    return judge(candidate)


if __name__ == "__main__":
    run_small(Path(sys.argv[1]), *sys.argv[3:], models=int(sys.argv[2]), function=_slow_judge, observers=(_Announce(),))
