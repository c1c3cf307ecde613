"""The end of a training, predicted from its beginning and from networks trained to the end before.

The method is that of Baker et al. 2017 (arXiv 1705.10823): a nu-support-vector regression on the architecture, the
learning rate and the first part of the curve, whose errors on networks left out of the fit are its uncertainty; a
training is stopped when it stays below the best with at least a given probability. Two things differ. Accuracies are
taken as log odds, since a point at 98 % is not a point at 50 %. And the uncertainty is that among networks expected
to end alike, not one for all.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from metaqnn.training.config import PredictionConfig, TrainingConfig
from metaqnn.trial import EpochMetrics, Precedent, Prediction, Prospect

_SQUEEZE = 1e-3
"""Keeps log odds finite: an accuracy of 1 counts as 0.9995."""

_FOLDS = 5

_NU, _COST, _GAMMA = 0.5, 10.0, 0.03
"""Of the regression, on standardised features: chosen on a recorded digits search; see benchmarks/RESULTS.md."""

_SMALLEST_DEVIATION = 0.02
"""In log odds: a regression that fits its precedents by chance is not to be believed beyond this."""


class Predictor:
    """Judges one candidate while it trains.

    Args:
        config: when to look, and how sure to be.
        training: the recipe, for its number of epochs.
        prospect: what was known when the candidate was proposed.
    """

    def __init__(self, config: PredictionConfig, training: TrainingConfig, prospect: Prospect):
        self.probability = config.probability
        self.epochs = config.epochs(training)
        self.prospect = prospect

    def verdict(self, epochs: Sequence[EpochMetrics]) -> Prediction | None:
        """Whether an attempt should stop after its last epoch: the prediction if so, else None.

        Args:
            epochs: of the attempt so far, from the first.
        """
        if len(epochs) not in self.epochs or _best(epochs) >= log_odds(self.prospect.target):
            return None
        expected, deviation = self.predict(epochs)
        if normal_cdf((log_odds(self.prospect.target) - expected) / deviation) < self.probability:
            return None
        low, high = max(expected - deviation, _best(epochs)), expected + deviation
        return Prediction(len(epochs), probability_of(expected), probability_of(low), probability_of(high))

    def first_verdict(self, epochs: Sequence[EpochMetrics]) -> Prediction | None:
        """What stops, or would have stopped, an attempt with this curve; None where nothing does."""
        for number, metrics in enumerate(epochs, start=1):
            if not (math.isfinite(metrics.train_loss) and math.isfinite(metrics.validation_loss)):
                return None  # a loss that is no number ends an attempt before anybody looks at it
            verdict = self.verdict(epochs[:number])
            if verdict is not None:
                return verdict
        return None

    def predict(self, epochs: Sequence[EpochMetrics]) -> tuple[float, float]:
        """The log odds expected of the best accuracy of the whole attempt, and their standard deviation."""
        seen, precedents = len(epochs), self.prospect.precedents
        features = np.array([_features(p, p.epochs[:seen]) for p in precedents])
        so_far = np.array([_best(p.epochs[:seen]) for p in precedents])
        gains = np.array([log_odds(p.accuracy) for p in precedents]) - so_far
        folds = np.arange(len(precedents)) % _FOLDS
        left_out = np.empty(len(precedents))
        for fold in range(_FOLDS):
            left_out[folds == fold] = _fit(features[folds != fold], gains[folds != fold])(features[folds == fold])
        own = np.array([_features(self.prospect, epochs)])
        expected = float(_fit(features, gains)(own)[0]) + _best(epochs)
        # Precedents that were expected to end where this one is count most.
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


def _features(network: Precedent | Prospect, epochs: Sequence[EpochMetrics]) -> list[float]:
    """What the regression sees of a network after some epochs."""
    last = epochs[-1]
    return [
        _best(epochs),
        log_odds(last.validation_accuracy),
        log_odds(last.train_accuracy),
        math.log(last.validation_loss + _SQUEEZE),
        math.log(epochs[0].learning_rate),
        float(network.layers),
        math.log(network.parameters),
        math.log(network.flops),
    ]


def _best(epochs: Sequence[EpochMetrics]) -> float:
    return log_odds(max(metrics.validation_accuracy for metrics in epochs))


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
