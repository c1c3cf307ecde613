"""How workers are lost, and how often a task is tried again after that."""

from collections import Counter
from enum import StrEnum


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
