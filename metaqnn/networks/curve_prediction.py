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

from metaqnn.core import CurvePoint, Prediction, Score
from metaqnn.networks.stopping_rule import EarlyStoppingContext, ScoreScale, StoppingRule
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.early_stopping_config import RegressionConfig

_FOLDS = 5

_NU, _COST, _GAMMA = 0.5, 10.0, 0.03
"""Of the regression, on standardised features: chosen on a recorded digits search; see benchmarks/RESULTS.md."""

_SMALLEST_DEVIATION = 0.02
"""In log odds: a regression that fits its references by chance is not to be believed beyond this."""


class RegressionRule(StoppingRule):
    """Stops what a regression on all references expects to stay below the best."""

    def __init__(self, config: RegressionConfig, training: TrainingConfig, context: EarlyStoppingContext, score: Score):
        super().__init__(training, context, score)
        self.probability, self.scale = config.probability, ScoreScale(score)

    def _verdict(self, epochs: Sequence[CurvePoint]) -> Prediction | None:
        scale = self.scale
        if (best := scale.best(epochs)) >= scale.spread(self.context.target):
            return None
        expected, deviation = self.predict(epochs)
        if normal_cdf((scale.spread(self.context.target) - expected) / deviation) < self.probability:
            return None
        low, high = max(expected - deviation, best), expected + deviation
        return Prediction(len(epochs), scale.value(expected), scale.value(low), scale.value(high))

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


def normal_cdf(z: float) -> float:
    """The probability that a standard normal variable is below z."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
