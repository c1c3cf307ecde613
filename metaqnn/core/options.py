"""Options of parts that have none."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NoOptions:
    """The section of a part that takes no keys."""
