"""BANANAS: an ensemble of small neural networks predicts, and variations of the best networks are tried.

Source: White, Neiswanger and Savani, BANANAS: Bayesian Optimization with Neural Architectures for Neural Architecture
Search (AAAI 2021, arXiv 1910.11858): an ensemble of five, independent Thompson sampling, mutations of the best networks
as candidates, and a new ensemble for every ten results. A network's path from input to output is its encoding: which
action at which depth. Their predictors have ten layers and hundreds of epochs; these have two and a fixed number of
steps, so that a fit takes a tenth of a second.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from metaqnn.config import require
from metaqnn.core import Context, Episode, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.exact_ensemble import ExactEnsemble
from metaqnn.strategies.exact_math import logarithm
from metaqnn.strategies.observed import ObservedNetworks, standardised
from metaqnn.strategies.schedule import ScheduleConfig, ScheduledStrategy

_MOST_FEATURES = 256
"""Inputs of the ensemble: the most frequent features of the networks that it is trained on."""

_FURTHER_DEVIATION = 0.5
"""Probability of a second deviation in a candidate."""


@dataclass(frozen=True)
class BananasConfig(ScheduleConfig):
    """The section `strategy` for `name: bananas`.

    Attributes:
        random_first: so many networks are random before the first ensemble.
        ensemble: networks that predict.
        refit_every: results between two fits.
        best_networks: candidates are mutations of so many, the best.
        neighbours: candidates among the neighbours of each, at most.
        variations: candidates that deviate from one of them in a decision or two.
    """

    name: Literal["bananas"]
    preset: Literal["default"] = "default"
    random_first: int = 20
    ensemble: int = 5
    refit_every: int = 10
    best_networks: int = 5
    neighbours: int = 20
    variations: int = 50

    def __post_init__(self) -> None:
        require(2 <= self.random_first <= 1_000_000, "random_first", "from 2 to 1000000", self.random_first)
        require(2 <= self.ensemble <= 100, "ensemble", "from 2 to 100", self.ensemble)
        for name in ("refit_every", "best_networks"):
            require(1 <= getattr(self, name) <= 1000, name, "from 1 to 1000", getattr(self, name))
        for name in ("neighbours", "variations"):
            require(0 <= getattr(self, name) <= 10_000, name, "from 0 to 10000", getattr(self, name))
        super().__post_init__()


class Bananas(ScheduledStrategy[BananasConfig]):
    """Bayesian optimisation with an ensemble of neural networks."""

    Options = BananasConfig
    PRESETS: ClassVar = {"default": {}}

    def __init__(self, options: BananasConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        self._observed = ObservedNetworks(space)
        self._fitted = 0  # so many results trained the ensemble; 0 before the first
        self._ensemble: ExactEnsemble | None = None
        self._features: dict[tuple[int, str], int] = {}

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        """The candidate whose return, drawn from what the ensemble expects of it, is largest."""
        stream, taken = Stream(self.seed, "bananas", context.number), self._observed.taken(context)
        if len(taken) < self.config.random_first or len(self._observed.results) < 2:
            return self._observed.unknown_walk(taken, stream)
        candidates = self._candidates(taken, stream)
        if not candidates:
            return self._observed.unknown_walk(taken, stream)
        predicted = self._fit().predict(self._encoded(candidates)).tolist()
        drawn = []
        for expected in zip(*predicted, strict=True):
            mean = math.fsum(expected) / len(expected)
            variance = math.fsum((each - mean) * (each - mean) for each in expected) / len(expected)
            drawn.append(mean + math.sqrt(variance) * _normal(stream))
        return candidates[drawn.index(max(drawn))]

    def tell(self, episode: Episode) -> None:
        """Add an observation; a repeat is none."""
        super().tell(episode)
        self._observed.add(episode)

    def _candidates(self, taken: set[str], stream: Stream) -> list[Trajectory]:
        """Mutations of the best networks that are not taken."""
        config, parents = self.config, self._observed.best(self.config.best_networks)
        near = self._observed.unknown_neighbours(parents, taken, config.neighbours, stream)
        varied = []
        for _ in range(config.variations):
            deviations = 1 + (stream.uniform() < _FURTHER_DEVIATION)
            varied.append(self._observed.variation(parents[stream.integer(len(parents))], deviations, stream))
        new = {each.architecture: each for each in (*near, *varied) if each.architecture not in taken}
        return list(new.values())

    def _fit(self) -> ExactEnsemble:
        """The ensemble of the last fit: trained on a number of results that follows from how many there are."""
        count, every = len(self._observed.results), self.config.refit_every
        fitted = max(count - count % every, min(count, every))
        if self._ensemble is None or fitted != self._fitted:
            results = self._observed.results[:fitted]
            trajectories = [result.trajectory for result in results]
            counts = Counter(feature for trajectory in trajectories for feature in _path(trajectory))
            self._features = {feature: place for place, (feature, _) in enumerate(counts.most_common(_MOST_FEATURES))}
            targets, stream = standardised([result.reward for result in results]), Stream(self.seed, "ensemble", fitted)
            self._ensemble = ExactEnsemble(self._encoded(trajectories), targets, self.config.ensemble, stream)
            self._fitted = fitted
        return self._ensemble

    def _encoded(self, trajectories: Sequence[Trajectory]) -> np.ndarray:
        """Which features each has, ones and zeros of shape (trajectories, features)."""
        rows = np.zeros((len(trajectories), len(self._features)))
        for row, trajectory in zip(rows, trajectories, strict=True):
            row[[self._features[feature] for feature in _path(trajectory) if feature in self._features]] = 1.0
        return rows


def _path(trajectory: Trajectory) -> list[tuple[int, str]]:
    return [(depth, step.action) for depth, step in enumerate(trajectory.steps)]


def _normal(stream: Stream) -> float:
    """A draw from the standard normal distribution, by the polar method (Marsaglia and Bray, 1964)."""
    while True:
        x, y = 2.0 * stream.uniform() - 1.0, 2.0 * stream.uniform() - 1.0
        square = x * x + y * y
        if 0.0 < square < 1.0:
            return x * math.sqrt(-2.0 * logarithm(square) / square)
