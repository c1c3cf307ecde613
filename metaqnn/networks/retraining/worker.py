"""The worker process of finals: does one thing that it is asked to, a training or predictions, and ends.

It is started as a program of its own and talks over one socket. When the command that started it dies, the socket
closes and the worker ends itself, also in the middle of an epoch; the checkpoint of the epoch before stays.
"""

import math
import os
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

from metaqnn.core import Status
from metaqnn.errors import MetaqnnError
from metaqnn.finals.stored import load_network, save_network
from metaqnn.networks.data import SearchData, load_search_data
from metaqnn.networks.retraining.messages import (
    DataSource,
    FinalEnded,
    FinalEpochDone,
    FinalStarted,
    Predict,
    Predicted,
    Predictions,
    TrainFinal,
    WorkerRefused,
)
from metaqnn.training.device import Device

_EXIT_WITHOUT_PARENT = 3


def main() -> None:
    """Serve the command at the socket whose number is the first argument."""
    connection = Connection(int(sys.argv[1]))
    inbox: SimpleQueue = SimpleQueue()

    def receive() -> None:
        while True:
            try:
                inbox.put(connection.recv())
            except (EOFError, OSError):
                os._exit(_EXIT_WITHOUT_PARENT)

    threading.Thread(target=receive, daemon=True).start()
    message = inbox.get()
    try:
        if isinstance(message, TrainFinal):
            train_final(message, connection.send)
        else:
            connection.send(_predict(message))
    except MetaqnnError as error:
        connection.send(WorkerRefused(str(error)))
    inbox.get()  # until the command has read it all and closes the socket


def _load(source: DataSource) -> SearchData:
    data = load_search_data(source.dataset, source.seed)
    if data.fingerprint != source.fingerprint:
        raise MetaqnnError(
            f"the data set {source.dataset.name} holds other images than those that the networks were trained on; "
            "bring the old ones back, or train again"
        )
    return data


def train_final(job: TrainFinal, send: Callable[[object], None], device: Device | None = None) -> None:
    """Train to the end; whatever a framework raises for a network is that training's result.

    Args:
        job: what to train.
        send: called with what happens.
        device: of this process, which is used as it is; None sets it up so that a seed decides everything.

    Raises:
        MetaqnnError: it cannot be trained at all.
    """
    from metaqnn.finals.trainer import FinalTraining, final_images
    from metaqnn.finals.transfer import take_weights
    from metaqnn.training.device import prepare_device
    from metaqnn.training.recipe import failure_of

    device = device or prepare_device()
    images = final_images(_load(job.source), job.part, job.source.dataset, job.recipe)
    checkpoint, training = Path(job.checkpoint), None
    try:
        is_half = job.recipe.precision == "auto" and device.has_bfloat16
        training = FinalTraining(job.architecture, images, job.recipe, job.seed, is_half, device.is_gpu)
        if not training.load_checkpoint(checkpoint, job.identity) and job.origin is not None:
            take_weights(training.model, job.origin)
        send(FinalStarted(device.name, tuple(training.epochs)))
        while len(training.epochs) < job.recipe.num_epochs:
            epoch = training.run_epoch()
            if not math.isfinite(epoch.train_loss):
                checkpoint.unlink(missing_ok=True)  # it would go the same way again
                send(FinalEpochDone(epoch))
                send(FinalEnded(Status.DIVERGED, f"the loss was not a number in epoch {epoch.epoch}"))
                return
            training.save_checkpoint(checkpoint, job.identity)
            send(FinalEpochDone(epoch))
        save_network(training.network(), Path(job.network))
    except MetaqnnError:
        raise
    except Exception as error:  # whatever a framework raises for a network is that network's result
        status, reason = failure_of(error, is_built=training is not None)
        send(FinalEnded(status, reason))
        return
    checkpoint.unlink(missing_ok=True)
    send(FinalEnded(Status.OK, "", training.epochs[-1].validation_accuracy))


def _predict(job: Predict) -> Predicted:
    import numpy as np

    from metaqnn.networks.retraining.testing import open_test_split
    from metaqnn.networks.training.device import prepare_device, usable_cores

    prepare_device(usable_cores())
    data = _load(job.source)
    test = open_test_split(job.source.dataset.name, data.class_names, data.input_shape)
    splits = {"validation": (data.x_validation, data.y_validation), "test": (test.images, test.labels)}
    said: dict[str, list] = {name: [] for name in splits}
    for stored in job.networks:
        network = load_network(stored)
        for name, (images, _) in splits.items():
            said[name].append(network.predict(images, batch_size=256, verbose=0))
    answers = {
        name: Predictions(labels, np.stack(said[name]).astype(np.float32)) for name, (_, labels) in splits.items()
    }
    return Predicted(answers["validation"], answers["test"])


if __name__ == "__main__":
    main()
