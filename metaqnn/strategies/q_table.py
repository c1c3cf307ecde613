"""The Q-table: values by (state, action), bound to trajectories once so that replaying them costs no look-ups."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Literal, NamedTuple

from metaqnn.core import QValue, Trajectory
from metaqnn.strategies.equations import q_learning_target, q_learning_update, uniform_reward

RewardShaping = Literal["none", "uniform"]
"""How the reward of an episode is shared out among its steps: all of it to the last, or to each the same."""

_Picker = Callable[[Sequence[float]], tuple[float, ...]]


@dataclass(eq=False, slots=True)
class _Row:
    """The actions seen in one state: `values[positions[action]]`."""

    state: str
    positions: dict[str, int] = field(default_factory=dict)
    pickers: dict[tuple[str, ...], _Picker] = field(default_factory=dict)  # by the actions that are legal
    values: list[float] = field(default_factory=list)
    updates: list[int] = field(default_factory=list)

    def position(self, action: str, initial: float) -> int:
        position = self.positions.get(action)
        if position is None:
            position = self.positions[action] = len(self.values)
            self.values.append(initial)
            self.updates.append(0)
        return position


class Transition(NamedTuple):
    """One step, bound to its place in the table; nothing follows the last step of a trajectory.

    The maximum over the next actions runs over those that are legal on this very path, which `legal` picks from the
    values of the next state.
    """

    row: _Row
    position: int
    next_values: list[float]
    legal: _Picker


class QTable:
    """Values of state-action pairs; one that was never updated has the initial value."""

    def __init__(self, initial: float):
        self.initial = initial
        self._rows: dict[str, _Row] = {}
        self._changed: set[_Row] = set()

    def values(self, state: str, actions: Sequence[str]) -> list[float]:
        """The values of some actions in a state."""
        row = self._rows.get(state)
        if row is None:
            return [self.initial] * len(actions)
        return [self.initial if (at := row.positions.get(a)) is None else row.values[at] for a in actions]

    def bind(self, trajectory: Trajectory) -> tuple[Transition, ...]:
        """Prepare a trajectory for `learn`."""
        bound = []
        for step, following in zip(trajectory.steps, (*trajectory.steps[1:], None), strict=True):
            row = self._row(step.state)
            position = row.position(step.action, self.initial)
            if following is None:
                bound.append(Transition(row, position, [], tuple))
            else:
                next_row = self._row(following.state)
                picker = self._picker(next_row, following.choices)
                bound.append(Transition(row, position, next_row.values, picker))
        return tuple(bound)

    def learn(
        self,
        transitions: tuple[Transition, ...],
        reward: float,
        learning_rate: float,
        discount: float,
        reward_shaping: RewardShaping = "none",
    ) -> None:
        """Update a trajectory's transitions from the last to the first.

        Args:
            transitions: of `bind`.
            reward: of the episode.
            learning_rate, discount: as in `metaqnn.strategies.equations`.
            reward_shaping: whether each step earns an equal share of the reward, or the last one all of it.
        """
        changed, immediate, before = self._changed, reward, 0.0
        if reward_shaping == "uniform":
            immediate = before = uniform_reward(reward, len(transitions))
        for row, position, next_values, legal in reversed(transitions):
            target = q_learning_target(immediate, discount, legal(next_values))
            row.values[position] = q_learning_update(row.values[position], target, learning_rate)
            row.updates[position] += 1
            changed.add(row)
            immediate = before

    def take_changed(self) -> list[QValue]:
        """The pairs in states that were updated since the last call."""
        changed, self._changed = self._changed, set()
        return _entries(changed)

    def entries(self) -> list[QValue]:
        """Every pair that was updated at least once."""
        return _entries(self._rows.values())

    def load(self, entries: Iterable[QValue]) -> None:
        """Take up stored entries."""
        for entry in entries:
            row = self._row(entry.state)
            position = row.position(entry.action, self.initial)
            row.values[position], row.updates[position] = entry.value, entry.updates

    def _row(self, state: str) -> _Row:
        row = self._rows.get(state)
        if row is None:
            row = self._rows[state] = _Row(state)
        return row

    def _picker(self, row: _Row, actions: tuple[str, ...]) -> _Picker:
        """From a row's values to those of actions; a single one is doubled, or itemgetter would return no tuple."""
        picker = row.pickers.get(actions)
        if picker is None:
            positions = [row.position(action, self.initial) for action in actions]
            picker = row.pickers[actions] = itemgetter(*(positions if len(positions) > 1 else positions * 2))
        return picker


def _entries(rows: Iterable[_Row]) -> list[QValue]:
    return [
        QValue(row.state, action, row.values[at], row.updates[at])
        for row in rows
        for action, at in row.positions.items()
        if row.updates[at]
    ]
