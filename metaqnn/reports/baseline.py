"""The random-search baseline: what a random search would have given, by the search's own random architectures.

The expected best of n random architectures is estimated without bias, and without an assumption about their
distribution, by the mean over all sets of n of the m that there are (Tang et al., ACL 2020, on Dodge et al., EMNLP
2019); for n above m it is at least the best of the m. The interval is a prediction interval for the best of n random
architectures not yet drawn: from order statistics, exact whatever the distribution (David & Nagaraja, Order Statistics,
2003). It is open at its better end once n is more than about m / 39: m architectures cannot rule out that more of them
would have found better ones.

So whether a search beat random search is asked of all its architectures, not of one maximum: how many of those that it
chose are better than every random one, and how probable so many are if choosing was no better than chance.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from metaqnn.core import EpisodeOrigin, Score
from metaqnn.replay.results import Result
from metaqnn.reports.results import new_architectures, running_best

LEAST = 10
"""Fewer random architectures are no baseline."""

CONFIDENCE = 0.95

_LOOKED_AT = (1, 3, 10, 30, 100, 300, 1000, 3000)


@dataclass(frozen=True)
class RandomBest:
    """The best of n random architectures.

    Attributes:
        count: n.
        expected: its expected score; where n is above the random architectures there are, only a bound of it.
        worst, best: the ends of the 95 % prediction interval, the worse first; None where it is open.
    """

    count: int
    expected: float
    worst: float | None
    best: float | None


@dataclass(frozen=True)
class RandomSearchBaseline:
    """The search beside its random architectures.

    Attributes:
        why: which are random, in words.
        random: their scores in order, failures as what the score says they count.
        random_mean, random_best: of these.
        chosen: architectures that the strategy chose.
        chosen_mean: mean score of those, failures counted alike; None for none.
        best_so_far: the best measured score after each architecture, in order; None before the first.
        curve: the best of n random architectures, for n = 1 .. all.
        better: chosen architectures that are better than the best random one.
        probability: of at least so many, were chosen architectures no better than random ones.
    """

    why: str
    random: tuple[float, ...]
    random_mean: float
    random_best: float
    chosen: int
    chosen_mean: float | None
    best_so_far: tuple[float | None, ...]
    curve: tuple[RandomBest, ...]
    better: int
    probability: float

    @property
    def best(self) -> float | None:
        """The best measured score of all; None where nothing was evaluated to the end."""
        return self.best_so_far[-1]

    @property
    def is_shown_better(self) -> bool:
        """Whether chance is an implausible explanation."""
        return self.probability < 1.0 - CONFIDENCE

    @property
    def looked_at(self) -> tuple[RandomBest, ...]:
        """The curve at a few n, with as many as there are random and chosen architectures, and all."""
        wanted = {*_LOOKED_AT, len(self.random), self.chosen, len(self.curve)}
        return tuple(point for point in self.curve if point.count in wanted)


def expected_best(values: Sequence[float], drawn: int) -> float:
    """The mean largest of all sets of `drawn` values; of all values where there are no more."""
    ordered, count = np.sort(np.asarray(values, dtype=float)), len(values)
    if drawn >= count:
        return float(ordered[-1])
    # The i-th smallest is the largest of C(i - 1, n - 1) of the C(count, n) sets; the constant factors cancel.
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, count + 1)))))  # of factorials
    ranks = np.arange(drawn, count + 1)
    shares = logs[ranks - 1] - logs[ranks - drawn]
    shares = np.exp(shares - shares.max())
    return float(np.dot(ordered[drawn - 1 :], shares) / shares.sum())


def prediction_interval(values: Sequence[float], drawn: int) -> tuple[float | None, float | None]:
    """Where the largest of `drawn` further values lies with a probability of 95 %; None for an open end.

    The largest of n new values is below the r-th largest of m old ones if the r largest of all m + n are old: with
    probability m / (m + n) * (m - 1) / (m + n - 1) * ..., r factors, whatever the distribution.
    """
    descending, count = sorted(values, reverse=True), len(values)
    low = high = None
    below, tail = 1.0, (1.0 - CONFIDENCE) / 2
    for taken, value in enumerate(descending):
        below *= (count - taken) / (count + drawn - taken)
        if below >= 1.0 - tail:
            high = value
        if below <= tail:
            low = value
            break
    return low, high


def probability_of_more(better: int, chosen: int, random: int) -> float:
    """The probability that the `better` best of all are all chosen, were every order equally probable."""
    probability = 1.0
    for taken in range(better):
        probability *= (chosen - taken) / (chosen + random - taken)
    return probability


def baseline_of(
    results: Sequence[Result], strategy: Mapping[str, Any], score: Score, nouns: str = "architectures"
) -> RandomSearchBaseline | str:
    """Compare a search with its own random architectures.

    Args:
        results: its episodes, in order.
        strategy: its section `strategy`, as plain values.
        score: what is measured; it says what a failure counts as.
        nouns: what architectures are called.

    Returns:
        the baseline, or a sentence that says why there is none.
    """
    new = [result for result in new_architectures(results) if result.origin is not EpisodeOrigin.RETRIED]
    is_random, why = _randomness(results, strategy, nouns)
    random = [_counted(result, score) for result in new if is_random(result)]
    chosen = [result for result in new if not is_random(result)]
    if len(random) < LEAST:
        return (
            f"There is no baseline: {why}, and of those there are {len(random)} here; fewer than {LEAST} say nothing "
            "about what a random search would have given."
        )
    best = score.best(random)
    better = sum(result.measured is not None and score.is_better(result.measured, best) for result in chosen)
    gains = [score.gain(value) for value in random]
    curve = []
    for count in range(1, len(new) + 1):
        ends = (None if gain is None else score.gain(gain) for gain in prediction_interval(gains, count))
        curve.append(RandomBest(count, score.gain(expected_best(gains, count)), *ends))
    return RandomSearchBaseline(
        why,
        tuple(random),
        fmean(random),
        best,
        len(chosen),
        fmean(_counted(result, score) for result in chosen) if chosen else None,
        running_best(new, score),
        tuple(curve),
        better,
        probability_of_more(better, len(chosen), len(random)),
    )


def _counted(result: Result, score: Score) -> float:
    return score.failure if result.score is None else result.score


def _randomness(
    results: Sequence[Result], strategy: Mapping[str, Any], nouns: str
) -> tuple[Callable[[Result], bool], str]:
    """Which episodes were proposed at random, as a function of one, and in words."""
    name, first = strategy["name"], strategy.get("random_first", strategy.get("population"))
    is_imported = bool(results) and all(result.origin is EpisodeOrigin.IMPORTED for result in results)
    if name == "random" and not is_imported:
        return (lambda result: True), f"all {nouns} of this strategy are random"
    if name in ("reinforce", "controller") and not is_imported:
        return (lambda result: False), f"a baseline needs random {nouns}, and this strategy samples none"
    if isinstance(first, int) and not is_imported:
        # By the number of the episode: what was imported before counts as known, and is not random.
        return (lambda result: result.episode <= first), f"the first {first} {nouns} of this strategy are random"
    return (lambda result: result.epsilon == 1.0), f"{nouns} sampled at epsilon 1 are random"
