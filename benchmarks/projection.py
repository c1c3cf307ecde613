"""From some trained networks to the hours of the paper's search."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.workloads import NETWORKS
from metaqnn.seeding import Stream

MODELS, EPOCHS = 2_700, 20  # PAPER: section 5, Table 2

_RESAMPLES = 2_000


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One network, trained in one way.

    Attributes:
        steps: of a measured epoch.
        seconds_to_first_step: from nothing, in seconds.
        seconds_per_epoch: of all images, projected from the steps measured.
    """

    network: str
    architecture: str
    flops: int
    style: str
    steps: int
    seconds_to_first_step: float
    seconds_per_epoch: float

    @property
    def candidate_seconds(self) -> float:
        """Of a whole candidate."""
        return self.seconds_to_first_step + EPOCHS * self.seconds_per_epoch


def ratio_of_sums(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """The sum of some values over that of others of the same networks, which are resampled (percentile bootstrap)."""
    above, below = np.asarray(numerators), np.asarray(denominators)
    draws = Stream(0, "bootstrap").integers(len(above), len(above) * _RESAMPLES)
    chosen = np.reshape(draws, (_RESAMPLES, len(above)))
    low, high = np.percentile(above[chosen].sum(1) / below[chosen].sum(1), (2.5, 97.5))
    return Estimate(float(above.sum() / below.sum()), float(low), float(high))


def search_hours(candidate_seconds: Sequence[float]) -> Estimate:
    """The hours of the paper's search, one candidate after another, from the seconds of some of its candidates."""
    hours = [MODELS * seconds / 3600 for seconds in candidate_seconds]
    return ratio_of_sums(hours, [1.0] * len(hours))


def conclusions(rows: Sequence[Row], styles: Sequence[str]) -> list[str]:
    """What the rows say, in lines: the search's hours with each style, and how the first style compares."""
    by_style = {style: {row.network: row for row in rows if row.style == style} for style in styles}
    lines = []
    for style, found in by_style.items():
        at_random = [row for name, row in found.items() if name not in NETWORKS]
        if not at_random:
            continue
        hours = search_hours([row.candidate_seconds for row in at_random])
        first = statistics.median(row.seconds_to_first_step for row in at_random)
        epoch = statistics.median(row.seconds_per_epoch for row in at_random)
        lines += [
            f"{style}, {len(at_random)} at random: median {first:.2f} s to first step, {epoch:.3f} s an epoch;",
            f"  {MODELS:,} networks of {EPOCHS} epochs, one after another: {hours.value:,.1f} hours",
            f"  (95 % bootstrap interval {hours.low:,.1f} to {hours.high:,.1f})",
        ]
    if len(styles) == 2:
        ours, theirs = (by_style[style] for style in styles)
        pairs = [(theirs[name], ours[name]) for name in ours if name in theirs]
        if pairs:
            ratio = ratio_of_sums(*zip(*((a.candidate_seconds, b.candidate_seconds) for a, b in pairs), strict=True))
            lines.append(
                f"{styles[0]} is {ratio.value:.2f} times as fast as {styles[1]} "
                f"({ratio.low:.2f} to {ratio.high:.2f}; n = {len(pairs)})"
            )
    return lines
