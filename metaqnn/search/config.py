"""The section `search`: how long, and how many episodes may be in flight."""

import math
from dataclasses import dataclass

from metaqnn.config import require
from metaqnn.core import HANG_SECONDS

MAX_MODELS = 10_000_000
"""More would not fit a database that anybody could open."""


@dataclass(frozen=True)
class SearchConfig:
    """How a search is run.

    Attributes:
        models: distinct architectures in total, whatever their outcome; None is what the strategy is made for.
        lookahead: L, episodes that may be in flight: episode n is proposed from exactly the episodes up to n - L.
        workers: processes that train side by side, at most `lookahead`; changes nothing but the time. None is one a
            GPU, or one a core where there is no GPU.
        checkpoint_seconds: the stored Q-values are refreshed at most this often.
        hang_seconds: a worker that gives no sign of life for so long is replaced and its candidate tried again: no
            answer from it and no processor that works for it, though one could; None: never. Its default is long
            beside anything that a healthy process waits for (`metaqnn.core.HANG_SECONDS`), so that neither a slow nor
            a busy machine changes a row.
    """

    models: int | None = None
    lookahead: int = 1
    workers: int | None = None
    checkpoint_seconds: float = 10.0
    hang_seconds: float | None = HANG_SECONDS

    def __post_init__(self) -> None:
        is_possible = self.models is None or 1 <= self.models <= MAX_MODELS
        require(is_possible, "models", f"from 1 to {MAX_MODELS}", self.models)
        require(1 <= self.lookahead <= 1000, "lookahead", "from 1 to 1000", self.lookahead)
        expected = f"from 1 to search.lookahead ({self.lookahead}), or nothing"
        require(self.workers is None or 1 <= self.workers <= self.lookahead, "workers", expected, self.workers)
        require(self.checkpoint_seconds >= 0, "checkpoint_seconds", "at least 0", self.checkpoint_seconds)
        is_possible = self.hang_seconds is None or 1.0 <= self.hang_seconds < math.inf
        require(is_possible, "hang_seconds", "at least 1, or nothing", self.hang_seconds)
