"""Which architectures did best: of a search by their last evaluation that ended well, of a table by their mean."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from metaqnn.core import Score, Status
from metaqnn.replay.reader import ReplayReader


@dataclass(frozen=True)
class RankedModel:
    """An architecture with a measured score.

    Attributes:
        model: its number.
        architecture: canonical text.
        costs: by name.
        score: measured; of a table the mean over its evaluations, a failure as what the score says it counts.
        epoch: the first that reached it, from 1; None for a mean.
        evaluation: whose curve is shown; None where there is none.
        evaluations: that the score is a mean of.
        seconds: of that evaluation; None for a mean.
    """

    model: int
    architecture: str
    costs: Mapping[str, float]
    score: float
    epoch: int | None
    evaluation: int | None
    evaluations: int = 1
    seconds: float | None = None


@dataclass(frozen=True)
class Winner:
    """The best architecture of a search.

    Attributes:
        model: its number.
        architecture: canonical text.
        score: as measured.
        figures: what else was measured, by name.
        has_learned: whether it did better than to name one class whatever it sees.
    """

    model: int
    architecture: str
    score: float
    figures: Mapping[str, float]
    has_learned: bool


def read_ranking(reader: ReplayReader) -> tuple[RankedModel, ...]:
    """Every architecture of a search or a table with a measured score, the best first, the cheaper among equals."""
    ranking = _of_a_table(reader) if reader.is_table() else _of_a_search(reader)
    if not ranking:
        return ()
    score = reader.score()
    return tuple(sorted(ranking, key=lambda ranked: _merit(score, ranked.score, ranked.costs, ranked.model)))


def best_model(reader: ReplayReader) -> RankedModel | None:
    """The architecture that was best in the search or the table; None before any was evaluated to the end."""
    return next(iter(read_ranking(reader)), None)


def read_winner(reader: ReplayReader) -> Winner | None:
    """The best of a search; where none learned, the best of those that did not; None where there is none."""
    _, rows = reader.query(
        """SELECT m.model, m.architecture, m.costs, ifnull(e.score, e.last_score), e.figures, e.status = ?1
           FROM models m JOIN evaluations e USING (model)
           WHERE e.purpose = 'search' AND e.status IN (?1, ?2) AND ifnull(e.score, e.last_score) IS NOT NULL""",
        (Status.OK, Status.NEVER_LEARNED),
    )
    if not rows:
        return None
    score = reader.score()
    best = min(rows, key=lambda row: (not row[5], *_merit(score, row[3], json.loads(row[2]), row[0])))
    return Winner(best[0], best[1], best[3], json.loads(best[4]), bool(best[5]))


def _merit(score: Score, value: float, costs: Mapping[str, float], model: int) -> tuple[float, float, int]:
    """By what architectures are ranked, the smallest first: the score, then the first of the costs."""
    return -score.gain(value), next(iter(costs.values()), 0.0), model


def _of_a_search(reader: ReplayReader) -> list[RankedModel]:
    _, rows = reader.query(
        """SELECT m.model, m.architecture, m.costs, e.score, e.best_epoch, e.evaluation, 1, e.train_seconds
           FROM models m JOIN evaluations e ON e.evaluation = (
               SELECT max(evaluation) FROM evaluations WHERE model = m.model AND purpose = 'search' AND status = 'ok')
           WHERE e.score IS NOT NULL"""
    )
    return [RankedModel(row[0], row[1], json.loads(row[2]), *row[3:]) for row in rows]


def _of_a_table(reader: ReplayReader) -> list[RankedModel]:
    _, rows = reader.query(
        """SELECT model, architecture, costs, evaluation, status, score
           FROM evaluations JOIN models USING (model) WHERE purpose = 'table' ORDER BY evaluation"""
    )
    groups: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    failure = reader.score().failure if rows else 0.0
    return [
        RankedModel(
            model,
            group[0][1],
            json.loads(group[0][2]),
            fmean(failure if row[5] is None else row[5] for row in group),
            None,
            max((row[3] for row in group if row[4] == Status.OK), default=None),
            len(group),
        )
        for model, group in groups.items()
    ]
