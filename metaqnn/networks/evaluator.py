"""The evaluator of networks: trains them with Keras on images; the score is that of their target."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from metaqnn.core import (
    Candidate,
    Evaluation,
    Evaluator,
    Limits,
    Place,
    Report,
    Setting,
    SpeedMeasurement,
    Status,
)
from metaqnn.errors import CalibrationError, DataError
from metaqnn.machine import raise_machine_fault
from metaqnn.networks.architecture import parse
from metaqnn.networks.data.config import DatasetConfig
from metaqnn.networks.training.backend import default_backend, plain_keras, require_backend
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.figures import figures_of_best
from metaqnn.networks.training.memory import too_large, training_bytes
from metaqnn.workers.memory import GIBIBYTE, IDLE_BYTES, gpu_bytes, machine_bytes

if TYPE_CHECKING:
    import numpy as np

    from metaqnn.networks.data import SearchData
    from metaqnn.networks.training.recipe import Engine


def figures_of(evaluation: Evaluation) -> Mapping[str, float | None]:
    """What of a training's figures follows from its curve.

    The initial learning rate of the attempt that counts; and what is measured beside the score, at the best epoch.
    """
    rate = evaluation.curve[0].figures.get("learning_rate") if evaluation.curve else None
    beside = figures_of_best(evaluation.curve) if evaluation.status is Status.OK else {}
    return {"learning_rate": rate, **beside}


class NetworkEvaluator(Evaluator):
    """Trains networks of layers on images.

    The data are read where it is made, to check them, and once more in each worker. In a process that is not its own
    neither threads nor the determinism of operations are changed: where that computes with several threads, scores may
    differ in their last digits.

    Args:
        options: the section `training`; without a backend, that of a new search.
        setting: its section is the section `dataset`.

    Raises:
        ConfigError: the backend is not installed.
        DataError: the data set is absent or unusable, or smaller than the section asks for.
    """

    Options = TrainingConfig

    def __init__(self, options: TrainingConfig, setting: Setting):
        from metaqnn.networks.data import data_facts, load_search_data
        from metaqnn.networks.data.description import describe_search
        from metaqnn.networks.data.mapped_rows import MappedRows
        from metaqnn.networks.data.sources import require_room

        self.backend = options.backend or default_backend()
        require_backend(self.backend)
        super().__init__(replace(options, backend=self.backend), setting)
        section: Any = setting.section  # of networks not as plain values
        self.dataset: DatasetConfig = section
        data = load_search_data(self.dataset, setting.seed, is_named_by_user=True)
        if options.engine != "fit" and isinstance(data.x_train, MappedRows):
            require_room(data.x_train.nbytes, "the training images, which 'training.engine: fit' leaves on the disk")
        self._facts = data_facts(data)
        self._description = describe_search(data, self.dataset)
        self._class_names = data.class_names
        self.score = data.target.score
        most = None if options.max_memory is None else options.max_memory * GIBIBYTE
        self.limits = Limits(options.max_seconds, most, "training.max_seconds", "training.max_memory", computes=True)
        self._is_users_process = False

    def facts(self) -> Mapping[str, Any]:
        """Hashes, the shape of an image, how many classes and images there are, and a `DataDescription`."""
        return self._facts | {"description": self._description}

    def arrays(self) -> Mapping[str, "np.ndarray"]:
        """The images of the search; none where they are so many that they stay on the disk."""
        from metaqnn.networks.data import load_search_data

        return load_search_data(self.dataset, self.setting.seed, is_named_by_user=True).arrays()

    def start(self, place: Place | None = None) -> None:
        """Import Keras and hold the data.

        Raises:
            DataError: they are others than those that were checked.
        """
        from metaqnn.networks.data import data_facts, fit_statistics, load_search_data, sent_data
        from metaqnn.networks.training.device import current_device, prepare_device
        from metaqnn.networks.training.prefetching import PrefetchingEngine

        place = place or Place()
        self._is_users_process = not place.is_own_process
        self.place = (prepare_device if place.is_own_process else current_device)(self.backend)
        self.device, self.versions, self.is_gpu = self.place.name, self.place.versions, self.place.is_gpu
        if place.arrays is not None:
            self.data = sent_data(place.arrays, self._facts, self._class_names)
        else:
            self.data = load_search_data(self.dataset, self.setting.seed, is_named_by_user=True)
        if data_facts(self.data) != self._facts:
            raise DataError(f"the data set {self.dataset.name} changed while the search was starting")
        self.statistics = fit_statistics(self.dataset.preprocessing, self.data.x_train)
        self._constant_loss = self.data.target.constant_loss(self.data.y_validation)
        engine = self.make_engine(self.data)
        self.engine = PrefetchingEngine(engine) if self.is_gpu and engine.can_prepare else engine
        # What a candidate may use: as the search says, else what the device has; None where nobody knows.
        if self.limits.max_bytes is not None:
            whole: int | None = round(self.limits.max_bytes)
        else:
            whole = gpu_bytes(place.gpu) if self.is_gpu else machine_bytes()
        self.memory_bytes = None if whole is None else whole - IDLE_BYTES

    def make_engine(self, data: "SearchData") -> "Engine":
        """The fastest engine there is here, over some data."""
        from metaqnn.networks.training.engines import make_engine

        mirror = self.dataset.mirror
        return make_engine(data, self.statistics, mirror, self.options, self.place, self._is_users_process)

    def need_bytes(self, candidate: Candidate) -> int:
        """In single precision, whatever the device computes in: it costs a little waiting at most."""
        shape = tuple(self._facts["input_shape"])
        config = self.options
        network, has = parse(candidate.architecture), (config.dropout, config.batch_normalization)
        return training_bytes(network, shape, config.batch_size, 4, *has)

    def why_too_large(self, architecture: str) -> str | None:
        """Why a network cannot be trained in the memory there is; None where it can."""
        config, number_bytes = self.options, 2 if self.engine.use_bfloat16 else 4
        batch_size = min(config.batch_size, len(self.data.x_train))
        network, has = parse(architecture), (config.dropout, config.batch_normalization)
        needed = training_bytes(network, self.data.input_shape, batch_size, number_bytes, *has)
        return too_large(needed, self.memory_bytes)

    def prepare(self, candidate: Candidate) -> None:
        """Make the next network ready while this one trains, where that is worth anything."""
        from metaqnn.networks.training.prefetching import PrefetchingEngine

        if isinstance(self.engine, PrefetchingEngine) and not self.why_too_large(candidate.architecture):
            self.engine.prepare(parse(candidate.architecture), candidate.seed)

    def evaluate(self, candidate: Candidate, report: Report) -> Evaluation:
        """Train a network by the recipe."""
        from metaqnn.networks.training.recipe import train

        reason = self.why_too_large(candidate.architecture)
        if reason:
            return Evaluation(Status.TOO_LARGE, reason=reason, device=self.device)

        with plain_keras(self._is_users_process):
            return train(candidate, self.engine, self.options, self.score, report, self.device, self._constant_loss)

    def measure_speed(self, architectures: tuple[str, ...]) -> SpeedMeasurement:
        """Calibrate on a few networks.

        Raises:
            CalibrationError: it could not be measured.
            MachineError: the machine failed.
        """
        from metaqnn.networks.training.calibration import measure_speed
        from metaqnn.networks.training.recipe import failure_of

        try:
            with plain_keras(self._is_users_process):
                return measure_speed(architectures, self.data, self.make_engine, self.options)
        except Exception as error:  # as with a candidate: a network that cannot be trained here must not end the worker
            raise_machine_fault(error)
            raise CalibrationError(failure_of(error, is_built=True)[1]) from error
