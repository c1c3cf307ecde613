"""A control: what a random search would have given, estimated from the search's own random networks.

The expected best of n random networks is estimated without bias, and without an assumption about their distribution, by
the mean over all sets of n of the m that there are (Tang et al., ACL 2020, on Dodge et al., EMNLP 2019); for n above m
it is at least the best of the m. The interval is a prediction interval for the best of n random networks not yet drawn:
from order statistics, exact whatever the distribution (David & Nagaraja, Order Statistics, 2003). It is
open above once n is more than about m / 39: m networks cannot rule out that more of them would have found better ones.

So whether a search beat chance is asked of all its networks, not of one maximum: how many of the networks that it chose
are better than every random one, and how probable so many are if choosing was no better than chance.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from metaqnn.core import Source
from metaqnn.replay.results import Result
from metaqnn.reports.results import new_networks, running_best

LEAST = 10
"""Fewer random networks are no control."""

CONFIDENCE = 0.95

_LOOKED_AT = (1, 3, 10, 30, 100, 300, 1000, 3000)


@dataclass(frozen=True)
class RandomBest:
    """The best of n random networks.

    Attributes:
        networks: n.
        expected: its expected accuracy; where n is above the random networks there are, only a lower bound of it.
        low, high: the 95 % prediction interval; None where it is open.
    """

    networks: int
    expected: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Control:
    """The search beside its random networks.

    Attributes:
        why: which networks are random, in words.
        random: accuracies of the random networks in order, in [0, 1], failures as chance.
        random_mean: their mean.
        chosen: networks that the strategy chose.
        chosen_mean: mean accuracy of those, failures as chance; None for none.
        best_so_far: the best measured accuracy after each network, in order; None before the first.
        curve: the best of n random networks, for n = 1 .. all networks.
        better: chosen networks above the best random one.
        probability: of at least so many, were chosen networks no better than random ones.
    """

    why: str
    random: tuple[float, ...]
    random_mean: float
    chosen: int
    chosen_mean: float | None
    best_so_far: tuple[float | None, ...]
    curve: tuple[RandomBest, ...]
    better: int
    probability: float

    @property
    def best(self) -> float | None:
        """The best measured accuracy of all; None where nothing was trained to the end."""
        return self.best_so_far[-1]

    @property
    def is_shown_better(self) -> bool:
        """Whether chance is an implausible explanation."""
        return self.probability < 1.0 - CONFIDENCE

    @property
    def looked_at(self) -> tuple[RandomBest, ...]:
        """The curve at a few n, with as many as there are random and chosen networks, and all."""
        wanted = {*_LOOKED_AT, len(self.random), self.chosen, len(self.curve)}
        return tuple(point for point in self.curve if point.networks in wanted)


def expected_best(values: Sequence[float], networks: int) -> float:
    """The mean best of all sets of `networks` values; of all values where there are no more."""
    ordered, count = np.sort(np.asarray(values, dtype=float)), len(values)
    if networks >= count:
        return float(ordered[-1])
    # The i-th smallest is the best of C(i - 1, n - 1) of the C(count, n) sets; the constant factors cancel.
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, count + 1)))))  # of factorials
    ranks = np.arange(networks, count + 1)
    shares = logs[ranks - 1] - logs[ranks - networks]
    shares = np.exp(shares - shares.max())
    return float(np.dot(ordered[networks - 1 :], shares) / shares.sum())


def prediction_interval(values: Sequence[float], networks: int) -> tuple[float | None, float | None]:
    """Where the best of `networks` further draws lies with a probability of 95 %; None for an open end.

    The best of n new draws is below the r-th largest of m old ones if the r largest of all m + n are old: with
    probability m / (m + n) * (m - 1) / (m + n - 1) * ..., r factors, whatever the distribution.
    """
    descending, count = sorted(values, reverse=True), len(values)
    low = high = None
    below, tail = 1.0, (1.0 - CONFIDENCE) / 2
    for taken, value in enumerate(descending):
        below *= (count - taken) / (count + networks - taken)
        if below >= 1.0 - tail:
            high = value
        if below <= tail:
            low = value
            break
    return low, high


def probability_of_more(better: int, chosen: int, random: int) -> float:
    """The probability that the `better` best of all networks are all chosen, were every order equally probable."""
    probability = 1.0
    for taken in range(better):
        probability *= (chosen - taken) / (chosen + random - taken)
    return probability


def control_of(results: Sequence[Result], strategy: Mapping[str, Any], chance: float) -> Control | str:
    """Compare a search with its own random networks.

    Args:
        results: its episodes, in order.
        strategy: its section `strategy`, as plain values.
        chance: what a failure counts as.

    Returns:
        the control, or a sentence that says why there is none.
    """
    new = [result for result in new_networks(results) if result.source is not Source.RETRIED]
    is_random, why = _randomness(results, strategy)
    random = [result for result in new if is_random(result)]
    chosen = [result for result in new if not is_random(result)]
    if len(random) < LEAST:
        return (
            f"There is no control: {why}, and of those there are {len(random)} here; fewer than {LEAST} say nothing "
            "about what a random search would have given."
        )
    accuracies = tuple(chance if result.accuracy is None else result.accuracy for result in random)
    measured = [result.measured for result in chosen if result.measured is not None]
    better = sum(accuracy > max(accuracies) for accuracy in measured)
    curve = tuple(
        RandomBest(count, expected_best(accuracies, count), *prediction_interval(accuracies, count))
        for count in range(1, len(new) + 1)
    )
    return Control(
        why,
        accuracies,
        fmean(accuracies),
        len(chosen),
        fmean(chance if c.accuracy is None else c.accuracy for c in chosen) if chosen else None,
        running_best(new),
        curve,
        better,
        probability_of_more(better, len(chosen), len(random)),
    )


def _randomness(results: Sequence[Result], strategy: Mapping[str, Any]) -> tuple[Callable[[Result], bool], str]:
    """Which episodes were proposed at random, as a function of one, and in words."""
    name, first = strategy["name"], strategy.get("random_first", strategy.get("population"))
    is_imported = bool(results) and all(result.source is Source.IMPORTED for result in results)
    if name == "random" and not is_imported:
        return (lambda result: True), "every network of this strategy is random"
    if name == "reinforce" and not is_imported:
        return (lambda result: False), "a control needs random networks, and this strategy samples none"
    if first is not None and not is_imported:
        # By the number of the episode: what was imported before counts as known, and is not random.
        return (lambda result: result.episode <= first), f"the first {first} networks of this strategy are random"
    return (lambda result: result.epsilon == 1.0), "networks sampled at epsilon 1 are random"
