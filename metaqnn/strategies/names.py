"""Names that strategies had, in what was written with them: a file of a user, or the experiment of a database."""

from collections.abc import Mapping
from typing import Any

from metaqnn.strategies.linear_ucb import DEFAULT

_OF_LINEAR_UCB = DEFAULT.keys() - {"schedule"}
"""Keys that say that linear_ucb was meant by the name that it had."""


def renamed(section: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """A section `strategy` with the names of today.

    Args:
        section: as it was written. Without a name it means linear_ucb, but q_learning with `preset: paper`.

    Returns:
        the section, and a line for whoever wrote it; empty where the names are those of today.
    """
    section = dict(section)
    section.setdefault("name", "q_learning" if section.get("preset") == "paper" else "linear_ucb")
    if section["name"] != "q_learning":
        return section, ""
    if section.get("preset", "default" if section.keys() & _OF_LINEAR_UCB else None) == "default":
        line = "what was 'name: q_learning' with 'preset: default' is called 'name: linear_ucb' now"
        return section | {"name": "linear_ucb", "preset": "default"}, line
    if "preset" in section:
        return section, ""
    return section, "'name: q_learning' alone means the paper's Q-learning now; what it meant before is 'linear_ucb'"
