"""What a step of a trajectory is worth: a linear model that shares the return of an episode out among its steps.

The return of an episode, which comes at its end only, is explained as a sum of rewards r(s, a) of its steps
(return decomposition: Arjona-Medina et al., RUDDER, NeurIPS 2019). r is linear in what describes the step: the action,
the action at this depth, and the action after the one before. It is fitted by recursive least squares (Plackett, 1950),
so that its step falls with the visits of what a step shares with others, as in an average.

The noise of an episode is estimated from how far the predictions made before each were off, so the model also says how
sure it is.

All arithmetic is by elements of IEEE doubles in a fixed order, without matrix products: the same episodes give the same
weights, to the bit, on any machine.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from metaqnn.core import Step

MAX_FEATURES = 1000
"""Weights beyond that are not kept: the cost of learning grows with the square."""

_MEAN_VARIANCE = 1e6
"""Of the prior of the mean return, in units of the noise: nothing is known about it."""


class CreditModel:
    """Weights of the features of steps, and how certain they are.

    Args:
        action_variance: of the prior of the weight of an action, and of an action at a depth, in units of the variance
            of an episode's noise.
        pair_variance: the same for an action after another one.
    """

    def __init__(self, action_variance: float, pair_variance: float):
        self._variances = {"action": action_variance, "depth": action_variance, "pair": pair_variance}
        self._indices: dict[tuple[Any, ...], int] = {}
        # The mean return is the first feature of every episode; there is room for more than are known.
        self._weights = np.zeros(16)
        self._covariance = np.zeros((16, 16))
        self._covariance[0, 0] = _MEAN_VARIANCE
        self._known_weights = [0.0]
        self._learned, self._squares = 0, 0.0

    def learn(self, steps: Sequence[Step], reward: float) -> None:
        """Move the weights toward explaining one episode's return."""
        indices = [0, *filter(None, map(self._index_of, _features(steps)))]
        size = len(self._indices) + 1
        covariance, weights = self._covariance[:size, :size], self._weights[:size]
        direction = np.zeros(size)
        for index in indices:
            direction += covariance[index]
        spread, error = 1.0, reward
        for index in indices:
            spread += float(direction[index])
            error -= float(weights[index])
        weights += direction * (error / spread)
        self._learned += 1
        self._squares += error**2 / spread
        direction /= math.sqrt(spread)
        covariance -= direction[:, np.newaxis] * direction
        self._known_weights = weights.tolist()

    def predict(self, steps: Sequence[Step]) -> float:
        """The return expected of a trajectory."""
        weights, find = self._known_weights, self._indices.get
        total = weights[0]
        for feature in _features(steps):
            index = find(feature)
            if index is not None:
                total += weights[index]
        return total

    def uncertainty(self, steps: Sequence[Step]) -> float:
        """The standard deviation of what is expected of a trajectory, in units of the return; 0 before two episodes."""
        indices = [0]
        unknown: Counter[tuple[Any, ...]] = Counter()
        for feature in _features(steps):
            index = self._indices.get(feature)
            if index is None:
                unknown[feature] += 1
            else:
                indices.append(index)
        # `fsum` rounds once, so that no machine's order of summation matters.
        variance = math.fsum(self._covariance[np.ix_(indices, indices)].ravel().tolist())
        for feature, count in unknown.items():
            variance += self._variances[feature[0]] * count**2
        noise = self._squares / (self._learned - 1) if self._learned > 1 else 0.0
        return math.sqrt(max(0.0, variance) * noise)

    def _index_of(self, feature: tuple[Any, ...]) -> int | None:
        """The place of a feature, given to it when it is first met; None where there is no room."""
        index = self._indices.get(feature)
        if index is None and len(self._indices) < MAX_FEATURES:
            index = self._indices[feature] = len(self._indices) + 1
            if index == len(self._weights):
                self._weights = np.pad(self._weights, (0, index))
                self._covariance = np.pad(self._covariance, (0, index))
            self._covariance[index, index] = self._variances[feature[0]]
        return index


def _features(steps: Sequence[Step]) -> Iterator[tuple[Any, ...]]:
    """What describes the steps of a trajectory: three features each."""
    previous = ""
    for depth, step in enumerate(steps):
        yield "action", step.action
        yield "depth", depth, step.action
        yield "pair", previous, step.action
        previous = step.action
