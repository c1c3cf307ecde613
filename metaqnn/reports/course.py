"""The course of a search: what its networks were worth one after another, and at each epsilon (the paper's Fig. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from metaqnn.replay.results import Result
from metaqnn.reports.results import new_networks, running_best

WINDOW = 100
"""Networks that the paper's rolling mean runs over."""


@dataclass(frozen=True)
class Stage:
    """What one epsilon gave.

    Attributes:
        epsilon: exploration rate; None for what was proposed without one.
        episodes: told at it.
        accuracies: of its new networks, in order, measured or predicted; failures are left out.
        failed: new networks without an accuracy.
        episode_mean: mean accuracy over its episodes, repeats included; None where all failed.
        first, last: iterations of its first and last episode.
    """

    epsilon: float | None
    episodes: int
    accuracies: tuple[float, ...]
    failed: int
    episode_mean: float | None
    first: int
    last: int

    @property
    def mean(self) -> float | None:
        """Mean accuracy of its new networks; None where all failed."""
        return fmean(self.accuracies) if self.accuracies else None


@dataclass(frozen=True)
class Course:
    """The accuracies of new networks in the order of telling.

    Attributes:
        iterations: distinct networks proposed up to each, one a network.
        accuracies: measured or predicted, in [0, 1].
        best: the best measured so far at each, in [0, 1]; None before the first.
        window: networks that the rolling mean runs over.
        rolling: (iteration, mean of the `window` networks that end there).
        stages: by epsilon, in the order of their first episode.
    """

    iterations: tuple[int, ...]
    accuracies: tuple[float, ...]
    best: tuple[float | None, ...]
    window: int
    rolling: tuple[tuple[int, float], ...]
    stages: tuple[Stage, ...]


def window_for(networks: int) -> int:
    """The paper's window, or a fifth of a search that has fewer than five of them; at least 2."""
    return max(2, min(WINDOW, networks // 5))


def course_of(results: Sequence[Result]) -> Course:
    """The course of some episodes.

    Args:
        results: in the order of telling.
    """
    new = [result for result in new_networks(results) if result.accuracy is not None]
    accuracies = tuple(result.accuracy for result in new)
    window = window_for(len(new))
    total, rolling = 0.0, []
    for end, result in enumerate(new, start=1):
        total += result.accuracy - (accuracies[end - 1 - window] if end > window else 0.0)
        if end >= window:
            rolling.append((result.iteration, total / window))
    return Course(
        tuple(result.iteration for result in new),
        accuracies,
        running_best(new),
        window,
        tuple(rolling),
        tuple(_stage(group) for group in _by_epsilon(results)),
    )


def _by_epsilon(results: Sequence[Result]) -> list[list[Result]]:
    groups: dict[float | None, list[Result]] = {}
    for result in results:
        groups.setdefault(result.epsilon, []).append(result)
    return list(groups.values())


def _stage(group: Sequence[Result]) -> Stage:
    new = new_networks(group)
    every = [result.accuracy for result in group if result.accuracy is not None]
    return Stage(
        group[0].epsilon,
        len(group),
        tuple(result.accuracy for result in new if result.accuracy is not None),
        sum(result.accuracy is None for result in new),
        fmean(every) if every else None,
        group[0].iteration,
        group[-1].iteration,
    )
