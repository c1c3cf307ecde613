"""The decisions of a walk, as a controller meets them: what may be chosen, and which earlier steps the choices join."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from metaqnn.config import require
from metaqnn.core import Action, Space, State, Step, Trajectory


class Decision(NamedTuple):
    """One decision of a walk.

    Attributes:
        choices: what is legal, as indices into the space's `all_actions`, in the space's order.
        joined: the step that each of them joins (`Space.joined_step`); empty where none joins any.
        allowed: places among them that may be taken: all, but where a network has grown as far as it may.
    """

    choices: tuple[int, ...]
    joined: tuple[int | None, ...]
    allowed: tuple[int, ...]

    @property
    def actions(self) -> tuple[int, ...]:
        """Indices of the actions that may be taken."""
        if len(self.allowed) == len(self.choices):
            return self.choices
        return tuple([self.choices[place] for place in self.allowed])

    @property
    def is_anchor(self) -> bool:
        """Whether it is about joining an earlier part."""
        return bool(self.joined)


@dataclass(frozen=True)
class GrowthConfig:
    """How large networks may be, by the number of the episode.

    What grows is counted in decisions that might have ended the network and went on, which every space has that leaves
    the size of its networks open; where ending is one of the choices for each layer, that is the number of layers. An
    action ends a network if nothing is left to choose behind it. In a space whose networks all end after the same
    number of decisions nothing changes. What was imported may be larger.

    Attributes:
        start: at most so many at first.
        add: more every so often,
        every: each time that so many episodes have been proposed.
    """

    start: int = 6
    add: int = 2
    every: int = 1600

    def __post_init__(self) -> None:
        for name, least in (("start", 0), ("add", 0), ("every", 1)):
            value = getattr(self, name)
            require(least <= value <= 1_000_000, name, f"from {least} to 1000000", value)

    def most(self, number: int) -> int:
        """The largest number for the episode of a number, from 1."""
        return self.start + self.add * ((number - 1) // self.every)


class _Listed(NamedTuple):
    """What is legal somewhere: indices of the actions, their places 0, 1, ..., and their texts."""

    choices: tuple[int, ...]
    places: tuple[int, ...]
    texts: tuple[str, ...]


class DecisionWalker:
    """Walks a space decision by decision.

    Args:
        space: any.
        growth: how large networks may be; None for as large as the space allows.
    """

    def __init__(self, space: Space, growth: GrowthConfig | None = None):
        self._space, self._growth = space, growth
        self._may_join = type(space).joined_step is not Space.joined_step
        self._texts = tuple(str(action) for action in space.all_actions)
        self._by_text = {text: code for code, text in enumerate(self._texts)}
        self._listed: dict[tuple[Action, ...], _Listed] = {}

    @property
    def actions(self) -> int:
        """How many there are in the space."""
        return len(self._texts)

    def walk(self, choose: Callable[[Decision], int], number: int) -> Trajectory:
        """A walk as the episode of a number.

        Args:
            choose: given a decision, the place among its choices to take.
        """
        space, state, steps, actions = self._space, self._space.initial_state(), [], []
        most, passed = None if self._growth is None else self._growth.most(number), 0
        while not space.is_terminal(state):
            legal = space.actions(state)
            choices, every, texts = self._known(legal)
            allowed = every
            if most is not None:
                ending = tuple(place for place in every if self._ends(state, legal[place]))
                is_open = 0 < len(ending) < len(every)
                allowed = ending if is_open and passed >= most else every
            place = choose(Decision(choices, self._joined(state, legal), allowed))
            if most is not None:
                passed += is_open and place not in ending
            steps.append(Step(str(space.key(state)), texts[place], texts))
            actions.append(legal[place])
            state = space.step(state, legal[place])
        return Trajectory(tuple(steps), space.format(actions))

    def decisions(self, architecture: str, number: int) -> list[tuple[Decision, int]]:
        """The decisions that lead to an architecture, as the episode of a number, each with the place that was taken.

        Raises:
            NotationError: the text is no architecture.
            IllegalArchitectureError: the space does not contain it.
        """
        wanted = [step.action for step in self._space.trajectory(architecture).steps]
        found: list[tuple[Decision, int]] = []

        def follow(decision: Decision) -> int:
            place = decision.choices.index(self._by_text[wanted[len(found)]])
            if place not in decision.allowed:  # it comes from elsewhere
                decision = decision._replace(allowed=tuple(range(len(decision.choices))))
            found.append((decision, place))
            return place

        self.walk(follow, number)
        return found

    def _known(self, legal: tuple[Action, ...]) -> _Listed:
        known = self._listed.get(legal)
        if known is None:
            texts = tuple(str(action) for action in legal)
            choices = tuple(self._by_text[text] for text in texts)
            known = self._listed[legal] = _Listed(choices, tuple(range(len(legal))), texts)
        return known

    def _joined(self, state: State, legal: tuple[Action, ...]) -> tuple[int | None, ...]:
        if not self._may_join:
            return ()
        joined = tuple([self._space.joined_step(state, action) for action in legal])
        return () if joined.count(None) == len(joined) else joined

    def _ends(self, state: State, action: Action) -> bool:
        space = self._space
        state = space.step(state, action)
        while not space.is_terminal(state):
            legal = space.actions(state)
            if len(legal) > 1:
                return False
            state = space.step(state, legal[0])
        return True
