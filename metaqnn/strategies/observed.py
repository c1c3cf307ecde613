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
    """A result, with the trajectory that it is of."""

    trajectory: Trajectory
    reward: float


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
            self.results.append(Observation(self.space.trajectory(episode.architecture), episode.reward))
            self.known.add(episode.architecture)
        return not episode.reused

    def taken(self, context: Context) -> set[str]:
        """Architectures that are known or in flight: nothing to propose."""
        return self.known.union(episode.architecture for episode in context.pending)

    def best(self, count: int, among: int | None = None) -> list[Trajectory]:
        """The networks of the largest rewards, of each its best, the earlier first among equals.

        Args:
            count: at most so many.
            among: of the first so many results; None for all.
        """
        found: dict[str, Trajectory] = {}
        for result in sorted(self.results[:among], key=lambda result: -result.reward):
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

    def variation(self, parents: Sequence[Trajectory], deviations: int, stream: Stream) -> Trajectory:
        """A walk along one of some networks that deviates from it in so many decisions, or in fewer."""
        steps = parents[stream.integer(len(parents))].steps
        places = open_places(steps)
        chosen = {places[stream.integer(len(places))] for _ in range(deviations)} if places else set()
        return deviating_walk(self.space, steps, chosen, stream)


def standardised(rewards: Iterable[float]) -> np.ndarray:
    """Rewards with mean 0 and variance 1, low outliers pulled in; all 0 where they are equal."""
    given = list(rewards)
    ordered, count = sorted(given), len(given)
    median, upper = ordered[count // 2], ordered[3 * count // 4]
    least = median - _LOW * (upper - median) if upper > median else ordered[0]
    pulled = [max(reward, least) for reward in given]
    mean = math.fsum(pulled) / count
    deviation = math.sqrt(math.fsum((reward - mean) * (reward - mean) for reward in pulled) / count)
    return (np.array(pulled) - mean) / (deviation or 1.0)
