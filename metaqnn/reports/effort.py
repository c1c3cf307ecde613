"""Time: spent on training, and saved by what was known before."""

from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.replay.evaluations import read_trainings
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.results import Result
from metaqnn.replay.runs import elapsed_seconds
from metaqnn.reports.results import new_networks


@dataclass(frozen=True)
class Effort:
    """The time that a search took.

    Attributes:
        elapsed_seconds: wall clock of all runs.
        train_seconds: of each training, in the order of telling.
        repeats: episodes that needed no training.
        saved_seconds: what training those again would have taken.
        attempts: trainings from fresh weights, restarts included.
    """

    elapsed_seconds: float
    train_seconds: tuple[float, ...]
    repeats: int
    saved_seconds: float
    attempts: int

    @property
    def total_seconds(self) -> float:
        """Of all trainings; side by side they take less of the wall clock."""
        return sum(self.train_seconds)

    @property
    def networks_per_hour(self) -> float | None:
        """By the wall clock; None where nothing was trained."""
        if not self.train_seconds or self.elapsed_seconds <= 0:
            return None
        return 3600 * len(self.train_seconds) / self.elapsed_seconds


def read_effort(reader: ReplayReader, results: Sequence[Result]) -> Effort:
    """The time of a search, or of a table.

    Args:
        reader: the database.
        results: its episodes; none of a table.
    """
    trainings = read_trainings(reader, "table" if reader.is_table() else "search")
    told = trainings if reader.is_table() else new_networks(results)
    repeats = [result.train_seconds for result in results if result.reused]
    return Effort(
        elapsed_seconds(reader),
        tuple(each.train_seconds for each in told),
        len(repeats),
        sum(repeats),
        sum(training.attempts for training in trainings),
    )
