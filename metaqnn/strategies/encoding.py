"""Trajectories as rows of numbers, for models of the return."""

from collections.abc import Sequence

import numpy as np

from metaqnn.core import Space, Trajectory
from metaqnn.strategies.exact_math import logarithm
from metaqnn.strategies.return_model import Points


class TrajectoryEncoder:
    """What the return model sees of a trajectory.

    The action at each depth; how often each action is taken, which tells deep networks apart that are shifted by a
    layer; and the logarithm of each cost, where the space knows costs before anything is evaluated.

    Args:
        space: what the trajectories are of.
    """

    def __init__(self, space: Space):
        self.space = space
        self._codes = {str(action): code for code, action in enumerate(space.all_actions)}
        self._rows: dict[str, tuple[list[int], list[float]]] = {}  # of what was observed

    def points(self, trajectories: Sequence[Trajectory]) -> Points:
        """Trajectories as the model sees them, in order."""
        actions = np.full((len(trajectories), self.space.max_steps), -1)
        for row, trajectory in zip(actions, trajectories, strict=True):
            row[: len(trajectory.steps)] = [self._codes[step.action] for step in trajectory.steps]
        return Points(actions, ())
