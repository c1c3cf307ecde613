"""Planning: Q-values learned from imagined episodes, whose returns a model of the real ones predicts.

Source: Dyna-Q (Sutton, 1990), with a Gaussian process (`metaqnn.strategies.return_model`) for the model of the world,
and its expected improvement (Jones, Schonlau and Welch, 1998), as a logarithm, for the imagined return.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.config import require
from metaqnn.core import Context, Episode, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.encoding import TrajectoryEncoder
from metaqnn.strategies.plan import Plan, Standard
from metaqnn.strategies.return_model import ACTION_FACTORS, NUMBER_WEIGHTS, ReturnModel, Weights, fitted
from metaqnn.strategies.walks import deviating_walk, epsilon_greedy, open_places, random_walk, walk_through

_REFIT_EVERY, _REFIT_SHARE, _REFIT_AT_MOST = 10, 10, 50
"""Weights are fitted anew after so many results, later after a tenth of all, and never later than that."""

_FITTED_POINTS, _MODEL_POINTS = 100, 250
"""Weights are fitted to so many results; so many enter the model at a refit, and newer ones until the next."""


@dataclass(frozen=True)
class PlanningConfig:
    """The section `strategy.planning`.

    Attributes:
        random_first: so many networks are sampled at random before anything is planned.
        best_episodes: imagined episodes are near so many real ones, the best.
        neighbours: of them, so many that differ in one step.
        variations: and so many that differ in two or three.
        random_walks: imagined episodes that are random walks.
        rounds: how often imagined episodes are walked on the planned values.
        walks: in each round.
        walk_epsilon: exploration rate of those walks.
    """

    random_first: int = 10
    best_episodes: int = 10
    neighbours: int = 200
    variations: int = 40
    random_walks: int = 20
    rounds: int = 1
    walks: int = 20
    walk_epsilon: float = 0.3

    def __post_init__(self) -> None:
        require(2 <= self.random_first <= 1_000_000, "random_first", "from 2 to 1000000", self.random_first)
        require(1 <= self.best_episodes <= 1000, "best_episodes", "from 1 to 1000", self.best_episodes)
        for name in ("neighbours", "variations", "random_walks", "rounds", "walks"):
            require(0 <= getattr(self, name) <= 10_000, name, "from 0 to 10000", getattr(self, name))
        require(0.0 <= self.walk_epsilon <= 1.0, "walk_epsilon", "from 0 to 1", self.walk_epsilon)


@dataclass(frozen=True)
class _Observed:
    """A result, with the trajectory that it is of."""

    trajectory: Trajectory
    reward: float


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
        self._observed: list[_Observed] = []
        self._known: set[str] = set()
        self._fitted_at, self._chosen = -1, list[int]()
        self._model: ReturnModel | None = None
        self._modelled = 0  # of the observed, in the model or left out of it

    def tell(self, episode: Episode) -> None:
        """Take note of a result; a repeat is none."""
        if not episode.reused:
            self._observed.append(_Observed(self.space.trajectory(episode.architecture), episode.reward))
            self._known.add(episode.architecture)

    @property
    def results(self) -> int:
        """How many it knows."""
        return len(self._observed)

    def knows_little(self, context: Context) -> bool:
        """Whether networks are still sampled at random."""
        pending = {episode.architecture for episode in context.pending} - self._known
        return len(self._known) + len(pending) < self.options.random_first or len(self._observed) < 2

    def unknown_walk(self, context: Context, stream: Stream) -> Trajectory:
        """A random walk to a network that is not known, if a few tries find one."""
        pending = {episode.architecture for episode in context.pending}
        for _ in range(20):
            trajectory = random_walk(self.space, stream)
            if trajectory.architecture not in self._known and trajectory.architecture not in pending:
                break
        return trajectory

    def plan(self, context: Context) -> Plan:
        """Imagine episodes, and learn from them: a function of what was told, the context and the seed alone."""
        stream, plan, excluded = Stream(self.seed, "imagine", context.number), self.expectations(), set(self._known)
        pending = dict.fromkeys(e.architecture for e in context.pending if e.architecture not in excluded)
        if pending:
            excluded.update(pending)
            plan = plan.believing([self.space.trajectory(each) for each in pending])
        plan.imagine(self._near_the_best(stream), excluded)
        for _ in range(self.options.rounds):
            choose = epsilon_greedy(plan.values, self.options.walk_epsilon, stream)
            plan.imagine([self.space.walk(choose) for _ in range(self.options.walks)], excluded)
        return plan

    def _near_the_best(self, stream: Stream) -> list[Trajectory]:
        """Neighbours and variations of the best episodes, and random walks."""
        options, paths = self.options, [self._observed[place].trajectory.steps for place in self._best()]
        neighbours = [
            (steps, place, choice)
            for steps in paths
            for place in open_places(steps)
            for choice in range(len(steps[place].choices))
            if steps[place].choices[choice] != steps[place].action
        ]
        if len(neighbours) > options.neighbours:
            drawn = stream.permutation(len(neighbours))[: options.neighbours].tolist()
            neighbours = [neighbours[place] for place in drawn]
        walks = [walk_through(self.space, steps, place, choice, stream) for steps, place, choice in neighbours]
        for _ in range(options.variations if neighbours else 0):
            steps = paths[stream.integer(len(paths))]
            places = open_places(steps)
            chosen = {places[stream.integer(len(places))] for _ in range(2 + stream.integer(2))} if places else set()
            walks.append(deviating_walk(self.space, steps, chosen, stream))
        return walks + [random_walk(self.space, stream) for _ in range(options.random_walks)]

    def _best(self) -> list[int]:
        """The observed with the largest rewards, the earlier first among equals."""
        order = sorted(range(len(self._observed)), key=lambda place: (-self._observed[place].reward, place))
        return order[: self.options.best_episodes]

    def expectations(self) -> Plan:
        """What is expected after all that was told, before anything is imagined; needs two results."""
        count = len(self._observed)
        refit = _last_refit(count)
        if refit != self._fitted_at:
            self._refit(refit)
        assert self._model is not None
        if count > self._modelled:
            newer = [each.trajectory for each in self._observed[self._modelled :]]
            self._model = self._model.extended(self._encoder.points(newer))
            self._chosen += range(self._modelled, count)
            self._modelled = count
        rewards = [self._observed[place].reward for place in self._chosen]
        returns = (standard := Standard.of(rewards)).returns(rewards)
        self._model.condition(returns)
        return Plan(self._model, self._encoder, standard, float(returns.max()))

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
        rewards = [each.reward for each in self._observed[:count]]
        chosen = _chosen(rewards, _FITTED_POINTS)
        lengths = {len(self._observed[place].trajectory.steps) for place in chosen}
        self._encoder = TrajectoryEncoder(self.space, with_counts=len(lengths) > 1)
        points = self._encoder.points([self._observed[place].trajectory for place in chosen])
        used = [rewards[place] for place in chosen]
        returns = Standard.of(used).returns(used)
        weights = Weights.prior(points.actions.shape[1], len(points.numbers))
        for _ in range(2):
            weights = fitted(points, returns, weights)
        self._chosen = _chosen(rewards, _MODEL_POINTS)
        points = self._encoder.points([self._observed[place].trajectory for place in self._chosen])
        self._model = ReturnModel(points, weights)
        self._modelled, self._fitted_at = count, count


def _last_refit(count: int) -> int:
    """The number of results after which the weights were fitted last."""
    at = min(count, _REFIT_EVERY)
    while True:
        following = at + min(max(_REFIT_EVERY, at // _REFIT_SHARE), _REFIT_AT_MOST)
        if following > count:
            return at
        at = following


def _chosen(rewards: Sequence[float], most: int) -> list[int]:
    """Which results are used of too many: half the best, a quarter the newest, and a spread of the rest."""
    count = len(rewards)
    if count <= most:
        return list(range(count))
    best = sorted(range(count), key=lambda place: (-rewards[place], place))[: most // 2]
    kept = {*best, *range(count - most // 4, count)}
    rest = [place for place in range(count) if place not in kept]
    missing = most - len(kept)
    kept.update(rest[i * len(rest) // missing] for i in range(missing))
    return sorted(kept)
