"""A state that walks through a space came to, and what the space said of it: a search meets the same ones again."""

from collections.abc import Hashable
from typing import Any

from metaqnn.core.trajectory import Step, Trajectory


class WalkNode:
    """A state as a node of the tree of paths.

    Args:
        state: of the space.
        before: the node that was left for it and the index of the action there; None at the beginning.

    Attributes:
        key: what an agent sees of the state, as text.
        actions, choices: what is legal there, and as text; both empty in a terminal state.
        following: the nodes that walks went on to, by the index of the action.
        trajectory: the path that ends here; None where none does.
    """

    __slots__ = ("actions", "before", "choices", "following", "key", "state", "trajectory")

    def __init__(self, state: Any, before: "tuple[WalkNode, int] | None" = None):
        self.state, self.before = state, before
        self.key = ""
        self.actions: tuple[Hashable, ...] = ()
        self.choices: tuple[str, ...] = ()
        self.following: list[WalkNode | None] = []
        self.trajectory: Trajectory | None = None

    def path(self) -> tuple[tuple[Step, ...], list[Hashable]]:
        """The steps that lead here, and their actions as the space has them."""
        steps, actions, before = [], [], self.before
        while before is not None:
            node, index = before
            steps.append(Step(node.key, node.choices[index], node.choices))
            actions.append(node.actions[index])
            before = node.before
        return tuple(reversed(steps)), actions[::-1]
