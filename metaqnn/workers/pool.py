"""What every pool does: tasks are queued, and what comes of them is asked for."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

from metaqnn.core import WorkerLost
from metaqnn.workers.task import Event, Task, TaskFailed, TaskFinished

_ASKED = -1
"""The number of the one task that is waited for; those of others are at least 0."""

_POLL_SECONDS = 0.2


class Pool(ABC):
    """Does tasks, the oldest first, and answers each once: finished or failed."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Queue a task; returns at once."""

    @abstractmethod
    def results(self, timeout: float) -> list[Event]:
        """What happened since the last call, waiting at most `timeout` seconds for the first of it.

        Raises:
            EvaluatorError: nothing can be done at all.
            MachineError: the machine failed a worker; raised when everything before it has been told.
        """

    @abstractmethod
    def stop(self) -> None:
        """End all work at once; what is in flight is dropped. No process is left when this returns."""

    def ask(self, payload: Any, others: list[Event]) -> TaskFinished | TaskFailed:
        """Have something done and wait for it.

        Args:
            payload: of the task.
            others: what else happens meanwhile is appended to it.

        Raises:
            EvaluatorError: nothing can be done at all.
        """
        self.submit(Task(_ASKED, payload))
        answer = None
        while answer is None:
            for event in self.results(_POLL_SECONDS):
                if isinstance(event, WorkerLost) and event.number == _ASKED:
                    others.append(replace(event, number=None))
                elif isinstance(event, TaskFinished | TaskFailed) and event.number == _ASKED:
                    answer = event
                elif getattr(event, "number", None) != _ASKED:
                    others.append(event)
        return answer
