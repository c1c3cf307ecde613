"""The worker process: imports the framework once, holds the data, trains one candidate after another.

It is started as a program of its own (never forked, so it inherits no database handle and no lock) and talks over
one socket. When the search dies, the socket closes and the worker ends itself, also in the middle of a training.
"""

import gc
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue

from metaqnn.core import (
    Candidate,
    CandidateFinished,
    CandidateStarted,
    EpochFinished,
    EpochMetrics,
    Evaluation,
    Status,
    WorkerReady,
)
from metaqnn.evaluators.messages import MeasureSpeed, Prepare, SpeedMeasured, WorkerFailed, WorkerSetup
from metaqnn.networks.architecture import parse
from metaqnn.networks.data import SearchData
from metaqnn.networks.training.ahead import EngineAhead
from metaqnn.networks.training.device import Device
from metaqnn.networks.training.recipe import Engine

_EXIT_WITHOUT_PARENT = 3


def main() -> None:
    """Serve the search at the socket whose number is the first argument."""
    connection = Connection(int(sys.argv[1]))
    inbox: SimpleQueue = SimpleQueue()
    runner: CandidateRunner | None = None

    def receive() -> None:
        while True:
            try:
                message = connection.recv()
            except (EOFError, OSError):
                os._exit(_EXIT_WITHOUT_PARENT)
            if not isinstance(message, Prepare):
                inbox.put(message)
            elif runner is not None:
                with suppress(Exception):  # it is only a guess; this thread must live to hear the search's end
                    runner.prepare(message)

    threading.Thread(target=receive, daemon=True).start()
    setup: WorkerSetup = inbox.get()
    try:
        runner = CandidateRunner(setup)
    except Exception as error:  # anything that keeps this worker from starting is the search's to report
        connection.send(WorkerFailed(" ".join(f"{type(error).__name__}: {error}".split())))
        return
    # The framework's hundreds of thousands of objects live as long as this process: looking through them after every
    # training took a third of the smallest ones.
    gc.freeze()
    connection.send(runner.ready())
    while True:
        message = inbox.get()
        if isinstance(message, MeasureSpeed):
            connection.send(runner.measure_speed(message.architectures))
        elif isinstance(message, Candidate):
            connection.send(CandidateStarted(message.number))
            connection.send(CandidateFinished(message.number, runner.train(message, connection.send)))
        else:
            return


class CandidateRunner:
    """What trains candidates in one process: a worker holds it from its start to its end.

    Args:
        setup: what to train on, and how.
        device: of this process, which is used as it is; None sets it up so that a seed decides everything.

    Raises:
        ValueError: the data are others than the search's.
    """

    def __init__(self, setup: WorkerSetup, device: Device | None = None):
        from metaqnn.networks.data import fit_statistics, load_search_data
        from metaqnn.networks.training.device import prepare_device

        self.setup = setup
        self.may_skip_tracing = device is not None
        self.device = device or prepare_device()
        self.data = load_search_data(setup.dataset, setup.seed)
        if self.data.fingerprint != setup.fingerprint:
            raise ValueError(f"the data set {setup.dataset.name} changed while the search was starting")
        self.statistics = fit_statistics(setup.dataset.preprocessing, self.data.x_train)
        engine = self.make_engine(self.data)
        self.engine = EngineAhead(engine) if self.device.is_gpu and engine.can_prepare else engine
        self.memory_bytes = self.available_bytes()

    def make_engine(self, data: SearchData) -> Engine:
        """The fastest engine there is here, over some data."""
        from metaqnn.networks.training.engines import make_engine

        dataset, training = self.setup.dataset, self.setup.training
        return make_engine(data, self.statistics, dataset.mirror, training, self.device, self.may_skip_tracing)

    def ready(self) -> WorkerReady:
        """The news that this process can train."""
        device = self.device
        return WorkerReady(self.setup.worker, os.getpid(), device.name, dict(device.versions), device.is_gpu)

    def available_bytes(self) -> int | None:
        """What a candidate may use: as the search says, else what the device has; None where nobody knows."""
        from metaqnn.networks.training.memory import GIBIBYTE, IDLE_BYTES, gpu_bytes, machine_bytes

        limit = self.setup.training.max_memory
        if limit is not None:
            whole = round(limit * GIBIBYTE)
        else:
            whole = gpu_bytes(self.setup.gpu) if self.device.is_gpu else machine_bytes()
        return None if whole is None else whole - IDLE_BYTES

    def why_too_large(self, architecture: str) -> str | None:
        """Why a network cannot be trained in the memory there is; None where it can."""
        from metaqnn.networks.training.memory import too_large, training_bytes

        config, number_bytes = self.setup.training, 2 if self.engine.is_half else 4
        batch_size = min(config.batch_size, len(self.data.x_train))
        needed = training_bytes(parse(architecture), self.data.input_shape, batch_size, number_bytes, config.dropout)
        return too_large(needed, self.memory_bytes)

    def prepare(self, message: Prepare) -> None:
        """Make the next network ready while this one trains, where that is worth anything."""
        if isinstance(self.engine, EngineAhead) and not self.why_too_large(message.architecture):
            self.engine.prepare(parse(message.architecture), message.seed)

    def train(self, candidate: Candidate, send: Callable[[object], None]) -> Evaluation:
        """Train a candidate; `send` is called with every epoch."""
        from metaqnn.networks.training.recipe import train

        config = self.setup.training
        reason = self.why_too_large(candidate.architecture)
        if reason:
            return Evaluation(Status.TOO_LARGE, reason, device=self.device.name)

        def report(attempt: int, metrics: EpochMetrics) -> None:
            send(EpochFinished(candidate.number, attempt, metrics))

        return train(candidate, self.engine, config, self.data.classes, report, self.device.name)

    def measure_speed(self, architectures: tuple[str, ...]) -> SpeedMeasured:
        """Calibrate on a few architectures."""
        from metaqnn.networks.training.calibration import measure_speed
        from metaqnn.networks.training.recipe import failure_of

        try:
            return SpeedMeasured(measure_speed(architectures, self.data, self.make_engine, self.setup.training))
        except Exception as error:  # as with a candidate: a network that cannot be trained here must not end the worker
            return SpeedMeasured(None, failure_of(error, is_built=True)[1])


if __name__ == "__main__":
    main()
