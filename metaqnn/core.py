"""The contracts that meet in the search loop: Strategy, Evaluator, ReplayMemory, and Observer for displays.

The space's contract is `metaqnn.space.base`. A new implementation passes the contract suite of its kind in
`tests/contracts`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from metaqnn.space.base import Trajectory
from metaqnn.trial import Candidate, Episode, EpochMetrics, Evaluation, Model, Proposal, QValue, Source


@dataclass(frozen=True)
class PendingEpisode:
    """An episode whose result may not be known to the next proposal.

    Attributes:
        number: from 1.
        architecture: canonical text.
        is_new: whether its architecture was never proposed before.
        origin: sampled, retried or imported.
    """

    number: int
    architecture: str
    is_new: bool
    origin: Source


@dataclass(frozen=True)
class Context:
    """What a search says of itself when it asks for a proposal.

    Attributes:
        number: of the episode that is asked for, from 1.
        budget: distinct architectures that the search began with; a larger one later does not change it.
        distinct: architectures sampled so far.
        repeats: sampled episodes in a row, up to now, that proposed nothing new.
        pending: every episode after the last that was told, in order.
    """

    number: int
    budget: int
    distinct: int
    repeats: int
    pending: tuple[PendingEpisode, ...] = ()


@dataclass(frozen=True)
class Exploration:
    """How far a strategy has come in its exploration schedule, for displays.

    Attributes:
        epsilon: of the next proposal; None when the schedule is over, and where there is none.
        exhausted: epsilons of the stages that ended early for finding nothing new.
    """

    epsilon: float | None = None
    exhausted: tuple[float, ...] = ()


class Strategy(ABC):
    """Decides what to try next: a pure function of the seed, the episodes told and the context.

    Attributes:
        max_repeats: so many repeats in a row say that nothing new is to be expected.
    """

    max_repeats: int = 500

    @property
    def default_models(self) -> int:
        """The budget of distinct architectures where none is given."""
        return 2700

    @abstractmethod
    def ask(self, context: Context, recorded: Mapping[str, float] | None = None) -> Trajectory:
        """Propose the architecture of an episode; never learns, and asked again answers the same.

        Args:
            context: where the search stands.
            recorded: what was recorded with this very episode, to propose it once more; None derives it.
        """

    def is_exhausted(self, context: Context) -> bool:
        """Whether nothing new is to be expected: the search ends."""
        return context.repeats >= self.max_repeats

    def describe_progress(self, context: Context) -> Exploration:
        """How far its exploration schedule has come; a strategy without one has nothing to say."""
        return Exploration()

    @abstractmethod
    def tell(self, episode: Episode) -> None:
        """Learn from an episode; called once for each, in order."""

    def values(self) -> Sequence[QValue]:
        """Everything that was ever updated; empty for a strategy that keeps no values."""
        return ()

    def snapshot(self) -> Sequence[QValue]:
        """The values changed since the last snapshot; empty for a strategy that keeps none."""
        return ()

    def restore(self, episodes: Iterable[Episode], values: Iterable[QValue]) -> None:
        """Take up a snapshot on a fresh strategy: as if all `episodes` had been told, which is what this does.

        Args:
            episodes: every episode up to the snapshot, in order.
            values: all values as of the last of them, for a strategy that can save time by them.
        """
        for episode in episodes:
            self.tell(episode)


@dataclass(frozen=True)
class WorkerReady:
    """A worker process can train."""

    worker: int
    pid: int
    device: str
    versions: dict[str, str] = field(default_factory=dict)
    is_gpu: bool = False


@dataclass(frozen=True)
class WorkerLost:
    """A worker process ended unasked and is replaced; its candidate, if any, is tried again or recorded."""

    worker: int
    number: int | None
    reason: str


@dataclass(frozen=True)
class CandidateStarted:
    """A worker began to train the candidate of an episode."""

    number: int


@dataclass(frozen=True)
class EpochFinished:
    """A candidate finished an epoch."""

    number: int
    attempt: int
    metrics: EpochMetrics


@dataclass(frozen=True)
class CandidateFinished:
    """The answer to a candidate; exactly one for each submitted."""

    number: int
    evaluation: Evaluation


Event = WorkerReady | WorkerLost | CandidateStarted | EpochFinished | CandidateFinished


@dataclass(frozen=True)
class SpeedMeasurement:
    """How fast this device trains, from a short calibration.

    Attributes:
        flops_per_second: sustained while training, forward and backward.
        setup_seconds: building one network and its first step.
        step_seconds: fixed cost of a step, whatever the network.
    """

    flops_per_second: float
    setup_seconds: float
    step_seconds: float


class Evaluator(ABC):
    """Says how good an architecture is, asynchronously."""

    @abstractmethod
    def submit(self, candidate: Candidate) -> None:
        """Queue a candidate; returns at once."""

    @abstractmethod
    def results(self, timeout: float) -> list[Event]:
        """What happened since the last call, waiting at most `timeout` seconds for the first of it.

        Raises:
            EvaluatorError: it cannot work at all.
        """

    def measure_speed(self, architectures: Sequence[str]) -> SpeedMeasurement | None:
        """Calibrate on a few architectures; None where there is nothing to measure.

        Raises:
            CalibrationError: it could not be measured.
        """
        return None

    @abstractmethod
    def stop(self) -> None:
        """End all work at once; what is in flight is dropped. No process is left when this returns."""

    @abstractmethod
    def close(self) -> None:
        """Release everything in good order; further calls do nothing."""


class ReplayMemory(ABC):
    """What happened. Everything recorded is durable when the call returns."""

    @abstractmethod
    def episodes(self, after: int = 0) -> Iterable[Episode]:
        """All told episodes with a number above `after`, in order."""

    @abstractmethod
    def proposals(self) -> Sequence[Proposal]:
        """Episodes in flight, in order."""

    @abstractmethod
    def known_model(self, architecture: str) -> Model | None:
        """The model of an architecture proposed before."""

    @abstractmethod
    def add_proposal(self, proposal: Proposal) -> None:
        """Record an episode in flight, and its model if new. (Need not be durable: it can be rebuilt.)."""

    @abstractmethod
    def next_numbers(self) -> tuple[int, int, int]:
        """The next free numbers of an episode, a model and an evaluation."""

    @abstractmethod
    def record_worker(self, event: "WorkerReady | WorkerLost") -> None:
        """Keep a fact about a worker process."""

    @abstractmethod
    def last_episode_of(self, model: int) -> Episode | None:
        """The last told episode of a model, whose evaluation a repeat reuses."""

    @abstractmethod
    def evaluation(self, number: int | None) -> Evaluation | None:
        """A recorded evaluation; None where there is none of that number (yet)."""

    @abstractmethod
    def record_evaluation(self, proposal: Proposal, evaluation: Evaluation) -> None:
        """Record an evaluation that finished before its episode's turn to be told."""

    @abstractmethod
    def record(self, episode: Episode, evaluation: Evaluation | None) -> None:
        """Record an episode and, where it was trained for it, its evaluation, in one transaction."""

    @abstractmethod
    def values(self) -> tuple[int, Sequence[QValue]]:
        """The last checkpoint of the strategy's values: the episode it is as of (0: none), and the values."""

    @abstractmethod
    def checkpoint(self, episode: int, values: Sequence[QValue], replace: bool = False) -> None:
        """Bring the stored values up to date as of an episode: change those given, or replace them all."""


@dataclass(frozen=True)
class SearchStatus:
    """Where a search stands, for displays.

    Attributes:
        models_done, models_total: distinct architectures told, and the budget.
        episodes: told; none of what the search began with counts here or below.
        reused: episodes that needed no training.
        failed: models whose last evaluation failed.
        epsilon: of the next proposal; None when the schedule is over.
        best_accuracy, best_architecture: so far; None before the first success.
        elapsed_seconds: over all runs.
        seconds_per_model: mean over this run, or over all runs before its first; None when unknown.
    """

    models_done: int
    models_total: int
    episodes: int
    reused: int
    failed: int
    epsilon: float | None
    best_accuracy: float | None
    best_architecture: str | None
    elapsed_seconds: float
    seconds_per_model: float | None


class Observer:
    """Sees a search happen. Every method may be left out; none may change the search."""

    def on_start(self, status: SearchStatus) -> None:
        """The loop begins or goes on."""

    def on_event(self, event: Event) -> None:
        """The evaluator reports something."""

    def on_proposal(self, proposal: Proposal) -> None:
        """An episode is in flight."""

    def on_episode(self, episode: Episode, status: SearchStatus) -> None:
        """An episode is recorded; it is told next."""

    def on_end(self, status: SearchStatus) -> None:
        """The loop ends, whatever the cause."""
