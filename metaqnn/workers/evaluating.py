"""Evaluators in a pool of workers, as a search asks them: candidates in, events out."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from errno import ENOMEM
from functools import partial
from typing import Any

from metaqnn.core import (
    HANG_SECONDS,
    Attempt,
    Candidate,
    CandidateFinished,
    CandidateStarted,
    CurvePoint,
    EpochFinished,
    Evaluation,
    Evaluator,
    Event,
    Executor,
    Place,
    SpeedMeasurement,
    Status,
    scored,
)
from metaqnn.errors import CalibrationError
from metaqnn.machine import raise_machine_fault
from metaqnn.workers import task
from metaqnn.workers.environment import worker_environment
from metaqnn.workers.inline import InlinePool
from metaqnn.workers.memory_guard import Limits
from metaqnn.workers.pipe import PipeTransport
from metaqnn.workers.pool import Pool
from metaqnn.workers.runner import Runner
from metaqnn.workers.task import Task, TaskFailed, TaskFinished, TaskProgress, TaskStarted
from metaqnn.workers.transport import Transport
from metaqnn.workers.worker_pool import WorkerPool


class EvaluatorRunner(Runner):
    """Has an evaluator answer candidates; a tuple of architectures asks for its speed.

    Args:
        evaluator: not started yet.
        place: where this is.
    """

    def __init__(self, evaluator: Evaluator, place: Place):
        self.evaluator = evaluator
        evaluator.start(place)
        self.device, self.versions, self.is_gpu = evaluator.device, evaluator.versions, evaluator.is_gpu
        self._idle_since = time.monotonic()

    def prepare(self, payload: Any) -> None:
        """Make the next candidate ready."""
        if isinstance(payload, Candidate):
            self.evaluator.prepare(payload)

    def run(self, payload: Any, report: Callable[[Any], None]) -> Evaluation | SpeedMeasurement | None:
        """Evaluate a candidate; whatever that raises is a failed candidate, but for the machine's faults.

        Raises:
            MachineError: the machine failed.
            CalibrationError: the speed could not be measured.
        """
        if not isinstance(payload, Candidate):
            return self.evaluator.measure_speed(payload)

        def report_point(attempt: int, point: CurvePoint) -> None:
            report(EpochFinished(payload.number, attempt, point))

        began = time.monotonic()
        waiting = began - self._idle_since
        answer = evaluated(self.evaluator, payload, report_point)
        self._idle_since = time.monotonic()
        phases = answer.phases or {"evaluating": self._idle_since - began}
        return replace(answer, phases={"waiting": waiting, **phases})


def evaluated(
    evaluator: Evaluator, candidate: Candidate, report: Callable[[int, CurvePoint], None] = lambda attempt, point: None
) -> Evaluation:
    """What an evaluator says of a candidate, as an evaluation that can be recorded.

    Raises:
        MachineError: what it raised is the machine's fault, as `metaqnn.machine.machine_fault` tells.
    """
    began = time.monotonic()
    try:
        answer = evaluator.evaluate(candidate, report)
        return _checked(answer, evaluator, time.monotonic() - began)
    except Exception as error:  # whatever is raised, also for what an answer holds, is data about the candidate
        raise_machine_fault(error)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(": ")
        is_too_large = isinstance(error, MemoryError) or getattr(error, "errno", None) == ENOMEM
        status = Status.OUT_OF_MEMORY if is_too_large else Status.FAILED
        return Evaluation(status, reason=reason, seconds=time.monotonic() - began, device=evaluator.device)


def _checked(answer: Any, evaluator: Evaluator, seconds: float) -> Evaluation:
    if not isinstance(answer, Evaluation):
        if isinstance(answer, str | bytes) or not hasattr(answer, "__float__"):
            raise TypeError(f"expected a number or an Evaluation, got {answer!r:.200}")
        return scored(float(answer), evaluator.score, seconds, evaluator.device)
    found = _plain(answer, seconds)
    if found.status.has_score:
        problem = "it has no score" if found.score is None else evaluator.score.problem_with(found.score)
        if problem is not None:
            return replace(found, status=Status.FAILED, score=None, reason=problem, prediction=None)
    elif found.score is not None or not found.reason:
        return replace(found, score=None, reason=found.reason or f"the evaluator said {found.status}")
    return found


def _plain(answer: Evaluation, seconds: float) -> Evaluation:
    """The same with Python's own numbers: a framework's can neither be recorded nor always be sent."""

    def number(value: Any) -> float | None:
        return None if value is None else float(value)

    def numbers(figures: Mapping[str, Any]) -> dict[str, float]:
        return {str(name): float("nan") if value is None else float(value) for name, value in figures.items()}

    def point(of: CurvePoint) -> CurvePoint:
        return CurvePoint(int(of.step), number(of.score), float(of.seconds), numbers(of.figures))

    return replace(
        answer,
        status=Status(answer.status),
        score=number(answer.score),
        attempts=tuple(Attempt(tuple(map(point, attempt.points))) for attempt in answer.attempts),
        figures=numbers(answer.figures),
        seconds=float(answer.seconds or seconds),
        phases=numbers(answer.phases),
    )


class PoolExecutor(Executor):
    """Has a pool evaluate candidates.

    Args:
        pool: its runner is an `EvaluatorRunner`.
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
            MachineError: the machine failed; what is in flight stays to be done.
        """
        seen, self._unreported = self._unreported, []
        return [_of_search(event) for event in seen + self.pool.results(0 if seen else timeout)]

    def measure_speed(self, architectures: Sequence[str]) -> SpeedMeasurement | None:
        """Calibrate; waits for it.

        Raises:
            CalibrationError: it failed, or the worker did not survive it.
            EvaluatorError: workers cannot start on this machine.
        """
        answer = self.pool.ask(tuple(architectures), self._unreported)
        if not isinstance(answer, TaskFinished):
            raise CalibrationError(answer.reason)
        speed: SpeedMeasurement | None = answer.result
        return speed

    def stop(self) -> None:
        """End all work at once and forget what was queued."""
        self.pool.stop()


def make_executor(
    evaluator: Evaluator,
    workers: int,
    gpus: Sequence[str] = (),
    stop_requested: Callable[[], bool] = lambda: False,
    path: Sequence[str] = (),
    hang_seconds: float | None = HANG_SECONDS,
    transport: Transport | None = None,
) -> PoolExecutor:
    """Worker processes for an evaluator, or none.

    Args:
        evaluator: not started yet.
        workers: how many processes at most; 0 evaluates in this one: what crashes it takes it along, and a stop waits
            for the next point of a learning curve, where the candidate is dropped; one that hangs, hangs.
        gpus: shared out among the workers in turn; empty leaves the choice to the evaluator.
        stop_requested: asked in this process at every point.
        path: folders that workers look for modules in after all others.
        hang_seconds: a worker that gives no sign of life for so long is replaced; None: never.
        transport: to the workers; None starts processes of this machine.
    """
    if not workers:

        def should_drop(event: task.Event) -> bool:
            return isinstance(event, TaskProgress) and stop_requested()

        return PoolExecutor(InlinePool(lambda: EvaluatorRunner(evaluator, Place(is_own_process=False)), should_drop))
    said = evaluator.limits

    def need(payload: Any) -> int:
        return evaluator.need_bytes(payload) if isinstance(payload, Candidate) else 0

    keys = said.seconds_key, said.bytes_key
    limits = Limits(said.max_seconds, said.max_bytes, need, *keys, hang_seconds, said.computes)
    start = partial(EvaluatorRunner, evaluator)
    transport = transport or PipeTransport(worker_environment)
    return PoolExecutor(WorkerPool(start, transport, workers, gpus, limits, path))


def _of_search(event: task.Event) -> Event:
    """An event of a pool as the search knows it."""
    if isinstance(event, TaskProgress):
        content: Event = event.content
        return content
    if isinstance(event, TaskStarted):
        return CandidateStarted(event.number, event.node)
    if isinstance(event, TaskFinished):
        return CandidateFinished(event.number, replace(event.result, node=event.node) if event.node else event.result)
    if isinstance(event, TaskFailed):
        status, attempts = event.status or Status.CRASHED, _attempts(event.progress)
        evaluation = Evaluation(
            status,
            reason=event.reason,
            attempts=attempts,
            seconds=event.seconds,
            device=event.device,
            node=event.node,
        )
        return CandidateFinished(event.number, evaluation)
    return event


def _attempts(epochs: tuple[EpochFinished, ...]) -> tuple[Attempt, ...]:
    """What was evaluated before a worker ended."""
    curves: dict[int, list[CurvePoint]] = {}
    for epoch in epochs:
        curves.setdefault(epoch.attempt, []).append(epoch.point)
    return tuple(Attempt(tuple(curve)) for curve in curves.values())
