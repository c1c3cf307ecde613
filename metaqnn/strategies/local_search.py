"""Local search: from network to better neighbour until there is none, then from another start.

Source: White, Nolen and Savani, Exploring the Loss Landscape in Neural Architecture Search (UAI 2021, arXiv
2005.02960): neighbours are looked at in random order, the search moves at the first that is better, and begins anew at
random where none is. A neighbour that is known is not evaluated again. Here it also moves to a neighbour that is as
good, which makes it better on benchmarks, where several texts often stand for one network.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from metaqnn.config import require
from metaqnn.core import Context, Episode, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.neighbours import neighbours
from metaqnn.strategies.observed import Observation, ObservedNetworks
from metaqnn.strategies.schedule import ScheduleConfig, ScheduledStrategy


@dataclass(frozen=True)
class LocalSearchConfig(ScheduleConfig):
    """The section `strategy` for `name: local_search`.

    Attributes:
        random_first: so many random networks are evaluated first; the search starts at the best of them.
    """

    name: Literal["local_search"]
    preset: Literal["default"] = "default"
    random_first: int = 20

    def __post_init__(self) -> None:
        require(1 <= self.random_first <= 1_000_000, "random_first", "from 1 to 1000000", self.random_first)
        super().__post_init__()


class LocalSearch(ScheduledStrategy[LocalSearchConfig]):
    """First-improvement local search with restarts."""

    Options = LocalSearchConfig
    PRESETS: ClassVar = {"default": {}}

    def __init__(self, options: LocalSearchConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        self._observed = ObservedNetworks(space)
        self._here: _Neighbourhood | None = None

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        """The next neighbour; a random network where there is none, or at first."""
        taken = self._observed.taken(context)
        is_start = len(taken) < self.config.random_first
        following = None if is_start or self._here is None else self._here.first(taken)
        return following or self._observed.unknown_walk(taken, Stream(self.seed, "start", context.number))

    def tell(self, episode: Episode) -> None:
        """Move to what is as good or better, or to anything where no neighbour was."""
        super().tell(episode)
        known, here = self._observed.known, self._here
        is_stuck = here is None or (len(known) >= self.config.random_first and here.first(known) is None)
        if not self._observed.add(episode):
            return
        told = self._observed.results[-1]
        if here is None or is_stuck or told.reward >= here.centre.reward:
            stream = Stream(self.seed, "neighbours", episode.number)
            self._here = _Neighbourhood(told, neighbours(self.space, told.trajectory.steps, stream))


class _Neighbourhood:
    """A network and its neighbours, in the order in which they are looked at."""

    def __init__(self, centre: Observation, around: Iterator[Trajectory]):
        self.centre = centre
        self._around, self._seen = around, list[Trajectory]()

    def first(self, excluded: Collection[str]) -> Trajectory | None:
        """The first neighbour that is not excluded."""
        for trajectory in self._seen:
            if trajectory.architecture not in excluded:
                return trajectory
        for trajectory in self._around:
            self._seen.append(trajectory)
            if trajectory.architecture not in excluded:
                return trajectory
        return None
