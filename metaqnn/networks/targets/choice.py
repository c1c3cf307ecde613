"""Which target a data set has: from the targets themselves, or from what a database recorded of them."""

from collections.abc import Mapping, Sequence
from math import fsum, sqrt
from typing import Any

import numpy as np

from metaqnn.core import TargetKind
from metaqnn.errors import DataError, brief
from metaqnn.networks.targets.classes import Classes
from metaqnn.networks.targets.labels import Labels
from metaqnn.networks.targets.numbers import Numbers, NumbersScore
from metaqnn.networks.targets.target import Target


def target_of(kind: TargetKind, names: Sequence[str], y_train: np.ndarray, score: NumbersScore | None = None) -> Target:
    """The target of training images.

    Args:
        kind: of `y_train`.
        names: of the outputs.
        y_train: targets of the training images alone, as data have them.
        score: of numbers; None is R squared.

    Raises:
        DataError: a number that never varies.
    """
    if kind == "classes":
        return Classes(tuple(names))
    if kind == "labels":
        _, counts = np.unique(y_train, axis=0, return_counts=True)
        frequencies = y_train.sum(axis=0) / len(y_train)
        return Labels(tuple(names), int(counts.max()) / len(y_train), tuple(frequencies.tolist()))
    # Summed exactly, so that every machine has the same mean and deviation to the last bit.
    means = [fsum(column) / len(y_train) for column in y_train.T.tolist()]
    squares = np.square(y_train - np.array(means))
    deviations = [sqrt(fsum(column) / len(y_train)) for column in squares.T.tolist()]
    for name, mean, deviation in zip(names, means, deviations, strict=True):
        if deviation == 0:
            raise DataError(
                f"expected numbers that vary, but {brief(name, 40)} is {mean:g} for every training image; leave it out"
            )
    return Numbers(tuple(names), tuple(means), tuple(deviations), score or "r2")


def recorded_target(data: Mapping[str, Any], names: Sequence[str] | None = None) -> Target:
    """The target of recorded data, to use or to measure a trained network.

    Args:
        data: as `data_facts` made it; without `target` it is from before there were others than classes.
        names: of the outputs, where they are known.
    """
    known, found = data.get("target") or {}, tuple(names or map(str, range(int(data["classes"]))))
    if known.get("kind") == "labels":
        return Labels(found, float(known["majority"]))
    if known.get("kind") == "numbers":
        mean, deviation = (tuple(map(float, known[key])) for key in ("mean", "deviation"))
        return Numbers(found, mean, deviation, known["score"])
    return Classes(found)
