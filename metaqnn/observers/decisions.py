"""The decisions of an architecture as hyperparameters, which every tool knows."""

from collections.abc import Sequence


def named_decisions(actions: Sequence[str]) -> dict[str, str]:
    """`step 01`, `step 02`, ... -> what was chosen there, named so that they sort."""
    return {f"step {place:02}": action for place, action in enumerate(actions, start=1)}
