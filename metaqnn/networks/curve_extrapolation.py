"""The end of a training, extrapolated from its beginning by the networks that began most like it.

Each network trained to the end is a neighbour at some distance, in what is seen of it after as many epochs: its curve
and its costs. The weighted mean of what the near ones gained from there on is expected, and their weighted spread is
its uncertainty (locally weighted learning: Atkeson, Moore and Schaal, Artificial Intelligence Review 11, 1997).

Everything is computed by operations that IEEE 754 rounds exactly, and sums are those of `math.fsum`, which no order
changes: the same curves give the same decision on every machine, to the bit.
"""

import math
from collections.abc import Sequence

from metaqnn.core import CurvePoint, Prediction, Score
from metaqnn.networks.stopping_rule import EarlyStoppingContext, ScoreScale, StoppingRule, best_score
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.early_stopping_config import ExtrapolationConfig
from metaqnn.strategies.exact_math import exponential, logarithm, normal_cdf

_NEIGHBOURS = 12
"""The distance of this one is the width of the kernel; see benchmarks/RESULTS.md."""

_SMALLEST_DEVIATION = 0.05
"""In log odds: neighbours that agree by chance are not to be believed beyond this."""


class Extrapolation:
    """What networks gain from an epoch on, by their neighbours.

    Args:
        context: with the networks trained to the end.
        score: what is measured.
    """

    def __init__(self, context: EarlyStoppingContext, score: Score):
        self.context, self.scale = context, ScoreScale(score, logarithm, exponential)

    def predict(self, epochs: Sequence[CurvePoint]) -> tuple[float, float]:
        """What is expected of the best score of the whole attempt, and its standard deviation, both on the scale.

        The deviation is infinite where no network was measured after as many epochs.
        """
        scale, seen = self.scale, len(epochs)
        references = [each for each in self.context.references if each.points[seen - 1].score is not None]
        if not references:
            return scale.best(epochs), math.inf
        features = [scale.features(reference, reference.points[:seen]) for reference in references]
        gains = [scale.spread(reference.score) - row[0] for reference, row in zip(references, features, strict=True)]
        weights = _kernel(_squared_distances(features, scale.features(self.context, epochs)))
        whole = math.fsum(weights)
        mean = math.fsum(w * gain for w, gain in zip(weights, gains, strict=True)) / whole
        spread = math.fsum(w * (gain - mean) * (gain - mean) for w, gain in zip(weights, gains, strict=True)) / whole
        # The mean of few is itself uncertain: as that of whole^2 / (sum of w^2) of them with equal weights.
        mean_of_few = math.fsum(w * w for w in weights) / (whole * whole)
        deviation = math.sqrt(spread * (1.0 + mean_of_few))
        return scale.best(epochs) + max(mean, 0.0), max(deviation, _SMALLEST_DEVIATION)

    def prediction(self, epochs: Sequence[CurvePoint]) -> Prediction:
        """What is expected, as it is recorded."""
        expected, deviation = self.predict(epochs)
        low, high = max(expected - deviation, self.scale.best(epochs)), expected + deviation
        return Prediction(len(epochs), *map(self.scale.value, (expected, low, high)))


class ExtrapolationRule(StoppingRule):
    """Stops what is expected to stay below the best."""

    def __init__(
        self, config: ExtrapolationConfig, training: TrainingConfig, context: EarlyStoppingContext, score: Score
    ):
        super().__init__(training, context, score)
        self.probability, self.extrapolation = config.probability, Extrapolation(context, score)

    def _verdict(self, epochs: Sequence[CurvePoint]) -> Prediction | None:
        target = self.context.target
        if best_score(epochs) >= target:
            return None
        expected, deviation = self.extrapolation.predict(epochs)
        missing = self.extrapolation.scale.spread(target) - expected
        if deviation == math.inf or normal_cdf(missing / deviation) < self.probability:
            return None
        return self.extrapolation.prediction(epochs)


def _squared_distances(rows: Sequence[Sequence[float]], own: Sequence[float]) -> list[float]:
    """Of each row from the own one, each column in units of its variance; one that never differs does not count."""
    total, count = [0.0] * len(rows), len(rows)
    for column, value in enumerate(own):
        values = [row[column] for row in rows]
        mean = math.fsum(values) / count
        variance = math.fsum((each - mean) * (each - mean) for each in values) / count
        if variance > 0.0:
            total = [
                so_far + (each - value) * (each - value) / variance for so_far, each in zip(total, values, strict=True)
            ]
    return total


def _kernel(squared_distances: Sequence[float]) -> list[float]:
    """The weights: e^(-d^2 / h^2), of which h is the distance of the neighbour of a certain rank."""
    width = sorted(squared_distances)[min(_NEIGHBOURS, len(squared_distances)) - 1]
    if width == 0.0:
        return [float(square == 0.0) for square in squared_distances]
    return [exponential(-square / width) for square in squared_distances]
