"""The tasks that no worker has taken yet."""

from collections import deque
from collections.abc import Sequence

from metaqnn.workers.pool_worker import PoolWorker
from metaqnn.workers.task import Task


class TaskQueue:
    """Tasks that wait, the oldest first."""

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, task: Task) -> None:
        """A task waits behind all others."""
        self._tasks.append(task)

    def put_back(self, task: Task) -> None:
        """A task that was taken waits again, before all others."""
        self._tasks.appendleft(task)

    def remove(self, task: Task) -> None:
        """A worker takes it."""
        self._tasks.remove(task)

    def clear(self) -> None:
        """Forget all."""
        self._tasks.clear()

    def next_for(self, worker: PoolWorker, workers: int) -> Task:
        """What a worker has made ready, if that is nearly due, else the oldest: the oldest holds up all others.

        Args:
            worker: which one; something waits.
            workers: how many there are: so many tasks are nearly due.
        """
        due = list(self._tasks)[:workers]
        return next((task for task in due if task.number == worker.prepares), due[0])

    def make_ready(self, workers: Sequence[PoolWorker]) -> None:
        """What waits is for whoever is done first; each GPU has one of them made ready meanwhile."""
        waiting = {task.number: task for task in self._tasks}
        spoken_for = {worker.prepares for worker in workers}
        for worker in workers:
            if worker.is_gpu and worker.prepares not in waiting:
                next_task = next((task for number, task in waiting.items() if number not in spoken_for), None)
                if next_task is not None:
                    worker.prepare(next_task)
                    spoken_for.add(next_task.number)
