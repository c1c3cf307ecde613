"""Every training of a search or a table, without its curve."""

from dataclasses import dataclass

from metaqnn.replay.reader import ReplayReader


@dataclass(frozen=True)
class Training:
    """One recorded evaluation of a network.

    Attributes:
        evaluation, model: their numbers.
        architecture: canonical text.
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
    architecture: str
    purpose: str
    seed: int
    status: str
    accuracy: float | None
    attempts: int
    train_seconds: float
    recorded_at: str
    device: str


def read_trainings(reader: ReplayReader, purpose: str | None = None, model: int | None = None) -> tuple[Training, ...]:
    """Every training, in the order of their numbers.

    Args:
        reader: the database.
        purpose, model: only those of this purpose and this model; None is every one.
    """
    _, rows = reader.query(
        """SELECT evaluation, model, architecture, purpose, seed, status, best_accuracy, attempts, train_seconds,
                  recorded_at, device
           FROM evaluations JOIN models USING (model)
           WHERE ifnull(purpose = ?, 1) AND ifnull(model = ?, 1) ORDER BY evaluation""",
        (purpose, model),
    )
    return tuple(Training(*row) for row in rows)
