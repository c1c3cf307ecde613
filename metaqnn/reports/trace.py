"""The score trace of a search: what it found one after another, and at each epsilon (the paper's Fig. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from metaqnn.core import Score
from metaqnn.replay.results import Result
from metaqnn.reports.results import new_architectures, running_best

WINDOW = 100
"""What the paper's rolling mean runs over."""


@dataclass(frozen=True)
class Stage:
    """What one epsilon gave.

    Attributes:
        epsilon: exploration rate; None for what was proposed without one.
        episodes: told at it.
        scores: of its new architectures, in order, measured or predicted; failures are left out.
        failed: new architectures without a score.
        episode_mean: mean score over its episodes, repeats included; None where all failed.
        first, last: iterations of its first and last episode.
    """

    epsilon: float | None
    episodes: int
    scores: tuple[float, ...]
    failed: int
    episode_mean: float | None
    first: int
    last: int

    @property
    def mean(self) -> float | None:
        """Mean score of its new architectures; None where all failed."""
        return fmean(self.scores) if self.scores else None


@dataclass(frozen=True)
class ScoreTrace:
    """The scores of new architectures in the order of telling.

    Attributes:
        iterations: distinct architectures proposed up to each, one for each score.
        scores: measured or predicted.
        best: the best measured so far at each; None before the first.
        window: how many the rolling mean runs over.
        rolling: (iteration, mean of the `window` scores that end there).
        stages: by epsilon, in the order of their first episode.
    """

    iterations: tuple[int, ...]
    scores: tuple[float, ...]
    best: tuple[float | None, ...]
    window: int
    rolling: tuple[tuple[int, float], ...]
    stages: tuple[Stage, ...]


def window_for(count: int) -> int:
    """The paper's window, or a fifth of a search that has fewer than five of them; at least 2."""
    return max(2, min(WINDOW, count // 5))


def trace_of(results: Sequence[Result], score: Score) -> ScoreTrace:
    """The trace of some episodes, which are in the order of telling."""
    new = [result for result in new_architectures(results) if result.score is not None]
    scores = tuple(result.score for result in new if result.score is not None)
    window = window_for(len(new))
    total, rolling = 0.0, []
    for end, (result, value) in enumerate(zip(new, scores, strict=True), start=1):
        total += value - (scores[end - 1 - window] if end > window else 0.0)
        if end >= window:
            rolling.append((result.iteration, total / window))
    return ScoreTrace(
        tuple(result.iteration for result in new),
        scores,
        running_best(new, score),
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
    new = new_architectures(group)
    every = [result.score for result in group if result.score is not None]
    return Stage(
        group[0].epsilon,
        len(group),
        tuple(result.score for result in new if result.score is not None),
        sum(result.score is None for result in new),
        fmean(every) if every else None,
        group[0].iteration,
        group[-1].iteration,
    )
