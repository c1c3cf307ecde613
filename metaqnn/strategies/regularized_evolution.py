"""Regularized evolution: the best of a sample of the youngest networks is mutated; the oldest is forgotten.

Source: Real et al., Regularized Evolution for Image Classifier Architecture Search (AAAI 2019, arXiv 1802.01548),
Algorithm 1. Their population of 100 and sample of 25 are made for 20,000 trainings; the preset has smaller ones. They
draw the sample with replacement; without it, as Ying et al. (NAS-Bench-101, ICML 2019) do, evolution is a little better
on the tables of benchmarks/RESULTS.md, and nothing here shall win against a weak opponent.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from metaqnn.config import require
from metaqnn.core import Context, Episode, Space, Step, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.schedule import ScheduleConfig, ScheduledStrategy
from metaqnn.strategies.walks import deviating_walk, open_places, random_walk


@dataclass(frozen=True)
class RegularizedEvolutionConfig(ScheduleConfig):
    """The section `strategy` for `name: regularized_evolution`.

    Attributes:
        population: the youngest so many episodes are alive; so many are random before the first mutation.
        sample: a parent is the best of so many that are drawn from the population, at most all of it.
    """

    name: Literal["regularized_evolution"]
    preset: Literal["default"] = "default"
    population: int = 50
    sample: int = 10

    def __post_init__(self) -> None:
        require(1 <= self.population <= 1_000_000, "population", "from 1 to 1000000", self.population)
        expected = f"from 1 to strategy.population ({self.population})"
        require(1 <= self.sample <= self.population, "sample", expected, self.sample)
        super().__post_init__()


class RegularizedEvolution(ScheduledStrategy[RegularizedEvolutionConfig]):
    """Evolution with ageing."""

    Options = RegularizedEvolutionConfig
    PRESETS: ClassVar = {"default": {}}

    def __init__(self, options: RegularizedEvolutionConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        self._alive: deque[tuple[float, str]] = deque(maxlen=options.population)

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        """Mutate the best of a sample; a random walk while the population is not full."""
        stream = Stream(self.seed, "evolution", context.number)
        if len(self._alive) < self.config.population:
            return random_walk(self.space, stream)
        sample = [self._alive[index] for index in stream.permutation(len(self._alive))[: self.config.sample].tolist()]
        _, parent = max(sample, key=lambda individual: individual[0])
        return mutated(self.space, self.space.trajectory(parent).steps, stream)

    def tell(self, episode: Episode) -> None:
        """Add the youngest; the oldest leaves."""
        super().tell(episode)
        self._alive.append((episode.reward, episode.architecture))


def mutated(space: Space, parent: Sequence[Step], stream: Stream) -> Trajectory:
    """Change one action of a path to a different one.

    The parent's later actions are kept while they are legal; from the first that is not, the rest is sampled.
    """
    places = open_places(parent)
    if not places:
        return random_walk(space, stream)
    return deviating_walk(space, parent, (places[stream.integer(len(places))],), stream)
