"""Tells which workers show no sign of life, so that none is waited for for ever.

A worker lives while a thread of it beats, or while a processor works for it: one that computes without ever letting
that thread run has no beat but uses a processor, one that waits for an answer from elsewhere uses none but beats, and
one on a busy machine waits for its turn (see `metaqnn.workers.vital_signs`). Where tasks compute all the while
(`Limits.computes`), one that beats but neither works nor ends a step for many times as long as the longest step so far
is taken for dead, too: that is what a deadlock inside a framework looks like.

Time counts only while this process looks: what stopped or suspended it, or the whole machine, is nobody's silence.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.workers import vital_signs
from metaqnn.workers.memory_guard import Limits
from metaqnn.workers.pool_worker import PoolWorker

_LOOK_SECONDS = 1.0
"""Between two looks; one look counts for at most `_MAX_LOOKS` of them."""

_MAX_LOOKS = 5

_BUSY_SHARE = 0.02
"""A worker that a processor works for less than this part of the time does nothing: twice what Linux's clock ticks can
tell in a second, and a tenth of what a process gets beside ten others on each core."""

_MANY_TIMES = 20
"""A step that takes so many times as long as the longest before it is no slow step."""

_SUSPENDED_SECONDS = 1.0
"""Clocks are read one after the other; a machine that was suspended was so for longer."""


@dataclass(frozen=True)
class Lifeless:
    """A worker that must be replaced.

    Attributes:
        worker: which one.
        was_held_up: whether the cause is outside: somebody stopped it, its disk does not answer, the machine slept.
        reason: in one sentence.
    """

    worker: PoolWorker
    was_held_up: bool
    reason: str


class LifeGuard:
    """Follows the signs of life of busy workers.

    Args:
        limits: `hang_seconds` without a sign are too many; None never are.
    """

    def __init__(self, limits: Limits):
        self._limits = limits
        self._most = math.inf if limits.hang_seconds is None else limits.hang_seconds
        self._longest_step = 0.0
        self._looked_at = time.monotonic()
        self._suspended = vital_signs.suspended_seconds()

    def heard(self, worker: PoolWorker, is_step: bool = False) -> None:
        """A message came from a worker; `is_step`: the end of a step of its task."""
        unlooked = time.monotonic() - self._looked_at  # the next look counts this, too
        worker.pulse.quiet_seconds = -unlooked
        if is_step:
            self._longest_step = max(self._longest_step, worker.pulse.step_seconds())
            worker.pulse.idle_seconds, worker.pulse.step_began = -unlooked, time.monotonic()

    def lifeless(self, workers: Sequence[PoolWorker]) -> list[Lifeless]:
        """Look at the workers that have a task, now and then; those that show no sign of life."""
        now = time.monotonic()
        elapsed = now - self._looked_at
        if elapsed < _LOOK_SECONDS:
            return []
        self._looked_at = now
        before, self._suspended = self._suspended, vital_signs.suspended_seconds()
        was_suspended = self._suspended - before > _SUSPENDED_SECONDS
        counted = min(elapsed, _MAX_LOOKS * _LOOK_SECONDS)
        found = [self._look(worker, counted, was_suspended) for worker in workers if worker.task]
        return [each for each in found if each]

    def _look(self, worker: PoolWorker, counted: float, was_suspended: bool) -> Lifeless | None:
        pulse, signs = worker.pulse, worker.channel.vital_signs(worker.beating_thread)
        pulse.was_held_up |= was_suspended or (signs is not None and signs.is_stopped)
        busy = None if signs is None else signs.busy_seconds
        # A thread that ends takes its time along: less than before is a change, too.
        works = busy is not None and (
            pulse.busy_seconds is None or abs(busy - pulse.busy_seconds) > _BUSY_SHARE * counted
        )
        pulse.busy_seconds = busy
        if works or (signs is not None and signs.is_traced):  # who debugs it wants it to stay
            pulse.quiet_seconds = pulse.idle_seconds = 0.0
            return None
        pulse.quiet_seconds += counted
        pulse.idle_seconds += counted
        for_seconds = f"for {self._most:g} s"
        if pulse.quiet_seconds >= self._most:
            if signs is None:
                reason = f"nobody knows {for_seconds} what became of it"
            elif signs.is_stopped:
                reason = f"it was stopped, and has not gone on {for_seconds}"
            elif signs.waits_for_disk:
                reason = f"it has waited for a disk {for_seconds}"
            else:
                reason = f"{for_seconds} it neither answered nor used a processor"
        elif pulse.idle_seconds >= self._longest_idle(worker):
            reason = f"for {pulse.idle_seconds:.0f} s it neither ended a step nor used a processor"
        else:
            return None
        was_held_up = pulse.was_held_up or signs is None or signs.waits_for_disk
        return Lifeless(worker, was_held_up, f"worker {worker.number} shows no sign of life: {reason}")

    def _longest_idle(self, worker: PoolWorker) -> float:
        if not self._limits.computes or worker.started_at is None:
            return math.inf
        return max(self._most, _MANY_TIMES * self._longest_step)
