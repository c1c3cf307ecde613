"""How models, evaluations and episodes are written as rows, whoever writes them."""

import json
import math
import sqlite3
from collections.abc import Mapping
from dataclasses import astuple
from datetime import UTC, datetime
from functools import cache

from metaqnn.core import CurvePoint, Episode, Evaluation, Model, Proposal, Score


def now() -> str:
    """The time as it stands in the database: ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def insert_model(connection: sqlite3.Connection, model: Model) -> None:
    """Write a model, unless its number is there."""
    row = model.model, model.architecture, json.dumps(model.costs)
    connection.execute("INSERT INTO models VALUES (?, ?, ?) ON CONFLICT (model) DO NOTHING", row)


def insert_proposal(connection: sqlite3.Connection, proposal: Proposal) -> None:
    """Write an episode in flight, whose model is there."""
    connection.execute(
        "INSERT INTO proposals VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            proposal.episode,
            proposal.iteration,
            json.dumps(proposal.recorded),
            proposal.model.model,
            proposal.evaluation,
            proposal.origin,
            now(),
        ),
    )


def insert_evaluation(
    connection: sqlite3.Connection,
    number: int,
    model: int,
    seed: int,
    purpose: str,
    evaluation: Evaluation,
    score: Score,
) -> None:
    """Write an evaluation with its curves."""
    connection.execute(
        "INSERT INTO evaluations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            model,
            seed,
            purpose,
            evaluation.status,
            evaluation.reason,
            evaluation.score,
            evaluation.best_step(score),
            evaluation.last_score,
            as_json(evaluation.figures),
            len(evaluation.attempts),
            evaluation.seconds,
            now(),
            evaluation.device,
            *(astuple(evaluation.prediction) if evaluation.prediction else (None,) * 4),
        ),
    )
    curves = [
        (number, number_of_attempt, *point_row(point))
        for number_of_attempt, attempt in enumerate(evaluation.attempts, start=1)
        for point in attempt.points
    ]
    connection.executemany("INSERT INTO learning_curves VALUES (?, ?, ?, ?, ?, ?)", curves)


def insert_episode(connection: sqlite3.Connection, episode: Episode) -> None:
    """Write an episode, whose model and evaluation are there."""
    connection.execute(
        "INSERT INTO replay VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            episode.number,
            episode.iteration,
            json.dumps(episode.recorded),
            episode.model,
            episode.evaluation,
            episode.score,
            episode.reward,
            int(episode.reused),
            episode.origin,
            now(),
        ),
    )


def point_row(point: CurvePoint) -> tuple[int, float | None, str, float]:
    """Step, score, figures and seconds of a point of a learning curve, as a row has them."""
    return point.step, finite(point.score), as_json(point.figures), point.seconds


def as_json(figures: Mapping[str, float]) -> str:
    """Named figures as they are kept: what `json.dumps` writes, in a third of its time, for every point of a curve."""
    return f"{{{', '.join([f'{_quoted(name)}: {_number(value)}' for name, value in figures.items()])}}}"


def _number(value: float) -> str:
    """A number of Python's or of NumPy's in JSON."""
    if type(value) is int:
        return repr(value)
    return float.__repr__(value) if value is not None and math.isfinite(value) else "null"


_quoted = cache(json.dumps)


def finite(value: float | None) -> float | None:
    """SQLite and JSON have no NaN; NULL says the same."""
    return value if value is None or math.isfinite(value) else None
