"""Where the time of a training goes: seconds by phase, each moment in one of them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

Phase = Literal["building", "tracing", "training", "validation", "messages", "garbage", "bookkeeping"]
"""Building weights; tracing or compiling graphs ahead of the first epoch; steps of the optimizer, with what Keras's
`fit` builds on the way; the validation images; telling the search of each epoch; letting go of a network; the rest."""

PHASES: tuple[Phase, ...] = get_args(Phase)


class Phases:
    """A stopwatch that always runs, for one phase at a time; what is measured within another is taken off it.

    Args:
        clock: seconds.

    Attributes:
        seconds: of each phase that there was, so far, up to the last change.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self.seconds: dict[str, float] = {}
        self._clock, self._phase, self._since = clock, "bookkeeping", clock()

    @contextmanager
    def of(self, phase: Phase) -> Iterator[None]:
        """Count what happens in the block to a phase."""
        outer = self._change_to(phase)
        try:
            yield
        finally:
            self._change_to(outer)

    def move(self, seconds: float, of: Phase, to: Phase) -> None:
        """Count so much of a phase that has ended to another one."""
        self.seconds[of] -= seconds
        self.seconds[to] = self.seconds.get(to, 0.0) + seconds

    def stop(self) -> dict[str, float]:
        """The seconds of every phase up to now, in the order of `PHASES`."""
        self._change_to(self._phase)
        return {phase: self.seconds[phase] for phase in PHASES if phase in self.seconds}

    def _change_to(self, phase: str) -> str:
        now, outer = self._clock(), self._phase
        self.seconds[outer] = self.seconds.get(outer, 0.0) + now - self._since
        self._phase, self._since = phase, now
        return outer
