"""What the searches of a soak evaluate: functions of the architecture alone that take some hundredths of a second."""

import os
import time
from hashlib import blake2b


def score(architecture) -> float:
    """A score in [0, 1)."""
    first, second, *_ = _digest(architecture)
    time.sleep(0.005 + second / 4000)
    return first / 256


def rough_score(architecture) -> float:
    """The same, but some architectures raise, give no number, or end their process."""
    _, _, third = _digest(architecture)
    if third < 8:
        raise ValueError(f"no score for {architecture}")
    if third < 16:
        return float("nan")
    if third < 22:
        os._exit(7)
    return score(architecture)


def _digest(architecture) -> bytes:
    return blake2b(architecture.text.encode(), digest_size=3).digest()
