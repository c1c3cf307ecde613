"""The script of a network: what a recurrent controller reads and decides, step by step, while it writes the network."""

from dataclasses import dataclass, field
from typing import NamedTuple

from metaqnn.strategies.decisions import Decision


class Reading(NamedTuple):
    """What goes into the LSTM at one step.

    Attributes:
        previous: index of the last action chosen by softmax; the number of actions stands for the start.
        joined: rows of the outputs that were joined since the step before.
    """

    previous: int
    joined: tuple[int, ...]


class Choice(NamedTuple):
    """A decision by softmax over actions.

    Attributes:
        row: of the output that decides.
        actions: indices of those that were allowed.
        taken: which of these was taken.
    """

    row: int
    actions: tuple[int, ...]
    taken: int


class Anchor(NamedTuple):
    """A decision about joining earlier parts, by attention.

    Attributes:
        row: of the output that attends.
        joined: of each allowed choice the row of the output that is attended to; None where it joins nothing.
        taken: which of these was taken.
    """

    row: int
    joined: tuple[int | None, ...]
    taken: int


@dataclass
class Script:
    """All of it for one network, extended decision by decision.

    The LSTM makes a step for each choice, and one for anchors that follow one another. Row r of its outputs is what it
    said after r steps; row 0, before the first, is zero. A choice is represented by the output that has read it: where
    anchors follow a layer's choices, that is the LSTM's output at the layer's anchors, as in the paper (section 3.3).

    Args:
        start: what stands for the action before the first.

    Attributes:
        readings: one for each step of the LSTM.
        choices, anchors: in order.
    """

    start: int
    readings: list[Reading] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._previous, self._joined, self._is_at_anchors = self.start, list[int](), False
        self._rows: list[int] = []  # of each step of the trajectory

    def needs_step(self, decision: Decision) -> bool:
        """Whether the LSTM makes a step before it decides."""
        return not (decision.is_anchor and self._is_at_anchors)

    def reading(self) -> Reading:
        """What goes into the next step of the LSTM."""
        return Reading(self._previous, tuple(self._joined))

    def joined_rows(self, decision: Decision) -> tuple[int | None, ...]:
        """The rows that the allowed choices of an anchor decision join."""
        rows, joined = self._rows, decision.joined
        return tuple([None if (step := joined[place]) is None else rows[step] for place in decision.allowed])

    def add(self, decision: Decision, place: int) -> None:
        """Take note of a decision and the place among its choices that was taken, which is allowed."""
        taken = decision.allowed.index(place)
        if self.needs_step(decision):
            self.readings.append(self.reading())
            self._joined = []
        row = len(self.readings)
        if decision.is_anchor:
            joined = self.joined_rows(decision)
            self.anchors.append(Anchor(row, joined, taken))
            if (other := joined[taken]) is not None:
                self._joined.append(other)
        else:
            self.choices.append(Choice(row, decision.actions, taken))
            self._previous = decision.choices[place]
        self._is_at_anchors = decision.is_anchor
        self._rows.append(row if decision.is_anchor else row + 1)
