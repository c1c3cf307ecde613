"""A comparison of strategies: tables with intervals, and the raw traces."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np

from metaqnn.replay.places import new_place
from metaqnn.replay.tables import Table
from metaqnn.reports.regret import (
    CONFIDENCE,
    Interval,
    RegretTrace,
    by_label,
    checkpoints,
    digits,
    interval,
    levels,
    rounded,
)

Measure = Literal["regret", "reward regret"]
"""By the target of what was chosen, or of the reward itself."""

MEASURES: tuple[Measure, ...] = ("regret", "reward regret")
"""Both."""

_OVERVIEW_COLUMNS = 4
"""What fits on a screen of 80 columns."""


def _values(trace: RegretTrace, measure: Measure) -> tuple[float, ...]:
    return trace.regrets if measure == "regret" else trace.reward_regrets


def regret_table(traces: Sequence[RegretTrace], points: Sequence[int] = (), measure: Measure = "regret") -> Table:
    """Mean regret with its interval, by strategy and evaluations; the best at the end first."""
    rows = [
        (label, len(group), at, *rounded(interval([_values(trace, measure)[at - 1] for trace in group]), group[0].span))
        for label, group in by_label(traces).items()
        for at in checkpoints(traces, points)
    ]
    columns = ("strategy", "seeds", "evaluations", measure.replace(" ", "_"), "lower", "upper")
    return Table(f"Mean {measure} in {traces[0].unit}, with its 95 % interval", columns, tuple(rows))


def regret_overview(traces: Sequence[RegretTrace], points: Sequence[int] = (), measure: Measure = "regret") -> Table:
    """`regret_table` for people: a line a strategy, and a column for each of the last few numbers of evaluations."""
    shown, places = checkpoints(traces, points)[-_OVERVIEW_COLUMNS:], digits(traces[0].span) - 1
    rows: dict[str, list] = {}
    for label, seeds, point, mean, low, _ in regret_table(traces, points, measure).rows:
        if point in shown:
            half = "" if low is None else f" ±{mean - low:.{places}f}"
            rows.setdefault(label, [label, seeds]).append(f"{mean:.{places}f}{half}")
    title = f"Mean {measure} in {traces[0].unit}, and half of its 95 % interval"
    return Table(title, ("strategy", "seeds", *(f"at {point}" for point in shown)), tuple(map(tuple, rows.values())))


def cost_table(traces: Sequence[RegretTrace]) -> Table:
    """Processor time of a proposal, and how many were made for an evaluation: repeats are free, but cost their time."""
    rows = []
    for label, group in by_label(traces).items():
        milliseconds = 1000 * float(np.mean([trace.proposal_seconds for trace in group]))
        each = float(np.mean([trace.proposals / len(trace.regrets) for trace in group]))
        rows.append((label, float(f"{milliseconds:.3g}"), round(each, 3)))
    return Table("What proposals cost", ("strategy", "milliseconds_a_proposal", "proposals_an_evaluation"), tuple(rows))


def difference_tables(
    groups: Sequence[Sequence[RegretTrace]], points: Sequence[int] = (), measure: Measure = "regret"
) -> list[Table]:
    """Paired differences between strategies with the same seeds, a table for each group of runs.

    `p` is that of the paired t-test, corrected over all rows of all tables (Holm, 1979); the verdict follows from it.

    Args:
        groups: the runs on each table.
        points: evaluations to look at; by default 100 and the end.
        measure: what differs.
    """
    found = [list(_differences(traces, points, measure)) for traces in groups]
    corrected = iter(_holm([chance for each in found for *_, chance in each]))
    columns = ("strategy", "against", "seeds", "at", measure.replace(" ", "_"), "lower", "upper", "p", "verdict")
    tables = []
    for traces, differences in zip(groups, found, strict=True):
        rows = []
        for better, worse, seeds, point, between, _ in differences:
            chance = next(corrected)
            is_decided = chance < 1 - CONFIDENCE
            verdict = f"{better if between.mean < 0 else worse} is better" if is_decided else "not decided"
            shown = None if math.isnan(chance) else float(f"{chance:.2g}")
            rows.append((better, worse, seeds, point, *rounded(between, traces[0].span), shown, verdict))
        title = f"Paired differences of {measure} (strategy - against), with 95 % intervals"
        tables.append(Table(title, columns, tuple(rows)))
    return tables


def _differences(
    traces: Sequence[RegretTrace], points: Sequence[int], measure: Measure
) -> Iterator[tuple[str, str, int, int, Interval, float]]:
    all_points = checkpoints(traces, points)
    for (better, ours), (worse, theirs) in combinations(by_label(traces).items(), 2):
        by_seed = {trace.seed: _values(trace, measure) for trace in theirs}
        pairs = [(_values(trace, measure), by_seed[trace.seed]) for trace in ours if trace.seed in by_seed]
        for point in points or dict.fromkeys(point for point in (100, all_points[-1]) if point in all_points):
            values = [a[point - 1] - b[point - 1] for a, b in pairs]
            yield better, worse, len(pairs), point, interval(values), _chance(values)


def difference_overview(table: Table) -> Table:
    """One of `difference_tables` for people: the rows of the strategy with the least regret at the end."""
    best = table.rows[0][0] if table.rows else ""
    rows = tuple(row[1:] for row in table.rows if row[0] == best)
    title = table.title.replace("(strategy", f"({best}") + "; --json has all"
    return Table(title, table.columns[1:], rows)


def reached_table(traces: Sequence[RegretTrace]) -> Table:
    """Evaluations needed until the regret is at most a level: the median over the runs that got there."""
    rows = []
    for label, group in by_label(traces).items():
        for level in levels(traces):
            needed = [first for trace in group if (first := _first_at(trace, level)) is not None]
            rows.append((label, level, round(len(needed) / len(group), 4), median(needed) if needed else None))
    columns = ("strategy", "regret_at_most", "runs_there", "evaluations")
    return Table("Evaluations needed to reach a regret (median of the runs that did)", columns, tuple(rows))


def reached_overview(traces: Sequence[RegretTrace]) -> Table:
    """`reached_table` for people: a line a strategy, and a column for each level of regret that fits."""
    shown = (*levels(traces)[:4], 0.0)
    rows: dict[str, list] = {}
    for label, level, share, needed in reached_table(traces).rows:
        if level in shown:
            cell = "-" if needed is None else f"{math.ceil(needed)}" + ("" if share == 1 else f" ({100 * share:.0f}%)")
            rows.setdefault(label, [label]).append(cell)
    title = (
        f"Evaluations until the regret is at most so many {traces[0].unit}: median of the runs that got there "
        "(their share)"
    )
    return Table(title, ("strategy", *(f"{level:g}" for level in shown)), tuple(map(tuple, rows.values())))


def write_csv(
    comparisons: Mapping[str, Sequence[RegretTrace]], path: Path, lookahead: int = 1, asked: Sequence[int] = ()
) -> None:
    """The traces at the checkpoints, and at every tenth evaluation, by the name of their table."""
    names, more = (("lookahead",), (lookahead,)) if lookahead > 1 else ((), ())
    with new_place(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("table", "strategy", "seed", "evaluations", "best_reward", "regret", "reward_regret", *names))
        for name, traces in comparisons.items():
            points = sorted({*checkpoints(traces, asked), *range(10, len(traces[0].regrets) + 1, 10)})
            for trace in traces:
                for point in points:
                    values = (trace.best_rewards, trace.regrets, trace.reward_regrets)
                    figures = (f"{each[point - 1]:.6g}" for each in values)
                    writer.writerow((name, trace.label, trace.seed, point, *figures, *more))


def _chance(differences: Sequence[float]) -> float:
    """The p-value of the t-test that the mean is 0; NaN for a single value."""
    from scipy.stats import ttest_1samp

    if len(differences) < 2:
        return math.nan
    if len(set(differences)) == 1:
        return 1.0 if differences[0] == 0.0 else 0.0
    return float(ttest_1samp(differences, 0.0).pvalue)


def _holm(chances: Sequence[float]) -> list[float]:
    """P-values corrected for their number (Holm, 1979): the largest so far of p (m - rank), at most 1."""
    corrected, largest = [math.nan] * len(chances), 0.0
    known = sorted((chance, place) for place, chance in enumerate(chances) if not math.isnan(chance))
    for rank, (chance, place) in enumerate(known):
        largest = max(largest, chance * (len(known) - rank))
        corrected[place] = min(1.0, largest)
    return corrected


def _first_at(trace: RegretTrace, level: float) -> int | None:
    # A little above the level: regrets are differences of decimal fractions.
    most = level + 1e-11 * trace.span
    return next((n for n, regret in enumerate(trace.regrets, start=1) if regret <= most), None)
