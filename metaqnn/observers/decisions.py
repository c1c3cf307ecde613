"""The decisions of an architecture as hyperparameters, which every tool knows."""

from collections.abc import Sequence


def step_name(place: int) -> str:
    """`step 01`, `step 02`, ...: names that sort."""
    return f"step {place:02}"


def named_decisions(actions: Sequence[str]) -> dict[str, str]:
    """What was chosen at each step."""
    return {step_name(place): action for place, action in enumerate(actions, start=1)}
