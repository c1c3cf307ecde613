"""What was measured so far, as strategies keep it that vary the best of it."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from metaqnn.core import Context, Episode, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.neighbours import neighbours
from metaqnn.strategies.walks import deviating_walk, open_places, random_walk

_WALKS = 20
"""Random walks that are tried to find an unknown network."""

_LOW = 3.0
"""Rewards further below the median, in distances from there to the upper quartile, are pulled in to this: how bad the
worst networks are says nothing about the good ones."""


@dataclass(frozen=True)
class Observation:
    """A result, with the trajectory that it is of.

    Attributes:
        trajectory: of the network.
        reward: what it got.
        is_bound: whether the network was stopped early: its reward is of a predicted score.
    """

    trajectory: Trajectory
    reward: float
    is_bound: bool = False


class ObservedNetworks:
    """The results told, in order.

    Args:
        space: what the networks are of.

    Attributes:
        results: one for each evaluation; a network that was evaluated twice has two.
        known: the architectures among them.
    """

    def __init__(self, space: Space):
        self.space = space
        self.results: list[Observation] = []
        self.known: set[str] = set()

    def add(self, episode: Episode) -> bool:
        """Take note of a result; a repeat is none, and the answer is False."""
        if not episode.reused:
            trajectory = self.space.trajectory(episode.architecture)
            self.results.append(Observation(trajectory, episode.reward, episode.is_predicted))
            self.known.add(episode.architecture)
        return not episode.reused

    def measured(self, among: Iterable[int]) -> list[int]:
        """Of some results, by place, those that were measured to the end; where they are fewer than two, all."""
        places = list(among)
        measured = [place for place in places if not self.results[place].is_bound]
        return measured if len(measured) > 1 else places

    def taken(self, context: Context) -> set[str]:
        """Architectures that are known or in flight: nothing to propose."""
        return self.known.union(episode.architecture for episode in context.pending)

    def pending(self, context: Context) -> list[Trajectory]:
        """The networks in flight that are not known, each once."""
        texts = dict.fromkeys(e.architecture for e in context.pending if e.architecture not in self.known)
        return [self.space.trajectory(text) for text in texts]

    def best(self, count: int, among: int | None = None) -> list[Trajectory]:
        """The networks of the largest rewards, of each its best, the earlier first among equals.

        Those that were stopped early come last.

        Args:
            count: at most so many.
            among: of the first so many results; None for all.
        """
        found: dict[str, Trajectory] = {}
        for result in sorted(self.results[:among], key=lambda result: (result.is_bound, -result.reward)):
            found.setdefault(result.trajectory.architecture, result.trajectory)
            if len(found) == count:
                break
        return list(found.values())

    def unknown_walk(self, excluded: Collection[str], stream: Stream) -> Trajectory:
        """A random walk to a network that is not excluded, if a few tries find one."""
        for _ in range(_WALKS):
            trajectory = random_walk(self.space, stream)
            if trajectory.architecture not in excluded:
                break
        return trajectory

    def unknown_neighbours(
        self, parents: Sequence[Trajectory], excluded: Collection[str], most: int, stream: Stream
    ) -> list[Trajectory]:
        """Neighbours of some networks that are not excluded, at most so many of each parent."""
        found: dict[str, Trajectory] = {}
        for parent in parents:
            wanted = len(found) + most
            for trajectory in neighbours(self.space, parent.steps, stream):
                if trajectory.architecture not in excluded:
                    found.setdefault(trajectory.architecture, trajectory)
                if len(found) == wanted:
                    break
        return list(found.values())

    def variation(self, parent: Trajectory, deviations: int, stream: Stream) -> Trajectory:
        """A walk along a network that deviates from it in so many decisions, or in fewer."""
        places = open_places(parent.steps)
        chosen = {places[stream.integer(len(places))] for _ in range(deviations)} if places else set()
        return deviating_walk(self.space, parent.steps, chosen, stream)


@dataclass(frozen=True)
class Standard:
    """How rewards are standardised: those below `least` are pulled in to it, then mean and deviation are taken off."""

    least: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, rewards: Sequence[float]) -> "Standard":
        """The one by which these have mean 0 and variance 1, or are all 0 where they are equal."""
        ordered, count = sorted(rewards), len(rewards)
        median, upper = ordered[count // 2], ordered[3 * count // 4]
        least = median - _LOW * (upper - median) if upper > median else ordered[0]
        pulled = [max(reward, least) for reward in rewards]
        mean = math.fsum(pulled) / count
        deviation = math.sqrt(math.fsum((reward - mean) * (reward - mean) for reward in pulled) / count)
        return cls(least, mean, deviation or 1.0)

    def returns(self, rewards: Sequence[float]) -> np.ndarray:
        """Rewards, standardised."""
        return (np.array([max(reward, self.least) for reward in rewards]) - self.mean) / self.deviation


def standardised(rewards: Sequence[float]) -> np.ndarray:
    """Rewards by their own standard."""
    return Standard.of(rewards).returns(rewards)


def chosen_results(rewards: Sequence[float], most: int) -> list[int]:
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
