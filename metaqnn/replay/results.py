"""Every told episode with what its evaluation gave."""

import json
from dataclasses import dataclass

from metaqnn.core import EpisodeOrigin
from metaqnn.replay.reader import ReplayReader


@dataclass(frozen=True)
class Result:
    """A told episode with what its evaluation gave.

    Attributes:
        episode, iteration, epsilon, model, origin, reused: as in `metaqnn.core.Episode`.
        score: measured or predicted; None for a failure.
        measured: the same where it was evaluated to the end, else None.
        seconds: wall clock of the evaluation, which for a repeat was spent before.
    """

    episode: int
    iteration: int
    epsilon: float | None
    model: int
    score: float | None
    measured: float | None
    seconds: float
    reused: bool
    origin: EpisodeOrigin


def read_results(reader: ReplayReader) -> tuple[Result, ...]:
    """Every told episode, in order."""
    _, rows = reader.query(
        """SELECT episode, iteration, recorded, r.model, r.score, iif(e.status = 'ok', r.score, NULL),
                  e.train_seconds, reused, source
           FROM replay r JOIN evaluations e USING (evaluation) ORDER BY episode"""
    )
    return tuple(
        Result(*(*row[:2], json.loads(row[2]).get("epsilon"), *row[3:7], bool(row[7]), EpisodeOrigin(row[8])))
        for row in rows
    )
