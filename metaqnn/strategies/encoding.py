"""Trajectories as rows of numbers, for models of the return."""

from collections.abc import Sequence

import numpy as np

from metaqnn.core import Space, Trajectory
from metaqnn.strategies.exact_math import logarithm
from metaqnn.strategies.return_model import Points


class TrajectoryEncoder:
    """What a model of the return sees of a trajectory.

    The action at each depth; and where trajectories differ in length, so that networks that are alike need not be so
    depth by depth: how often each action is taken, how many of each kind, and the mean logarithm of each number that
    describes actions (`Space.describe`) and varies. Actions are of one kind that are described by the same numbers.

    Args:
        space: what the trajectories are of.
        with_counts: whether they differ in length.
    """

    def __init__(self, space: Space, with_counts: bool):
        self._depth, self._with_counts = space.max_steps, with_counts
        self.group_names: tuple[str, ...] = ()
        self._codes = {str(action): code for code, action in enumerate(space.all_actions)}
        described = [dict(space.describe(action)) for action in space.all_actions]
        kinds = list(dict.fromkeys(tuple(each) for each in described))
        values: dict[str, set[float]] = {}
        for name, value in (item for each in described for item in each.items()):
            values.setdefault(name, set()).add(value)
        names = [name for name in values if len(values[name]) > 1]  # the others say no more than the kind
        if with_counts:
            of_kinds = [f"number of {kind[0].partition('.')[0] if kind else 'steps'}" for kind in kinds]
            self.group_names = ("actions taken", *of_kinds, *(f"mean log {name}" for name in names))
        self._kinds = np.array([[1.0 if tuple(each) == kind else 0.0 for kind in kinds] for each in described])
        self._has = np.array([[1.0 if name in each else 0.0 for name in names] for each in described])
        self._logarithms = np.array(
            [[logarithm(float(each[name])) if name in each else 0.0 for name in names] for each in described]
        )

    def points(self, trajectories: Sequence[Trajectory]) -> Points:
        """Trajectories as the model sees them, in order."""
        actions = np.full((len(trajectories), self._depth), -1)
        for row, trajectory in zip(actions, trajectories, strict=True):
            row[: len(trajectory.steps)] = [self._codes[step.action] for step in trajectory.steps]
        if not self._with_counts:
            return Points(actions, ())
        codes = np.arange(len(self._codes))
        counts = (actions[:, :, None] == codes).sum(axis=1).astype(np.float64)
        of_kinds, of_names = _totals(counts, self._kinds), _totals(counts, self._has)
        means = _totals(counts, self._logarithms) / np.maximum(of_names, 1.0)
        columns = [column[:, None] for column in (*of_kinds.T, *means.T)]
        return Points(actions, (counts, *columns))


def _totals(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values of actions, added over the actions of each trajectory one after another; (trajectories, columns)."""
    if not values.size:
        return np.zeros((len(counts), values.shape[1] if values.ndim == 2 else 0))
    return np.cumsum(counts[:, :, None] * values[None, :, :], axis=1)[:, -1]
