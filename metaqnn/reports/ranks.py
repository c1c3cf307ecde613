"""Ranks of strategies over tables and seeds, and which differences of them mean something (Demsar, 2006)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaqnn.replay.tables import Table
from metaqnn.reports.regret import CONFIDENCE, RegretTrace


@dataclass(frozen=True)
class Ranks:
    """Mean ranks after so many evaluations; 1 is the best.

    Attributes:
        point: the number of evaluations.
        means: by label, the best first.
        blocks: pairs of table and seed that were ranked each for itself; ties share the mean of their ranks.
        critical: means that differ by less are not told apart (Nemenyi's test at 5 %).
        p: of Friedman's test that all strategies are alike; NaN where it says nothing.
    """

    point: int
    means: dict[str, float]
    blocks: int
    critical: float
    p: float

    def alike(self) -> list[tuple[str, ...]]:
        """The largest runs of neighbours in the order of means that are not told apart, each of two or more."""
        names, found = list(self.means), list[tuple[int, int]]()
        for first in range(len(names)):
            last = max(at for at in range(first, len(names)) if self._is_alike(names[first], names[at]))
            if last > first and (not found or last > found[-1][1]):
                found.append((first, last))
        return [tuple(names[first : last + 1]) for first, last in found]

    def _is_alike(self, one: str, other: str) -> bool:
        return abs(self.means[one] - self.means[other]) < self.critical


def left_out(groups: Sequence[Sequence[RegretTrace]]) -> list[str]:
    """The strategies that have fewer runs than the others: with them there would be fewer blocks."""
    counts = {label: len(blocks) for label, blocks in _blocks_by_label(groups).items()}
    return [label for label, count in counts.items() if count < max(counts.values())]


def ranks(groups: Sequence[Sequence[RegretTrace]], point: int) -> Ranks | None:
    """Mean ranks by the reward regret after so many evaluations; None of fewer than two strategies or blocks.

    Args:
        groups: the runs on each table.
        point: the number of evaluations.
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    missing = left_out(groups)
    by_label = {label: runs for label, runs in _blocks_by_label(groups).items() if label not in missing}
    blocks = [block for block in next(iter(by_label.values()), {}) if all(block in runs for runs in by_label.values())]
    count = len(by_label)
    if count < 2 or len(blocks) < 2:
        return None
    # What differs by rounding alone is alike: regrets are differences of decimal fractions.
    regrets = np.array([[round(runs[b].reward_regrets[point - 1], 9) for b in blocks] for runs in by_label.values()])
    means = rankdata(regrets, axis=0).mean(axis=1)
    p = math.nan
    if count > 2 and (regrets != regrets[0]).any():
        p = float(friedmanchisquare(*regrets).pvalue)
    quantile = float(studentized_range.ppf(CONFIDENCE, count, math.inf)) / math.sqrt(2)
    critical = quantile * math.sqrt(count * (count + 1) / (6 * len(blocks)))
    ordered = sorted(zip(by_label, means.tolist(), strict=True), key=lambda item: item[1])
    return Ranks(point, dict(ordered), len(blocks), critical, p)


def rank_table(found: Sequence[Ranks]) -> Table:
    """Mean ranks, by evaluations and strategy; means closer than the critical difference are not told apart."""
    rows = [
        (each.point, label, round(mean, 3), each.blocks, round(each.critical, 3), _shown(each.p))
        for each in found
        for label, mean in each.means.items()
    ]
    columns = ("evaluations", "strategy", "mean_rank", "blocks", "critical_difference", "friedman_p")
    return Table("Mean ranks by reward regret over tables and seeds", columns, tuple(rows))


def rank_overview(found: Sequence[Ranks]) -> Table:
    """`rank_table` for people: a line a strategy, a column for each number of evaluations."""
    last = found[-4:]
    rows = [(label, *(f"{each.means[label]:.2f}" for each in last)) for label in last[-1].means]
    rows.append(("critical difference", *(f"{each.critical:.2f}" for each in last)))
    title = f"Mean ranks by reward regret over {last[-1].blocks} pairs of table and seed"
    return Table(title, ("strategy", *(f"at {each.point}" for each in last)), tuple(rows))


def _blocks_by_label(groups: Sequence[Sequence[RegretTrace]]) -> dict[str, dict[tuple[int, int], RegretTrace]]:
    found: dict[str, dict[tuple[int, int], RegretTrace]] = {}
    for table, traces in enumerate(groups):
        for trace in traces:
            found.setdefault(trace.label, {})[table, trace.seed] = trace
    return found


def _shown(p: float) -> float | None:
    return None if math.isnan(p) else float(f"{p:.2g}")
