"""The evaluator that trains Keras networks in this process, one after another."""

from collections import deque
from collections.abc import Callable

from metaqnn.core import Candidate, CandidateFinished, CandidateStarted, EpochFinished, Evaluator, Event
from metaqnn.evaluators.messages import WorkerSetup
from metaqnn.evaluators.worker import CandidateRunner
from metaqnn.networks.data import DatasetConfig
from metaqnn.networks.training.config import TrainingConfig


class _StoppedError(BaseException):
    """Leaves a training at the end of an epoch; no Exception, which would be the candidate's failure."""


class LocalEvaluator(Evaluator):
    """Trains at once and waits for it: for small data, where starting a process takes longer than training.

    This process is left as it is: neither its threads nor the determinism of its operations are changed, so where it
    computes with several threads, rewards may differ in their last digits from those of worker processes. A network
    that crashes the framework takes this process along, and a stop waits for the end of an epoch.

    Args:
        dataset, training, seed: what is trained on, how, and what the randomness derives from.
        fingerprint: of the data.
        stop_requested: asked after every epoch; where it says so the training is dropped.
    """

    def __init__(
        self,
        dataset: DatasetConfig,
        training: TrainingConfig,
        seed: int,
        fingerprint: str,
        stop_requested: Callable[[], bool] = lambda: False,
    ):
        self._setup = WorkerSetup(1, dataset, training, seed, fingerprint)
        self._stop_requested = stop_requested
        self._runner: CandidateRunner | None = None
        self._queue: deque[Candidate] = deque()

    def submit(self, candidate: Candidate) -> None:
        """Queue a candidate."""
        self._queue.append(candidate)

    def results(self, timeout: float) -> list[Event]:
        """Train the next candidate."""
        if not self._queue:
            return []
        events: list[Event] = []
        if self._runner is None:
            from metaqnn.networks.training.device import current_device

            self._runner = CandidateRunner(self._setup, current_device())
            events.append(self._runner.ready())
        candidate = self._queue.popleft()
        events.append(CandidateStarted(candidate.number))

        def report(event: EpochFinished) -> None:
            events.append(event)
            if self._stop_requested():
                raise _StoppedError

        try:
            evaluation = self._runner.train(candidate, report)
        except _StoppedError:
            return events
        return [*events, CandidateFinished(candidate.number, evaluation)]

    def stop(self) -> None:
        """Forget what was queued, and the data."""
        self._queue.clear()
        self._runner = None

    def close(self) -> None:
        """Forget what was queued, and the data."""
        self.stop()
