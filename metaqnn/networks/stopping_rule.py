"""What every rule of early stopping has in common: what it knows of other networks, and when it says stop."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from metaqnn.core import CurvePoint, Prediction, Score
from metaqnn.networks.training.config import TrainingConfig

_SQUEEZE = 1e-3
"""Keeps log odds finite: an accuracy of 1 counts as 0.9995."""


@dataclass(frozen=True)
class ReferenceCurve:
    """A network trained to the end, from which the end of another is predicted.

    Attributes:
        costs: of the network, by name.
        points: of the attempt that counts, from the first epoch to the last that is looked at.
        score: the best validation score of that attempt.
    """

    costs: Mapping[str, float]
    points: tuple[CurvePoint, ...]
    score: float


@dataclass(frozen=True)
class EarlyStoppingContext:
    """What was known when a network was proposed, to predict its end by.

    Attributes:
        costs: of the network, by name.
        references: networks trained to the end, in the order of learning; the newest so many.
        target: the score that the network must reach to be worth training on.
        is_control: whether it is trained to the end whatever is predicted.
        rungs: of successive halving, by epoch: the best scores until then of all networks that came so far, each as
            the score with which this network would earn as much.
    """

    costs: Mapping[str, float]
    references: tuple[ReferenceCurve, ...]
    target: float
    is_control: bool
    rungs: Mapping[int, tuple[float, ...]] | None = None


class StoppingRule(ABC):
    """Judges one candidate while it trains, by what was known when it was proposed: a function of its curve alone.

    Args:
        training: the recipe.
        context: what was known.
        score: what is measured.
    """

    def __init__(self, training: TrainingConfig, context: EarlyStoppingContext, score: Score):
        assert training.early_stopping is not None, "there is a rule"
        self.context, self.score = context, score
        self._restart_epoch = training.restart_epoch
        self._looks = training.early_stopping.looks(training.epochs, training.restart_epoch)
        self._chance = max(score.failure, training.restart_accuracy * score.failure)

    def verdict(self, epochs: Sequence[CurvePoint]) -> Prediction | None:
        """Whether an attempt should stop after these epochs, from its first: the prediction if so, else None.

        An attempt that is no better than chance may yet be begun anew with a smaller rate, so it is judged only once
        that is settled, after `restart_epoch`.
        """
        seen, last = len(epochs), epochs[-1].score
        if seen not in self._looks or last is None or (seen < self._restart_epoch and last <= self._chance):
            return None
        return self._verdict(epochs)

    @abstractmethod
    def _verdict(self, epochs: Sequence[CurvePoint]) -> Prediction | None:
        """The same, after an epoch in which a curve is looked at."""

    def reason(self, prediction: Prediction) -> str:
        """Why a training was stopped, in one sentence."""
        words = self.score.words
        low, high = (words(value).removesuffix(" %") for value in (prediction.low, prediction.high))
        return (
            f"stopped after epoch {prediction.step}: {words(prediction.score)} expected "
            f"({low} to {high} within a standard deviation), {self._missed}"
        )

    @property
    def _missed(self) -> str:
        """What it would have had to be, in words."""
        return f"{self.score.words(self.context.target)} to reach"

    def first_verdict(self, epochs: Sequence[CurvePoint]) -> Prediction | None:
        """What stops, or would have stopped, an attempt with this curve; None where nothing does."""
        for number, metrics in enumerate(epochs, start=1):
            if not all(math.isfinite(metrics.figures[name]) for name in ("train_loss", "validation_loss")):
                return None  # a loss that is no number ends an attempt before anybody looks at it
            verdict = self.verdict(epochs[:number])
            if verdict is not None:
                return verdict
        return None


def best_score(epochs: Sequence[CurvePoint]) -> float:
    """The best score of some epochs; that of none is below all."""
    return max((point.score for point in epochs if point.score is not None), default=-math.inf)


class ScoreScale:
    """A scale on which equal steps of a score are about as hard: log odds of a share, log errors of others.

    Of a score with one end alone, such as R squared, it is the negative logarithm of what is missing to it.

    Args:
        score: what is measured.
        logarithm, exponential: the mathematics library's, or those of the same digits on every machine.
    """

    def __init__(
        self,
        score: Score,
        logarithm: Callable[[float], float] = math.log,
        exponential: Callable[[float], float] = math.exp,
    ):
        self.score, self.logarithm, self.exponential = score, logarithm, exponential
        self._is_share = score.low == 0.0 and score.high == 1.0
        self._floor = _SQUEEZE * (abs(score.high - score.failure) or 1.0)

    def spread(self, value: float) -> float:
        """A score on the scale; of a share a: log(a / (1 - a)), drawn a little toward 1/2 first."""
        if self._is_share:
            squeezed = (value - 0.5) * (1.0 - _SQUEEZE) + 0.5
            return self.logarithm(squeezed / (1.0 - squeezed))
        return -self.logarithm(max(self.score.high - value, 0.0) + self._floor)

    def value(self, place: float) -> float:
        """The reverse, within the score's range."""
        if not self._is_share:
            return self.score.high - max(self.exponential(-place) - self._floor, 0.0)
        odds = self.exponential(-abs(place))
        squeezed = (1.0 if place >= 0 else odds) / (1.0 + odds)
        return min(1.0, max(0.0, (squeezed - 0.5) / (1.0 - _SQUEEZE) + 0.5))

    def best(self, epochs: Sequence[CurvePoint]) -> float:
        """The best of some epochs, on the scale."""
        return self.spread(best_score(epochs))

    def features(self, network: ReferenceCurve | EarlyStoppingContext, epochs: Sequence[CurvePoint]) -> list[float]:
        """What a prediction sees of a network after some epochs."""
        last, best = epochs[-1], self.best(epochs)
        trained = last.figures.get(f"train_{self.score.name}", math.nan)
        return [
            best,
            self.best(epochs[-1:]),
            self.spread(trained) if math.isfinite(trained) else best,  # a database holds finite numbers alone
            self.logarithm(last.figures["validation_loss"] + _SQUEEZE),
            self.logarithm(epochs[0].figures["learning_rate"]),
            float(network.costs["layers"]),
            self.logarithm(network.costs["parameters"]),
            self.logarithm(network.costs["flops"]),
        ]
