"""A search for few trainings: the best episodes are varied where a linear model of the return promises most.

What was never tried is judged by a linear model (`metaqnn.strategies.credit_model`) that shares returns out among the
steps of trajectories, with an upper confidence bound. Nothing is proposed from Q-values; those that it keeps for people
to look at are the best return seen from each state-action pair (as in Lauer & Riedmiller, ICML 2000).

After a few random walks, trajectories are sampled for an episode that deviate from one of the best episodes in a step
or a few, and those that are known are left out. With probability epsilon the first of them is taken. Else it is the one
whose estimated return is largest, with something added for what is uncertain in it (as in LinUCB: Li et al., WWW 2010).
"""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from metaqnn.config import require
from metaqnn.core import Context, Episode, QValue, Space, Step, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.credit_model import CreditModel
from metaqnn.strategies.schedule import ScheduleConfig, ScheduledStrategy
from metaqnn.strategies.walks import deviating_walk, open_places, random_walk

_WALKS = 20
"""Random walks that are tried to find an unknown network."""


@dataclass(frozen=True)
class LinearUCBConfig(ScheduleConfig):
    """The section `strategy` for `name: linear_ucb`.

    The defaults were found on tables of known networks (benchmarks/RESULTS.md); none depends on the budget.

    Attributes:
        random_first: so many networks are sampled at random before anything else.
        best_episodes: trajectories deviate from one of so many, the best.
        candidates: trajectories that are sampled for one proposal.
        further_deviation: probability of one more deviation, after each.
        optimism: standard deviations that are added to what is expected of a trajectory: what is less known is worth
            a look (upper confidence bound).
        action_variance: prior variance of what an action is worth, and an action at a depth; see `CreditModel`.
        pair_variance: the same for an action after another one.
    """

    name: Literal["linear_ucb"]
    preset: Literal["default"] = "default"
    random_first: int = 20
    best_episodes: int = 5
    candidates: int = 15
    further_deviation: float = 0.5
    optimism: float = 0.5
    action_variance: float = 5.6
    pair_variance: float = 1.4
    schedule: tuple[tuple[float, int], ...] = field(default=((0.2, 2700),), kw_only=True)

    def __post_init__(self) -> None:
        require(1 <= self.random_first <= 1_000_000, "random_first", "from 1 to 1000000", self.random_first)
        require(1 <= self.best_episodes <= 1000, "best_episodes", "from 1 to 1000", self.best_episodes)
        require(1 <= self.candidates <= 10_000, "candidates", "from 1 to 10000", self.candidates)
        share = self.further_deviation
        require(0.0 <= share <= 0.9, "further_deviation", "a probability from 0 to 0.9", share)
        require(0.0 <= self.optimism <= 100.0, "optimism", "from 0 to 100", self.optimism)
        for name in ("action_variance", "pair_variance"):
            require(0.0 < getattr(self, name) <= 1e6, name, "above 0 and at most 1e6", getattr(self, name))
        super().__post_init__()


class LinearUCB(ScheduledStrategy[LinearUCBConfig]):
    """The guided search."""

    Options = LinearUCBConfig
    PRESETS: ClassVar = {"default": {}}

    def __init__(self, options: LinearUCBConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        self._credit = CreditModel(options.action_variance, options.pair_variance)
        self._known: set[str] = set()
        self._best: list[_Known] = []
        self._values: dict[tuple[str, str], QValue] = {}
        self._changed: set[tuple[str, str]] = set()

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        """A random walk at first; then a deviation from one of the best episodes, mostly the most promising one."""
        stream, config = Stream(self.seed, "deviate", context.number), self.config
        if len(self._known) < config.random_first:
            return self._unknown_walk(stream)
        is_exploring = stream.uniform() < epsilon
        best, best_value = None, 0.0
        for _ in range(config.candidates):
            trajectory = self._deviation(self._best[stream.integer(len(self._best))].steps, stream)
            if trajectory.architecture in self._known:
                continue
            if is_exploring:
                return trajectory
            value = self._credit.predict(trajectory.steps)
            value += config.optimism * self._credit.uncertainty(trajectory.steps)
            if best is None or value > best_value:
                best, best_value = trajectory, value
        return best or self._unknown_walk(stream)

    def tell(self, episode: Episode) -> None:
        """Learn from a new result; a repeat says nothing new."""
        super().tell(episode)
        if episode.reused:
            return
        steps = self.space.trajectory(episode.architecture).steps
        self._known.add(episode.architecture)
        insort(self._best, _Known(-episode.reward, episode.number, steps))
        del self._best[self.config.best_episodes :]
        self._credit.learn(steps, episode.reward)
        for step in steps:
            pair = step.state, step.action
            old = self._values.get(pair)
            value, updates = (episode.reward, 1) if old is None else (max(old.value, episode.reward), old.updates + 1)
            self._values[pair] = QValue(*pair, value, updates)
            self._changed.add(pair)

    def values(self) -> list[QValue]:
        """The best return seen from every state-action pair."""
        return list(self._values.values())

    def snapshot(self) -> list[QValue]:
        """The values updated since the last snapshot."""
        changed, self._changed = self._changed, set()
        return [self._values[pair] for pair in changed]

    def restore(self, episodes: Iterable[Episode], values: Iterable[QValue]) -> None:
        """Learn everything again: weights and values follow from the episodes."""
        super().restore(episodes, values)
        self._changed.clear()

    def _deviation(self, steps: tuple[Step, ...], stream: Stream) -> Trajectory:
        """A walk that leaves a path in one step, and with a falling probability in more."""
        places = open_places(steps)
        if not places:
            return random_walk(self.space, stream)
        chosen = {places[stream.integer(len(places))]}
        while stream.uniform() < self.config.further_deviation:
            chosen.add(places[stream.integer(len(places))])
        return deviating_walk(self.space, steps, chosen, stream)

    def _unknown_walk(self, stream: Stream) -> Trajectory:
        """A random walk to a network that is not known, if a few tries find one."""
        for _ in range(_WALKS):
            trajectory = random_walk(self.space, stream)
            if trajectory.architecture not in self._known:
                break
        return trajectory


@dataclass(frozen=True, order=True)
class _Known:
    """A told episode in the order of merit: by reward, the earlier first among equals."""

    loss: float
    number: int
    steps: tuple[Step, ...]
