"""Strategies that fit a model to the results and propose what it prefers of some candidates."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from metaqnn.config import require
from metaqnn.core import Context, Episode, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.observed import ObservedNetworks
from metaqnn.strategies.schedule import ScheduleConfig, ScheduledStrategy


@dataclass(frozen=True, kw_only=True)
class ModelledConfig(ScheduleConfig):
    """What the sections of these strategies have in common.

    Attributes:
        random_first: so many networks are random before the first model.
        best_networks: candidates are near so many, the best.
        neighbours: candidates among the neighbours of each, at most.
        variations: candidates that deviate from one of them in a few decisions.
    """

    random_first: int = 20
    best_networks: int = 5
    neighbours: int = 20
    variations: int = 50

    def __post_init__(self) -> None:
        require(2 <= self.random_first <= 1_000_000, "random_first", "from 2 to 1000000", self.random_first)
        require(1 <= self.best_networks <= 1000, "best_networks", "from 1 to 1000", self.best_networks)
        for name in ("neighbours", "variations"):
            require(0 <= getattr(self, name) <= 10_000, name, "from 0 to 10000", getattr(self, name))
        super().__post_init__()


_Config = TypeVar("_Config", bound=ModelledConfig)


class ModelledStrategy(ScheduledStrategy[_Config]):
    """Random networks first; then, of candidates near the best that are not taken, the one that is preferred."""

    PRESETS: ClassVar = {"default": {}}
    purpose: ClassVar[str]
    """What its random draws are for."""

    def __init__(self, options: Any, space: Space, seed: int):
        super().__init__(options, space, seed)
        self._observed = ObservedNetworks(space)

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        stream, taken = Stream(self.seed, self.purpose, context.number), self._observed.taken(context)
        if len(taken) < self.config.random_first or len(self._observed.results) < 2:
            return self._observed.unknown_walk(taken, stream)
        parents = self._observed.best(self.config.best_networks)
        near = self._observed.unknown_neighbours(parents, taken, self.config.neighbours, stream)
        others = self._further_candidates(parents, taken, stream)
        new = {each.architecture: each for each in (*near, *others) if each.architecture not in taken}
        if not new:
            return self._observed.unknown_walk(taken, stream)
        candidates = list(new.values())
        worth = self._worth(candidates, context, stream)
        return candidates[worth.index(max(worth))]

    def tell(self, episode: Episode) -> None:
        """Add an observation; a repeat is none."""
        super().tell(episode)
        self._observed.add(episode)

    @abstractmethod
    def _further_candidates(
        self, parents: Sequence[Trajectory], taken: set[str], stream: Stream
    ) -> Iterable[Trajectory]:
        """Candidates beside the neighbours of the best networks."""

    @abstractmethod
    def _worth(self, candidates: Sequence[Trajectory], context: Context, stream: Stream) -> list[float]:
        """How much each candidate is preferred."""
