"""How long a search will take, from the FLOPs of its space and a short calibration."""

import statistics
from dataclasses import dataclass

from metaqnn.core import Executor, Space
from metaqnn.networks.training.calibration import TRAINING_FACTOR
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.seeding import Stream

_SAMPLES = 64


@dataclass(frozen=True)
class Estimate:
    """What a search may take; `mean_flops` are of an image's forward pass, over networks sampled uniformly."""

    models: int
    mean_flops: float
    seconds_per_model: float
    total_seconds: float


def estimate_search(
    space: Space,
    executor: Executor,
    training: TrainingConfig,
    images: tuple[int, int],
    models: int,
    workers: int,
    seed: int,
) -> Estimate | None:
    """Estimate a search that has not begun.

    Args:
        images: how many train, and how many validate.
        workers: trainings side by side.

    Returns:
        the estimate; None where the executor has nothing to measure.

    Raises:
        CalibrationError: it could not be measured.
    """
    architectures = sorted(_sample(space, Stream(seed, "estimate", number)) for number in range(_SAMPLES))
    mean_flops = statistics.fmean(flops for flops, _ in architectures)
    chosen = [architectures[0], architectures[_SAMPLES // 2], architectures[_SAMPLES * 7 // 8]]
    speed = executor.measure_speed([architecture for _, architecture in chosen])
    if speed is None:
        return None
    train_images, validation_images = images
    operations = mean_flops * (TRAINING_FACTOR * train_images + validation_images)
    steps = -(-train_images // training.batch_size)
    epoch = steps * speed.step_seconds + operations / speed.operations_per_second
    seconds = speed.setup_seconds + training.epochs * epoch
    return Estimate(models, mean_flops, seconds, models * seconds / workers)


def _sample(space: Space, stream: Stream) -> tuple[float, str]:
    """The FLOPs of a network that is drawn uniformly, and the network."""
    architecture = space.walk(lambda _, choices: stream.integer(len(choices))).architecture
    return space.costs(space.parse(architecture))["flops"], architecture
