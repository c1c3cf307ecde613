"""The contract of a search space: a deterministic decision process whose finished paths are architectures.

A state holds everything about the path so far. What an agent sees of it is `key(state)`; keys and actions are
hashable, and their `str` is injective within a space, because that is how they stand in the replay database.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from metaqnn.errors import IllegalArchitectureError

Action = Hashable
State = Any


@dataclass(frozen=True)
class Step:
    """One decision of a trajectory.

    Attributes:
        state: the key of the state in which the decision was made, as text.
        action: what was chosen, as text.
        choices: all actions that were legal there, as text, in the space's fixed order.
    """

    state: str
    action: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Trajectory:
    """A path from the initial state to a terminal one.

    Attributes:
        steps: the decisions in order, at least one.
        architecture: the canonical text of what the path built.
        recorded: what the strategy that proposed it wants recorded with the episode, by name; no part of the path. A
            replay memory keeps `epsilon`.
    """

    steps: tuple[Step, ...]
    architecture: str
    recorded: Mapping[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Cost:
    """What an architecture costs before anything is trained.

    Attributes:
        layers: number of layers or decisions.
        parameters: number of trainable numbers.
        flops: floating-point operations of one example's forward pass (2 x multiply-adds).
    """

    layers: int
    parameters: int
    flops: int


class Space(ABC):
    """A search space. Subclasses state their rules; everything here follows from those."""

    @property
    @abstractmethod
    def all_actions(self) -> tuple[Action, ...]:
        """Every action that is legal anywhere, in the fixed order."""

    @property
    @abstractmethod
    def max_steps(self) -> int:
        """The largest number of decisions in a trajectory."""

    @abstractmethod
    def initial_state(self) -> State:
        """Where every trajectory begins."""

    @abstractmethod
    def is_terminal(self, state: State) -> bool:
        """Whether the architecture is complete."""

    @abstractmethod
    def actions(self, state: State) -> tuple[Action, ...]:
        """The legal actions of a non-terminal state in the fixed order; never empty."""

    @abstractmethod
    def step(self, state: State, action: Action) -> State:
        """The state after a legal action."""

    @abstractmethod
    def key(self, state: State) -> Hashable:
        """What an agent sees of a state."""

    @abstractmethod
    def parse(self, text: str) -> Sequence[Action]:
        """The actions that build the architecture which `text` writes.

        Raises:
            NotationError: the text is no architecture.
        """

    @abstractmethod
    def format(self, actions: Sequence[Action]) -> str:
        """The canonical text of the architecture that `actions` build."""

    @abstractmethod
    def cost(self, actions: Sequence[Action]) -> Cost:
        """The cost of the architecture that `actions` build."""

    def walk(self, choose: Callable[[str, tuple[str, ...]], int]) -> Trajectory:
        """Walk from the initial to a terminal state.

        Args:
            choose: given the text of a state's key and of its legal actions, the index of the one to take.
        """
        state, steps, actions = self.initial_state(), [], []
        while not self.is_terminal(state):
            legal = self.actions(state)
            key, choices = self._text_of(self.key(state)), self._texts_of(legal)
            index = choose(key, choices)
            steps.append(Step(key, choices[index], choices))
            actions.append(legal[index])
            state = self.step(state, legal[index])
        return Trajectory(tuple(steps), self.format(actions))

    def trajectory(self, architecture: str) -> Trajectory:
        """Recompute the path of an architecture.

        Raises:
            NotationError: the text is no architecture.
            IllegalArchitectureError: the space does not contain it; the message names the first action that is
                not legal and what is legal in its place.
        """
        wanted = [str(action) for action in self.parse(architecture)]
        taken = iter(wanted)

        def follow(key: str, choices: tuple[str, ...]) -> int:
            action = next(taken, None)
            if action is None:
                raise IllegalArchitectureError(f"{architecture}: the network is incomplete at {key}")
            if action not in choices:
                raise IllegalArchitectureError(
                    f"{architecture}: {action} is not legal in state {key}; legal there: {', '.join(choices)}"
                )
            return choices.index(action)

        trajectory = self.walk(follow)
        if len(trajectory.steps) < len(wanted):
            raise IllegalArchitectureError(f"{architecture}: nothing may follow step {len(trajectory.steps)}")
        return trajectory

    def architectures(self) -> Iterator[str]:
        """The canonical texts of all architectures, one after another, in the order of actions."""
        paths: list[tuple[State, tuple[Action, ...]]] = [(self.initial_state(), ())]
        while paths:
            state, taken = paths.pop()
            if self.is_terminal(state):
                yield self.format(taken)
            else:
                paths += [(self.step(state, action), (*taken, action)) for action in reversed(self.actions(state))]

    @cached_property
    def _texts(self) -> dict:
        return {}

    def _text_of(self, key: Hashable) -> str:
        """The text of a key, made once: a search meets the same keys millions of times."""
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = str(key)
        return text

    @cached_property
    def _choices(self) -> dict:
        return {}

    def _texts_of(self, actions: tuple[Action, ...]) -> tuple[str, ...]:
        """The texts of a tuple of actions, made once."""
        texts = self._choices.get(actions)
        if texts is None:
            texts = self._choices[actions] = tuple(map(str, actions))
        return texts
