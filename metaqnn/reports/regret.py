"""Regret: how far what was found is from the best, run by run, and its means over seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

CHECKPOINTS = (10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10_000)
"""Evaluations at which a comparison is looked at, as far as its budget goes."""

CONFIDENCE = 0.95
"""Of intervals and verdicts."""


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
    mean, around = float(np.mean(values)), float(half(np.asarray(values)))
    return Interval(mean, mean - around, mean + around)


def checkpoints(traces: Sequence[RegretTrace], asked: Sequence[int] = ()) -> tuple[int, ...]:
    """The evaluations to look at: those asked for, or the usual ones within the budget and its end."""
    budget = len(traces[0].regrets)
    return tuple(asked) or tuple(sorted({point for point in CHECKPOINTS if point < budget} | {budget}))


def levels(traces: Sequence[RegretTrace]) -> tuple[float, ...]:
    """Regrets worth reaching: five round numbers, from a hundredth of the score's span downward, and none at all."""
    largest = 0.01 * traces[0].span
    return (*reversed(round_numbers(0.01 * largest, largest)[-5:]), 0.0)


def by_label(traces: Sequence[RegretTrace]) -> Mapping[str, list[RegretTrace]]:
    """The runs of each strategy, the one with the least mean regret at the end first."""
    groups: dict[str, list[RegretTrace]] = {}
    for trace in traces:
        groups.setdefault(trace.label, []).append(trace)
    return dict(sorted(groups.items(), key=lambda item: float(np.mean([trace.regrets[-1] for trace in item[1]]))))


def half(values: np.ndarray) -> np.ndarray:
    """Half of the confidence interval of a mean over the first axis; NaN for a single value."""
    from scipy.stats import t

    count = len(values)
    if count < 2:
        return np.full(values.shape[1:], math.nan)
    return t.ppf((1 + CONFIDENCE) / 2, count - 1) * np.std(values, axis=0, ddof=1) / count**0.5


def round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten, from `low` to `high`."""
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    numbers = (float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5))
    return [number for number in numbers if low <= number <= high * (1 + 1e-9)]


def digits(span: float) -> int:
    """Digits behind the point of a regret: three of percentage points."""
    return max(1, 5 - math.floor(math.log10(span)))


def rounded(found: Interval, span: float) -> list[float | None]:
    """An interval as a table has it."""
    numbers = (found.mean, found.low, found.high)
    return [None if math.isnan(number) else round(number, digits(span)) for number in numbers]


def averaged(groups: Sequence[Sequence[RegretTrace]]) -> list[RegretTrace]:
    """The mean over tables of the runs with the same label and seed, for those that every table has."""
    found: dict[tuple[str, int], list[RegretTrace]] = {}
    for trace in (trace for group in groups for trace in group):
        found.setdefault((trace.label, trace.seed), []).append(trace)

    def mean(*values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(np.mean(values, axis=0).tolist())

    return [
        RegretTrace(
            label,
            seed,
            mean(*(each.best_rewards for each in runs)),
            mean(*(each.regrets for each in runs)),
            round(float(np.mean([each.proposals for each in runs]))),
            runs[0].unit,
            max(each.span for each in runs),
            mean(*(each.reward_regrets for each in runs)),
            float(np.mean([each.proposal_seconds for each in runs])),
        )
        for (label, seed), runs in found.items()
        if len(runs) == len(groups)
    ]
