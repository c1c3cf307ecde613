"""Time: spent on evaluations, and saved by what was known before."""

from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.replay.evaluations import read_evaluations
from metaqnn.replay.nodes import NodeUse, read_nodes
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.results import Result
from metaqnn.replay.runs import elapsed_seconds
from metaqnn.reports.results import new_architectures


@dataclass(frozen=True)
class ComputeUsage:
    """The time that a search took.

    Attributes:
        elapsed_seconds: wall clock of all runs.
        seconds: of each evaluation, in the order of telling.
        repeats: episodes that needed no evaluation.
        saved_seconds: what evaluating those again would have taken.
        attempts: fresh starts, restarts included.
        nodes: what each machine of a cluster did; none of a search that was on one.
    """

    elapsed_seconds: float
    seconds: tuple[float, ...]
    repeats: int
    saved_seconds: float
    attempts: int
    nodes: tuple[NodeUse, ...] = ()

    @property
    def total_seconds(self) -> float:
        """Of all evaluations; side by side they take less of the wall clock."""
        return sum(self.seconds)

    @property
    def per_hour(self) -> float | None:
        """Evaluations by the wall clock; None where there were none."""
        if not self.seconds or self.elapsed_seconds <= 0:
            return None
        return 3600 * len(self.seconds) / self.elapsed_seconds


def read_usage(reader: ReplayReader, results: Sequence[Result]) -> ComputeUsage:
    """The time of a search with these episodes, or of a table, which has none."""
    evaluations = read_evaluations(reader, "table" if reader.is_table() else "search")
    told = evaluations if reader.is_table() else new_architectures(results)
    repeats = [result.seconds for result in results if result.reused]
    return ComputeUsage(
        elapsed_seconds(reader),
        tuple(each.seconds for each in told),
        len(repeats),
        sum(repeats),
        sum(evaluation.attempts for evaluation in evaluations),
        read_nodes(reader),
    )
