"""A path through a search space: its steps, and the architecture that it built."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
        recorded: what the strategy that proposed it wants recorded with its episode, such as its epsilon; no part of
            the path.
    """

    steps: tuple[Step, ...]
    architecture: str
    recorded: Mapping[str, float] = field(default_factory=dict, compare=False)
