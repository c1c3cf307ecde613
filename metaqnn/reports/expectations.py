"""What an agent expected of the networks that it proposed, against what they then got."""

from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.replay.results import Result

LEVELS = ((0.5, 0.6744897501960817), (0.95, 1.959963984540054))
"""(share, standard deviations about the mean within which that share of normally distributed values lies)."""


@dataclass(frozen=True)
class Point:
    """An episode: the reward that was expected and how surely, before it was evaluated, and the reward that it got."""

    episode: int
    expected: float
    deviation: float
    reward: float

    def is_within(self, deviations: float) -> bool:
        """Whether the reward is within so many standard deviations."""
        return abs(self.reward - self.expected) <= deviations * self.deviation


@dataclass(frozen=True)
class Expectations:
    """How right an agent was about itself.

    Attributes:
        points: an episode each; failures, of which the reward is declared, are left out.
        within: of `LEVELS`, the share of the points that lie within.
        mean_error: mean of reward minus expectation: below 0 where it expects too much.
        mean_distance: mean distance of both.
    """

    points: tuple[Point, ...]
    within: tuple[float, ...]
    mean_error: float
    mean_distance: float


def expectations_of(results: Sequence[Result]) -> Expectations | None:
    """What was expected of new architectures and measured; None where nothing was expected."""
    points = tuple(
        Point(result.episode, result.expected, result.deviation, result.reward)
        for result in results
        if result.expected is not None
        and result.deviation is not None
        and result.measured is not None
        and not result.reused
    )
    if not points:
        return None
    errors = [point.reward - point.expected for point in points]
    return Expectations(
        points,
        tuple(sum(point.is_within(deviations) for point in points) / len(points) for _, deviations in LEVELS),
        sum(errors) / len(points),
        sum(map(abs, errors)) / len(points),
    )
