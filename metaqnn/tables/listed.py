"""A space cut down to a list of architectures, so that nothing else can be proposed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from metaqnn.core import Action, Space, State


class ListedState(NamedTuple):
    """A state of the whole space, and the listed continuations of the path to it."""

    inner: State
    branches: dict


class ListedSpace(Space):
    """The networks of `space` that are in a list. What an agent sees of a state is unchanged.

    Args:
        space: where they come from.
        architectures: their texts; all of `space`, at least one.

    Raises:
        NotationError, IllegalArchitectureError: one of them is none of the space.
    """

    def __init__(self, space: Space, architectures: Iterable[str]):
        super().__init__(space.options, space.facts)
        self.space = space
        self._tree: dict = {}
        for text in architectures:
            space.trajectory(text)
            branch = self._tree
            for action in space.parse(text):
                branch = branch.setdefault(action, {})

    @property
    def all_actions(self) -> tuple[Action, ...]:
        """Those of the whole space."""
        return self.space.all_actions

    @property
    def max_steps(self) -> int:
        """That of the whole space."""
        return self.space.max_steps

    def initial_state(self) -> ListedState:
        """All of the list is ahead."""
        return ListedState(self.space.initial_state(), self._tree)

    def is_terminal(self, state: ListedState) -> bool:
        """Whether the architecture is complete."""
        return self.space.is_terminal(state.inner)

    def actions(self, state: ListedState) -> tuple[Action, ...]:
        """The legal actions that lead to a listed network."""
        return tuple(action for action in self.space.actions(state.inner) if action in state.branches)

    def step(self, state: ListedState, action: Action) -> ListedState:
        """One action further down the list."""
        return ListedState(self.space.step(state.inner, action), state.branches[action])

    def key(self, state: ListedState):
        """What an agent sees of the state in the whole space."""
        return self.space.key(state.inner)

    def joined_step(self, state: ListedState, action: Action) -> int | None:
        """As in the whole space."""
        return self.space.joined_step(state.inner, action)

    def parse(self, text: str) -> Sequence[Action]:
        """As in the whole space."""
        return self.space.parse(text)

    def format(self, actions: Sequence[Action]) -> str:
        """As in the whole space."""
        return self.space.format(actions)

    def costs(self, actions: Sequence[Action]) -> Mapping[str, float]:
        """As in the whole space."""
        return self.space.costs(actions)
