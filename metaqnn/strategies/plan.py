"""A plan: what is expected of trajectories, and the Q-values that imagined episodes lead to."""

import math
from collections.abc import Sequence

import numpy as np

from metaqnn.core import Expectation, QValue, Step, Trajectory
from metaqnn.strategies.encoding import TrajectoryEncoder
from metaqnn.strategies.equations import log_expected_improvement, planning_update
from metaqnn.strategies.observed import Standard
from metaqnn.strategies.return_model import ReturnModel

_UNSURE_OF = 60
"""The uncertainty is computed for so many trajectories, the best by what is expected of them."""


class Plan:
    """What is expected of trajectories, and the Q-values learned from imagined ones.

    The value of a state-action pair is the largest return imagined through it.

    Args:
        model: of the return, conditioned.
        encoder: how trajectories enter it.
        standard: of the rewards that it knows.
        best: the largest of them, standardised.
    """

    def __init__(self, model: ReturnModel, encoder: TrajectoryEncoder, standard: Standard, best: float):
        self.model, self._encoder, self._standard, self._best = model, encoder, standard, best
        self._values: dict[tuple[str, str], float] = {}
        self._expected: dict[str, tuple[float, float]] = {}  # mean and deviation of those imagined, as standardised

    def believing(self, trajectories: Sequence[Trajectory]) -> "Plan":
        """One that takes it that trajectories in flight return what is expected of them."""
        return Plan(self.model.extended(self._encoder.points(trajectories)), self._encoder, self._standard, self._best)

    def imagine(self, trajectories: Sequence[Trajectory], excluded: set[str]) -> None:
        """Learn from imagined episodes.

        Args:
            trajectories: of the episodes.
            excluded: architectures of which nothing is imagined; those imagined are added to them.
        """
        new = {each.architecture: each for each in trajectories if each.architecture not in excluded}
        if not new:
            return
        excluded.update(new)
        episodes = list(new.values())
        means, with_observed = self.model.means(self._encoder.points(episodes))
        promising = np.argsort(-means, kind="stable")[:_UNSURE_OF]
        deviations = self.model.deviations(np.ascontiguousarray(with_observed[:, promising]))
        for place, deviation in zip(promising.tolist(), deviations.tolist(), strict=True):
            mean = float(means[place])
            self._expected[episodes[place].architecture] = mean, deviation
            self.learn(episodes[place].steps, log_expected_improvement(mean, deviation, self._best))

    def learn(self, steps: Sequence[Step], imagined: float) -> None:
        """Learn from one imagined episode and its return."""
        for step in steps:
            pair = step.state, step.action
            self._values[pair] = planning_update(self._values.get(pair, -math.inf), imagined)

    def values(self, state: str, actions: Sequence[str]) -> list[float]:
        """The Q-values of some actions in a state; what was never imagined is worth least."""
        return [self._values.get((state, action), -math.inf) for action in actions]

    def entries(self) -> list[QValue]:
        """The Q-values of every pair that was imagined; how often is not counted."""
        return [QValue(*pair, value, 1) for pair, value in self._values.items()]

    def expect(self, trajectory: Trajectory) -> Expectation:
        """The reward that it expects of a trajectory that is evaluated now."""
        expected = self._expected.get(trajectory.architecture)
        if expected is None:
            means, with_observed = self.model.means(self._encoder.points([trajectory]))
            expected = float(means[0]), float(self.model.deviations(with_observed)[0])
        mean, known = expected
        deviation = math.sqrt(known * known + self.model.noise_variance)
        scale = self._standard
        return Expectation(scale.mean + scale.deviation * mean, scale.deviation * deviation)
