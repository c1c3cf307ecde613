"""Which architectures failed, and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from metaqnn.replay.reader import ReplayReader

NOT_ONLY_IMPORTED = "model NOT IN (SELECT model FROM replay GROUP BY model HAVING min(source = 'imported'))"
"""Holds for the models that a search proposed itself, whether it was the first to know them or not."""


@dataclass(frozen=True)
class Failure:
    """An architecture whose last evaluation failed.

    Attributes:
        model: its number.
        architecture: canonical text.
        status: how.
        reason: one sentence.
        costs: by name.
    """

    model: int
    architecture: str
    status: str
    reason: str
    costs: Mapping[str, float]


def read_failures(reader: ReplayReader) -> tuple[Failure, ...]:
    """Every architecture whose last evaluation failed; of a table every failed evaluation."""
    if reader.is_table():
        sql = """SELECT model, architecture, status, reason, costs FROM evaluations JOIN models USING (model)
                 WHERE purpose = 'table' AND status != 'ok' ORDER BY evaluation"""
    else:
        sql = """SELECT model, architecture, status, f.reason, costs
                 FROM failures f JOIN models USING (model, architecture)"""
    return tuple(Failure(row[0], row[1], row[2], row[3], json.loads(row[4])) for row in reader.query(sql)[1])


def first_reason(reader: ReplayReader) -> str | None:
    """Why the first evaluation that failed did; None where none has a reason."""
    _, rows = reader.query("SELECT reason FROM evaluations WHERE reason != '' ORDER BY evaluation LIMIT 1")
    return rows[0][0] if rows else None
