"""The contract of a replay memory: what happened."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from metaqnn.core.episode import Episode, Model, Proposal, QValue
from metaqnn.core.evaluation import Evaluation
from metaqnn.core.events import WorkerLost, WorkerReady


class ReplayMemory(ABC):
    """What happened. Everything recorded is durable when the call returns, as far as the memory is."""

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
    def record_worker(self, event: WorkerReady | WorkerLost) -> None:
        """Keep a fact about a worker process."""

    @abstractmethod
    def last_episode_of(self, model: int) -> Episode | None:
        """The last told episode of a model, whose evaluation a repeat reuses."""

    @abstractmethod
    def evaluation(self, number: int | None) -> Evaluation | None:
        """A recorded evaluation; None where there is none of that number (yet)."""

    @abstractmethod
    def record_evaluations(self, ended: Sequence[tuple[Proposal, Evaluation]]) -> None:
        """Record evaluations that finished before their episodes' turns to be told, in one transaction."""

    @abstractmethod
    def record(self, episode: Episode, evaluation: Evaluation | None) -> None:
        """Record an episode and, where it was evaluated for it, its evaluation, in one transaction."""

    @abstractmethod
    def values(self) -> tuple[int, Sequence[QValue]]:
        """The last checkpoint of the strategy's values: the episode it is as of (0: none), and the values."""

    @abstractmethod
    def checkpoint(self, episode: int, values: Sequence[QValue], replace: bool = False) -> None:
        """Bring the stored values up to date as of an episode: change those given, or replace them all."""
