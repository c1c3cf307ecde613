"""Tabular Q-learning over layer states with epsilon-greedy sampling and experience replay.

Source: Baker et al. (ICLR 2017), sections 3 to 5 and Algorithm 1.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from metaqnn.config import require
from metaqnn.core import Context, Episode, QValue, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.equations import greedy_choices
from metaqnn.strategies.planner import Planner, PlanningConfig
from metaqnn.strategies.q_table import QTable, Transition
from metaqnn.strategies.schedule import PAPER_SCHEDULE, ScheduleConfig, ScheduledStrategy


@dataclass(frozen=True)
class QLearningConfig(ScheduleConfig):
    """The section `strategy` for `name: q_learning`; the defaults are the paper's, which are its preset `paper`.

    Attributes:
        learning_rate: in (0, 1].
        discount: in [0, 1].
        initial_q: value of a pair before its first update.
        replay_episodes: K, episodes replayed after each episode, the newest among them; 0 learns nothing.
        replay_after_repeats: whether an episode that reused a known network is followed by a replay too.
    """

    name: Literal["q_learning"]
    preset: Literal["default", "paper"] = "default"
    learning_rate: float = 0.01
    discount: float = 1.0
    initial_q: float = 0.5  # section 5.2's text; Algorithm 1 writes 0
    replay_episodes: int = 100  # section 5.2; the released code draws 128
    replay_after_repeats: bool = False  # Algorithm 1; the released code replays after repeats too
    planning: PlanningConfig | None = None
    schedule: tuple[tuple[float, int], ...] = field(default=PAPER_SCHEDULE, kw_only=True)

    def __post_init__(self) -> None:
        require(0.0 < self.learning_rate <= 1.0, "learning_rate", "above 0 and at most 1", self.learning_rate)
        require(0.0 <= self.discount <= 1.0, "discount", "from 0 to 1", self.discount)
        require(abs(self.initial_q) < float("inf"), "initial_q", "a finite number", self.initial_q)
        require(0 <= self.replay_episodes <= 100_000, "replay_episodes", "from 0 to 100000", self.replay_episodes)
        super().__post_init__()


class QLearning(ScheduledStrategy[QLearningConfig]):
    """The paper's agent; exploration and replay draw from streams of their own for every episode."""

    Options = QLearningConfig
    PRESETS: ClassVar = {"default": {"planning": {}, "schedule": [[0.1, 2700]]}, "paper": {}}

    def __init__(self, options: QLearningConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        self.q_table = QTable(options.initial_q)
        self._memory: list[tuple[str, float]] = []  # architecture and reward of every episode
        self._planner = Planner(options.planning, space, seed) if options.planning else None
        self._transitions: dict[str, tuple[Transition, ...]] = {}  # of architectures that were replayed

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        """Walk the space: each step uniform with probability epsilon, else greedy with ties at random."""
        stream = Stream(self.seed, "explore", context.number)
        if self._planner is not None:
            if self._planner.knows_little(context):
                return self._planner.unknown_walk(context, stream)
            return self.space.walk(self._planner.plan(context).choose(stream, epsilon))

        def choose(state: str, choices: tuple[str, ...]) -> int:
            if stream.uniform() < epsilon:
                return stream.integer(len(choices))
            best = greedy_choices(self.q_table.values(state, choices))
            return best[stream.integer(len(best))] if len(best) > 1 else best[0]

        return self.space.walk(choose)

    def tell(self, episode: Episode) -> None:
        """Store the episode, then replay K: the newest, and K - 1 drawn uniformly with replacement."""
        super().tell(episode)
        self._memory.append((episode.architecture, episode.reward))
        if self._planner is not None:
            self._planner.tell(episode)
        if self.config.replay_episodes == 0 or (episode.reused and not self.config.replay_after_repeats):
            return
        newest = len(self._memory) - 1
        stream = Stream(self.seed, "replay", episode.number)
        for index in [newest, *stream.integers(len(self._memory), self.config.replay_episodes - 1)]:
            architecture, reward = self._memory[index]
            transitions = self._transitions.get(architecture)
            if transitions is None:
                transitions = self.q_table.bind(self.space.trajectory(architecture))
                self._transitions[architecture] = transitions
            self.q_table.learn(transitions, reward, self.config.learning_rate, self.config.discount)

    def values(self) -> list[QValue]:
        """All Q-values that were ever updated."""
        return self.q_table.entries()

    def snapshot(self) -> list[QValue]:
        """The Q-values of the states updated since the last snapshot."""
        return self.q_table.take_changed()

    def restore(self, episodes: Iterable[Episode], values: Iterable[QValue]) -> None:
        """Fill the replay memory and the Q-table."""
        for episode in episodes:
            super().tell(episode)
            self._memory.append((episode.architecture, episode.reward))
            if self._planner is not None:
                self._planner.tell(episode)
        self.q_table.load(values)
