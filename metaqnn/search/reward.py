"""The reward: what a strategy learns from an evaluation."""

import math
from dataclasses import dataclass
from typing import Literal

from metaqnn.config import require
from metaqnn.core import Model


@dataclass(frozen=True)
class RewardConfig:
    """The section `reward`.

    Attributes:
        name: `accuracy` is the validation accuracy; `cost_aware` subtracts what the network costs.
        failure: the accuracy that a failed candidate counts as, in [0, 1]; `chance` is 1 / classes.
        flops_weight: for `cost_aware`, subtracted per factor e of FLOPs.
        parameters_weight: for `cost_aware`, subtracted per factor e of parameters.
    """

    name: Literal["accuracy", "cost_aware"] = "accuracy"
    failure: Literal["chance"] | float = "chance"
    flops_weight: float = 0.0
    parameters_weight: float = 0.0

    def __post_init__(self):
        if self.failure != "chance":
            require(0.0 <= self.failure <= 1.0, "failure", "'chance' or a number from 0 to 1", self.failure)
        for name in ("flops_weight", "parameters_weight"):
            weight = getattr(self, name)
            require(0.0 <= weight < math.inf, name, "a weight of at least 0", weight)
            if self.name == "accuracy":
                require(weight == 0.0, name, "0 unless reward.name is cost_aware", weight)
        if self.name == "cost_aware":
            weights = (self.flops_weight, self.parameters_weight)
            require(any(weights), "flops_weight", "a weight above 0 here or in parameters_weight", 0.0)


@dataclass(frozen=True)
class Reward:
    """The reward function of one search.

    Attributes:
        config: its settings.
        classes: number of classes, for the accuracy of chance.
    """

    config: RewardConfig
    classes: int

    def __call__(self, accuracy: float | None, model: Model) -> float:
        """The reward of a model.

        Args:
            accuracy: validation accuracy in [0, 1]; None for a failure.
            model: whose FLOPs and parameters count in a cost-aware reward (BlockQNN, Zhong et al. 2017, section 3.3,
                subtracts the logarithm of FLOPs in the same way). A failure pays for its cost too: else a large
                network that fails would be worth more than a large one that works.
        """
        if accuracy is None:
            accuracy = 1.0 / self.classes if self.config.failure == "chance" else self.config.failure
        return accuracy if self.config.name == "accuracy" else accuracy - self._cost(model)

    def accuracy_for(self, reward: float, model: Model) -> float:
        """The accuracy, within [0, 1], that would earn a model a reward."""
        accuracy = reward if self.config.name == "accuracy" else reward + self._cost(model)
        return min(1.0, max(0.0, accuracy))

    def _cost(self, model: Model) -> float:
        return self.config.flops_weight * math.log(model.flops) + self.config.parameters_weight * math.log(
            model.parameters
        )
