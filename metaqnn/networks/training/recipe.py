"""The recipe of a candidate's training: attempts with falling rates, epochs, and what counts as a failure.

Source: Baker et al. (ICLR 2017), section 5.2 ("quick and aggressive"). Knows no framework: an engine runs the epochs.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from metaqnn.core import Attempt, Candidate, CurvePoint, Evaluation, Prediction, Score, Status, score_of_curve
from metaqnn.machine import raise_machine_fault
from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.data import SearchData, Statistics
from metaqnn.networks.early_stopping import make_rule
from metaqnn.networks.stopping_rule import EarlyStoppingContext
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.figures import figures_of_best
from metaqnn.networks.training.phases import Phases


class OutOfTimeError(Exception):
    """An epoch was left because the candidate's time is up."""


class _EarlyStoppedError(Exception):
    """An attempt was left because it will not be among the best."""


@dataclass(frozen=True)
class EpochOutcome:
    """What an engine reports of one epoch.

    Attributes:
        train_loss: the mean over the training images while they were trained on, in nats, or squared deviations.
        train_score: likewise, by the score of the target.
        validation_loss: over the validation images after the epoch, without penalties.
        validation_score: likewise, by the score of the target.
        figures: what else was measured on the validation images, by name.
        validation_seconds: of the epoch's, how many that took; no part of what two epochs are compared by.
    """

    train_loss: float
    train_score: float
    validation_loss: float
    validation_score: float
    figures: Mapping[str, float] = field(default_factory=dict)
    validation_seconds: float = field(default=0.0, compare=False)


class Session(ABC):
    """One attempt: a network with fresh weights."""

    @abstractmethod
    def run_epoch(self, epoch: int, learning_rate: float, check_time: Callable[[], None]) -> EpochOutcome:
        """Train one epoch and validate.

        Args:
            epoch: from 1; the order of the images derives from it.
            learning_rate: to use throughout.
            check_time: to be called now and then; raises OutOfTimeError.
        """

    def make_ready(self) -> None:  # noqa: B027 - an engine without anything to do ahead has nothing to say here
        """Do ahead, on the processor, what the first epoch would begin with; may be left out."""

    @abstractmethod
    def numpy_weights(self) -> list[np.ndarray]:
        """All weights in the order of a Keras model of the same network, without those of the preprocessing."""

    @abstractmethod
    def close(self) -> None:
        """Release the network's memory."""


class Engine(ABC):
    """Runs epochs on one device, over data that it holds.

    Args:
        data: training and validation images, uint8 until they are used.
        statistics: of the training part, for preprocessing.
        mirror: whether training images are mirrored at random.
        config: the recipe's numbers.
        use_bfloat16: whether layers compute in bfloat16; weights, loss and updates never do.

    Attributes:
        can_prepare: whether a session can be opened and made ready in a thread while another one trains.
    """

    can_prepare = False

    def __init__(
        self, data: SearchData, statistics: Statistics, mirror: bool, config: TrainingConfig, use_bfloat16: bool = False
    ):
        self.data, self.statistics, self.mirror = data, statistics, mirror
        self.config, self.use_bfloat16 = config, use_bfloat16

    @abstractmethod
    def open(self, architecture: Architecture, seed: int, attempt: int) -> Session:
        """Build a network with fresh weights.

        Args:
            architecture: what to build.
            seed: all randomness derives from it and the attempt.
            attempt: from 1.
        """


def train(
    candidate: Candidate,
    engine: Engine,
    config: TrainingConfig,
    score: Score,
    report: Callable[[int, CurvePoint], None] = lambda attempt, metrics: None,
    device: str = "",
    constant_loss: float | None = None,
) -> Evaluation:
    """Train a candidate by the recipe; whatever goes wrong with it is in the answer, never raised.

    What goes wrong with the machine is raised: it says nothing about the candidate.

    A candidate with a context may be stopped early; see `training.early_stopping`.

    Args:
        candidate: what to train.
        engine: runs the epochs.
        config: the recipe.
        score: what is measured on the validation images.
        report: called after each epoch with the attempt's number, from 1.
        device: recorded with the answer.
        constant_loss: on the validation images of the best answer that does not look at them: an attempt whose loss
            is not below it after `restart_epoch` has learned nothing. None: one has whose score is not above
            `restart_accuracy` times chance.

    Raises:
        MachineError: the machine failed.
    """
    began, phases = time.monotonic(), Phases()
    attempts: list[Attempt] = []
    context = candidate.context if isinstance(candidate.context, EarlyStoppingContext) else None
    prediction: Prediction | None = None
    rule = make_rule(config, context, score) if context else None

    def look(epochs: list[CurvePoint]) -> None:
        nonlocal prediction
        if rule is None or prediction is not None:
            return
        prediction = rule.verdict(epochs)
        if prediction is not None and not rule.context.is_control:
            raise _EarlyStoppedError(rule.reason(prediction))

    def check_time() -> None:
        if config.max_seconds is not None and time.monotonic() - began > config.max_seconds:
            raise OutOfTimeError

    def answer(status: Status, reason: str = "") -> Evaluation:
        said = prediction if status.has_score else None
        measured = score_of_curve(score, status, tuple(attempts))
        reached = said.score if said and status is Status.EARLY_STOPPED else measured
        beside = figures_of_best(attempts[-1].points) if measured is not None else {}
        figures = {"learning_rate": rate, **beside}
        seconds = time.monotonic() - began
        return Evaluation(
            status, reached, reason, tuple(attempts), figures, seconds, device, said, phases=phases.stop()
        )

    architecture = parse(candidate.architecture)
    rate = config.learning_rate
    for number in range(1, config.max_restarts + 2):
        epochs: list[CurvePoint] = []
        session, ended, prediction = None, None, None
        try:
            with phases.of("building"):
                session = engine.open(architecture, candidate.seed, number)
            with phases.of("tracing"):
                session.make_ready()
            report_one = partial(report, number)
            watched = report_one, look, check_time, phases
            is_promising = _run(session, rate, config, score, constant_loss, epochs, *watched)
        except _EarlyStoppedError as stop:
            ended = Status.EARLY_STOPPED, str(stop)
        except OutOfTimeError:
            ended = Status.TIMED_OUT, f"not finished after training.max_seconds = {config.max_seconds:g}"
        except Exception as error:  # whatever a framework raises for a network is that network's result
            raise_machine_fault(error)
            ended = failure_of(error, is_built=session is not None)
        finally:
            if session is not None:
                with phases.of("garbage"):
                    session.close()
        attempts.append(Attempt(tuple(epochs)))
        if ended:
            return answer(*ended)
        if is_promising:
            return answer(Status.OK)
        if any(_is_nan(metrics) for metrics in epochs[config.restart_epoch :]):
            return answer(Status.DIVERGED, f"the loss was not a number in epoch {epochs[-1].step}")
        if number <= config.max_restarts:
            rate *= config.restart_factor
    if _is_nan(epochs[-1]):
        return answer(Status.DIVERGED, f"the loss was not a number, also at a learning rate of {rate:.3g}")
    what = "chance" if constant_loss is None else "a constant answer"
    return answer(
        Status.NEVER_LEARNED,
        f"no better than {what} after epoch {epochs[-1].step} at any of {len(attempts)} learning rates",
    )


def _run(
    session: Session,
    rate: float,
    config: TrainingConfig,
    score: Score,
    constant_loss: float | None,
    epochs: list[CurvePoint],
    report: Callable[[CurvePoint], None],
    look: Callable[[list[CurvePoint]], None],
    check_time: Callable[[], None],
    phases: Phases,
) -> bool:
    """Run one attempt's epochs into `epochs`; whether it went through (True) or was given up."""
    for epoch in range(1, config.epochs + 1):
        began = time.monotonic()
        learning_rate = config.rate(rate, epoch)
        with phases.of("training"):
            outcome = session.run_epoch(epoch, learning_rate, check_time)
        phases.move(outcome.validation_seconds, "training", "validation")
        figures = {
            "learning_rate": learning_rate,
            "train_loss": outcome.train_loss,
            f"train_{score.name}": outcome.train_score,
            "validation_loss": outcome.validation_loss,
            **outcome.figures,
        }
        reached = outcome.validation_score if math.isfinite(outcome.validation_score) else None
        metrics = CurvePoint(epoch, reached, time.monotonic() - began, figures)
        epochs.append(metrics)
        with phases.of("messages"):
            report(metrics)
        if _is_nan(metrics):
            return False
        is_judged = epoch == min(config.restart_epoch, config.epochs)
        if is_judged and not _is_learning(metrics, config, score, constant_loss):
            return False
        look(epochs)
    return True


def _is_learning(metrics: CurvePoint, config: TrainingConfig, score: Score, constant_loss: float | None) -> bool:
    if constant_loss is not None:
        return not config.restart_accuracy or metrics.figures["validation_loss"] < constant_loss
    return metrics.score is not None and metrics.score > config.restart_accuracy * score.failure


def _is_nan(metrics: CurvePoint) -> bool:
    return not all(math.isfinite(metrics.figures[name]) for name in ("train_loss", "validation_loss"))


def failure_of(error: Exception, is_built: bool) -> tuple[Status, str]:
    """What an exception of a framework says about a candidate.

    Args:
        error: from building or training.
        is_built: whether the network had been built.

    Returns:
        the status, and the reason in one line.
    """
    text = " ".join(str(error).split())
    reason = f"{type(error).__name__}: {text[:300]}"
    signs = (
        *("ResourceExhausted", "RESOURCE_EXHAUSTED", "OutOfMemory", "out of memory", "MemoryError", "OOM when"),
        "DefaultCPUAllocator: can't allocate memory",  # PyTorch's on a CPU
    )
    if any(sign in f"{type(error).__name__} {text}" for sign in signs):
        return Status.OUT_OF_MEMORY, reason
    return (Status.CRASHED if is_built else Status.BUILD_FAILED), reason
