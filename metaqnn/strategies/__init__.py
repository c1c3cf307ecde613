"""What to try next: the strategies, and the registry that knows them by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from metaqnn.core import Strategy
from metaqnn.space.base import Space
from metaqnn.strategies import q_learning, random_search, regularized_evolution, reinforce
from metaqnn.strategies.q_learning import QLearning, QLearningConfig
from metaqnn.strategies.random_search import RandomSearch, RandomSearchConfig
from metaqnn.strategies.regularized_evolution import RegularizedEvolution, RegularizedEvolutionConfig
from metaqnn.strategies.reinforce import Reinforce, ReinforceConfig


@dataclass(frozen=True)
class StrategyKind:
    """A strategy that an experiment can name.

    Attributes:
        config: dataclass of its section; has `schedule` and `max_repeats`.
        presets: named sets of values for that section.
        build: makes the strategy from its configuration, the space and the seed.
    """

    config: type
    presets: Mapping[str, Mapping[str, Any]]
    build: Callable[[Any, Space, int], Strategy]


STRATEGIES: Mapping[str, StrategyKind] = {
    "q_learning": StrategyKind(QLearningConfig, q_learning.PRESETS, QLearning),
    "random": StrategyKind(RandomSearchConfig, random_search.PRESETS, RandomSearch),
    "regularized_evolution": StrategyKind(
        RegularizedEvolutionConfig, regularized_evolution.PRESETS, RegularizedEvolution
    ),
    "reinforce": StrategyKind(ReinforceConfig, reinforce.PRESETS, Reinforce),
}
