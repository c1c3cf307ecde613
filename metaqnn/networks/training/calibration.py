"""How fast this device trains, measured on a few networks before a search begins."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from metaqnn.core import SpeedMeasurement
from metaqnn.networks.architecture import parse
from metaqnn.networks.costs import describe
from metaqnn.networks.data import SearchData
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.recipe import Engine

TRAINING_FACTOR = 3
"""FLOPs of a training step over those of its forward pass: the backward pass costs about two more."""

_ENOUGH_SECONDS = 0.3
"""A measured epoch takes at least this long, unless it has all the images that it may have."""

_FIRST_IMAGES = 2
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
        images, most = _FIRST_IMAGES, min(_MAX_STEPS * config.batch_size, len(data.x_train))
        while True:
            setup, seconds = _time_epochs(text, data, images, make_engine, config)
            if seconds >= _ENOUGH_SECONDS or images == most:
                break
            # Aim at twice as long as needed; a small batch is dearer an image, so this falls short, never far over.
            images = min(most, max(2 * images, int(2 * images * _ENOUGH_SECONDS / seconds)))
        operations = TRAINING_FACTOR * describe(text, data.input_shape).flops * images
        measured.append((setup, seconds, -(-images // config.batch_size), operations))
    step_seconds = measured[0][1] / measured[0][2]
    rates = [
        operations / max(seconds - steps * step_seconds, 0.2 * seconds)
        for _, seconds, steps, operations in measured[1:]
    ]
    setup = float(np.median([setup for setup, *_ in measured[1:]]))
    return SpeedMeasurement(float(np.median(rates)), max(0.0, setup), step_seconds)


def _time_epochs(
    text: str,
    data: SearchData,
    images: int,
    make_engine: Callable[[SearchData], Engine],
    config: TrainingConfig,
) -> tuple[float, float]:
    """Seconds to set a network up, and of an epoch over so many images."""
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
    return durations[0] - durations[1], durations[1]
