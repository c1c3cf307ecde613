"""What retrains in one process, one network after another, or says what trained networks predict.

The state after every epoch is on the disk before it is reported: killed in the middle of an epoch, a training goes on.
"""

import math
from collections.abc import Callable
from pathlib import Path

from metaqnn.core import Place, Status
from metaqnn.errors import MetaqnnError
from metaqnn.machine import raise_machine_fault
from metaqnn.networks.data import SearchData, load_search_data
from metaqnn.networks.data.description import Look
from metaqnn.networks.retraining.messages import (
    DataSource,
    Predict,
    Predicted,
    Predictions,
    RetrainingEnded,
    RetrainingEpochDone,
    RetrainingJob,
    RetrainingStarted,
)
from metaqnn.networks.retraining.stored import load_network, save_network
from metaqnn.networks.retraining.test_split import check_test_split, open_test_split
from metaqnn.networks.training.backend import Backend, plain_keras
from metaqnn.networks.training.device import Device
from metaqnn.workers.runner import Runner


class RetrainingRunner(Runner):
    """Takes `RetrainingJob`, reports its start and its epochs and answers `RetrainingEnded`; or takes `Predict`.

    Args:
        backend: of Keras.
        threads: on a CPU; more than one gives up that sums come in one order.
        place: where this is.
        device: of this process, which is used as it is; None sets it up so that a seed decides everything.
    """

    def __init__(self, backend: Backend, threads: int, place: Place | None = None, device: Device | None = None):
        from metaqnn.networks.training.device import prepare_device

        self._is_users_process = device is not None
        self.place = device or prepare_device(backend, threads)
        self.device, self.versions, self.is_gpu = self.place.name, self.place.versions, self.place.is_gpu

    def run(self, payload: RetrainingJob | Predict, report: Callable[[object], None]) -> RetrainingEnded | Predicted:
        """Train, or predict.

        Raises:
            MetaqnnError: it cannot be done at all.
        """
        with plain_keras(self._is_users_process):
            return _predict(payload) if isinstance(payload, Predict) else retrain(payload, report, self.place)


def _load(source: DataSource) -> SearchData:
    data = load_search_data(source.dataset, source.seed)
    if data.fingerprint != source.fingerprint:
        raise MetaqnnError(
            f"the data set {source.dataset.name} holds other images than those that the networks were trained on; "
            "bring the old ones back, or train again"
        )
    return data


def retrain(job: RetrainingJob, send: Callable[[object], None], device: Device) -> RetrainingEnded:
    """Train to the end, or go on where the checkpoint stands; what a framework raises for a network is its result.

    Args:
        job: what to train.
        send: called with what happens before the end.
        device: of this process.

    Raises:
        MetaqnnError: it cannot be trained at all, or the machine failed.
    """
    from metaqnn.networks.retraining.images import retraining_images
    from metaqnn.networks.retraining.trainer import RetrainingSession
    from metaqnn.networks.retraining.transfer import take_weights
    from metaqnn.networks.training.recipe import failure_of

    images = retraining_images(_load(job.source), job.split, job.source.dataset, job.recipe)
    checkpoint, training = Path(job.checkpoint), None
    try:
        use_bfloat16 = job.recipe.precision == "auto" and device.has_bfloat16
        training = RetrainingSession(job.architecture, images, job.recipe, job.seed, use_bfloat16, device.is_gpu)
        if not training.load_checkpoint(checkpoint, job.identity) and job.origin is not None:
            take_weights(training.keras_network, job.origin)
        send(RetrainingStarted(device.name, tuple(training.epochs)))
        while len(training.epochs) < job.recipe.num_epochs:
            epoch = training.run_epoch()
            if not math.isfinite(epoch.figures["train_loss"]):
                checkpoint.unlink(missing_ok=True)  # it would go the same way again
                send(RetrainingEpochDone(epoch))
                return RetrainingEnded(Status.DIVERGED, f"the loss was not a number in epoch {epoch.step}")
            training.save_checkpoint(checkpoint, job.identity)
            send(RetrainingEpochDone(epoch))
        save_network(training.network(), Path(job.network))
    except MetaqnnError:
        raise
    except Exception as error:  # whatever a framework raises for a network is that network's result
        raise_machine_fault(error)
        return RetrainingEnded(*failure_of(error, is_built=training is not None))
    finally:
        if training is not None:
            training.close()
    checkpoint.unlink(missing_ok=True)
    return RetrainingEnded(Status.OK, "", training.epochs[-1].score)


def _predict(job: Predict) -> Predicted:
    import numpy as np

    data = _load(job.source)
    test = open_test_split(job.source.dataset, data.class_names, data.input_shape)
    train = [Look(data.x_train, data.y_train), Look(data.x_validation, data.y_validation)]
    check, _ = check_test_split(test, train)
    if check.duplicates and not job.allow_duplicates:
        return Predicted(check)
    splits = {"validation": (data.x_validation, data.y_validation), "test": (test.images, test.labels)}
    said: dict[str, list] = {name: [] for name in splits}
    for stored in job.networks:
        network = load_network(stored)
        for name, (images, _) in splits.items():
            said[name].append(network.predict(images, batch_size=256, verbose=0))
    answers = {
        name: Predictions(targets, np.stack(said[name]).astype(np.float32)) for name, (_, targets) in splits.items()
    }
    return Predicted(check, answers["validation"], answers["test"])
