"""The evaluator that trains Keras networks, in worker processes or in this one."""

from collections.abc import Callable, Sequence
from functools import partial

from metaqnn.core import Candidate, SpeedMeasurement
from metaqnn.data import DatasetConfig
from metaqnn.errors import CalibrationError
from metaqnn.evaluators.candidate_runner import CandidateRunner, MeasureSpeed
from metaqnn.evaluators.pool_evaluator import PoolEvaluator
from metaqnn.networks.architecture import parse
from metaqnn.networks.costs import Shape
from metaqnn.training.config import TrainingConfig
from metaqnn.training.device import current_device, worker_environment
from metaqnn.training.memory import training_bytes
from metaqnn.workers.inline import InlinePool
from metaqnn.workers.memory import GIBIBYTE
from metaqnn.workers.memory_guard import Limits
from metaqnn.workers.pipe import PipeTransport
from metaqnn.workers.task import Event, TaskFinished, TaskProgress
from metaqnn.workers.worker_pool import WorkerPool


class KerasEvaluator(PoolEvaluator):
    """Trains candidates, in persistent processes or in this one.

    In this one neither the threads nor the determinism of operations are changed, so where it computes with several
    threads, rewards may differ in their last digits from those of workers; a network that crashes the framework takes
    it along, and a stop waits for the end of an epoch. It suits small data, where starting a process takes longer than
    training.

    Args:
        dataset, training, seed: what is trained on, how, and what the randomness derives from.
        fingerprint: of the data, which every worker checks.
        workers: how many processes at most; 0 trains in this one.
        gpus: shared out among the workers in turn; empty leaves the choice to the framework.
        input_shape: (height, width, channels), to tell what fits side by side; None starts whatever comes.
        stop_requested: asked after every epoch in this process; where it says so the training is dropped.
    """

    def __init__(
        self,
        dataset: DatasetConfig,
        training: TrainingConfig,
        seed: int,
        fingerprint: str,
        workers: int = 1,
        gpus: Sequence[str] = (),
        input_shape: Shape | None = None,
        stop_requested: Callable[[], bool] = lambda: False,
    ):
        start = partial(CandidateRunner, dataset, training, seed, fingerprint)

        def need(payload: Candidate | MeasureSpeed) -> int:
            """In single precision, whatever the device computes in: it costs a little waiting at most."""
            if isinstance(payload, MeasureSpeed):
                return 0
            architecture = parse(payload.architecture)
            return training_bytes(architecture, input_shape, training.batch_size, has_dropout=training.dropout)

        def heed(event: Event) -> bool:
            return isinstance(event, TaskProgress) and stop_requested()

        if not workers:
            super().__init__(InlinePool(lambda: start(device=current_device()), heed))
            return
        limits = Limits(
            training.max_seconds,
            training.max_memory and training.max_memory * GIBIBYTE,
            need if input_shape else None,
            "training.max_seconds",
            "training.max_memory",
        )
        super().__init__(WorkerPool(start, PipeTransport(worker_environment), workers, gpus, limits))

    def measure_speed(self, architectures: Sequence[str]) -> SpeedMeasurement:
        """Calibrate; waits for it.

        Raises:
            CalibrationError: it failed, or the worker did not survive it.
            EvaluatorError: workers cannot start on this machine.
        """
        answer = self.pool.ask(MeasureSpeed(tuple(architectures)), self._unreported)
        if not isinstance(answer, TaskFinished):
            raise CalibrationError(answer.reason)
        return answer.result
