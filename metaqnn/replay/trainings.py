"""Every training of a search or a table, without its curve."""

from dataclasses import dataclass

from metaqnn.replay.reader import ReplayReader


@dataclass(frozen=True)
class Training:
    """One recorded evaluation of a network.

    Attributes:
        evaluation, model: their numbers.
        purpose: `search` or `table`.
        seed: all randomness of the training derives from it.
        status: `ok`, or how it failed or was stopped.
        accuracy: best validation accuracy, in [0, 1]; None unless the status is `ok`.
        attempts: trainings from fresh weights, restarts included.
        train_seconds: wall clock of all attempts.
        recorded_at: ISO 8601 in UTC.
        device: what it ran on; empty where that is not known.
    """

    evaluation: int
    model: int
    purpose: str
    seed: int
    status: str
    accuracy: float | None
    attempts: int
    train_seconds: float
    recorded_at: str
    device: str


def read_trainings(reader: ReplayReader, model: int | None = None) -> tuple[Training, ...]:
    """Every training, in the order of their numbers.

    Args:
        reader: the database.
        model: only those of this model; None is every model.
    """
    _, rows = reader.query(
        """SELECT evaluation, model, purpose, seed, status, best_accuracy, attempts, train_seconds, recorded_at, device
           FROM evaluations WHERE ifnull(model = ?, 1) ORDER BY evaluation""",
        (model,),
    )
    return tuple(Training(*row) for row in rows)
