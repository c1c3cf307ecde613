"""A comparison of strategies: tables with intervals, a figure, and the raw traces."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import median

import numpy as np

from metaqnn.replay.places import new_place
from metaqnn.replay.tables import Table

CHECKPOINTS = (10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10_000)
"""Evaluations at which a comparison is looked at, as far as its budget goes."""

LEVELS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.0)
"""Regrets that a strategy may take so many evaluations to reach."""

_TICKS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""Regrets that a figure names."""

_CONFIDENCE = 0.95

_OVERVIEW_COLUMNS = 4
_OVERVIEW_LEVELS = (1.0, 0.5, 0.2, 0.1, 0.0)
"""What fits on a screen of 80 columns."""


@dataclass(frozen=True)
class RegretTrace:
    """One run of one strategy on a table.

    Attributes:
        label: of the strategy.
        seed: of the run.
        best_rewards: the best reward seen after each evaluation.
        regrets: distance of the architecture with that reward to the best of the table by the target metric.
        proposals: made in all.
        unit: of the regrets: percentage points of a share, otherwise that of the target metric.
    """

    label: str
    seed: int
    best_rewards: tuple[float, ...]
    regrets: tuple[float, ...]
    proposals: int
    unit: str = "points"


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % confidence interval (Student's t), of which the ends are NaN for a single value."""

    mean: float
    low: float
    high: float

    @property
    def is_decided(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0.0 or self.high < 0.0


def interval(values: Sequence[float]) -> Interval:
    """The mean of independent values, and where it may lie."""
    from scipy.stats import t

    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, math.nan, math.nan)
    half = float(t.ppf((1 + _CONFIDENCE) / 2, len(values) - 1)) * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return Interval(mean, mean - half, mean + half)


def checkpoints(traces: Sequence[RegretTrace]) -> tuple[int, ...]:
    """The evaluations to look at: the usual ones within the budget, and its end."""
    budget = len(traces[0].regrets)
    return tuple(sorted({point for point in CHECKPOINTS if point < budget} | {budget}))


def regret_table(traces: Sequence[RegretTrace]) -> Table:
    """Mean regret with its interval, by strategy and evaluations; the best at the end first."""
    points, groups = checkpoints(traces), _by_label(traces)
    order = sorted(groups, key=lambda label: _mean_at(groups[label], points[-1]))
    rows = []
    for label in order:
        for point in points:
            found = interval([trace.regrets[point - 1] for trace in groups[label]])
            rows.append((label, len(groups[label]), point, _round(found.mean), _round(found.low), _round(found.high)))
    columns = ("strategy", "seeds", "evaluations", "regret", "lower", "upper")
    return Table(f"Mean regret in {traces[0].unit}, with its 95 % interval", columns, tuple(rows))


def regret_overview(traces: Sequence[RegretTrace]) -> Table:
    """`regret_table` for people: a line a strategy, and a column for each of the last few numbers of evaluations."""
    table = regret_table(traces)
    points = list(dict.fromkeys(row[2] for row in table.rows))[-_OVERVIEW_COLUMNS:]
    rows: dict[str, list] = {}
    for label, seeds, point, mean, low, _ in table.rows:
        if point in points:
            half = "" if low is None else f" ±{mean - low:.2f}"
            rows.setdefault(label, [label, seeds]).append(f"{mean:.2f}{half}")
    columns = ("strategy", "seeds", *(f"at {point}" for point in points))
    return Table(
        f"Mean regret in {traces[0].unit}, and half of its 95 % interval", columns, tuple(map(tuple, rows.values()))
    )


def reached_overview(traces: Sequence[RegretTrace]) -> Table:
    """`reached_table` for people: a line a strategy, and a column for each level of regret."""
    rows: dict[str, list] = {}
    for label, level, share, needed in reached_table(traces).rows:
        if level in _OVERVIEW_LEVELS:
            cell = "-" if needed is None else f"{math.ceil(needed)}" + ("" if share == 1 else f" ({100 * share:.0f}%)")
            rows.setdefault(label, [label]).append(cell)
    title = (
        f"Evaluations until the regret is at most so many {traces[0].unit}: median of the runs that got there "
        "(their share)"
    )
    return Table(title, ("strategy", *(f"{level:g}" for level in _OVERVIEW_LEVELS)), tuple(map(tuple, rows.values())))


def difference_table(traces: Sequence[RegretTrace]) -> Table:
    """Paired differences of regret between strategies with the same seeds, at 100 evaluations and at the end."""
    points, groups = checkpoints(traces), _by_label(traces)
    looked_at = dict.fromkeys(point for point in (100, points[-1]) if point in points)
    order = sorted(groups, key=lambda label: _mean_at(groups[label], points[-1]))
    rows = []
    for better, worse in combinations(order, 2):
        ours = {trace.seed: trace for trace in groups[better]}
        theirs = {trace.seed: trace for trace in groups[worse]}
        seeds = sorted(ours.keys() & theirs.keys())
        for point in looked_at:
            found = interval([ours[seed].regrets[point - 1] - theirs[seed].regrets[point - 1] for seed in seeds])
            ends = (_round(found.mean), _round(found.low), _round(found.high))
            rows.append((better, worse, len(seeds), point, *ends, _verdict(found, better, worse)))
    columns = ("strategy", "against", "seeds", "at", "regret", "lower", "upper", "verdict")
    return Table("Paired differences of regret (strategy - against), with 95 % intervals", columns, tuple(rows))


def reached_table(traces: Sequence[RegretTrace]) -> Table:
    """Evaluations needed until the regret is at most a level: the median over the runs that got there."""
    groups, budget = _by_label(traces), len(traces[0].regrets)
    rows = []
    for label in sorted(groups, key=lambda label: _mean_at(groups[label], budget)):
        for level in LEVELS:
            needed = [first for trace in groups[label] if (first := _first_at(trace, level)) is not None]
            share = len(needed) / len(groups[label])
            rows.append((label, level, round(share, 4), median(needed) if needed else None))
    columns = ("strategy", "regret_at_most", "runs_there", "evaluations")
    return Table("Evaluations needed to reach a regret (median of the runs that did)", columns, tuple(rows))


def write_csv(traces: Sequence[RegretTrace], path: Path, lookahead: int = 1) -> None:
    """The traces at the checkpoints, and at every tenth evaluation; a file without the column has lookahead 1."""
    budget = len(traces[0].regrets)
    points = sorted(
        {*checkpoints(traces), *(p for p in (50, 100, 200, 300) if p <= budget), *range(10, budget + 1, 10)}
    )
    with new_place(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        names, more = (("lookahead",), (lookahead,)) if lookahead > 1 else ((), ())
        writer.writerow(("strategy", "seed", "evaluations", "best_reward", "regret", *names))
        for trace in traces:
            for point in points:
                best, regret = trace.best_rewards[point - 1], trace.regrets[point - 1]
                writer.writerow((trace.label, trace.seed, point, f"{best:.6g}", f"{regret:.6g}", *more))


def draw(traces: Sequence[RegretTrace], title: str, path: Path) -> None:
    """The figure: mean regret against evaluations with its 95 % band, a line a strategy.

    Args:
        traces: of one comparison.
        title: of the figure.
        path: the file; its ending says the format.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    groups, budget = _by_label(traces), len(traces[0].regrets)
    axis = np.arange(1, budget + 1)
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for number, label in enumerate(sorted(groups, key=lambda label: _mean_at(groups[label], budget))):
        values = np.array([trace.regrets for trace in groups[label]])
        bounds = [interval(values[:, point].tolist()) for point in range(budget)]
        color = f"C{number}"
        axes.plot(axis, values.mean(axis=0), color=color, label=f"{label} ({len(values)} seeds)")
        if len(values) > 1:
            low, high = ([max(1e-3, getattr(bound, end)) for bound in bounds] for end in ("low", "high"))
            axes.fill_between(axis, low, high, color=color, alpha=0.2, linewidth=0)
    axes.set_yscale("symlog", linthresh=0.05, linscale=0.5)
    axes.set_yticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    axes.set_yticks([], minor=True)
    axes.set_ylim(0.0, max(0.1, max(trace.regrets[min(4, budget - 1)] for trace in traces)))
    axes.set_xlim(1, max(2, budget))
    axes.set_xlabel("evaluations (distinct architectures)")
    axes.set_ylabel(f"mean regret of the best so far ({traces[0].unit})")
    axes.set_title(title)
    axes.legend(title="mean, and its 95 % interval")
    axes.grid(alpha=0.3)
    with new_place(path) as part:
        figure.savefig(part, dpi=150)
    plt.close(figure)


def _by_label(traces: Sequence[RegretTrace]) -> Mapping[str, list[RegretTrace]]:
    groups: dict[str, list[RegretTrace]] = {}
    for trace in traces:
        groups.setdefault(trace.label, []).append(trace)
    return groups


def _mean_at(traces: Sequence[RegretTrace], point: int) -> float:
    return float(np.mean([trace.regrets[point - 1] for trace in traces]))


def _first_at(trace: RegretTrace, level: float) -> int | None:
    # A little above the level: regrets are differences of decimal fractions.
    return next((n for n, regret in enumerate(trace.regrets, start=1) if regret <= level + 1e-9), None)


def _verdict(found: Interval, first: str, second: str) -> str:
    if not found.is_decided:
        return "not decided"
    return f"{first if found.mean < 0 else second} is better"


def _round(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
