"""Whole searches over a small space: a function for the evaluator, a file for the memory."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from contracts.agents import accuracy_of, configured, make_strategy
from contracts.records import epoch, evaluation
from contracts.spaces import small

from metaqnn.core import (
    Attempt,
    Candidate,
    CandidateFinished,
    Evaluation,
    Event,
    Executor,
    Observer,
    Reward,
    Status,
    Strategy,
    WorkerReady,
)
from metaqnn.errors import DamageError
from metaqnn.networks.early_stopping import NetworkEarlyStopping
from metaqnn.networks.evaluator import figures_of
from metaqnn.networks.rewards import CostAwareOptions, CostAwareReward
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.networks.targets.classes import accuracy
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.summary import Summary, read_summary
from metaqnn.search.immediate import ImmediateExecutor
from metaqnn.search.loop import Ending, Search
from metaqnn.search.plan import SearchPlan
from metaqnn.search.rewards import ScoreReward, ScoreRewardOptions
from metaqnn.search.verify import Verification, verify
from metaqnn.strategies.schedule import Schedule


def evaluate(candidate: Candidate) -> Evaluation:
    """Two attempts of two epochs; one network in five fails, with as much of a curve as its failure allows."""
    reached, kind = accuracy_of(candidate.architecture), crc32(candidate.architecture.encode()) % 15

    def attempt(rate: float, best: float, loss: float = 1.0) -> Attempt:
        return Attempt(tuple(epoch(n, rate, loss, 0.5, loss, best * n / 2, 0.125) for n in (1, 2)))

    if kind == 0:
        return evaluation(Status.DIVERGED, "the loss is not a number", (attempt(0.001, 0.25, math.nan),), 0.25, "here")
    if kind == 1:
        return evaluation(Status.NEVER_LEARNED, "no better than chance", (attempt(0.001, 0.25),) * 2, 0.5, "here")
    if kind == 2:
        return evaluation(Status.CRASHED, "the process ended", (), 0.0, "here")
    return evaluation(Status.OK, "", (attempt(0.001, 0.25), attempt(0.0004, reached)), 0.5, "here")


class ShuffledExecutor(Executor):
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


class After:
    """A request to stop that comes when it was asked about so many times."""

    def __init__(self, calls: int):
        self.calls = calls

    def __call__(self) -> bool:
        self.calls -= 1
        return self.calls < 0


@dataclass
class SmallSearch:
    """A search that can be started again and again on one file."""

    models: int = 14
    lookahead: int = 1
    seed: int = 1
    stages: tuple[tuple[float, int], ...] = ((1.0, 4), (0.5, 5), (0.1, 5))
    max_repeats: int = 40
    space: LayerSpace = field(default_factory=small)
    reward: ScoreRewardOptions = field(default_factory=ScoreRewardOptions)
    evaluate: Callable[[Candidate], Evaluation] = evaluate
    make_executor: Callable[[Callable], Executor] = ImmediateExecutor
    figures_of: Callable[[Evaluation], Mapping] = figures_of
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

    def make_reward(self) -> Reward:
        kind = CostAwareReward if isinstance(self.reward, CostAwareOptions) else ScoreReward
        return kind(self.reward, accuracy(self.space.classes))

    def make_early_stopping(self) -> NetworkEarlyStopping | None:
        if not self.training.early_stopping:
            return None
        return NetworkEarlyStopping(self.training, self.make_reward(), self.lookahead, self.seed)

    def run(
        self,
        path: Path,
        stop_requested: Callable[[], bool] = lambda: False,
        observers: Sequence[Observer] = (),
    ) -> Ending:
        """Start it, or go on with it."""
        with SQLiteReplayMemory(path) as memory:
            if not memory.config():
                memory.initialise({"seed": self.seed, "score": self.make_reward().score.recorded()})
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
                self.make_executor(self.evaluate),
                memory,
                self.make_reward(),
                observers,
                stop_requested,
                self.make_early_stopping(),
            )
            ending = search.run()
            memory.end_run(str(ending))
        return ending

    def summarise(self, reader: ReplayReader) -> Summary:
        """Its summary, which needs to know the schedule."""
        progress = self.schedule.recorded(reader.episodes(), reader.proposals())
        return read_summary(reader, self.schedule.describe(progress), self.schedule.max_repeats)

    def verify(self, path: Path, on_episode: Callable[[int], None] = lambda number: None) -> Verification:
        """Rebuild it and compare."""
        try:
            with ReplayReader(path) as reader:
                return verify(
                    reader.recording(),
                    self.space,
                    self.make_strategy(),
                    self.schedule.total,
                    self.make_reward(),
                    self.lookahead,
                    self.seed,
                    self.make_early_stopping(),
                    on_episode,
                    self.figures_of,
                )
        except DamageError as error:
            return Verification(0, 0, 0, error.what)
