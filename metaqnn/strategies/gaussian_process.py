"""Bayesian optimisation with a Gaussian process over networks, one weight for all decisions.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), sections 2.2 and 5.4; Jones et al.,
Efficient Global Optimization (1998), for expected improvement. The covariance falls with the Hamming distance; how
fast, and the noise, are those of the largest marginal likelihood on a grid. Networks in flight are believed to return
what is expected of them (the "kriging believer": Ginsbourger et al., 2010).

All that decides is computed by operations that IEEE 754 rounds exactly, in a fixed order (`return_model`,
`exact_math`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from metaqnn.config import require
from metaqnn.core import Context, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.encoding import TrajectoryEncoder
from metaqnn.strategies.equations import log_expected_improvement
from metaqnn.strategies.modelled import ModelledConfig, ModelledStrategy
from metaqnn.strategies.observed import chosen_results, standardised
from metaqnn.strategies.return_model import (
    ACTION_FACTORS,
    NOISES,
    Points,
    ReturnModel,
    Weights,
    covariance,
    log_likelihood,
)

_REFIT_EVERY = 10
"""Results between two choices of the weight; those between enter the model as they come."""

_FITTED_POINTS, _MODEL_POINTS = 100, 300
"""At most so many results choose the weight, and are in the model after a refit."""

_ROUNDS = 3
"""Of the search for weight and noise, in turns."""


@dataclass(frozen=True, kw_only=True)
class GaussianProcessConfig(ModelledConfig):
    """The section `strategy` for `name: gaussian_process`; variations deviate in two or three decisions.

    Attributes:
        random_walks: candidates at random.
    """

    name: Literal["gaussian_process"]
    preset: Literal["default"] = "default"
    random_first: int = 10
    neighbours: int = 40
    random_walks: int = 50

    def __post_init__(self) -> None:
        require(0 <= self.random_walks <= 10_000, "random_walks", "from 0 to 10000", self.random_walks)
        super().__post_init__()


class GaussianProcess(ModelledStrategy[GaussianProcessConfig]):
    """A Gaussian process, conditioned on every result before the next proposal; expected improvement decides."""

    Options = GaussianProcessConfig
    purpose = "gaussian process"

    def __init__(self, options: GaussianProcessConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        self._encoder = TrajectoryEncoder(space, with_counts=False)
        self._fitted = 0  # so many results chose the weight; 0 before the first fit
        self._model: ReturnModel | None = None
        self._places: list[int] = []  # of the results in the model

    def _further_candidates(self, parents: Sequence[Trajectory], taken: set[str], stream: Stream) -> list[Trajectory]:
        """Variations of the best, and networks from anywhere."""
        varied = []
        for _ in range(self.config.variations):
            deviations = 2 + stream.integer(2)
            varied.append(self._observed.variation(parents[stream.integer(len(parents))], deviations, stream))
        return varied + [self._observed.unknown_walk(taken, stream) for _ in range(self.config.random_walks)]

    def _worth(self, candidates: Sequence[Trajectory], context: Context, stream: Stream) -> list[float]:
        """The logarithm of the expected improvement."""
        model, best = self._conditioned()
        if believed := self._observed.pending(context):
            model = model.extended(self._encoder.points(believed))
        means, with_observed = model.means(self._encoder.points(candidates))
        expected = zip(means.tolist(), model.deviations(with_observed).tolist(), strict=True)
        return [log_expected_improvement(mean, deviation, best) for mean, deviation in expected]

    def _points_at(self, places: Sequence[int]) -> Points:
        return self._encoder.points([self._observed.results[place].trajectory for place in places])

    def _conditioned(self) -> tuple[ReturnModel, float]:
        """The model of what was told, and the best return in its units."""
        results = self._observed.results
        count = len(results)
        fitted = max(count - count % _REFIT_EVERY, min(count, _REFIT_EVERY))
        if self._model is None or fitted != self._fitted:
            rewards = [result.reward for result in results[:fitted]]
            weights = self._fit(rewards)
            self._places = chosen_results(rewards, _MODEL_POINTS)
            self._model, self._fitted = ReturnModel(self._points_at(self._places), weights), fitted
        newer = [*range(fitted + len(self._places) - min(fitted, _MODEL_POINTS), count)]
        if newer:
            self._model = self._model.extended(self._points_at(newer))
            self._places += newer
        returns = standardised([results[place].reward for place in self._places])
        self._model.condition(returns)
        return self._model, float(returns.max())

    def _fit(self, rewards: Sequence[float]) -> Weights:
        """Weight and noise of the largest marginal likelihood, by coordinate search on the grid."""
        places = chosen_results(rewards, _FITTED_POINTS)
        points, returns = self._points_at(places), standardised([rewards[place] for place in places])

        def weights(index: int, noise: int) -> Weights:
            return Weights((index,) * self.space.max_steps, (), noise)

        index, noise = len(ACTION_FACTORS) // 2, len(NOISES) // 2
        for _ in range(_ROUNDS):
            matrix = covariance(points, points, weights(index, noise))
            noise = max(range(len(NOISES)), key=lambda one: log_likelihood(matrix, NOISES[one], returns))
            likelihoods = [
                log_likelihood(covariance(points, points, weights(one, noise)), NOISES[noise], returns)
                for one in range(1, len(ACTION_FACTORS))
            ]
            index, before = 1 + likelihoods.index(max(likelihoods)), index
            if index == before:
                break
        return weights(index, noise)
