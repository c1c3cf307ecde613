"""A replay memory in RAM: for searches of which nothing has to last."""

from collections.abc import Iterable, Sequence

from metaqnn.core import (
    Episode,
    Evaluation,
    Model,
    Proposal,
    QValue,
    ReplayMemory,
    WorkerLost,
    WorkerReady,
)


class RamMemory(ReplayMemory):
    """What happened, as long as this process lives."""

    def __init__(self) -> None:
        self._episodes: list[Episode] = []
        self._proposals: dict[int, Proposal] = {}
        self._models: dict[str, Model] = {}
        self._last_episodes: dict[int, Episode] = {}  # by model
        self._evaluations: dict[int, Evaluation] = {}
        self._next = (1, 1, 1)
        self._values: tuple[int, dict[tuple[str, str], QValue]] = 0, {}

    def episodes(self, after: int = 0) -> Iterable[Episode]:
        """All told episodes with a number above `after`, in order."""
        return (episode for episode in self._episodes if episode.number > after)

    def proposals(self) -> Sequence[Proposal]:
        """Episodes in flight, in order."""
        return list(self._proposals.values())

    def known_model(self, architecture: str) -> Model | None:
        """The model of an architecture proposed before."""
        return self._models.get(architecture)

    def add_proposal(self, proposal: Proposal) -> None:
        """Keep an episode in flight, and its model if new."""
        self._proposals[proposal.episode] = proposal
        self._models.setdefault(proposal.model.architecture, proposal.model)
        _, model, evaluation = self._next
        if proposal.evaluation is not None:
            evaluation = proposal.evaluation + 1
        self._next = proposal.episode + 1, max(model, proposal.model.model + 1), evaluation

    def next_numbers(self) -> tuple[int, int, int]:
        """The next free numbers of an episode, a model and an evaluation."""
        return self._next

    def record_worker(self, event: WorkerReady | WorkerLost) -> None:
        """Facts about worker processes are of no use here."""

    def last_episode_of(self, model: int) -> Episode | None:
        """The last told episode of a model, whose evaluation a repeat reuses."""
        return self._last_episodes.get(model)

    def evaluation(self, number: int | None) -> Evaluation | None:
        """A recorded evaluation; None where there is none of that number (yet)."""
        return None if number is None else self._evaluations.get(number)

    def record_evaluations(self, ended: Sequence[tuple[Proposal, Evaluation]]) -> None:
        """Keep evaluations that finished before their episodes' turns to be told."""
        for proposal, evaluation in ended:
            assert proposal.evaluation is not None, "what reuses an evaluation is not evaluated"
            self._evaluations[proposal.evaluation] = evaluation

    def record(self, episode: Episode, evaluation: Evaluation | None) -> None:
        """Keep an episode and, where it was evaluated for it, its evaluation."""
        if evaluation is not None:
            self._evaluations[episode.evaluation] = evaluation
        self._episodes.append(episode)
        self._last_episodes[episode.model] = episode
        self._proposals.pop(episode.number, None)

    def values(self) -> tuple[int, Sequence[QValue]]:
        """The last checkpoint of the strategy's values."""
        return self._values[0], list(self._values[1].values())

    def checkpoint(self, episode: int, values: Sequence[QValue], replace: bool = False) -> None:
        """Bring the kept values up to date as of an episode."""
        kept = {} if replace else self._values[1]
        self._values = episode, kept | {(value.state, value.action): value for value in values}
