"""The evaluator that search loops use, over any pool of workers."""

from metaqnn.core import (
    Attempt,
    Candidate,
    CandidateFinished,
    CandidateStarted,
    EpochFinished,
    EpochMetrics,
    Evaluation,
    Evaluator,
    Event,
    Status,
)
from metaqnn.workers import task
from metaqnn.workers.pool import Pool
from metaqnn.workers.task import Task, TaskFailed, TaskFinished, TaskProgress, TaskStarted


class PoolEvaluator(Evaluator):
    """Has a pool evaluate candidates.

    Args:
        pool: its runner takes candidates, reports `EpochFinished` and answers with evaluations.
    """

    def __init__(self, pool: Pool):
        self.pool = pool
        self._unreported: list[task.Event] = []  # seen while the speed was measured

    def submit(self, candidate: Candidate) -> None:
        """Queue a candidate."""
        self.pool.submit(Task(candidate.number, candidate))

    def results(self, timeout: float) -> list[Event]:
        """What happened since the last call.

        Raises:
            EvaluatorError: workers cannot start on this machine.
        """
        seen, self._unreported = self._unreported, []
        return [_of_search(event) for event in seen + self.pool.results(0 if seen else timeout)]

    def stop(self) -> None:
        """End all work at once and forget what was queued."""
        self.pool.stop()

    def close(self) -> None:
        """A worker keeps nothing that an orderly end would save."""
        self.stop()


def _of_search(event: task.Event) -> Event:
    """An event of a pool as the search knows it."""
    if isinstance(event, TaskProgress):
        return event.content
    if isinstance(event, TaskStarted):
        return CandidateStarted(event.number)
    if isinstance(event, TaskFinished):
        return CandidateFinished(event.number, event.result)
    if isinstance(event, TaskFailed):
        status, attempts = event.status or Status.CRASHED, _attempts(event.progress)
        evaluation = Evaluation(status, event.reason, attempts, event.seconds, event.device)
        return CandidateFinished(event.number, evaluation)
    return event


def _attempts(epochs: tuple[EpochFinished, ...]) -> tuple[Attempt, ...]:
    """What was trained before a worker ended."""
    curves: dict[int, list[EpochMetrics]] = {}
    for epoch in epochs:
        curves.setdefault(epoch.attempt, []).append(epoch.metrics)
    return tuple(Attempt(curve[0].learning_rate, tuple(curve)) for curve in curves.values())
