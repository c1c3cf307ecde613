"""Every evaluation of a search or a table, without its curve."""

import json
from dataclasses import dataclass

from metaqnn.replay.reader import ReplayReader


@dataclass(frozen=True)
class RecordedEvaluation:
    """One recorded evaluation of an architecture.

    Attributes:
        evaluation, model: their numbers.
        architecture: canonical text.
        purpose: `search` or `table`.
        seed: all randomness of the evaluation derives from it.
        status: `ok`, or how it failed or was stopped.
        score: as measured; None unless the status is `ok`.
        attempts: fresh starts.
        seconds: wall clock of all attempts.
        recorded_at: ISO 8601 in UTC.
        device: what it ran on; empty where that is not known.
    """

    evaluation: int
    model: int
    architecture: str
    purpose: str
    seed: int
    status: str
    score: float | None
    attempts: int
    seconds: float
    recorded_at: str
    device: str


def read_evaluations(
    reader: ReplayReader, purpose: str | None = None, model: int | None = None
) -> tuple[RecordedEvaluation, ...]:
    """Every evaluation, in the order of their numbers.

    Args:
        reader: the database.
        purpose, model: only those of this purpose and this model; None is every one.
    """
    _, rows = reader.query(
        """SELECT evaluation, model, architecture, purpose, seed, status, iif(status = 'ok', score, NULL), attempts,
                  train_seconds, recorded_at, device
           FROM evaluations JOIN models USING (model)
           WHERE ifnull(purpose = ?, 1) AND ifnull(model = ?, 1) ORDER BY evaluation""",
        (purpose, model),
    )
    return tuple(RecordedEvaluation(*row) for row in rows)


@dataclass(frozen=True)
class ToldEvaluation:
    """A told episode with the outline of its evaluation.

    Attributes:
        episode, epsilon, model, architecture: of the episode.
        score: measured or predicted; None for a failure.
        best_epoch: the first that reached it, from 1; None where it was not measured.
        last_score: after the last epoch; None where there was none.
        recorded_at: ISO 8601 in UTC.
        device: what it ran on.
        epochs: of the last attempt; None where there was none.
    """

    episode: int
    epsilon: float | None
    model: int
    architecture: str
    score: float | None
    best_epoch: int | None
    last_score: float | None
    recorded_at: str
    device: str
    epochs: int | None


def read_told_evaluations(reader: ReplayReader) -> list[ToldEvaluation]:
    """Every told episode, in order, with the outline of its evaluation."""
    _, rows = reader.query(
        """SELECT r.episode, r.recorded, r.model, m.architecture, r.score, e.best_epoch, e.last_score, r.recorded_at,
                  e.device, (SELECT c.epoch FROM learning_curves c WHERE c.evaluation = e.evaluation
                             ORDER BY c.attempt DESC, c.epoch DESC LIMIT 1)
           FROM replay r JOIN models m USING (model) JOIN evaluations e USING (evaluation) ORDER BY r.episode"""
    )
    return [ToldEvaluation(row[0], json.loads(row[1]).get("epsilon"), *row[2:]) for row in rows]
