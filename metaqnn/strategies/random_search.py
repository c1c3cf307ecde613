"""Random search: every step uniform over the legal actions. What every other strategy has to beat."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from metaqnn.core import Strategy
from metaqnn.seeding import Stream
from metaqnn.space.base import Space, Trajectory
from metaqnn.strategies.schedule import Schedule
from metaqnn.strategies.walks import random_walk
from metaqnn.trial import Episode

DEFAULT: Mapping[str, Any] = {}


@dataclass(frozen=True)
class RandomSearchConfig:
    """The section `strategy` for `name: random`.

    Attributes:
        schedule: one stage, in which everything is random.
        max_repeats: a search ends after so many repeats in a row, for spaces that run out of networks.
    """

    name: Literal["random"]
    preset: Literal["default"] = "default"
    schedule: tuple[tuple[float, int], ...] = ((1.0, 2700),)
    max_repeats: int = 500

    def __post_init__(self):
        Schedule(self.schedule, self.max_repeats)


class RandomSearch(Strategy):
    """A strategy that never learns.

    Args:
        config: its settings.
        space: what it walks in.
        seed: the search's seed.
    """

    def __init__(self, config: RandomSearchConfig, space: Space, seed: int):
        self.space, self.seed = space, seed

    def ask(self, number: int, epsilon: float) -> Trajectory:
        """Walk at random, whatever epsilon is."""
        return random_walk(self.space, Stream(self.seed, "random", number))

    def tell(self, episode: Episode) -> None:
        """Learn nothing."""
