"""Limits that scale with the machine: a test waits for an event, and its limit only tells a hang from slowness."""

import subprocess
import sys
import time
from collections.abc import Callable

_QUICK_START = 0.05
"""Seconds that an interpreter takes to start on a machine with nothing else to do."""

_WORK_SECONDS = 0.2
"""Of a processor: long enough that a process that has just begun is not favoured any more."""


def patience(seconds: float) -> float:
    """A limit for this moment: `seconds`, and so many times more as starting Python, or work, takes longer now."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    start = (time.monotonic() - began) / _QUICK_START
    began, done = time.monotonic(), time.process_time() + _WORK_SECONDS
    while time.process_time() < done:
        pass
    return seconds * max(1.0, start, (time.monotonic() - began) / _WORK_SECONDS)


def is_within(began: float, seconds: float) -> bool:
    """Whether what began then took no longer; the machine is measured only where it did."""
    taken = time.monotonic() - began
    return taken < seconds or taken < patience(seconds)


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for what must happen."""
    began = time.monotonic()
    while not condition():
        assert is_within(began, seconds), "it did not happen in time"
        time.sleep(0.02)
