"""The pool without workers: tasks are done in this process, at once and one after another."""

from collections import deque
from collections.abc import Callable

from metaqnn.machine import machine_faults
from metaqnn.workers.pool import Pool
from metaqnn.workers.runner import Runner
from metaqnn.workers.task import Event, Task, TaskFinished, TaskProgress, TaskStarted


class _DroppedError(BaseException):
    """Leaves a task that is to be dropped; no Exception, which would be the task's failure."""


class InlinePool(Pool):
    """Does each task when its results are asked for, and waits for it.

    For answers that are there at once, and for small work, where starting a process takes longer. This process is
    left as it is. A task that crashes it takes it along, one that hangs is waited for, and what a runner raises is
    raised here.

    Args:
        start: starts the runner, with the first task.
        should_drop: told every event when it happens; where it says so of a progress, the task is dropped.
    """

    def __init__(self, start: Callable[[], Runner], should_drop: Callable[[Event], bool] = lambda event: False):
        self._start, self._should_drop = start, should_drop
        self._runner: Runner | None = None
        self._queue: deque[Task] = deque()

    def submit(self, task: Task) -> None:
        """Queue a task."""
        self._queue.append(task)

    def results(self, timeout: float) -> list[Event]:
        """Do the next task."""
        if not self._queue:
            return []
        events: list[Event] = []

        def tell(event: Event) -> None:
            events.append(event)
            if self._should_drop(event) and isinstance(event, TaskProgress):
                raise _DroppedError

        if self._runner is None:
            self._runner = self._start()
            if self._runner.device:
                tell(self._runner.ready(1))
        task = self._queue.popleft()
        tell(TaskStarted(task.number))
        try:
            with machine_faults():
                result = self._runner.run(task.payload, lambda content: tell(TaskProgress(task.number, content)))
        except _DroppedError:
            return events
        tell(TaskFinished(task.number, result))
        return events

    def stop(self) -> None:
        """Forget what was queued, and what the runner holds."""
        self._queue.clear()
        self._runner = None
