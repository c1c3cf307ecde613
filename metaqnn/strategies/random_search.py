"""Random search: every step uniform over the legal actions. What every other strategy has to beat."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from metaqnn.core import Context, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.schedule import ScheduleConfig, ScheduledStrategy
from metaqnn.strategies.walks import random_walk


@dataclass(frozen=True)
class RandomSearchConfig(ScheduleConfig):
    """The section `strategy` for `name: random`."""

    name: Literal["random"]
    preset: Literal["default"] = "default"


class RandomSearch(ScheduledStrategy[RandomSearchConfig]):
    """A strategy that never learns."""

    Options = RandomSearchConfig
    PRESETS: ClassVar = {"default": {}}

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        """Walk at random."""
        return random_walk(self.space, Stream(self.seed, "random", context.number))
