"""Tabular Q-learning over layer states with epsilon-greedy sampling and experience replay.

Source: Baker et al. (ICLR 2017), sections 3 to 5 and Algorithm 1. That is the preset `paper`; `block_qnn` is the agent
of its successor, which shares the reward out among the steps (Zhong et al., CVPR 2018). By default the agent also plans
(Dyna-Q: Sutton, 1990): there are two tables. The values learned from real episodes are the paper's, and are stored;
those that it walks on are learned anew for each proposal, from imagined episodes (`metaqnn.strategies.planner`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from metaqnn.config import require
from metaqnn.core import Context, Episode, Expectation, QValue, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.planner import Planner, PlanningConfig
from metaqnn.strategies.q_table import QTable, RewardShaping, Transition
from metaqnn.strategies.schedule import PAPER_SCHEDULE, ScheduleConfig, ScheduledStrategy
from metaqnn.strategies.walks import epsilon_greedy

_BLOCKS = 64
"""Of each iteration of BlockQNN."""

_BLOCK_QNN: Mapping[str, object] = {
    # Zhong et al. (CVPR 2018), BlockQNN: learning rate 0.01, discount 1, r_t = R / T on every step; 178 iterations of
    # 64 blocks, 11,392 in all. Everything else, such as how many episodes are replayed, is MetaQNN's.
    "learning_rate": 0.01,
    "discount": 1.0,
    "reward_shaping": "uniform",
    "schedule": [
        [1.0, 95 * _BLOCKS],
        *([tenths / 10, 7 * _BLOCKS] for tenths in (9, 8, 7)),
        *([tenths / 10, 10 * _BLOCKS] for tenths in (6, 5, 4, 3, 2)),
        [0.1, 12 * _BLOCKS],
    ],
}


@dataclass(frozen=True)
class QLearningConfig(ScheduleConfig):
    """The section `strategy` for `name: q_learning`; the defaults are the paper's, its preset `paper`.

    Attributes:
        learning_rate: in (0, 1].
        discount: in [0, 1].
        initial_q: value of a pair before its first update.
        replay_episodes: K, episodes replayed after each episode, the newest among them; 0 learns nothing.
        replay_after_repeats: whether an episode that reused a known network is followed by a replay too.
        reward_shaping: who earns the reward of an episode: with `none` its last step, so that a Q-value is the reward
            to be expected at the end; with `uniform` each of its T steps a T-th, so that a Q-value is the part of it
            that this step and those after it are to earn.
        planning: what is imagined between two trainings; None walks on the values of real episodes, as the paper does.
    """

    name: Literal["q_learning"]
    preset: Literal["default", "paper", "block_qnn"] = "default"
    learning_rate: float = 0.01
    discount: float = 1.0
    initial_q: float = 0.5  # section 5.2's text; Algorithm 1 writes 0
    replay_episodes: int = 100  # section 5.2; the released code draws 128
    replay_after_repeats: bool = False  # Algorithm 1; the released code replays after repeats too
    reward_shaping: RewardShaping = "none"
    planning: PlanningConfig | None = None
    schedule: tuple[tuple[float, int], ...] = field(default=PAPER_SCHEDULE, kw_only=True)

    def __post_init__(self) -> None:
        require(0.0 < self.learning_rate <= 1.0, "learning_rate", "above 0 and at most 1", self.learning_rate)
        require(0.0 <= self.discount <= 1.0, "discount", "from 0 to 1", self.discount)
        require(abs(self.initial_q) < float("inf"), "initial_q", "a finite number", self.initial_q)
        require(0 <= self.replay_episodes <= 100_000, "replay_episodes", "from 0 to 100000", self.replay_episodes)
        super().__post_init__()


class QLearning(ScheduledStrategy[QLearningConfig]):
    """The agent; exploration, imagination and replay draw from streams of their own for every episode."""

    Options = QLearningConfig
    PRESETS: ClassVar = {"default": {"planning": {}, "schedule": [[0.05, 2700]]}, "paper": {}, "block_qnn": _BLOCK_QNN}

    def __init__(self, options: QLearningConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        self.q_table = QTable(options.initial_q)
        self.planner = None if options.planning is None else Planner(options.planning, space, seed)
        self._memory: list[tuple[str, float]] = []  # architecture and reward of every episode
        self._transitions: dict[str, tuple[Transition, ...]] = {}  # of architectures that were replayed
        self._walks: dict[str, Trajectory] = {}  # proposed, and not replayed yet

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        walk = self._walk(context, epsilon)
        if self.config.replay_episodes and walk.architecture not in self._transitions:
            self._walks[walk.architecture] = walk
        return walk

    def _walk(self, context: Context, epsilon: float) -> Trajectory:
        """An epsilon-greedy walk: on the planned values, or on those of real episodes."""
        stream, planner = Stream(self.seed, "explore", context.number), self.planner
        if planner is None:
            return self.space.walk(epsilon_greedy(self.q_table.values, epsilon, stream))
        if planner.knows_little(context):
            return planner.unknown_walk(context, stream)
        plan = planner.plan(context)
        walk = self.space.walk(epsilon_greedy(plan.values, epsilon, stream))
        expected = plan.expect(walk)
        return replace(walk, recorded={"expected": expected.mean, "deviation": expected.deviation})

    def _epsilon(self, context: Context) -> float:
        """That of the schedule, but 1 while too little is known to plan."""
        if self.planner is not None and self.planner.knows_little(context):
            return 1.0
        return super()._epsilon(context)

    def tell(self, episode: Episode) -> None:
        """Store the episode, then replay K: the newest, and K - 1 drawn uniformly with replacement."""
        self._remember(episode)
        if self.config.replay_episodes == 0 or (episode.reused and not self.config.replay_after_repeats):
            return
        newest = len(self._memory) - 1
        stream = Stream(self.seed, "replay", episode.number)
        for index in [newest, *stream.integers(len(self._memory), self.config.replay_episodes - 1)]:
            architecture, reward = self._memory[index]
            transitions = self._transitions.get(architecture)
            if transitions is None:
                walk = self._walks.pop(architecture, None) or self.space.trajectory(architecture)
                transitions = self._transitions[architecture] = self.q_table.bind(walk)
            self.q_table.learn(
                transitions, reward, self.config.learning_rate, self.config.discount, self.config.reward_shaping
            )

    def values(self) -> list[QValue]:
        """All Q-values that were ever updated."""
        return self.q_table.entries()

    def snapshot(self) -> list[QValue]:
        """The Q-values of the states updated since the last snapshot."""
        return self.q_table.take_changed()

    def planned_values(self, context: Context) -> list[QValue]:
        """The Q-values of the episodes that it would imagine now."""
        if self.planner is None or self.planner.knows_little(context):
            return []
        return self.planner.plan(context).entries()

    def expect(self, trajectory: Trajectory) -> Expectation | None:
        """What its model of the return says after two results."""
        if self.planner is None or len(self.planner.observed.results) < 2:
            return None
        return self.planner.expectations().expect(trajectory)

    def importances(self) -> Mapping[str, float]:
        """What the model of the return has learned: the share of the covariance that a difference takes away."""
        if self.planner is None or len(self.planner.observed.results) < 2:
            return {}
        return self.planner.importances()

    def restore(self, episodes: Iterable[Episode], values: Iterable[QValue]) -> None:
        """Fill the replay memory and the Q-table."""
        for episode in episodes:
            self._remember(episode)
        self.q_table.load(values)

    def _remember(self, episode: Episode) -> None:
        """Keep an episode for the schedule, for replay and for planning."""
        super().tell(episode)
        self._memory.append((episode.architecture, episode.reward))
        if self.planner is not None:
            self.planner.tell(episode)
