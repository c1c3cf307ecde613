"""How models, evaluations and episodes are written as rows, whoever writes them."""

import json
import math
import sqlite3
from collections.abc import Mapping
from dataclasses import astuple
from datetime import UTC, datetime
from functools import cache

from metaqnn.core import CurvePoint, Episode, Evaluation, Model, Proposal, Score
from metaqnn.replay.chain_contents import curves_content


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
) -> list[object]:
    """Write an evaluation with its curves.

    Returns:
        what a hash chain covers of it, as `metaqnn.replay.chain_contents` reads it from these rows.
    """
    numbers = (number, model, seed, purpose, evaluation.status, evaluation.reason)
    scores = (_real(evaluation.score), evaluation.best_step(score), _real(evaluation.last_score))
    prediction = astuple(evaluation.prediction) if evaluation.prediction else (None,) * 4
    prediction = prediction[0], *map(_real, prediction[1:])
    connection.execute(
        "INSERT INTO evaluations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *numbers,
            *scores,
            as_json(evaluation.figures),
            len(evaluation.attempts),
            evaluation.seconds,
            now(),
            evaluation.device,
            *prediction,
            evaluation.node,
            as_json(evaluation.phases),
        ),
    )
    points = [(n, point) for n, attempt in enumerate(evaluation.attempts, start=1) for point in attempt.points]
    curves = [(number, attempt, *point_row(point)) for attempt, point in points]
    connection.executemany("INSERT INTO learning_curves VALUES (?, ?, ?, ?, ?, ?)", curves)
    covered = [(attempt, point.step, _real(point.score), point.figures) for attempt, point in points]
    figures = {name: finite(value) for name, value in evaluation.figures.items()}
    return [*numbers, *scores, figures, len(evaluation.attempts), *prediction, curves_content(covered)]


def insert_episode(connection: sqlite3.Connection, episode: Episode) -> list[object]:
    """Write an episode, whose model and evaluation are there.

    Returns:
        as `insert_evaluation`, but for the evaluation.
    """
    number, iteration, recorded, model = episode.number, episode.iteration, episode.recorded, episode.model
    rest = (episode.evaluation, _real(episode.score), float(episode.reward), int(episode.reused), episode.origin)
    connection.execute(
        "INSERT INTO replay VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (number, iteration, json.dumps(recorded), model, *rest, now()),
    )
    return [number, iteration, recorded, model, episode.architecture, *rest]


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


def _real(value: float | None) -> float | None:
    """A number as a column of doubles gives it back."""
    return None if value is None or math.isnan(value) else float(value)
