"""The end of a training, predicted from its beginning and from networks trained to the end before.

The method is that of Baker et al. 2017 (arXiv 1705.10823): a nu-support-vector regression on the architecture, the
learning rate and the first part of the curve, whose errors on networks left out of the fit are its uncertainty; a
training is stopped when it stays below the best with at least a given probability. Two things differ. Accuracies are
taken as log odds, since a point at 98 % is not a point at 50 %. And the uncertainty is that among networks expected
to end alike, not one for all.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metaqnn.core import CurvePoint, Prediction, Score
from metaqnn.networks.training.config import EarlyStoppingConfig, TrainingConfig

_SQUEEZE = 1e-3
"""Keeps log odds finite: an accuracy of 1 counts as 0.9995."""

_FOLDS = 5

_ACCURACY = Score("accuracy", low=0.0, high=1.0, is_share=True)

_NU, _COST, _GAMMA = 0.5, 10.0, 0.03
"""Of the regression, on standardised features: chosen on a recorded digits search; see benchmarks/RESULTS.md."""

_SMALLEST_DEVIATION = 0.02
"""In log odds: a regression that fits its references by chance is not to be believed beyond this."""


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
    """

    costs: Mapping[str, float]
    references: tuple[ReferenceCurve, ...]
    target: float
    is_control: bool


class Predictor:
    """Judges one candidate while it trains, by what was known when it was proposed."""

    def __init__(
        self,
        config: EarlyStoppingConfig,
        training: TrainingConfig,
        context: EarlyStoppingContext,
        score: Score = _ACCURACY,
    ):
        self.probability = config.probability
        self.epochs = config.epochs(training)
        self.context, self.scale = context, ScoreScale(score)

    def verdict(self, epochs: Sequence[CurvePoint]) -> Prediction | None:
        """Whether an attempt should stop after these epochs, from its first: the prediction if so, else None."""
        scale = self.scale
        if len(epochs) not in self.epochs or (best := scale.best(epochs)) >= scale.spread(self.context.target):
            return None
        expected, deviation = self.predict(epochs)
        if normal_cdf((scale.spread(self.context.target) - expected) / deviation) < self.probability:
            return None
        low, high = max(expected - deviation, best), expected + deviation
        return Prediction(len(epochs), scale.value(expected), scale.value(low), scale.value(high))

    def first_verdict(self, epochs: Sequence[CurvePoint]) -> Prediction | None:
        """What stops, or would have stopped, an attempt with this curve; None where nothing does."""
        for number, metrics in enumerate(epochs, start=1):
            if not all(math.isfinite(metrics.figures[name]) for name in ("train_loss", "validation_loss")):
                return None  # a loss that is no number ends an attempt before anybody looks at it
            verdict = self.verdict(epochs[:number])
            if verdict is not None:
                return verdict
        return None

    def predict(self, epochs: Sequence[CurvePoint]) -> tuple[float, float]:
        """What is expected of the best score of the whole attempt, and its standard deviation, both on the scale."""
        scale, seen, references = self.scale, len(epochs), self.context.references
        features = np.array([scale.features(r, r.points[:seen]) for r in references])
        so_far = np.array([scale.best(r.points[:seen]) for r in references])
        gains = np.array([scale.spread(r.score) for r in references]) - so_far
        folds = np.arange(len(references)) % _FOLDS
        left_out = np.empty(len(references))
        for fold in range(_FOLDS):
            left_out[folds == fold] = _fit(features[folds != fold], gains[folds != fold])(features[folds == fold])
        own = np.array([scale.features(self.context, epochs)])
        expected = float(_fit(features, gains)(own)[0]) + scale.best(epochs)
        # References that were expected to end where this one is count most.
        ends = left_out + so_far
        distance = (ends - expected) / (0.5 * ends.std() + 1e-9)
        weights = np.exp(-0.5 * np.square(distance)) + 1e-3
        deviation = math.sqrt(float(np.sum(weights * np.square(gains - left_out)) / np.sum(weights)))
        return expected, max(deviation, _SMALLEST_DEVIATION)


def _fit(features: np.ndarray, gains: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What the regression predicts: from features to gains of at least 0."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import NuSVR

    regression = make_pipeline(StandardScaler(), NuSVR(nu=_NU, C=_COST, gamma=_GAMMA)).fit(features, gains)
    # The best of a whole curve is never below the best of its beginning.
    return lambda rows: np.maximum(regression.predict(rows), 0.0)


class ScoreScale:
    """A scale on which equal steps of a score are about as hard: log odds of a share, log errors of others.

    Of a score with one end alone, such as R squared, it is the negative logarithm of what is missing to it.
    """

    def __init__(self, score: Score):
        self.score = score
        self._is_share = score.low == 0.0 and score.high == 1.0
        self._floor = _SQUEEZE * (abs(score.high - score.failure) or 1.0)

    def spread(self, value: float) -> float:
        """A score on the scale."""
        if self._is_share:
            return log_odds(value)
        return -math.log(max(self.score.high - value, 0.0) + self._floor)

    def value(self, place: float) -> float:
        """The reverse, within the score's range."""
        if self._is_share:
            return probability_of(place)
        return self.score.high - max(math.exp(-place) - self._floor, 0.0)

    def best(self, epochs: Sequence[CurvePoint]) -> float:
        """The best of some epochs, on the scale."""
        return self.spread(max(point.score for point in epochs if point.score is not None))

    def features(self, network: "ReferenceCurve | EarlyStoppingContext", epochs: Sequence[CurvePoint]) -> list[float]:
        """What the regression sees of a network after some epochs."""
        last = epochs[-1]
        return [
            self.best(epochs),
            self.best(epochs[-1:]),
            self.spread(last.figures[f"train_{self.score.name}"]),
            math.log(last.figures["validation_loss"] + _SQUEEZE),
            math.log(epochs[0].figures["learning_rate"]),
            float(network.costs["layers"]),
            math.log(network.costs["parameters"]),
            math.log(network.costs["flops"]),
        ]


def log_odds(accuracy: float) -> float:
    """log(a / (1 - a)) of an accuracy in [0, 1], which is drawn a little toward 1/2 first."""
    squeezed = (accuracy - 0.5) * (1.0 - _SQUEEZE) + 0.5
    return math.log(squeezed / (1.0 - squeezed))


def probability_of(odds: float) -> float:
    """The reverse of `log_odds`, within [0, 1]."""
    squeezed = 1.0 / (1.0 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1.0 + math.exp(odds))
    return min(1.0, max(0.0, (squeezed - 0.5) / (1.0 - _SQUEEZE) + 0.5))


def normal_cdf(z: float) -> float:
    """The probability that a standard normal variable is below z."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
