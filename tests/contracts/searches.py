"""Whole searches over a small space: a function for the evaluator, a file for the memory."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from contracts.agents import accuracy_of, configured
from contracts.spaces import small
from metaqnn.evaluators.function_evaluator import FunctionEvaluator

from metaqnn.core import (
    Attempt,
    Candidate,
    CandidateFinished,
    EpochMetrics,
    Evaluation,
    Evaluator,
    Event,
    Observer,
    Status,
    Strategy,
    WorkerReady,
)
from metaqnn.networks.early_stopping import Prospects
from metaqnn.networks.layer_space import LayerSpace
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.loop import Ending, Search, SearchPlan
from metaqnn.search.rewards import Reward, RewardConfig
from metaqnn.search.verify import Verification, verify
from metaqnn.strategies import make_strategy
from metaqnn.strategies.schedule import Schedule


def evaluate(candidate: Candidate) -> Evaluation:
    """Two attempts of two epochs; one network in five fails, with as much of a curve as its failure allows."""
    accuracy, kind = accuracy_of(candidate.architecture), crc32(candidate.architecture.encode()) % 15

    def attempt(rate: float, best: float, loss: float = 1.0) -> Attempt:
        epochs = [EpochMetrics(n, rate, loss, 0.5, loss, best * n / 2, 0.125) for n in (1, 2)]
        return Attempt(rate, tuple(epochs))

    if kind == 0:
        return Evaluation(Status.DIVERGED, "the loss is not a number", (attempt(0.001, 0.25, math.nan),), 0.25, "here")
    if kind == 1:
        return Evaluation(Status.NEVER_LEARNED, "no better than chance", (attempt(0.001, 0.25),) * 2, 0.5, "here")
    if kind == 2:
        return Evaluation(Status.CRASHED, "the process ended", (), 0.0, "here")
    return Evaluation(Status.OK, "", (attempt(0.001, 0.25), attempt(0.0004, accuracy)), 0.5, "here")


class ShuffledEvaluator(Evaluator):
    """Answers the newest candidate first, sometimes several at once and sometimes none."""

    def __init__(self, function: Callable[[Candidate], Evaluation]):
        self._function = function
        self._queue: list[Candidate] = []
        self._calls = 0

    def submit(self, candidate: Candidate) -> None:
        """Queue a candidate."""
        self._queue.append(candidate)

    def results(self, timeout: float) -> list[Event]:
        """The newest answers."""
        self._calls += 1
        if self._calls % 3 == 0:
            return []
        answered = [self._queue.pop() for _ in range(min(len(self._queue), self._calls % 3))]
        return [WorkerReady(1, 1, "here"), *(CandidateFinished(c.number, self._function(c)) for c in answered)]

    def stop(self) -> None:
        """Forget what was queued."""
        self._queue.clear()

    def close(self) -> None:
        """Forget what was queued."""
        self._queue.clear()


@dataclass
class SmallSearch:
    """A search that can be started again and again on one file."""

    models: int = 14
    lookahead: int = 1
    seed: int = 1
    stages: tuple[tuple[float, int], ...] = ((1.0, 4), (0.5, 5), (0.1, 5))
    max_repeats: int = 40
    space: LayerSpace = field(default_factory=small)
    reward: RewardConfig = field(default_factory=RewardConfig)
    evaluate: Callable[[Candidate], Evaluation] = evaluate
    make_evaluator: Callable[[Callable], Evaluator] = FunctionEvaluator
    checkpoint_seconds: float = 3600.0
    max_seconds: float | None = None
    training: TrainingConfig = field(default_factory=TrainingConfig)
    strategy: dict = field(default_factory=lambda: {"preset": "paper", "learning_rate": 0.2, "replay_episodes": 5})

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.stages, self.max_repeats)

    def make_strategy(self) -> Strategy:
        return make_strategy(
            configured(**{"schedule": self.stages, "max_repeats": self.max_repeats, **self.strategy}),
            self.space,
            self.seed,
        )

    def make_prospects(self) -> Prospects | None:
        reward = Reward(self.reward, self.space.classes)
        return Prospects(self.training, reward, self.lookahead, self.seed) if self.training.prediction else None

    def run(
        self,
        path: Path,
        stop_requested: Callable[[], bool] = lambda: False,
        observers: Sequence[Observer] = (),
    ) -> Ending:
        """Start it, or go on with it."""
        with SQLiteReplayMemory(path) as memory:
            if not memory.config():
                memory.initialise({"seed": self.seed})
            memory.begin_run(self.models, 1, {}, [])
            plan = SearchPlan(
                self.seed,
                self.models,
                self.lookahead,
                self.max_seconds,
                memory.elapsed_seconds(),
                self.checkpoint_seconds,
                self.schedule.total,
            )
            search = Search(
                plan,
                self.space,
                self.make_strategy(),
                self.make_evaluator(self.evaluate),
                memory,
                Reward(self.reward, self.space.classes),
                observers,
                stop_requested,
                self.make_prospects(),
            )
            ending = search.run()
            memory.end_run(str(ending))
        return ending

    def verify(self, path: Path) -> Verification:
        """Rebuild it and compare."""
        with ReplayReader(path) as reader:
            reward = Reward(self.reward, self.space.classes)
            return verify(
                reader,
                self.space,
                self.make_strategy,
                self.schedule.total,
                reward,
                self.lookahead,
                self.seed,
                self.training,
            )
