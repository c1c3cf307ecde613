"""What a trajectory returns: a Gaussian process over trajectories, with a weight for each thing in which they differ.

The covariance of two returns is a product of factors, one for each step (does the action at this depth differ?) and
one for each group of numbers that describes the network (how far apart are they?): the more a factor falls with a
difference, the more that difference matters. Weights and noise are those of the largest marginal likelihood times a
prior (Rasmussen and Williams, 2006, sections 2.2 and 5.4), found by coordinate search on a fixed grid.

Everything that is computed is made of operations that IEEE 754 rounds exactly, element by element in a fixed order,
without matrix products: the same episodes give the same weights and the same returns, to the bit, on any machine.
"""

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from metaqnn.strategies.exact_arrays import logarithms
from metaqnn.strategies.exact_math import logarithm
from metaqnn.strategies.triangular import cholesky, factored, solve_lower, solve_upper

ACTION_FACTORS = (1.0, 0.99, 0.97, 0.94, 0.9, 0.84, 0.76, 0.66, 0.54, 0.4, 0.25, 0.12)
"""What a step whose action differs leaves of the covariance, by the index of its weight: the first has no effect."""

NUMBER_WEIGHTS = (0.0, *(math.ldexp(1.0, power) for power in range(-12, 10, 2)))
"""w in the factor 1 / (1 + w d^2) of a group of numbers at distance d, by the index of its weight."""

NOISES = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
"""Variance of a return beside what the trajectory explains, in units of what it explains."""

_PRIOR_STEP, _PRIOR_NUMBER, _PRIOR_DEVIATION = 6, 4, 3.0
"""Of the normal prior of a weight's index."""

_LEAST_VARIANCE = 1e-6
"""Of the signal, in units of the variance of standardised returns."""

_NOT_DEFINITE = -math.inf


@dataclass(frozen=True)
class Weights:
    """What the model has learned.

    Attributes:
        steps: index into `ACTION_FACTORS`, by depth.
        numbers: index into `NUMBER_WEIGHTS`, by group.
        noise: index into `NOISES`.
    """

    steps: tuple[int, ...]
    numbers: tuple[int, ...]
    noise: int = 4

    @classmethod
    def prior(cls, steps: int, groups: int) -> "Weights":
        """Before anything is learned."""
        return cls((_PRIOR_STEP,) * steps, (_PRIOR_NUMBER,) * groups)


@dataclass(frozen=True)
class Points:
    """Trajectories as the model sees them.

    Attributes:
        actions: what was chosen, a whole number for each action, shape (trajectories, depth); -1 after the end.
        numbers: for each group, float64 of shape (trajectories, numbers of the group).
    """

    actions: np.ndarray
    numbers: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.actions)

    def __getitem__(self, which: "Sequence[int] | slice") -> "Points":
        return Points(self.actions[which], tuple(group[which] for group in self.numbers))

    def with_more(self, others: "Points") -> "Points":
        """These and others."""
        groups = zip(self.numbers, others.numbers, strict=True)
        return Points(np.concatenate([self.actions, others.actions]), tuple(np.concatenate(pair) for pair in groups))


def _squared_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of each pair of rows, columns added one after another."""
    total = np.zeros((len(left), len(right)))
    for column in range(left.shape[1]):
        difference = left[:, column, None] - right[None, :, column]
        total += difference * difference
    return total


class _Differences:
    """In what each pair of two lists of trajectories differs, computed once."""

    def __init__(self, left: Points, right: Points):
        self.steps = [left.actions[:, p, None] != right.actions[None, :, p] for p in range(left.actions.shape[1])]
        self.numbers = [_squared_distances(a, b) for a, b in zip(left.numbers, right.numbers, strict=True)]

    def factor(self, place: int, index: int) -> np.ndarray | None:
        """The factor of a step or, after the steps, of a group; None where it is 1 everywhere."""
        if index == 0:
            return None
        if place < len(self.steps):
            return np.where(self.steps[place], ACTION_FACTORS[index], 1.0)
        return 1.0 / (1.0 + NUMBER_WEIGHTS[index] * self.numbers[place - len(self.steps)])


def covariance(left: Points, right: Points, weights: Weights) -> np.ndarray:
    """Of the returns of two lists of trajectories, in units of the variance of one; shape (left, right)."""
    differences, product = _Differences(left, right), np.ones((len(left), len(right)))
    for place, index in enumerate((*weights.steps, *weights.numbers)):
        factor = differences.factor(place, index)
        if factor is not None:
            product *= factor
    return product


def _weighted_rows(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The sum of rows times weights, added one after another; shape (columns,)."""
    return np.asarray(np.cumsum(weights[:, None] * rows, axis=0)[-1])


def log_likelihood(matrix: np.ndarray, noise: float, returns: np.ndarray) -> float:
    """The logarithm of the marginal likelihood, but for a constant, the signal's variance maximised out.

    Args:
        matrix: covariance of the trajectories, without noise.
        noise: variance beside it, in units of the signal's.
        returns: standardised, shape (trajectories,).
    """
    size = len(returns)
    upper = factored(np.column_stack([matrix + noise * np.eye(size), returns]))
    if upper is None:
        return _NOT_DEFINITE
    scaled = upper[:, size]
    variance = max(math.fsum((scaled * scaled).tolist()) / size, _LEAST_VARIANCE)
    half_determinant = math.fsum(logarithms(np.diag(upper)).tolist())
    return -0.5 * size * logarithm(variance) - half_determinant


def log_evidence(matrix: np.ndarray, returns: np.ndarray, weights: Weights) -> float:
    """The logarithm of marginal likelihood times prior, of a covariance that was computed with these weights."""
    prior = sum((index - _PRIOR_STEP) ** 2 for index in weights.steps)
    prior += sum((index - _PRIOR_NUMBER) ** 2 for index in weights.numbers)
    likelihood = log_likelihood(matrix, NOISES[weights.noise], returns)
    return likelihood - prior / (2.0 * _PRIOR_DEVIATION * _PRIOR_DEVIATION)


def fitted(points: Points, returns: np.ndarray, start: Weights) -> Weights:
    """Weights and noise after one round of coordinate search: each is moved along its grid while that helps."""
    differences, count = _Differences(points, points), len(start.steps)
    indices = [*start.steps, *start.numbers]
    lengths = [len(ACTION_FACTORS)] * count + [len(NUMBER_WEIGHTS)] * len(start.numbers)

    def product(but: int | None) -> np.ndarray:
        total = np.ones((len(points), len(points)))
        for place, index in enumerate(indices):
            factor = None if place == but else differences.factor(place, index)
            if factor is not None:
                total *= factor
        return total

    def weights(noise: int) -> Weights:
        return Weights(tuple(indices[:count]), tuple(indices[count:]), noise)

    noise = start.noise
    best = log_evidence(product(None), returns, weights(noise))
    for place, length in enumerate(lengths):
        others, kept = product(place), indices[place]
        for direction in (-1, 1):
            while 0 <= kept + direction < length:
                indices[place] = kept + direction
                factor = differences.factor(place, indices[place])
                evidence = log_evidence(others if factor is None else others * factor, returns, weights(noise))
                if evidence <= best:
                    break
                best, kept = evidence, kept + direction
            indices[place] = kept
            if kept != (start.steps + start.numbers)[place]:
                break
    whole = product(None)
    for direction in (-1, 1):
        while 0 <= noise + direction < len(NOISES):
            evidence = log_evidence(whole, returns, weights(noise + direction))
            if evidence <= best:
                break
            best, noise = evidence, noise + direction
        if noise != start.noise:
            break
    return weights(noise)


class ReturnModel:
    """The posterior of returns, given what was observed.

    Args:
        points: observed trajectories.
        weights: of the covariance.
    """

    def __init__(self, points: Points, weights: Weights):
        self.points, self.weights = points, weights
        lower = cholesky(covariance(points, points, weights) + NOISES[weights.noise] * np.eye(len(points)))
        assert lower is not None, "a covariance with noise is positive definite"
        self._lower = lower
        self._scaled = self._solved = np.zeros(len(points))
        self.variance = 1.0

    def extended(self, points: Points) -> "ReturnModel":
        """The model with more trajectories; what they return is not known to it before it is conditioned."""
        model, old = copy(self), len(self.points)
        model.points = self.points.with_more(points)
        new = covariance(model.points, points, self.weights)
        size = old + len(points)
        lower = model._lower = np.zeros((size, size))
        lower[:old, :old] = self._lower
        for row in range(old, size):
            left = solve_lower(lower[:row, :row], new[:row, row - old])
            lower[row, :row] = left
            rest = new[row, row - old] + NOISES[self.weights.noise] - np.cumsum(left * left)[-1]
            lower[row, row] = math.sqrt(max(rest, 1e-12))
        # What is expected of the new ones is what the others say, which changes no expectation.
        model._scaled = np.concatenate([self._scaled, np.zeros(len(points))])
        model._solved = np.concatenate([self._solved, np.zeros(len(points))])
        return model

    def condition(self, returns: np.ndarray, bounds: Sequence[int] = ()) -> None:
        """Take note of what all its trajectories returned.

        Args:
            returns: standardised, shape (trajectories,).
            bounds: those, by place, that returned at most so much. Each is believed to have returned what is expected
                of it after those before it, or the bound where that is less (as Hutter, Hoos and Leyton-Brown, 2011,
                fill in what was cut off).
        """
        self._scaled = solve_lower(self._lower, returns, bounds)
        self._solved = solve_upper(self._lower, self._scaled)
        # Where all returns are equal there is nothing to explain; some doubt is left all the same.
        known = len(returns) - sum(self._scaled[row] == 0.0 for row in bounds)
        self.variance = max(math.fsum((self._scaled * self._scaled).tolist()) / max(1, known), _LEAST_VARIANCE)

    @property
    def noise_variance(self) -> float:
        """Of a return beside what the trajectory explains."""
        return NOISES[self.weights.noise] * self.variance

    def means(self, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """The expected returns of trajectories, shape (trajectories,), and their covariance with what was observed."""
        with_observed = covariance(self.points, points, self.weights)
        return _weighted_rows(self._solved, with_observed), with_observed

    def deviations(self, with_observed: np.ndarray) -> np.ndarray:
        """How unsure it is of returns, noise apart, shape (trajectories,); of what `means` gave as the second."""
        explained = solve_lower(self._lower, with_observed)
        left = 1.0 - np.cumsum(explained * explained, axis=0)[-1]
        return np.asarray(np.sqrt(np.maximum(left, 1e-9) * self.variance))
