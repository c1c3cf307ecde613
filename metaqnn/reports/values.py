"""What an agent learned: its Q-values by the depth of the decision (the paper's Fig. A3 and A4)."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from metaqnn.core import QValue

_MOST_LINES = 12
"""Groups that a figure can tell apart."""


@dataclass(frozen=True)
class Line:
    """Mean Q-values of one group of actions by depth, from 1, over so many updated state-action pairs each."""

    label: str
    depths: tuple[int, ...]
    means: tuple[float, ...]
    pairs: tuple[int, ...]


@dataclass(frozen=True)
class Grouping:
    """The Q-values in groups, as one figure shows them.

    Attributes:
        name: of the figure's files.
        title: of the figure.
        each: what a line is of.
        lines: one a group.
        names, colors: of groups, by their label; what is not there has its label and any colour.
        across: what depth is called.
    """

    name: str
    title: str
    each: str
    lines: tuple[Line, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    colors: Mapping[str, str] = field(default_factory=dict)
    across: str = "depth of the decision"


@dataclass(frozen=True)
class Values:
    """The Q-values of a search as of an episode: how many pairs were updated and understood, and these in groups."""

    episode: int
    pairs: int
    groupings: tuple[Grouping, ...]


def values_of(episode: int, entries: Iterable[QValue]) -> Values:
    """Group the entries of a Q-table by the leading word of their action; those without a depth are left out."""
    items = [(depth, _word(entry.action), entry.value) for entry in entries if (depth := depth_of(entry))]
    lines = lines_of(items, str, lambda label: (0, int(label), "") if label.isdecimal() else (1, 0, label))
    by_size = sorted(lines, key=lambda line: -sum(line.pairs))[:_MOST_LINES]
    shown = tuple(line for line in lines if line in by_size)
    title = "Mean Q-value by kind of action"
    groupings = (Grouping("q-by-action", title, "leading word of the action", shown),) if shown else ()
    return Values(episode, len(items), groupings)


def depth_of(entry: QValue) -> int | None:
    """Which decision, from 1, is made in a state such as `0:start`; None where it does not say."""
    made = entry.state.partition(":")[0]
    return int(made) + 1 if made.isdecimal() else None


def _word(action: str) -> str:
    found = re.match(r"[^\W\d]+", action)
    return found[0] if found else action


def lines_of(
    items: Sequence[tuple[int, Any, float]], label: Callable[[Any], str], order: Callable[[str], Any]
) -> tuple[Line, ...]:
    """A line a group of (depth, action, value), in an order of their labels."""
    groups: dict[str, dict[int, list[float]]] = {}
    for depth, action, value in items:
        groups.setdefault(label(action), {}).setdefault(depth, []).append(value)
    lines = []
    for name in sorted(groups, key=order):
        depths = sorted(groups[name])
        values = [groups[name][depth] for depth in depths]
        lines.append(Line(name, tuple(depths), tuple(map(fmean, values)), tuple(map(len, values))))
    return tuple(lines)
