"""How models, evaluations and episodes are written as rows, whoever writes them."""

import math
import sqlite3
from dataclasses import astuple
from datetime import UTC, datetime

from metaqnn.trial import Episode, EpochMetrics, Evaluation, Model


def now() -> str:
    """The time as it stands in the database: ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def insert_model(connection: sqlite3.Connection, model: Model) -> None:
    """Write a model, unless its number is there."""
    connection.execute("INSERT INTO models VALUES (?, ?, ?, ?, ?) ON CONFLICT (model) DO NOTHING", astuple(model))


def insert_evaluation(
    connection: sqlite3.Connection, number: int, model: int, seed: int, purpose: str, evaluation: Evaluation
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
            evaluation.best_accuracy,
            evaluation.best_epoch,
            evaluation.last_accuracy,
            evaluation.learning_rate,
            len(evaluation.attempts),
            evaluation.train_seconds,
            now(),
            evaluation.device,
            *(astuple(evaluation.prediction) if evaluation.prediction else (None,) * 4),
        ),
    )
    curves = [
        (number, attempt, m.epoch, m.learning_rate, *map(_finite, _measures(m)), m.epoch_seconds)
        for attempt, training in enumerate(evaluation.attempts, start=1)
        for m in training.epochs
    ]
    connection.executemany("INSERT INTO learning_curves VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", curves)


def insert_episode(connection: sqlite3.Connection, episode: Episode) -> None:
    """Write an episode, whose model and evaluation are there."""
    connection.execute(
        "INSERT INTO replay VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            episode.number,
            episode.iteration,
            episode.epsilon,
            episode.model,
            episode.evaluation,
            episode.accuracy,
            episode.reward,
            int(episode.reused),
            episode.source,
            now(),
        ),
    )


def _measures(metrics: EpochMetrics) -> tuple[float, float, float, float]:
    return metrics.train_loss, metrics.train_accuracy, metrics.validation_loss, metrics.validation_accuracy


def _finite(value: float) -> float | None:
    """SQLite has no NaN; NULL says the same."""
    return value if math.isfinite(value) else None
