"""What a search costs beside the training: the paper's CIFAR-10 search with an evaluator that answers at once.

2,700 models of the paper's space and schedule, K = 100, every episode durably committed; then the same file is
resumed. Beside it, in the same run, Optuna's SQLite storage with its random sampler on 400 trials of the same kind.
"""

import statistics
import time
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

from metaqnn.core import Attempt, CurvePoint, Evaluation, Observer, Status
from metaqnn.networks.targets.classes import accuracy as accuracy_over
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.search.immediate import ImmediateExecutor
from metaqnn.search.loop import Search
from metaqnn.search.plan import SearchPlan
from metaqnn.workflows import load_experiment
from metaqnn.workflows.components import build_components

MODELS = 2700
OPTUNA_TRIALS = 400


@dataclass(frozen=True)
class Figure:
    """One line of the result: what was measured, the number, and its unit."""

    name: str
    value: float
    unit: str


def instant_evaluation(candidate) -> Evaluation:
    """An accuracy that depends on the architecture alone, with a curve of 20 epochs as a real training has."""
    digest = blake2b(candidate.architecture.encode(), digest_size=8).digest()
    accuracy = int.from_bytes(digest, "big") / 2**64
    points = tuple(
        CurvePoint(
            epoch,
            accuracy * epoch / 20,
            0.1,
            {
                "learning_rate": 0.001,
                "train_loss": 1.0 / epoch,
                "train_accuracy": accuracy * epoch / 20,
                "validation_loss": 1.0 / epoch,
            },
        )
        for epoch in range(1, 21)
    )
    return Evaluation(Status.OK, accuracy, "", (Attempt(points),), {"learning_rate": 0.001}, 2.0, "none")


class _Clock(Observer):
    """When each episode was told, by the time the next one is recorded."""

    def __init__(self):
        self.times: list[float] = []

    def on_episode(self, episode, status):
        self.times.append(time.perf_counter())


def run_search(database: Path, models: int) -> list[float]:
    """Search, or resume; the times at which episodes were recorded."""
    experiment = load_experiment("cifar10", ["search.lookahead=1"])
    parts = build_components(experiment, {"input_shape": (32, 32, 3), "classes": 10}, accuracy_over(10))
    clock = _Clock()
    with SQLiteReplayMemory(database) as memory:
        if not memory.config():
            memory.initialise({"seed": experiment.seed, "score": accuracy_over(10).recorded()})
        memory.begin_run(models, 1, {}, [])
        strategy = parts.make_strategy()
        plan = SearchPlan(experiment.seed, models, experiment.search.lookahead, budget=strategy.default_models)
        executor = ImmediateExecutor(instant_evaluation)
        Search(plan, parts.space, strategy, executor, memory, parts.reward, [clock]).run()
        memory.end_run("completed")
    return clock.times


def optuna_seconds(database: Path, trials: int) -> float | None:
    """Optuna's time for as many trials of 12 categorical choices; None where it is not installed."""
    try:
        import optuna
    except ImportError:
        return None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=f"sqlite:///{database}", sampler=optuna.samplers.RandomSampler(seed=0), direction="maximize"
    )
    began = time.perf_counter()

    def objective(trial):
        choices = [trial.suggest_categorical(f"layer_{i}", list(range(17))) for i in range(12)]
        return sum(choices) / (12 * 16)

    study.optimize(objective, n_trials=trials)
    return time.perf_counter() - began


def measure(folder: Path) -> list[Figure]:
    """Run everything once; the databases are left in `folder`, which must be new."""
    database = folder / "overhead.sqlite"
    began = time.perf_counter()
    times = run_search(database, MODELS)
    total = time.perf_counter() - began
    gaps = [1e3 * (after - before) for before, after in pairwise(times)]
    early, late = statistics.median(gaps[100:199]), statistics.median(gaps[1400:1499])
    began = time.perf_counter()
    run_search(database, MODELS)
    resume = time.perf_counter() - began
    figures = [
        Figure("episodes", len(times), "episodes"),
        Figure("all told, per episode", 1e3 * total / len(times), "ms"),
        Figure("median episode", statistics.median(gaps), "ms"),
        Figure("median of episodes 101-200", early, "ms"),
        Figure("median of episodes 1,401-1,500", late, "ms"),
        Figure("1,401-1,500 over 101-200", late / early, "ratio"),
        Figure("resuming the finished file", resume, "s"),
        Figure("size of the file", database.stat().st_size / 2**20, "MiB"),
    ]
    optuna = optuna_seconds(folder / "optuna.sqlite", OPTUNA_TRIALS)
    if optuna is not None:
        per_trial = 1e3 * optuna / OPTUNA_TRIALS
        figures.append(Figure(f"Optuna, random sampler, {OPTUNA_TRIALS} trials, per trial", per_trial, "ms"))
        first = 1e3 * (times[OPTUNA_TRIALS] - times[0]) / OPTUNA_TRIALS
        figures.append(Figure(f"metaqnn, first {OPTUNA_TRIALS} episodes, per episode", first, "ms"))
        figures.append(Figure("Optuna over metaqnn", per_trial / first, "ratio"))
    return figures
