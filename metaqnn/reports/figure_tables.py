"""The numbers of a report's figures, as the CSV that lies beside each."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metaqnn.core import Attempt, Score
from metaqnn.replay.leaderboard import RankedModel
from metaqnn.reports.baseline import RandomSearchBaseline
from metaqnn.reports.expectations import Expectations
from metaqnn.reports.trace import ScoreTrace, Stage
from metaqnn.reports.trade_offs import TradeOff
from metaqnn.reports.values import Grouping


@dataclass(frozen=True)
class FigureTable:
    """Named columns, and a tuple a row; None is an empty field."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def as_csv(self) -> bytes:
        """In UTF-8, with every digit of a number."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([self.columns, *self.rows])
        return text.getvalue().encode("utf-8", errors="replace")


def table_of(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> FigureTable:
    """A table of any rows."""
    return FigureTable(tuple(columns), tuple(map(tuple, rows)))


def trace_table(trace: ScoreTrace, score: Score) -> FigureTable:
    """A row a new architecture."""
    means = dict(trace.rolling)
    columns = ("iteration", score.name, "best_so_far", f"mean_of_the_last_{trace.window}")
    each = zip(trace.iterations, trace.scores, trace.best, strict=True)
    return table_of(columns, ((iteration, *values, means.get(iteration)) for iteration, *values in each))


def distribution_table(stages: Sequence[Stage], score: Score) -> FigureTable:
    """A row a new architecture."""
    return table_of(("epsilon", score.name), ((stage.epsilon, value) for stage in stages for value in stage.scores))


def values_table(grouping: Grouping) -> FigureTable:
    """A row a group and a depth."""
    columns = (*(name.replace(" ", "_") for name in (grouping.each, grouping.across)), "mean_q_value", "pairs")
    return table_of(
        columns,
        (
            (line.label, *point)
            for line in grouping.lines
            for point in zip(line.depths, line.means, line.pairs, strict=True)
        ),
    )


def expectations_table(expectations: Expectations) -> FigureTable:
    """A row an episode."""
    return table_of(
        ("episode", "expected_reward", "standard_deviation", "measured_reward"),
        ((point.episode, point.expected, point.deviation, point.reward) for point in expectations.points),
    )


def curve_table(attempts: Sequence[Attempt], score: Score, others: Mapping[str, str]) -> FigureTable:
    """A row an attempt and a step."""
    return table_of(
        ("attempt", "step", score.name, *others),
        (
            (number, point.step, point.score, *map(point.figures.get, others))
            for number, attempt in enumerate(attempts, start=1)
            for point in attempt.points
        ),
    )


def trade_off_table(ranking: Sequence[RankedModel], trade_off: TradeOff, score: Score) -> FigureTable:
    """A row an architecture."""
    on_front = {ranked.model for ranked in trade_off.front}
    return table_of(
        ("model", "architecture", trade_off.cost, score.name, "on_the_pareto_front"),
        ((r.model, r.architecture, r.costs[trade_off.cost], r.score, int(r.model in on_front)) for r in ranking),
    )


def baseline_table(baseline: RandomSearchBaseline) -> FigureTable:
    """A row a number of architectures."""
    return table_of(
        ("architectures", "best_so_far", "expected_of_random_search", "worse_end_of_95_percent", "better_end"),
        (
            (point.count, best, point.expected, point.worst, point.best)
            for point, best in zip(baseline.curve, baseline.best_so_far, strict=True)
        ),
    )
