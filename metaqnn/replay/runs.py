"""The starts of a search, or of the enumeration of a table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from metaqnn.replay.reader import ReplayReader


@dataclass(frozen=True)
class Run:
    """One start.

    Attributes:
        run: its number, from 1.
        started_at, ended_at: ISO 8601 in UTC; `ended_at` is None while it runs, or if it was killed.
        elapsed_seconds: wall clock.
        outcome: how it ended; None as `ended_at`.
        models: the budget.
        workers: side by side.
        device: what it trained on; None until a worker was ready.
        versions: package -> version.
    """

    run: int
    started_at: str
    ended_at: str | None
    elapsed_seconds: float
    outcome: str | None
    models: int
    workers: int
    device: str | None
    versions: Mapping[str, str]


def read_runs(reader: ReplayReader) -> tuple[Run, ...]:
    """Every start, in order."""
    _, rows = reader.query(
        """SELECT run, started_at, ended_at, elapsed_seconds, outcome, models, workers, device, versions
           FROM runs ORDER BY run"""
    )
    return tuple(Run(*(*row[:8], json.loads(row[8]))) for row in rows)


def elapsed_seconds(reader: ReplayReader) -> float:
    """Wall clock of all runs, as it is recorded."""
    seconds: float = reader.query("SELECT ifnull(sum(elapsed_seconds), 0) FROM runs")[1][0][0]
    return seconds
