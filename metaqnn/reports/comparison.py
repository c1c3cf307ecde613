"""A comparison of strategies: tables with intervals, a figure, and the raw traces."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import median

import numpy as np

from metaqnn.errors import counted
from metaqnn.replay.places import new_place
from metaqnn.replay.tables import Table
from metaqnn.reports.drawing import blank, style

CHECKPOINTS = (10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10_000)
"""Evaluations at which a comparison is looked at, as far as its budget goes."""

_CONFIDENCE = 0.95

_OVERVIEW_COLUMNS = 4
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
        span: how far the worst is from the best in that unit, above 0: what counts as a small regret follows from it.
        reward_regrets: distance of the best reward seen after each evaluation to the best reward of the table, in the
            same unit: how well was searched, whatever the target says of the rewards.
        proposal_seconds: processor time of a proposal in the mean, learning from its result included.
    """

    label: str
    seed: int
    best_rewards: tuple[float, ...]
    regrets: tuple[float, ...]
    proposals: int
    unit: str = "points"
    span: float = 100.0
    reward_regrets: tuple[float, ...] = ()
    proposal_seconds: float = field(default=0.0, compare=False)


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
    mean, half = float(np.mean(values)), float(_half(np.asarray(values)))
    return Interval(mean, mean - half, mean + half)


def checkpoints(traces: Sequence[RegretTrace]) -> tuple[int, ...]:
    """The evaluations to look at: the usual ones within the budget, and its end."""
    budget = len(traces[0].regrets)
    return tuple(sorted({point for point in CHECKPOINTS if point < budget} | {budget}))


def levels(traces: Sequence[RegretTrace]) -> tuple[float, ...]:
    """Regrets worth reaching: five round numbers, from a hundredth of the score's span downward, and none at all."""
    largest = 0.01 * traces[0].span
    return (*reversed(_round_numbers(0.01 * largest, largest)[-5:]), 0.0)


def regret_table(traces: Sequence[RegretTrace]) -> Table:
    """Mean regret with its interval, by strategy and evaluations; the best at the end first."""
    return _means(traces, "regret", [trace.regrets for trace in traces])


def reward_regret_table(traces: Sequence[RegretTrace]) -> Table:
    """The same of the reward that the search saw."""
    return _means(traces, "reward regret", [trace.reward_regrets for trace in traces])


def regret_overview(traces: Sequence[RegretTrace]) -> Table:
    """`regret_table` for people: a line a strategy, and a column for each of the last few numbers of evaluations."""
    return _overview(traces, "regret", regret_table(traces))


def reward_regret_overview(traces: Sequence[RegretTrace]) -> Table:
    """`reward_regret_table` for people."""
    return _overview(traces, "reward regret", reward_regret_table(traces))


def cost_table(traces: Sequence[RegretTrace]) -> Table:
    """Processor time of a proposal, and how many were made for an evaluation: repeats are free, but cost their time."""
    rows = []
    for label, group in _by_label(traces).items():
        milliseconds = 1000 * float(np.mean([trace.proposal_seconds for trace in group]))
        each = float(np.mean([trace.proposals / len(trace.regrets) for trace in group]))
        rows.append((label, float(f"{milliseconds:.3g}"), round(each, 3)))
    return Table("What proposals cost", ("strategy", "milliseconds_a_proposal", "proposals_an_evaluation"), tuple(rows))


def _means(traces: Sequence[RegretTrace], what: str, values: Sequence[Sequence[float]]) -> Table:
    of_trace = {id(trace): of for trace, of in zip(traces, values, strict=True)}
    rows = [
        (label, len(group), point, *_rounded(interval([of_trace[id(t)][point - 1] for t in group]), group[0].span))
        for label, group in _by_label(traces).items()
        for point in checkpoints(traces)
    ]
    columns = ("strategy", "seeds", "evaluations", what.replace(" ", "_"), "lower", "upper")
    return Table(f"Mean {what} in {traces[0].unit}, with its 95 % interval", columns, tuple(rows))


def _overview(traces: Sequence[RegretTrace], what: str, table: Table) -> Table:
    points, digits = checkpoints(traces)[-_OVERVIEW_COLUMNS:], _digits(traces[0].span) - 1
    rows: dict[str, list] = {}
    for label, seeds, point, mean, low, _ in table.rows:
        if point in points:
            half = "" if low is None else f" ±{mean - low:.{digits}f}"
            rows.setdefault(label, [label, seeds]).append(f"{mean:.{digits}f}{half}")
    title = f"Mean {what} in {traces[0].unit}, and half of its 95 % interval"
    return Table(title, ("strategy", "seeds", *(f"at {point}" for point in points)), tuple(map(tuple, rows.values())))


def difference_table(traces: Sequence[RegretTrace]) -> Table:
    """Paired differences of regret between strategies with the same seeds, at 100 evaluations and at the end.

    `p` is that of the paired t-test, corrected over all rows (Holm, 1979); the verdict follows from it.
    """
    points = checkpoints(traces)
    found_all: list[tuple[str, str, int, int, Interval, float]] = []
    for (better, ours), (worse, theirs) in combinations(_by_label(traces).items(), 2):
        by_seed = {trace.seed: trace.regrets for trace in theirs}
        pairs = [(trace.regrets, by_seed[trace.seed]) for trace in ours if trace.seed in by_seed]
        for point in dict.fromkeys(point for point in (100, points[-1]) if point in points):
            values = [a[point - 1] - b[point - 1] for a, b in pairs]
            found_all.append((better, worse, len(pairs), point, interval(values), _chance(values)))
    corrected = _holm([chance for *_, chance in found_all])
    rows = []
    for (better, worse, seeds, point, found, _), chance in zip(found_all, corrected, strict=True):
        is_decided = chance < 1 - _CONFIDENCE
        verdict = f"{better if found.mean < 0 else worse} is better" if is_decided else "not decided"
        shown = None if math.isnan(chance) else float(f"{chance:.2g}")
        rows.append((better, worse, seeds, point, *_rounded(found, traces[0].span), shown, verdict))
    columns = ("strategy", "against", "seeds", "at", "regret", "lower", "upper", "p", "verdict")
    return Table("Paired differences of regret (strategy - against), with 95 % intervals", columns, tuple(rows))


def difference_overview(traces: Sequence[RegretTrace]) -> Table:
    """`difference_table` for people: the rows of the strategy with the least regret at the end."""
    whole, best = difference_table(traces), next(iter(_by_label(traces)))
    rows = tuple(row[1:] for row in whole.rows if row[0] == best)
    title = f"Paired differences of regret ({best} - against), with 95 % intervals; the CSV has every run"
    return Table(title, whole.columns[1:], rows)


def reached_table(traces: Sequence[RegretTrace]) -> Table:
    """Evaluations needed until the regret is at most a level: the median over the runs that got there."""
    rows = []
    for label, group in _by_label(traces).items():
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


def write_csv(traces: Sequence[RegretTrace], path: Path, lookahead: int = 1) -> None:
    """The traces at the checkpoints, and at every tenth evaluation; a file without the column has lookahead 1."""
    points = sorted({*checkpoints(traces), *range(10, len(traces[0].regrets) + 1, 10)})
    names, more = (("lookahead",), (lookahead,)) if lookahead > 1 else ((), ())
    with new_place(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("strategy", "seed", "evaluations", "best_reward", "regret", "reward_regret", *names))
        for trace in traces:
            for point in points:
                values = (trace.best_rewards, trace.regrets, trace.reward_regrets)
                figures = (f"{each[point - 1]:.6g}" for each in values)
                writer.writerow((trace.label, trace.seed, point, *figures, *more))


def draw(traces: Sequence[RegretTrace], title: str, path: Path) -> None:
    """The figure: mean regret against evaluations with its 95 % band, a line a strategy; the path says the format."""
    budget, smallest = len(traces[0].regrets), levels(traces)[-2]  # below which the axis is linear
    top = max(2 * smallest, max(trace.regrets[min(4, budget - 1)] for trace in traces))
    up = f"mean regret of the best so far ({traces[0].unit})"
    with style():
        figure, axes = blank(title, "evaluations (distinct architectures)", up, 8.0, 5.0)
        axis = np.arange(1, budget + 1)
        for number, (label, group) in enumerate(_by_label(traces).items()):
            values = np.array([trace.regrets for trace in group])
            mean, half, color = values.mean(axis=0), _half(values), f"C{number}"
            axes.plot(axis, mean, color=color, label=f"{label} ({counted(len(values), 'seed')})")
            if len(values) > 1:
                low = np.maximum(smallest / 50, mean - half)
                axes.fill_between(axis, low, mean + half, color=color, alpha=0.2, linewidth=0)
        ticks = [0.0, *_round_numbers(smallest, top)]
        axes.set_yscale("symlog", linthresh=smallest, linscale=0.5)
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_yticks([], minor=True)
        axes.set_ylim(0.0, top)
        axes.set_xlim(1, max(2, budget))
        axes.legend(title="mean, and its 95 % interval")
        with new_place(path) as part:
            figure.savefig(part, dpi=150)


def _by_label(traces: Sequence[RegretTrace]) -> Mapping[str, list[RegretTrace]]:
    """The runs of each strategy, the one with the least mean regret at the end first."""
    groups: dict[str, list[RegretTrace]] = {}
    for trace in traces:
        groups.setdefault(trace.label, []).append(trace)
    return dict(sorted(groups.items(), key=lambda item: float(np.mean([trace.regrets[-1] for trace in item[1]]))))


def _half(values: np.ndarray) -> np.ndarray:
    """Half of the confidence interval of a mean over the first axis; NaN for a single value."""
    from scipy.stats import t

    count = len(values)
    if count < 2:
        return np.full(values.shape[1:], math.nan)
    return t.ppf((1 + _CONFIDENCE) / 2, count - 1) * np.std(values, axis=0, ddof=1) / count**0.5


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


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten, from `low` to `high`."""
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    numbers = (float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5))
    return [number for number in numbers if low <= number <= high * (1 + 1e-9)]


def _digits(span: float) -> int:
    """Digits behind the point of a regret: three of percentage points."""
    return max(1, 5 - math.floor(math.log10(span)))


def _rounded(found: Interval, span: float) -> list[float | None]:
    numbers = (found.mean, found.low, found.high)
    return [None if math.isnan(number) else round(number, _digits(span)) for number in numbers]
