"""What does the work inside a worker."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from metaqnn.core import Place, WorkerReady
from metaqnn.workers.memory import resident_bytes


class Runner(ABC):
    """Does one task after another, from the start of a worker to its end.

    Attributes:
        device: what it computes on, for people; empty where that means nothing.
        versions: of what computes there.
        is_gpu: whether it computes on one.
    """

    device: str = ""
    versions: Mapping[str, str] = {}
    is_gpu: bool = False

    @abstractmethod
    def run(self, payload: Any, report: Callable[[Any], None]) -> Any:
        """Do a task and return its result; `report` takes what is worth knowing before the end.

        Raises:
            MetaqnnError: it cannot be done at all; whatever else is raised ends the worker, but for the machine's
                faults (`metaqnn.machine`), which end the work of the pool.
        """

    def prepare(self, payload: Any) -> None:  # noqa: B027 - optional
        """Make the next task ready while this one runs; called from another thread, and only ever a guess."""

    def ready(self, worker: int) -> WorkerReady:
        """The news that this process can work."""
        pid = os.getpid()
        return WorkerReady(worker, pid, self.device, dict(self.versions), self.is_gpu, resident_bytes(pid))


StartRunner = Callable[[Place], Runner]
"""Starts a runner in a worker at this place. It is pickled, so a class or a function of a module, or a
`functools.partial` of one."""
