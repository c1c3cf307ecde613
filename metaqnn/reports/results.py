"""What a report computes of the episodes of a search, in the order of telling."""

from collections.abc import Sequence

from metaqnn.core import EpisodeOrigin, Score
from metaqnn.replay.results import Result


def of_the_search(results: Sequence[Result]) -> tuple[Result, ...]:
    """What the search itself proposed; where it proposed nothing, what was imported in its place."""
    own = tuple(result for result in results if result.origin is not EpisodeOrigin.IMPORTED)
    return own or tuple(results)


def new_architectures(results: Sequence[Result]) -> list[Result]:
    """The episodes that brought a result that was not known, in order."""
    return [result for result in results if not result.reused]


def running_best(results: Sequence[Result], score: Score) -> tuple[float | None, ...]:
    """The best measured score after each of some results; None before the first."""
    best, bests = None, []
    for result in results:
        if result.measured is not None and score.is_better(result.measured, best):
            best = result.measured
        bests.append(best)
    return tuple(bests)
