"""Every told episode with what its evaluation gave."""

from dataclasses import dataclass

from metaqnn.replay.reader import ReplayReader
from metaqnn.trial import Source


@dataclass(frozen=True)
class Result:
    """A told episode with what its evaluation gave.

    Attributes:
        episode, iteration, epsilon, model, source, reused: as in `metaqnn.trial.Episode`.
        accuracy: of the network, in [0, 1], measured or predicted; None for a failure.
        measured: the same where it was trained to the end, else None.
        train_seconds: wall clock of the evaluation, which for a repeat was spent before.
    """

    episode: int
    iteration: int
    epsilon: float | None
    model: int
    accuracy: float | None
    measured: float | None
    train_seconds: float
    reused: bool
    source: Source


def read_results(reader: ReplayReader) -> tuple[Result, ...]:
    """Every told episode, in order."""
    _, rows = reader.query(
        """SELECT episode, iteration, epsilon, r.model, accuracy, iif(e.status = 'ok', accuracy, NULL), e.train_seconds,
                  reused, source FROM replay r JOIN evaluations e USING (evaluation) ORDER BY episode"""
    )
    return tuple(Result(*row[:7], bool(row[7]), Source(row[8])) for row in rows)
