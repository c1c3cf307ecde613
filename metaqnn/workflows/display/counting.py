"""Work that is counted: a bar with the time left on a terminal, lines now and then elsewhere; or each time, or nothing.

It goes to the standard error, so that the standard output has results alone.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from metaqnn.verbosity import Verbosity, verbosity
from metaqnn.workflows.display.words import duration

_QUIET_SECONDS = 30.0


@contextmanager
def counting(what: str, has_lines: bool = True) -> Iterator[Callable[..., None]]:
    """Show how far some work is.

    Args:
        what: is counted, such as "trainings".
        has_lines: whether there are lines where nobody watches; work of seconds needs none.

    Yields:
        a function to call with how many are done, of how many, and, if there are any, a few words about them.
    """
    is_watched = verbosity() is Verbosity.VERBOSE or sys.stderr.isatty()
    if verbosity() is Verbosity.QUIET or not (is_watched or has_lines):
        yield lambda done, total, words="": None
    elif verbosity() is Verbosity.VERBOSE:
        yield _lines(what, every=0.0)
    elif sys.stderr.isatty():
        with _bar(what) as count:
            yield count
    else:
        yield _lines(what, _QUIET_SECONDS)


@contextmanager
def _bar(what: str) -> Iterator[Callable[..., None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, speed_estimate_period=120) as bar:
        task = bar.add_task(what, total=None)

        def count(done: int, total: int, words: str = "") -> None:
            bar.update(task, completed=done, total=total, description=f"{what} {words}".rstrip())

        yield count


def _lines(what: str, every: float) -> Callable[..., None]:
    began, first, last_line = time.monotonic(), None, -float("inf")

    def count(done: int, total: int, words: str = "") -> None:
        nonlocal first, last_line
        now = time.monotonic()
        first = done if first is None else first
        if now - last_line < every and done < total:
            return
        last_line = now
        left = (now - began) / (done - first) * (total - done) if done > first else None
        line = f"[{done:>{len(str(total))}}/{total}] {what} {words}".rstrip()
        print(f"{line}, left {duration(left)}", file=sys.stderr, flush=True)

    return count
