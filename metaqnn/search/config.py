"""The section `search`: how long, and how many episodes may be in flight."""

import math
from dataclasses import dataclass
from typing import Literal

from metaqnn.config import require
from metaqnn.core import HANG_SECONDS

MAX_MODELS = 10_000_000
"""More would not fit a database that anybody could open."""


@dataclass(frozen=True)
class ClusterConfig:
    """The section `search.cluster`: workers are on the machines of a Ray cluster. It changes nothing but the time.

    Attributes:
        address: `auto` for the cluster that this machine belongs to, `local` for one of this machine alone, or
            `ray://host:port` or `host:port`.
        cpus: cores that a candidate needs.
        gpus: GPUs that it needs, a part of one where several share it; None is one where the cluster has any.
        memory: in GiB that it needs; None is `training.max_memory`, else what the largest of some networks takes.
        data: `send` puts the data into the cluster, `path` has each machine read them where the experiment says; None
            sends them, unless they are so many that they stay on the disk.
        same_kind: machines with another processor, or other versions of what computes, are refused.
    """

    address: str
    cpus: float = 1.0
    gpus: float | None = None
    memory: float | None = None
    data: Literal["send", "path"] | None = None
    same_kind: bool = False

    def __post_init__(self) -> None:
        require(bool(self.address.strip()), "address", "auto, local, ray://host:port or host:port", self.address)
        require(0.0 < self.cpus < math.inf, "cpus", "above 0", self.cpus)
        is_share = self.gpus is None or 0.0 <= self.gpus < 1.0 or (self.gpus >= 1.0 and self.gpus.is_integer())
        require(is_share, "gpus", "a part of one, a whole number, or nothing", self.gpus)
        require(self.memory is None or 0.0 < self.memory < math.inf, "memory", "above 0, or nothing", self.memory)


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
        cluster: the address of a Ray cluster, or a section; None has all workers on this machine. It may be said
            differently each time, so no database holds it.
    """

    models: int | None = None
    lookahead: int = 1
    workers: int | None = None
    checkpoint_seconds: float = 10.0
    hang_seconds: float | None = HANG_SECONDS
    cluster: ClusterConfig | str | None = None

    def __post_init__(self) -> None:
        is_possible = self.models is None or 1 <= self.models <= MAX_MODELS
        require(is_possible, "models", f"from 1 to {MAX_MODELS}", self.models)
        require(1 <= self.lookahead <= 1000, "lookahead", "from 1 to 1000", self.lookahead)
        expected = f"from 1 to search.lookahead ({self.lookahead}), or nothing"
        require(self.workers is None or 1 <= self.workers <= self.lookahead, "workers", expected, self.workers)
        require(self.checkpoint_seconds >= 0, "checkpoint_seconds", "at least 0", self.checkpoint_seconds)
        if isinstance(self.cluster, str):
            object.__setattr__(self, "cluster", ClusterConfig(self.cluster))
        is_possible = self.hang_seconds is None or 1.0 <= self.hang_seconds < math.inf
        require(is_possible, "hang_seconds", "at least 1, or nothing", self.hang_seconds)
