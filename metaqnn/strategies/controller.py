"""The recurrent controller of NAS with RL, of which one seed proposes the same networks on every machine.

Source: Zoph and Le, Neural Architecture Search with Reinforcement Learning (ICLR 2017): an LSTM writes a network as a
sequence of choices, joins earlier layers by attention at anchor points, and is trained by REINFORCE (Williams, 1992)
with a moving baseline. `reinforce` is the same idea in one small LSTM over NumPy's matrix products, whose last bits
differ between machines; here everything is made of operations that are rounded alike everywhere, in a fixed order
(`metaqnn.strategies.exact_arrays`).

Updates follow from the episodes told, in their order. With a lookahead the weights are some episodes old when their
results come in, as they are in the paper, whose workers are asynchronous; the gradient is taken by the weights of the
update.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from metaqnn.config import require
from metaqnn.core import Context, Episode, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.adam import Adam
from metaqnn.strategies.controller_policy import Policy, Sampler
from metaqnn.strategies.decisions import DecisionWalker, GrowthConfig
from metaqnn.strategies.schedule import ScheduleConfig, ScheduledStrategy
from metaqnn.strategies.script import Script

_PAPER: Mapping[str, object] = {
    # Zoph and Le (ICLR 2017), section 4.1: two layers of 35 units, weights from -0.08 to 0.08, Adam at 0.0006, eight
    # networks an update, the reward cubed, networks of 6 layers first and 2 more every 1,600 of 12,800. The decay of
    # the baseline is not told there.
    "hidden_units": 35,
    "layers": 2,
    "weight_range": 0.08,
    "learning_rate": 0.0006,
    "episodes_per_update": 8,
    "reward_exponent": 3,
    "entropy_weight": 0.0,
    "growth": {"start": 6, "add": 2, "every": 1600},
    "schedule": [[1.0, 12800]],
}


@dataclass(frozen=True)
class ControllerConfig(ScheduleConfig):
    """The section `strategy` for `name: controller`.

    Attributes:
        hidden_units: of each layer of the LSTM, and of the embedding of an action.
        layers: of the LSTM.
        weight_range: weights begin uniform from minus this to this.
        learning_rate: Adam's.
        episodes_per_update: so many episodes make one step of Adam, up the mean of their gradients.
        baseline_decay: of the moving average of earlier rewards, which is subtracted from each; in [0, 1).
        reward_exponent: rewards are raised to this power, keeping their sign, before anything is learned from them.
        entropy_weight: of the policy's entropy beside the reward, in units of the rewards' standard deviation.
        growth: how large networks may be at first, and how that grows; null bounds nothing.
    """

    name: Literal["controller"]
    preset: Literal["default", "paper"] = "default"
    hidden_units: int = 35
    layers: int = 2
    weight_range: float = 0.3
    learning_rate: float = 0.01
    episodes_per_update: int = 2
    baseline_decay: float = 0.9
    reward_exponent: int = 1
    entropy_weight: float = 0.25
    growth: GrowthConfig | None = None

    def __post_init__(self) -> None:
        require(1 <= self.hidden_units <= 512, "hidden_units", "from 1 to 512", self.hidden_units)
        require(1 <= self.layers <= 8, "layers", "from 1 to 8", self.layers)
        require(0.0 < self.weight_range <= 10.0, "weight_range", "above 0 and at most 10", self.weight_range)
        require(0.0 < self.learning_rate < 1.0, "learning_rate", "above 0 and below 1", self.learning_rate)
        updates = self.episodes_per_update
        require(1 <= updates <= 1000, "episodes_per_update", "from 1 to 1000", updates)
        require(0.0 <= self.baseline_decay < 1.0, "baseline_decay", "from 0 to below 1", self.baseline_decay)
        require(1 <= self.reward_exponent <= 10, "reward_exponent", "from 1 to 10", self.reward_exponent)
        require(0.0 <= self.entropy_weight < 10.0, "entropy_weight", "from 0 to below 10", self.entropy_weight)
        super().__post_init__()


class Controller(ScheduledStrategy[ControllerConfig]):
    """The controller, whose first weights derive from the search's seed."""

    Options = ControllerConfig
    PRESETS: ClassVar = {"default": {}, "paper": _PAPER}

    def __init__(self, options: ControllerConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        self._walker = DecisionWalker(space, options.growth)
        self.policy = Policy(
            self._walker.actions,
            options.hidden_units,
            options.layers,
            options.weight_range,
            Stream(seed, "controller weights"),
        )
        self._adam = Adam(self.policy.flat, options.learning_rate)
        self._baseline: float | None = None
        self._variance = 0.0
        self._batch: list[tuple[Script, float]] = []  # with advantages, until there are enough for an update

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        """Sample a network from the policy."""
        sampler = Sampler(self.policy, Stream(self.seed, "controller", context.number))
        return self._walker.walk(sampler.choose, context.number)

    def tell(self, episode: Episode) -> None:
        """Take an episode into the batch, and learn from that when it is full."""
        super().tell(episode)
        script = Script(self._walker.actions)
        for decision, place in self._walker.decisions(episode.architecture, episode.number):
            script.add(decision, place)
        self._batch.append((script, self._advantage(episode.reward)))
        if len(self._batch) == self.config.episodes_per_update:
            scripts, advantages = zip(*self._batch, strict=True)
            entropy_weight = self.config.entropy_weight * math.sqrt(self._variance)
            self._adam.climb(self.policy.gradient(scripts, advantages, entropy_weight))
            self._batch = []

    def _advantage(self, reward: float) -> float:
        """What a reward, raised to its power, is above the average of those before; the first is the average itself."""
        raised = reward
        for _ in range(self.config.reward_exponent - 1):
            raised *= abs(reward)
        if self._baseline is None:
            self._baseline = raised
        advantage, decay = raised - self._baseline, self.config.baseline_decay
        self._baseline += (1.0 - decay) * advantage
        self._variance = decay * self._variance + (1.0 - decay) * (advantage * advantage)
        return advantage
