"""What failed and why, and what was stopped early because it would not have been among the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from metaqnn.replay.reader import ReplayReader
from metaqnn.trial import Status

MEANINGS = {
    Status.NEVER_LEARNED: "no better than chance after every restart",
    Status.DIVERGED: "the loss stopped being a number",
    Status.OUT_OF_MEMORY: "the device's memory was not enough",
    Status.TIMED_OUT: "longer than training.max_seconds",
    Status.CRASHED: "the process that trained it ended",
    Status.BUILD_FAILED: "the network could not be built",
    Status.TOO_LARGE: "estimated to need more memory than allowed",
}
"""What each failure says, in a few words."""


@dataclass(frozen=True)
class Failure:
    """A network whose last evaluation failed.

    Attributes:
        model: its number.
        architecture: canonical text.
        status: how.
        reason: one sentence.
        parameters: weights and biases.
    """

    model: int
    architecture: str
    status: str
    reason: str
    parameters: int


@dataclass(frozen=True)
class FailureKind:
    """The failures of one status.

    Attributes:
        status: theirs.
        meaning: what it says.
        count: of networks.
        example: one of the reasons.
    """

    status: str
    meaning: str
    count: int
    example: str


@dataclass(frozen=True)
class Predictions:
    """What stopping early gave.

    Attributes:
        stopped: trainings that were stopped.
        epochs_trained, epochs_saved: over all trainings; what the stopped ones would have taken more.
        controls: (predicted, reached) accuracy of trainings that would have been stopped but went to the end.
    """

    stopped: int
    epochs_trained: int
    epochs_saved: int
    controls: tuple[tuple[float, float], ...]

    @property
    def saved_share(self) -> float:
        """The part of all epochs that was saved."""
        return self.epochs_saved / max(1, self.epochs_trained + self.epochs_saved)

    @property
    def error(self) -> float | None:
        """Mean |predicted - reached| of the controls; None without any."""
        return fmean(abs(predicted - reached) for predicted, reached in self.controls) if self.controls else None

    @property
    def bias(self) -> float | None:
        """Mean (predicted - reached) of the controls; None without any."""
        return fmean(predicted - reached for predicted, reached in self.controls) if self.controls else None


def read_failures(reader: ReplayReader) -> tuple[Failure, ...]:
    """Every network whose last evaluation failed; of a table every failed training."""
    if reader.is_table():
        sql = """SELECT model, architecture, status, reason, parameters FROM evaluations JOIN models USING (model)
                 WHERE purpose = 'table' AND status != 'ok' ORDER BY evaluation"""
    else:
        sql = "SELECT model, architecture, status, reason, parameters FROM failures"
    return tuple(Failure(*row) for row in reader.query(sql)[1])


def failure_kinds(failures: Sequence[Failure]) -> tuple[FailureKind, ...]:
    """The failures by status, the most frequent first."""
    groups: dict[str, list[Failure]] = {}
    for failure in failures:
        groups.setdefault(failure.status, []).append(failure)
    kinds = [FailureKind(s, MEANINGS.get(s, ""), len(group), group[0].reason) for s, group in groups.items()]
    return tuple(sorted(kinds, key=lambda kind: (-kind.count, kind.status)))


def read_predictions(reader: ReplayReader, epochs: int) -> Predictions:
    """What stopping early gave.

    Args:
        reader: the database.
        epochs: of a whole attempt.
    """
    _, rows = reader.query(
        "SELECT predicted_accuracy, best_accuracy FROM predictions WHERE error IS NOT NULL ORDER BY evaluation"
    )
    _, sums = reader.query(
        """SELECT ifnull(sum(status = 'predicted'), 0),
                  (SELECT count(*) FROM learning_curves JOIN evaluations USING (evaluation) WHERE purpose = 'search'),
                  ifnull(sum(iif(status = 'predicted', ? - predicted_epoch, 0)), 0)
           FROM predictions""",
        (epochs,),
    )
    return Predictions(*sums[0], tuple(rows))
