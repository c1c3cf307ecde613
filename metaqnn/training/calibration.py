"""How fast this device trains, measured on a few networks before a search begins."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from metaqnn.core import SpeedMeasurement
from metaqnn.data import SearchData
from metaqnn.space.architecture import parse
from metaqnn.space.cost import describe
from metaqnn.training.config import TrainingConfig
from metaqnn.training.recipe import Engine

TRAINING_FACTOR = 3
"""FLOPs of a training step over those of its forward pass: the backward pass costs about two more."""

_FLOPS_BUDGET = 20e9  # of one measured epoch: a second or less on one slow core
_MAX_STEPS = 8


def measure_speed(
    architectures: Sequence[str],
    data: SearchData,
    make_engine: Callable[[SearchData], Engine],
    config: TrainingConfig,
) -> SpeedMeasurement:
    """Train two short epochs of each network and derive what a step costs.

    Args:
        architectures: the first tiny, so that its time is the fixed cost; the others typical of the space.
        data: supplies the images.
        make_engine: an engine over part of the images.
        config: supplies the batch size.
    """
    measured = []
    for text in architectures:
        operations = TRAINING_FACTOR * describe(text, data.input_shape).flops
        most = min(_MAX_STEPS * config.batch_size, len(data.x_train))
        images = int(np.clip(_FLOPS_BUDGET / operations, 1, most))
        part = replace(
            data,
            x_train=data.x_train[:images],
            y_train=data.y_train[:images],
            x_validation=data.x_validation[:1],
            y_validation=data.y_validation[:1],
        )
        began = time.perf_counter()
        session = make_engine(part).open(parse(text), seed=0, attempt=1)
        durations = []
        for epoch in (1, 2):
            session.run_epoch(epoch, config.learning_rate, lambda: None)
            durations.append(time.perf_counter() - began)
            began = time.perf_counter()
        session.close()
        steps = -(-images // config.batch_size)
        measured.append((durations[0] - durations[1], durations[1], steps, operations * images))
    step_seconds = measured[0][1] / measured[0][2]
    rates = [
        operations / max(seconds - steps * step_seconds, 0.2 * seconds)
        for _, seconds, steps, operations in measured[1:]
    ]
    # The first network also warms the process up, so its setup does not count.
    setup = float(np.median([setup for setup, *_ in measured[1:]]))
    return SpeedMeasurement(float(np.median(rates)), max(0.0, setup), step_seconds)
