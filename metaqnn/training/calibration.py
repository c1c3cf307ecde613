"""How fast this device trains, measured on a few networks before a search begins."""

import time
from collections.abc import Sequence

import numpy as np

from metaqnn.core import SpeedMeasurement
from metaqnn.data import SearchData, Statistics
from metaqnn.space.architecture import parse
from metaqnn.space.cost import describe
from metaqnn.training.config import TrainingConfig
from metaqnn.training.fit_engine import FitEngine, FitSession

TRAINING_FACTOR = 3
"""FLOPs of a training step over those of its forward pass: the backward pass costs about two more."""

_FLOPS_BUDGET = 20e9  # of one measured step: a second or less on one slow core
_STEPS = 2


def measure_speed(architectures: Sequence[str], data: SearchData, config: TrainingConfig) -> SpeedMeasurement:
    """Train a few steps of each network and derive what a step costs.

    Args:
        architectures: the first tiny, so that its time is the fixed cost; the others typical of the space.
        data: supplies the images.
        config: supplies the batch size.
    """
    setups, seconds, flops = [], [], []
    for text in architectures:
        forward = describe(text, data.input_shape).flops
        batch = max(1, min(config.batch_size, len(data.x_train), int(_FLOPS_BUDGET / (TRAINING_FACTOR * forward))))
        images, labels = data.x_train[:batch], data.y_train[:batch]
        began = time.perf_counter()
        session = FitSession(FitEngine(data, Statistics("none"), False, config), parse(text), seed=0, attempt=1)
        session.model.train_on_batch(images, labels)
        setups.append(time.perf_counter() - began)
        steps = []
        for _ in range(_STEPS):
            began = time.perf_counter()
            session.model.train_on_batch(images, labels)
            steps.append(time.perf_counter() - began)
        seconds.append(min(steps))
        flops.append(TRAINING_FACTOR * forward * batch)
        session.close()
    fixed = seconds[0]
    rate = np.median([f / max(s - fixed, 0.2 * s) for f, s in zip(flops[1:], seconds[1:], strict=True)])
    # The first build also warms the process up, so it does not count where there is another.
    return SpeedMeasurement(float(rate), float(np.median(setups[1:])), fixed)
