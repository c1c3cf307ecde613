"""What is measured of a network beside its score."""

import math
from collections.abc import Sequence

from metaqnn.core import CurvePoint
from metaqnn.networks.targets import BESIDE_SCORES


def figures_of_best(points: Sequence[CurvePoint]) -> dict[str, float]:
    """The further figures of a curve at its best point: what was measured of a target beside its score."""
    measured = [point for point in points if point.score is not None and math.isfinite(point.score)]
    if not measured:
        return {}
    best = max(measured, key=lambda point: (point.score, -point.step))
    return {name: value for name, value in best.figures.items() if name in BESIDE_SCORES and math.isfinite(value)}
