"""A reward that takes off what a network costs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from metaqnn.config import require
from metaqnn.errors import ConfigError
from metaqnn.search.rewards import ScoreReward, ScoreRewardOptions


@dataclass(frozen=True)
class CostAwareOptions(ScoreRewardOptions):
    """The section `reward` for `name: cost_aware`.

    Attributes:
        flops_weight: subtracted per factor e of FLOPs.
        parameters_weight: subtracted per factor e of parameters.
        density_weight: subtracted per factor e of a block's edges over its nodes; for spaces of blocks.
    """

    flops_weight: float = 0.0
    parameters_weight: float = 0.0
    density_weight: float = 0.0

    def __post_init__(self) -> None:
        for name in ("flops_weight", "parameters_weight", "density_weight"):
            weight = getattr(self, name)
            require(0.0 <= weight < math.inf, name, "a weight of at least 0", weight)
        weights = (self.flops_weight, self.parameters_weight, self.density_weight)
        require(any(weights), "flops_weight", "a weight above 0 here or in one of the others", 0.0)


class CostAwareReward(ScoreReward):
    """The score less the logarithm of what a network costs (BlockQNN, Zhong et al. 2017, section 3.3).

    Theirs is the accuracy after few epochs less the logarithms of FLOPs and, eight times as heavy, of the density.

    A failure pays for its cost too: else a large network that fails would be worth more than a large one that works.
    """

    Options = CostAwareOptions
    tolerance = 1e-12  # logarithms, whose last bit differs between C libraries

    def __call__(self, score: float | None, costs: Mapping[str, float]) -> float:
        """The reward of a network with these costs."""
        return super().__call__(score, costs) - self._cost(costs)

    def score_for(self, reward: float, costs: Mapping[str, float]) -> float:
        """The score, within its range, that would earn a network a reward."""
        return super().score_for(reward + self._cost(costs), costs)

    def _cost(self, costs: Mapping[str, float]) -> float:
        of = self.options
        weights = {"flops": of.flops_weight, "parameters": of.parameters_weight, "density": of.density_weight}
        cost = 0.0
        for name, weight in weights.items():
            if weight and name not in costs:
                raise ConfigError(f"reward.{name}_weight: this space knows no {name} of its networks; leave it out")
            cost += weight * math.log(costs[name]) if weight else 0.0
        return cost
