"""What a report computes of the episodes of a search, in the order of telling."""

from collections.abc import Sequence

from metaqnn.core import Source
from metaqnn.replay.results import Result


def of_the_search(results: Sequence[Result]) -> tuple[Result, ...]:
    """What the search itself proposed; where it proposed nothing, what was imported in its place."""
    own = tuple(result for result in results if result.source is not Source.IMPORTED)
    return own or tuple(results)


def new_networks(results: Sequence[Result]) -> list[Result]:
    """The episodes that brought a result that was not known, in order."""
    return [result for result in results if not result.reused]


def running_best(results: Sequence[Result]) -> tuple[float | None, ...]:
    """The best measured accuracy after each of some results; None before the first."""
    best, course = None, []
    for result in results:
        if result.measured is not None and (best is None or result.measured > best):
            best = result.measured
        course.append(best)
    return tuple(course)
