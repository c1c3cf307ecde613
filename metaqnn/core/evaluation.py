"""What evaluating one candidate gave: a score, its learning curve, and how it ended."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from metaqnn.core.score import Score


class Status(StrEnum):
    """How an evaluation ended. All but OK and EARLY_STOPPED are failures: data with a reason, never an exception."""

    OK = "ok"
    EARLY_STOPPED = "predicted"  # as databases have it
    NEVER_LEARNED = "never_learned"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    HUNG = "hung"
    BUILD_FAILED = "build_failed"
    TOO_LARGE = "too_large"
    FAILED = "failed"

    @property
    def has_score(self) -> bool:
        """Whether an evaluation of this status has a score."""
        return self in (Status.OK, Status.EARLY_STOPPED)


RETRYABLE = (Status.CRASHED, Status.TIMED_OUT, Status.HUNG)
"""Failures that may be the machine's fault, which `metaqnn replay retry` proposes anew."""


@dataclass(frozen=True)
class CurvePoint:
    """One step of a learning curve, such as an epoch.

    Attributes:
        step: from 1.
        score: after it; None where nothing was held out to measure it on.
        seconds: wall clock of the step.
        figures: what else was measured, by name; a value that is not finite is recorded as missing.
    """

    step: int
    score: float | None
    seconds: float = 0.0
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Attempt:
    """One evaluation from a fresh start; its learning curve may be shorter than asked for where it was given up."""

    points: tuple[CurvePoint, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """Where an evaluation was, or would have been, stopped, and what it was expected to reach.

    Attributes:
        step: of the last attempt, after which it was made.
        score: the one expected of the whole attempt.
        low: a standard deviation below it.
        high: a standard deviation above it.
    """

    step: int
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """What evaluating one architecture gave.

    Attributes:
        status: how it ended.
        score: what the architecture counts as, measured or predicted; None for a failure.
        reason: one sentence where the status is not OK.
        attempts: every attempt with its curve, in order; the last is the one that counts.
        figures: what else was measured, by name; one may be absent for some candidates, such as a rank that was not
            reached.
        seconds: wall clock of the whole.
        device: what it ran on.
        node: the machine of a cluster that it ran on; empty where that is the search's own.
        phases: where its worker's time went: seconds by the name of what it did. An evaluator may say what it did;
            whoever asked it adds `waiting`, the time since the evaluation before.
        prediction: what stopped it (EARLY_STOPPED), or would have stopped it had it not been left running to check the
            predictions (OK); else None.
    """

    status: Status
    score: float | None = None
    reason: str = ""
    attempts: tuple[Attempt, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    device: str = ""
    prediction: Prediction | None = None
    node: str = ""
    phases: Mapping[str, float] = field(default_factory=dict)

    @property
    def curve(self) -> tuple[CurvePoint, ...]:
        """The learning curve of the attempt that counts; may be empty."""
        return self.attempts[-1].points if self.attempts else ()

    @property
    def measured(self) -> float | None:
        """The score where it was measured to the end, else None."""
        return self.score if self.status is Status.OK else None

    def best_step(self, score: Score) -> int | None:
        """The first step that reached the best score of the curve; None unless evaluated to the end."""
        measured = [
            (score.gain(value), -point.step) for point in self.curve if (value := _finite(point.score)) is not None
        ]
        return -max(measured)[1] if measured and self.status is Status.OK else None

    @property
    def last_score(self) -> float | None:
        """The score after the last step, whatever the status; None where there was none."""
        return self.curve[-1].score if self.curve else None


def score_of_curve(score: Score, status: Status, attempts: tuple[Attempt, ...]) -> float | None:
    """The score that follows from the curve of the last attempt; None where none does."""
    points = attempts[-1].points if attempts else ()
    if status is not Status.OK or not points or score.of_curve == "free":
        return None
    if score.of_curve == "last":
        return points[-1].score
    values = [value for point in points if (value := _finite(point.score)) is not None]
    return score.best(values) if values else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def scored(value: float, score: Score, seconds: float = 0.0, device: str = "") -> Evaluation:
    """The evaluation that a bare number stands for; one that cannot be a score is a failure."""
    problem = score.problem_with(value)
    if problem is not None:
        status = Status.DIVERGED if not math.isfinite(value) else Status.FAILED
        return Evaluation(status, reason=problem, seconds=seconds, device=device)
    return Evaluation(Status.OK, value, seconds=seconds, device=device)
