"""What to try next: the strategies, and the registry that knows them by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from metaqnn.core import Space, Strategy
from metaqnn.strategies import linear_ucb, q_learning, random_search, regularized_evolution, reinforce, smac, tpe
from metaqnn.strategies.linear_ucb import LinearUCB, LinearUCBConfig
from metaqnn.strategies.q_learning import QLearning, QLearningConfig
from metaqnn.strategies.random_search import RandomSearch, RandomSearchConfig
from metaqnn.strategies.regularized_evolution import RegularizedEvolution, RegularizedEvolutionConfig
from metaqnn.strategies.reinforce import Reinforce, ReinforceConfig
from metaqnn.strategies.smac import SMAC, SMACConfig
from metaqnn.strategies.tpe import TPE, TPEConfig


@dataclass(frozen=True)
class Preset:
    """A strategy with named settings, over which an experiment's own keys win.

    Attributes:
        config: dataclass of the section.
        values: the settings.
        build: makes the strategy from its configuration, the space and the seed.
    """

    config: type
    values: Mapping[str, Any]
    build: Callable[[Any, Space, int], Strategy]


STRATEGIES: Mapping[str, Mapping[str, Preset]] = {
    "linear_ucb": {"default": Preset(LinearUCBConfig, linear_ucb.DEFAULT, LinearUCB)},
    "q_learning": {"paper": Preset(QLearningConfig, q_learning.PAPER, QLearning)},
    "random": {"default": Preset(RandomSearchConfig, random_search.DEFAULT, RandomSearch)},
    "regularized_evolution": {
        "default": Preset(RegularizedEvolutionConfig, regularized_evolution.DEFAULT, RegularizedEvolution)
    },
    "reinforce": {"default": Preset(ReinforceConfig, reinforce.DEFAULT, Reinforce)},
    "smac": {"default": Preset(SMACConfig, smac.DEFAULT, SMAC)},
    "tpe": {"default": Preset(TPEConfig, tpe.DEFAULT, TPE)},
}
"""The presets of each strategy by name; the first is meant where none is named."""


def make_strategy(config: Any, space: Space, seed: int) -> Strategy:
    """The strategy that a checked section `strategy` stands for."""
    return STRATEGIES[config.name][config.preset].build(config, space, seed)
