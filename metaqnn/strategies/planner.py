"""Planning: Q-values learned from imagined episodes, whose returns a model of the real ones predicts.

Source: Dyna-Q (Sutton, 1990), with a Gaussian process (`metaqnn.strategies.return_model`) for the model of the world,
and its expected improvement (Jones, Schonlau and Welch, 1998), as a logarithm, for the imagined return.
"""

from dataclasses import dataclass

from metaqnn.config import require
from metaqnn.core import Context, Episode, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.encoding import TrajectoryEncoder
from metaqnn.strategies.observed import ObservedNetworks, Standard, chosen_results, standardised
from metaqnn.strategies.plan import Plan
from metaqnn.strategies.return_model import ACTION_FACTORS, NUMBER_WEIGHTS, ReturnModel, Weights, fitted
from metaqnn.strategies.walks import open_places, walk_through

_REFIT_EVERY, _REFIT_SHARE, _REFIT_AT_MOST = 10, 10, 50
"""Weights are fitted anew after so many results, later after a tenth of all, and never later than that."""

_FITTED_POINTS, _MODEL_POINTS = 100, 250
"""Weights are fitted to so many results; so many enter the model at a refit, and newer ones until the next."""


@dataclass(frozen=True)
class PlanningConfig:
    """The section `strategy.planning`; `benchmarks/RESULTS.md` has what other values do.

    Attributes:
        random_first: so many networks are sampled at random before anything is planned.
        best_episodes: imagined episodes are near so many real ones, the best.
        neighbours: so many episodes are imagined, each of which differs from one of them in a step.
    """

    random_first: int = 5
    best_episodes: int = 10
    neighbours: int = 100

    def __post_init__(self) -> None:
        require(2 <= self.random_first <= 1_000_000, "random_first", "from 2 to 1000000", self.random_first)
        require(1 <= self.best_episodes <= 1000, "best_episodes", "from 1 to 1000", self.best_episodes)
        require(1 <= self.neighbours <= 10_000, "neighbours", "from 1 to 10000", self.neighbours)


class Planner:
    """Plans from the episodes told.

    Args:
        options: how much is imagined.
        space: what is walked in.
        seed: the search's.
    """

    def __init__(self, options: PlanningConfig, space: Space, seed: int):
        self.options, self.space, self.seed = options, space, seed
        self._encoder = TrajectoryEncoder(space, with_counts=False)
        self.observed = ObservedNetworks(space)
        self._fitted_at, self._chosen = -1, list[int]()
        self._model: ReturnModel | None = None
        self._modelled = 0  # of the observed, in the model or left out of it

    def tell(self, episode: Episode) -> None:
        """Take note of a result; a repeat is none."""
        self.observed.add(episode)

    def knows_little(self, context: Context) -> bool:
        """Whether networks are still sampled at random."""
        if len(self.observed.results) < 2:
            return True
        least = self.options.random_first
        return len(self.observed.known) < least and len(self.observed.taken(context)) < least

    def unknown_walk(self, context: Context, stream: Stream) -> Trajectory:
        """A random walk to a network that is neither known nor in flight, if a few tries find one."""
        return self.observed.unknown_walk(self.observed.taken(context), stream)

    def plan(self, context: Context) -> Plan:
        """Imagine episodes, and learn from them: a function of what was told, the context and the seed alone."""
        stream, plan = Stream(self.seed, "imagine", context.number), self.expectations()
        excluded = self.observed.taken(context)
        if pending := self.observed.pending(context):
            plan = plan.believing(pending)
        plan.imagine(self._near_the_best(stream), excluded)
        return plan

    def _near_the_best(self, stream: Stream) -> list[Trajectory]:
        """Neighbours of the best episodes: walks along one of them that take another action at one step."""
        best = self.observed.best(self.options.best_episodes)
        neighbours = [
            (each.steps, place, choice)
            for each in best
            for place in open_places(each.steps)
            for choice in range(len(each.steps[place].choices))
            if each.steps[place].choices[choice] != each.steps[place].action
        ]
        if len(neighbours) > self.options.neighbours:
            drawn = stream.permutation(len(neighbours))[: self.options.neighbours].tolist()
            neighbours = [neighbours[place] for place in drawn]
        return [walk_through(self.space, steps, place, choice, stream) for steps, place, choice in neighbours]

    def expectations(self) -> Plan:
        """What is expected after all that was told, before anything is imagined; needs two results."""
        results = self.observed.results
        count = len(results)
        refit = _last_refit(count)
        if refit != self._fitted_at:
            self._refit(refit)
        assert self._model is not None
        if count > self._modelled:
            newer = [each.trajectory for each in results[self._modelled :]]
            self._model = self._model.extended(self._encoder.points(newer))
            self._chosen += range(self._modelled, count)
            self._modelled = count
        rewards = [results[place].reward for place in self._chosen]
        measured = [results[place].reward for place in self.observed.measured(self._chosen)]
        standard = Standard.of(measured)
        bounds = [row for row, place in enumerate(self._chosen) if results[place].is_bound]
        self._model.condition(standard.returns(rewards), bounds)
        return Plan(self._model, self._encoder, standard, float(standard.returns(measured).max()))

    def importances(self) -> dict[str, float]:
        """The share of the covariance of two returns that a difference takes away, by what differs.

        A step counts with another action in its place, a number with a difference of 1 (of its logarithm, where it is
        one of the actions').
        """
        weights = self.expectations().model.weights
        steps = {f"step {depth}": 1.0 - ACTION_FACTORS[at] for depth, at in enumerate(weights.steps, start=1)}
        numbers = {
            name: 1.0 - 1.0 / (1.0 + NUMBER_WEIGHTS[at])
            for name, at in zip(self._encoder.group_names, weights.numbers, strict=True)
        }
        return steps | numbers

    def _refit(self, count: int) -> None:
        """Choose what enters the model from the first results, and fit its weights."""
        results = self.observed.results[:count]
        rewards, paths = [each.reward for each in results], [each.trajectory for each in results]
        measured = self.observed.measured(range(count))
        chosen = [measured[at] for at in chosen_results([rewards[place] for place in measured], _FITTED_POINTS)]
        lengths = {len(paths[place].steps) for place in chosen}
        self._encoder = TrajectoryEncoder(self.space, with_counts=len(lengths) > 1)
        points = self._encoder.points([paths[place] for place in chosen])
        returns = standardised([rewards[place] for place in chosen])
        weights = Weights.prior(points.actions.shape[1], len(points.numbers))
        for _ in range(2):
            weights = fitted(points, returns, weights)
        self._chosen = chosen_results(rewards, _MODEL_POINTS)
        self._model = ReturnModel(self._encoder.points([paths[place] for place in self._chosen]), weights)
        self._modelled, self._fitted_at = count, count


def _last_refit(count: int) -> int:
    """The number of results after which the weights were fitted last."""
    at = min(count, _REFIT_EVERY)
    while True:
        following = at + min(max(_REFIT_EVERY, at // _REFIT_SHARE), _REFIT_AT_MOST)
        if following > count:
            return at
        at = following
