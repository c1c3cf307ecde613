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
from typing import Literal

import numpy as np

from metaqnn.config import require
from metaqnn.core import Context, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.exact_ensemble import ExactEnsemble
from metaqnn.strategies.exact_math import logarithm
from metaqnn.strategies.modelled import ModelledConfig, ModelledStrategy
from metaqnn.strategies.observed import standardised

_MOST_FEATURES = 256
"""Inputs of the ensemble: the most frequent features of the networks that it is trained on."""

_FURTHER_DEVIATION = 0.5
"""Probability of a second deviation in a candidate."""


@dataclass(frozen=True, kw_only=True)
class BananasConfig(ModelledConfig):
    """The section `strategy` for `name: bananas`; variations deviate in a decision or two.

    Attributes:
        ensemble: networks that predict.
        refit_every: results between two fits.
    """

    name: Literal["bananas"]
    preset: Literal["default"] = "default"
    ensemble: int = 5
    refit_every: int = 10

    def __post_init__(self) -> None:
        require(2 <= self.ensemble <= 100, "ensemble", "from 2 to 100", self.ensemble)
        require(1 <= self.refit_every <= 1000, "refit_every", "from 1 to 1000", self.refit_every)
        super().__post_init__()


class Bananas(ModelledStrategy[BananasConfig]):
    """Bayesian optimisation with an ensemble of neural networks; a return drawn from what it expects decides."""

    Options = BananasConfig
    purpose = "bananas"

    def __init__(self, options: BananasConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        self._fitted = 0  # so many results trained the ensemble; 0 before the first
        self._ensemble: ExactEnsemble | None = None
        self._features: dict[tuple[int, str], int] = {}

    def _further_candidates(self, parents: Sequence[Trajectory], taken: set[str], stream: Stream) -> list[Trajectory]:
        """Mutations of the best."""
        varied = []
        for _ in range(self.config.variations):
            deviations = 1 + (stream.uniform() < _FURTHER_DEVIATION)
            varied.append(self._observed.variation(parents[stream.integer(len(parents))], deviations, stream))
        return varied

    def _worth(self, candidates: Sequence[Trajectory], context: Context, stream: Stream) -> list[float]:
        """A draw from what the ensemble expects (independent Thompson sampling)."""
        drawn = []
        for expected in zip(*self._fit().predict(self._encoded(candidates)).tolist(), strict=True):
            mean = math.fsum(expected) / len(expected)
            variance = math.fsum((each - mean) * (each - mean) for each in expected) / len(expected)
            drawn.append(mean + math.sqrt(variance) * _normal(stream))
        return drawn

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
