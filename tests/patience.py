"""Limits that scale with the machine: a test waits for an event, and its limit only tells a hang from slowness."""

import subprocess
import sys
import time
from collections.abc import Callable

_QUICK_START = 0.05
"""Seconds that an interpreter takes to start on a machine with nothing else to do."""


def patience(seconds: float) -> float:
    """A limit for this moment: `seconds`, and so many times more as starting an interpreter takes longer now."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return seconds * max(1.0, (time.monotonic() - began) / _QUICK_START)


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
