"""What trains candidates in one process: the framework imported once, the data held, one network after another."""

from collections.abc import Callable
from dataclasses import dataclass

from metaqnn.core import Candidate, EpochFinished, EpochMetrics, Evaluation, SpeedMeasurement, Status
from metaqnn.data import DatasetConfig, SearchData
from metaqnn.errors import CalibrationError
from metaqnn.networks.architecture import parse
from metaqnn.training.ahead import EngineAhead
from metaqnn.training.config import TrainingConfig
from metaqnn.training.device import Device
from metaqnn.training.recipe import Engine
from metaqnn.workers.memory import GIBIBYTE, IDLE_BYTES, gpu_bytes, machine_bytes
from metaqnn.workers.runner import Runner


@dataclass(frozen=True)
class MeasureSpeed:
    """Asks for a calibration on some architectures."""

    architectures: tuple[str, ...]


class CandidateRunner(Runner):
    """Trains candidates.

    Args:
        dataset, training: what to train on, and how.
        seed: the search's; the validation split derives from it.
        fingerprint: of the data that the search recorded.
        gpu: the one GPU that this process was given; None leaves the choice open.
        device: of this process, which is used as it is; None sets it up so that a seed decides everything.

    Raises:
        ValueError: the data are others than the search's.
    """

    def __init__(
        self,
        dataset: DatasetConfig,
        training: TrainingConfig,
        seed: int,
        fingerprint: str,
        gpu: str | None = None,
        device: Device | None = None,
    ):
        from metaqnn.data import fit_statistics, load_search_data
        from metaqnn.training.device import prepare_device

        self.dataset, self.training, self.may_skip_tracing = dataset, training, device is not None
        self.place = device or prepare_device()
        self.device, self.versions, self.is_gpu = self.place.name, self.place.versions, self.place.is_gpu
        self.data = load_search_data(dataset, seed)
        if self.data.fingerprint != fingerprint:
            raise ValueError(f"the data set {dataset.name} changed while the search was starting")
        self.statistics = fit_statistics(dataset.preprocessing, self.data.x_train)
        engine = self.make_engine(self.data)
        self.engine = EngineAhead(engine) if self.is_gpu and engine.can_prepare else engine
        # What a candidate may use: as the search says, else what the device has; None where nobody knows.
        if training.max_memory is not None:
            whole = round(training.max_memory * GIBIBYTE)
        else:
            whole = gpu_bytes(gpu) if self.is_gpu else machine_bytes()
        self.memory_bytes = None if whole is None else whole - IDLE_BYTES

    def make_engine(self, data: SearchData) -> Engine:
        """The fastest engine there is here, over some data."""
        from metaqnn.training.engines import make_engine

        mirror = self.dataset.mirror
        return make_engine(data, self.statistics, mirror, self.training, self.place, self.may_skip_tracing)

    def why_too_large(self, architecture: str) -> str | None:
        """Why a network cannot be trained in the memory there is; None where it can."""
        from metaqnn.training.memory import too_large, training_bytes

        config, number_bytes = self.training, 2 if self.engine.is_half else 4
        batch_size = min(config.batch_size, len(self.data.x_train))
        needed = training_bytes(parse(architecture), self.data.input_shape, batch_size, number_bytes, config.dropout)
        return too_large(needed, self.memory_bytes)

    def prepare(self, payload: Candidate) -> None:
        """Make the next network ready while this one trains, where that is worth anything."""
        if isinstance(self.engine, EngineAhead) and not self.why_too_large(payload.architecture):
            self.engine.prepare(parse(payload.architecture), payload.seed)

    def run(self, payload: Candidate | MeasureSpeed, report: Callable) -> Evaluation | SpeedMeasurement:
        """Train a candidate, or calibrate.

        Raises:
            CalibrationError: the speed could not be measured.
        """
        if isinstance(payload, MeasureSpeed):
            return self.measure_speed(payload.architectures)
        from metaqnn.training.recipe import train

        reason = self.why_too_large(payload.architecture)
        if reason:
            return Evaluation(Status.TOO_LARGE, reason, device=self.device)

        def report_epoch(attempt: int, metrics: EpochMetrics) -> None:
            report(EpochFinished(payload.number, attempt, metrics))

        return train(payload, self.engine, self.training, self.data.classes, report_epoch, self.device)

    def measure_speed(self, architectures: tuple[str, ...]) -> SpeedMeasurement:
        """Calibrate on a few architectures.

        Raises:
            CalibrationError: it could not be measured.
        """
        from metaqnn.training.calibration import measure_speed
        from metaqnn.training.recipe import failure_of

        try:
            return measure_speed(architectures, self.data, self.make_engine, self.training)
        except Exception as error:  # as with a candidate: a network that cannot be trained here must not end the worker
            raise CalibrationError(failure_of(error, is_built=True)[1]) from error
