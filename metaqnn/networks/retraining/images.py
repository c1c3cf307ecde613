"""What a retraining learns from: the images of a search, those for validation among them or not."""

from dataclasses import dataclass

import numpy as np

from metaqnn.core import TrainingSplit
from metaqnn.networks.data import DatasetConfig, SearchData, Statistics, fit_statistics
from metaqnn.networks.data.mapped_rows import with_more
from metaqnn.networks.retraining.config import RetrainingConfig
from metaqnn.networks.targets import Target


@dataclass(frozen=True, eq=False)
class RetrainingImages:
    """What a retraining learns from, and what it is looked at with.

    Attributes:
        x_train, y_train: uint8 (N, height, width, channels), of data on the disk `MappedRows`, and targets as a split
            has them.
        x_validation, y_validation: likewise; None where they are among those trained on.
        target: what is predicted.
        statistics: the preprocessing, fitted on the training images.
        mirror: whether training images are mirrored at random.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray | None
    y_validation: np.ndarray | None
    target: Target
    statistics: Statistics
    mirror: bool


def retraining_images(
    data: SearchData, part: TrainingSplit, dataset: DatasetConfig, recipe: RetrainingConfig
) -> RetrainingImages:
    """The images of a retraining."""
    x_train, y_train = data.x_train, data.y_train
    held_out: tuple[np.ndarray | None, np.ndarray | None] = data.x_validation, data.y_validation
    if part is TrainingSplit.TRAIN_AND_VALIDATION:
        x_train, y_train = with_more(x_train, data.x_validation), np.concatenate([y_train, data.y_validation])
        held_out = None, None
    statistics = fit_statistics(recipe.preprocessing or dataset.preprocessing, x_train)
    mirror = dataset.mirror if recipe.mirror is None else recipe.mirror
    return RetrainingImages(x_train, y_train, *held_out, data.target, statistics, mirror)
