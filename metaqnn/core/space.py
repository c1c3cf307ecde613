"""The contract of a search space: a deterministic decision process whose finished paths are architectures.

A state holds everything about the path so far. What an agent sees of it is `key(state)`; keys and actions are
hashable, and their `str` is injective within a space, because that is how they stand in the replay database.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from metaqnn.core.options import NoOptions
from metaqnn.core.trajectory import Trajectory
from metaqnn.core.walk_node import WalkNode
from metaqnn.errors import IllegalArchitectureError, brief

Action = Hashable
State = Any

NODES_AT_MOST = 20_000
"""The states that a space remembers from its walks, about a kilobyte each; then it forgets all and begins anew."""


class Space(ABC):
    """A search space. Subclasses state their rules; everything here follows from those.

    `all_actions` and `max_steps` are constants of a space: plain attributes of the class will do, and so will ones that
    `__init__` sets, where the class names them (`all_actions: tuple = ()`).

    Args:
        options: the section `space`, as `Options`.
        facts: what the evaluator says of its data (`Evaluator.facts`), such as the shape of an input.

    Examples:
        >>> from metaqnn.core import Space
        >>> class Bits(Space):
        ...     '''Three bits, one after another.'''
        ...
        ...     all_actions, max_steps = ("0", "1"), 3
        ...     initial_state = lambda self: ""
        ...     is_terminal = lambda self, state: len(state) == 3
        ...     actions = lambda self, state: self.all_actions
        ...     step = lambda self, state, action: state + action
        ...     key = lambda self, state: f"{len(state)}:{state[-1:]}"
        ...     parse = lambda self, text: tuple(text)
        ...     format = lambda self, actions: "".join(actions)
        >>> Bits().trajectory("011").steps[1]
        Step(state='1:0', action='1', choices=('0', '1'))
        >>> list(Bits().architectures())[:3], Bits().costs("011")
        (['000', '001', '010'], {})
    """

    Options: ClassVar[type] = NoOptions

    def __init__(self, options: Any = None, facts: Mapping[str, Any] | None = None):
        self.options, self.facts = options, facts or {}

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

    def costs(self, actions: Sequence[Action]) -> Mapping[str, float]:
        """What the architecture that `actions` build costs before anything is evaluated, by name; {} where unknown.

        The same names for every architecture, those that matter most first. Whole numbers stay whole.
        """
        return {}

    def describe(self, action: Action) -> Mapping[str, float]:
        """Positive numbers that say what an action is, by name, for models of what a trajectory returns.

        Actions of one kind have the same names, and others than actions of other kinds. {} says no more than that
        actions differ.
        """
        return {}

    def joined_step(self, state: State, action: Action) -> int | None:
        """The step whose part of the architecture this action joins to the part being built; None where it joins none.

        Steps of the trajectory count from 0, and what is joined was built before: a skip connection from an earlier
        layer, or a predecessor. Strategies may read from it which earlier decisions an action refers to.

        Args:
            state: not terminal.
            action: legal there.
        """
        return None

    def walk(self, choose: Callable[[str, tuple[str, ...]], int]) -> Trajectory:
        """Walk from the initial to a terminal state.

        Args:
            choose: given the text of a state's key and of its legal actions, the index of the one to take.
        """
        nodes = self.__nodes
        if not nodes or len(nodes) > NODES_AT_MOST:
            nodes.clear()
            self.__node(self.initial_state(), None)
        node = nodes[0]
        while node.trajectory is None:
            index = choose(node.key, node.choices)
            following = node.following[index]
            if following is None:
                state = self.step(node.state, node.actions[index])
                following = node.following[index] = self.__node(state, (node, index))
            node = following
        return node.trajectory

    def trajectory(self, architecture: str) -> Trajectory:
        """Recompute the path of an architecture.

        Raises:
            NotationError: the text is no architecture.
            IllegalArchitectureError: the space does not contain it; the message names the first action that is
                not legal and what is legal in its place.
        """
        wanted = [str(action) for action in self.parse(architecture)]
        taken, told = iter(wanted), brief(architecture)

        def follow(key: str, choices: tuple[str, ...]) -> int:
            action = next(taken, None)
            if action is None:
                raise IllegalArchitectureError(f"{told}: the network is incomplete at {key}")
            if action not in choices:
                raise IllegalArchitectureError(
                    f"{told}: {brief(action)} is not legal in state {key}; legal there: {', '.join(choices)}"
                )
            return choices.index(action)

        trajectory = self.walk(follow)
        if len(trajectory.steps) < len(wanted):
            raise IllegalArchitectureError(f"{told}: nothing may follow step {len(trajectory.steps)}")
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
    def __nodes(self) -> list[WalkNode]:  # with two underscores, as a plug-in may well have nodes of its own
        """Of the tree of walks, the beginning first."""
        return []

    def __node(self, state: State, before: tuple[WalkNode, int] | None) -> WalkNode:
        """A new node of the tree; the space is asked about a state here, and nowhere else in a walk."""
        node = WalkNode(state, before)
        if self.is_terminal(state):
            steps, actions = node.path()
            node.trajectory = Trajectory(steps, self.format(actions))
        else:
            node.actions, node.key = self.actions(state), self._text_of(self.key(state))
            node.choices = self._texts_of(node.key, node.actions)
            node.following = [None] * len(node.actions)
        self.__nodes.append(node)
        return node

    def __getstate__(self) -> object:
        """Everything but what walks met, which a copy meets again: it may be changed before it is walked through."""
        state = super().__getstate__()
        attributes, slots = state if isinstance(state, tuple) else (state, None)  # slots, where a subclass has some
        kept = {name: value for name, value in (attributes or {}).items() if name != "_Space__nodes"}
        return (kept, slots) if slots else kept

    @cached_property
    def _texts(self) -> dict[Hashable, str]:
        return {}

    def _text_of(self, key: Hashable) -> str:
        """The text of a key, made once: a search meets the same keys millions of times."""
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = str(key)
        return text

    @cached_property
    def _choices(self) -> dict[str, tuple[tuple[Action, ...], tuple[str, ...]]]:
        return {}

    def _texts_of(self, key: str, actions: tuple[Action, ...]) -> tuple[str, ...]:
        """The texts of a state's actions, made once where a space answers with the same tuple each time."""
        known = self._choices.get(key)
        if known is None or known[0] is not actions:
            known = self._choices[key] = actions, tuple(map(str, actions))
        return known[1]
