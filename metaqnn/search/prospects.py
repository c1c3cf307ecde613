"""What a proposal knew of networks trained to the end: the base of predictions, and as reproducible as the proposal."""

import heapq
from bisect import bisect_right

from metaqnn.search.reward import Reward
from metaqnn.seeding import Stream
from metaqnn.training.config import TrainingConfig
from metaqnn.trial import Episode, Evaluation, Model, Precedent, Prospect, Status

_MOST_PRECEDENTS = 100
"""The newest so many are learned from, so that a prediction costs the same however long the search is."""


class Prospects:
    """Gathers precedents as episodes are told, and hands out those that an episode may know.

    Args:
        training: the recipe, with its section `prediction`.
        reward: what "best" means.
        lookahead: L; episode n knows the episodes up to n - L.
        seed: decides which networks are controls.
    """

    def __init__(self, training: TrainingConfig, reward: Reward, lookahead: int, seed: int):
        self.config, self.reward, self.lookahead, self.seed = training.prediction, reward, lookahead, seed
        self._last_look = training.prediction.epochs(training)[-1]
        self._episodes: list[int] = []
        self._precedents: list[Precedent] = []
        self._kth_best: list[float] = []  # reward of rank `config.best` (or the lowest) after each precedent
        self._best: list[float] = []  # a heap of the so many best rewards

    def learn(self, episode: Episode, model: Model, evaluation: Evaluation) -> None:
        """Take note of an episode that was trained; called in the order of telling."""
        if evaluation.status is not Status.OK:
            return
        push = heapq.heappush if len(self._best) < self.config.best else heapq.heappushpop
        push(self._best, episode.reward)
        self._episodes.append(episode.number)
        epochs = evaluation.attempts[-1].epochs[: self._last_look]
        self._precedents.append(
            Precedent(model.layers, model.parameters, model.flops, epochs, evaluation.best_accuracy)
        )
        self._kth_best.append(self._best[0])

    def of(self, number: int, model: Model) -> Prospect | None:
        """What episode `number` may predict the end of its network by; None while too little is known."""
        known = bisect_right(self._episodes, number - self.lookahead)
        if known < max(self.config.min_networks, self.config.best):
            return None
        return Prospect(
            model.layers,
            model.parameters,
            model.flops,
            tuple(self._precedents[max(0, known - _MOST_PRECEDENTS) : known]),
            self.reward.accuracy_for(self._kth_best[known - 1], model),
            Stream(self.seed, "control", number).uniform() < self.config.control_share,
        )
