"""What failed, by the way in which it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from metaqnn.core import Status
from metaqnn.replay.failures import Failure

MEANINGS: Mapping[str, str] = {
    Status.NEVER_LEARNED: "no better than a guess in every attempt",
    Status.DIVERGED: "the score or the loss stopped being a number",
    Status.OUT_OF_MEMORY: "the device's memory was not enough",
    Status.TIMED_OUT: "longer than allowed",
    Status.CRASHED: "the process that it ran in ended",
    Status.HUNG: "the process that it ran in showed no sign of life, twice",
    Status.BUILD_FAILED: "it could not be built",
    Status.TOO_LARGE: "estimated to need more memory than allowed",
    Status.FAILED: "an error was raised, or there was no usable score",
}
"""What each failure says, in a few words."""


@dataclass(frozen=True)
class FailureKind:
    """The failures of one status: what it says, how many there are, and one of the reasons."""

    status: str
    meaning: str
    count: int
    example: str


def failure_kinds(failures: Sequence[Failure]) -> tuple[FailureKind, ...]:
    """The failures by status, the most frequent first."""
    groups: dict[str, list[Failure]] = {}
    for failure in failures:
        groups.setdefault(failure.status, []).append(failure)
    kinds = [FailureKind(s, MEANINGS.get(s, ""), len(group), group[0].reason) for s, group in groups.items()]
    return tuple(sorted(kinds, key=lambda kind: (-kind.count, kind.status)))
