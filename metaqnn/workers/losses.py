"""How workers are lost, how often a task is tried again after that, and how often a worker is started again."""

from collections import Counter
from enum import StrEnum

from metaqnn.errors import EvaluatorError

_MAX_FAILED_STARTS = 3
"""So many workers in a row that end by themselves before they are ready are the machine's fault."""

_MAX_KILLED_STARTS = 20
"""So many in a row that are killed before they are ready, too: by then it is no accident."""


class Loss(StrEnum):
    """How a worker came to be lost."""

    CRASHED = "it ended by itself"
    HUNG = "it showed no sign of life"
    KILLED = "somebody ended it"
    HELD_UP = "somebody stopped it, or the machine was suspended, or it is out of reach"


FORGIVEN = {Loss.CRASHED: 0, Loss.HUNG: 1, Loss.KILLED: 3, Loss.HELD_UP: 20}
"""So often the same task is tried again. What held a worker up never counts against its task: after so many times it
is the machine's fault, and the work ends."""


class Losses:
    """Counts the losses of each task."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, Loss]] = Counter()

    def count(self, task: int, loss: Loss) -> int:
        """Count one more; how many there are."""
        self._counts[task, loss] += 1
        return self._counts[task, loss]

    def forget(self, task: int) -> None:
        """A task is answered."""
        for loss in Loss:
            self._counts.pop((task, loss), None)


class FailedStarts:
    """Counts the workers in a row that were lost before they were ready."""

    def __init__(self) -> None:
        self._failed = self._killed = 0

    def count(self, loss: Loss, reason: str) -> None:
        """Count one more.

        Raises:
            EvaluatorError: there are too many.
        """
        is_own_doing = loss in (Loss.CRASHED, Loss.HUNG)
        self._failed += is_own_doing
        self._killed += not is_own_doing
        if self._failed >= _MAX_FAILED_STARTS or self._killed >= _MAX_KILLED_STARTS:
            raise EvaluatorError(
                f"expected a worker process that can train, but {self._failed + self._killed} in a row ended while "
                f"starting: {reason}"
            )

    def forget(self) -> None:
        """A worker is ready."""
        self._failed = self._killed = 0
