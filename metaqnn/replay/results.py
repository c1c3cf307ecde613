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
        reward: what the strategy learned from.
        expected, deviation: of the reward, where the strategy had an expectation before.
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
    reward: float = 0.0
    expected: float | None = None
    deviation: float | None = None


def read_results(reader: ReplayReader) -> tuple[Result, ...]:
    """Every told episode, in order."""
    _, rows = reader.query(
        """SELECT episode, iteration, recorded, r.model, r.score, iif(e.status = 'ok', r.score, NULL),
                  e.train_seconds, reused, source, reward
           FROM replay r JOIN evaluations e USING (evaluation) ORDER BY episode"""
    )
    return tuple(_result(*row) for row in rows)


def _result(
    episode: int,
    iteration: int,
    recorded: str,
    model: int,
    score: float | None,
    measured: float | None,
    seconds: float,
    reused: int,
    source: str,
    reward: float,
) -> Result:
    told = json.loads(recorded)
    return Result(
        *(episode, iteration, told.get("epsilon"), model, score, measured, seconds, bool(reused)),
        *(EpisodeOrigin(source), reward, told.get("expected"), told.get("deviation")),
    )
