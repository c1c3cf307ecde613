"""The winner of a search, trained on all images."""

import json
import math
import sys
import warnings
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np

from metaqnn.config import as_mapping
from metaqnn.core import Retraining, Status, TrainingSplit
from metaqnn.errors import EvaluatorError
from metaqnn.estimators.network import TrainedNetwork
from metaqnn.estimators.search import pass_on
from metaqnn.networks.architecture import parse
from metaqnn.networks.data import SearchData, fit_statistics, load_search_data
from metaqnn.networks.retraining.choice import stored_network
from metaqnn.networks.retraining.stored import ENDING, StoredNetwork, save_network
from metaqnn.networks.training.backend import plain_keras, recorded_backend
from metaqnn.networks.training.device import Device, current_device
from metaqnn.replay.leaderboard import Winner
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import kept_file
from metaqnn.workflows import Experiment
from metaqnn.workflows.retrain import train_best
from metaqnn.workflows.retraining_plan import TrainOptions

_MAX_ATTEMPTS = 5


def train_winner(
    database: Path, experiment: Experiment, winner: Winner, is_retrained: bool, is_in_process: bool, verbose: bool
) -> TrainedNetwork:
    """Train the winner of a search on all images, or take it up where that was done or begun before.

    Args:
        database: of the search.
        experiment: what was searched; its section `final` is the retraining recipe.
        winner: what to train.
        is_retrained: whether the retraining recipe is used; else that of the search.
        is_in_process: whether it is trained in this process.
        verbose: whether the progress is shown, on the standard error.

    Raises:
        KeyboardInterrupt: it was interrupted; no worker is left.
        EvaluatorError: it could not be trained.
    """
    if is_retrained:
        retraining = _retrain(database, experiment, winner, is_in_process, verbose)
        if retraining.status == Status.OK:
            with ReplayReader(database) as reader:
                return TrainedNetwork.read(stored_network(reader, retraining), recorded_backend(reader))
        warnings.warn(
            f"the retraining of {winner.architecture} failed ({retraining.reason}); the recipe of the search is used",
            stacklevel=4,
        )
    with ReplayReader(database) as reader:
        data, backend = reader.config()["data"], recorded_backend(reader)
    shape, target = data["input_shape"], data.get("target", {})
    for ending in (".keras", ENDING):  # the first is of older versions
        file = kept_file(database, f"model-{winner.model}-as-in-search{ending}", f"the network of model {winner.model}")
        preprocessing = experiment.network_dataset.preprocessing
        stored = StoredNetwork(str(file), winner.architecture, shape, preprocessing, target=target)
        if file.is_file():
            return TrainedNetwork.read(stored, backend)
    device = current_device(backend)
    with plain_keras(is_users_process=True):
        _train_as_in_search(experiment, winner, stored, device)
    return TrainedNetwork.read(stored, backend)


def _retrain(database: Path, experiment: Experiment, winner: Winner, is_in_process: bool, verbose: bool) -> Retraining:
    from metaqnn.workflows.display.counting import counting

    recipe = as_mapping(experiment.final)
    options = TrainOptions(
        models=(winner.model,),
        split=TrainingSplit.TRAIN_AND_VALIDATION,
        recipe=recipe["name"],  # the database may have been started with another one
        overrides=tuple(f"final.{key}={json.dumps(value)}" for key, value in recipe.items()),
        workers=1,
        in_process=is_in_process,
    )
    with counting("epochs") if verbose else nullcontext(lambda *now: None) as count:
        report = train_best(
            database,
            options,
            lambda now: count(now.epochs_done, now.epochs_total, "of the best network on all data"),
            (lambda line: print(line, file=sys.stderr, flush=True)) if verbose else (lambda line: None),
        )
    if not report.is_complete:
        pass_on(report.signal)
    return report.retrainings[0]


def _train_as_in_search(experiment: Experiment, winner: Winner, stored: StoredNetwork, device: Device) -> None:
    """Train a network by the recipe of the search, in this process, and save it.

    Raises:
        EvaluatorError: its loss is not a number at any learning rate.
    """
    from metaqnn.networks.training.engines import make_engine
    from metaqnn.networks.training.inference import inference_network

    data = _all_images(load_search_data(experiment.network_dataset, experiment.seed))
    statistics = fit_statistics(experiment.network_dataset.preprocessing, data.x_train)
    config = experiment.training
    engine = make_engine(data, statistics, experiment.network_dataset.mirror, config, device, may_skip_tracing=True)
    architecture, rate = parse(winner.architecture), winner.figures["learning_rate"]
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        session = engine.open(architecture, experiment.seed, attempt)
        try:
            for epoch in range(1, config.epochs + 1):
                outcome = session.run_epoch(epoch, config.rate(rate, epoch), lambda: None)
                if not math.isfinite(outcome.train_loss):
                    break
            else:
                weights = session.numpy_weights()
                network = inference_network(architecture, data.input_shape, statistics, weights, target=data.target)
                Path(stored.path).parent.mkdir(parents=True, exist_ok=True)
                save_network(network, Path(stored.path))
                return
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
