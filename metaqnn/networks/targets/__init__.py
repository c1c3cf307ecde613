"""What networks predict: the class of an image, its labels, or numbers."""

from metaqnn.networks.targets.choice import recorded_target, target_of
from metaqnn.networks.targets.classes import Classes
from metaqnn.networks.targets.labels import Labels
from metaqnn.networks.targets.numbers import Numbers
from metaqnn.networks.targets.target import Measured, Target

BESIDE_SCORES = frozenset({"mean_average_precision", "r2", "negative_rmse", "mean_absolute_error"})
"""Names of what is measured beside a score, which evaluations keep of their best epoch."""

__all__ = ["BESIDE_SCORES", "Classes", "Labels", "Measured", "Numbers", "Target", "recorded_target", "target_of"]
