"""The winner of a search, trained on all images."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from metaqnn.data import SearchData, fit_statistics, load_search_data
from metaqnn.errors import EvaluatorError
from metaqnn.estimator.network import TrainedNetwork, packed, quiet_import, whole_network
from metaqnn.estimator.search import Winner
from metaqnn.experiment import Experiment
from metaqnn.space.architecture import parse

_MAX_ATTEMPTS = 5


def train_winner(
    database: Path, experiment: Experiment, winner: Winner, final: Any, is_in_process: bool, verbose: bool
) -> TrainedNetwork:
    """The winner of a search, trained on all images."""
    return train_as_in_search(experiment, winner)


def train_as_in_search(experiment: Experiment, winner: Winner) -> TrainedNetwork:
    """Train a network on all images, those held out included, by the recipe of the search, in this process.

    Raises:
        EvaluatorError: its loss is not a number at any learning rate.
    """
    with quiet_import():
        from metaqnn.training.device import current_device
        from metaqnn.training.engines import make_engine

        device = current_device()
    data = _all_images(load_search_data(experiment.dataset, experiment.seed))
    statistics = fit_statistics(experiment.dataset.preprocessing, data.x_train)
    config = experiment.training
    engine = make_engine(data, statistics, experiment.dataset.mirror, config, device, may_skip_tracing=True)
    architecture, rate = parse(winner.architecture), winner.learning_rate
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        session = engine.open(architecture, experiment.seed, attempt)
        try:
            for epoch in range(1, config.epochs + 1):
                outcome = session.run_epoch(epoch, config.rate(rate, epoch), lambda: None)
                if not math.isfinite(outcome.train_loss):
                    break
            else:
                network = whole_network(architecture, data.input_shape, statistics, session.numpy_weights())
                return packed(network)
        finally:
            session.close()
        rate *= config.restart_factor
    raise EvaluatorError(
        f"expected {winner.architecture} to be trained on all images as in the search, but its loss was not a number "
        f"at any of {_MAX_ATTEMPTS} learning rates; set a lower training.learning_rate"
    )


def _all_images(data: SearchData) -> SearchData:
    """All images to train on; validation, which an engine always does, looks at some of them again."""
    return replace(
        data,
        x_train=np.concatenate([data.x_train, data.x_validation]),
        y_train=np.concatenate([data.y_train, data.y_validation]),
    )
