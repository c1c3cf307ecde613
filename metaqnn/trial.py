"""The nouns of a search, as frozen values that pass between packages: proposal, evaluation, episode."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How an evaluation ended. All but OK and PREDICTED are failures: data with a reason, never an exception."""

    OK = "ok"
    PREDICTED = "predicted"
    NEVER_LEARNED = "never_learned"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    BUILD_FAILED = "build_failed"
    TOO_LARGE = "too_large"


RETRYABLE = (Status.CRASHED, Status.TIMED_OUT)
"""Failures that may be the machine's fault, which `metaqnn replay retry` proposes anew."""


class Source(StrEnum):
    """Where an episode comes from."""

    SAMPLED = "sampled"
    RETRIED = "retried"
    IMPORTED = "imported"


@dataclass(frozen=True)
class EpochMetrics:
    """One epoch of one attempt.

    Attributes:
        epoch: from 1.
        learning_rate: in force during the epoch.
        train_loss, validation_loss: mean cross-entropy in nats (the first with weight decay and dropout).
        train_accuracy, validation_accuracy: in [0, 1].
        epoch_seconds: wall clock, validation included.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    epoch_seconds: float


@dataclass(frozen=True)
class Attempt:
    """One training from fresh weights.

    Attributes:
        learning_rate: the rate it began with.
        epochs: what was trained, in order; fewer than asked for where it was given up or failed.
    """

    learning_rate: float
    epochs: tuple[EpochMetrics, ...]


@dataclass(frozen=True)
class Prediction:
    """Where a training was, or would have been, stopped, and what it was expected to reach.

    Attributes:
        epoch: of the last attempt, after which it was made.
        accuracy: the best validation accuracy expected of the whole attempt, in [0, 1].
        low, high: the accuracies one standard deviation below and above it.
    """

    epoch: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """What training one architecture gave.

    Attributes:
        status: how it ended.
        reason: one sentence where the status is not OK.
        attempts: every attempt with its curve, in order; the last is the one that counts.
        train_seconds: wall clock of the whole, building included.
        device: what it ran on.
        prediction: what stopped it (PREDICTED), or would have stopped it had it not been a control (OK); else None.
    """

    status: Status
    reason: str = ""
    attempts: tuple[Attempt, ...] = ()
    train_seconds: float = 0.0
    device: str = ""
    prediction: Prediction | None = None

    @property
    def _last_curve(self) -> tuple[EpochMetrics, ...]:
        return self.attempts[-1].epochs if self.attempts else ()

    @property
    def accuracy(self) -> float | None:
        """What the network counts as, in [0, 1]: `best_accuracy`, or the prediction; None for a failure."""
        if self.status is Status.PREDICTED:
            return self.prediction.accuracy
        return self.best_accuracy

    @property
    def best_accuracy(self) -> float | None:
        """Best validation accuracy over the epochs of the last attempt, in [0, 1]; None unless trained to the end."""
        if self.status is not Status.OK:
            return None
        return max((metrics.validation_accuracy for metrics in self._last_curve), default=None)

    @property
    def best_epoch(self) -> int | None:
        """The first epoch that reached `best_accuracy`; None unless trained to the end."""
        if self.status is not Status.OK:
            return None
        best = max(self._last_curve, key=lambda m: (m.validation_accuracy, -m.epoch), default=None)
        return best.epoch if best else None

    @property
    def last_accuracy(self) -> float | None:
        """Validation accuracy after the last epoch trained, whatever the status; None where no epoch was."""
        return self._last_curve[-1].validation_accuracy if self._last_curve else None

    @property
    def learning_rate(self) -> float | None:
        """The initial rate of the last attempt."""
        return self.attempts[-1].learning_rate if self.attempts else None


@dataclass(frozen=True)
class Precedent:
    """A network trained to the end, from which the end of another is predicted.

    Attributes:
        layers, parameters, flops: what it costs.
        epochs: of the attempt that counts, from the first to the last that is looked at.
        accuracy: the best validation accuracy of that attempt, in [0, 1].
    """

    layers: int
    parameters: int
    flops: int
    epochs: tuple[EpochMetrics, ...]
    accuracy: float


@dataclass(frozen=True)
class Prospect:
    """What was known when a network was proposed, to predict its end by.

    Attributes:
        layers, parameters, flops: what the network costs.
        precedents: networks trained to the end, in the order of learning; the newest so many.
        target: the accuracy that the network must reach to be worth training on.
        is_control: whether it is trained to the end whatever is predicted.
    """

    layers: int
    parameters: int
    flops: int
    precedents: tuple[Precedent, ...]
    target: float
    is_control: bool


@dataclass(frozen=True)
class Candidate:
    """What an evaluator is asked to evaluate.

    Attributes:
        number: the episode that asks, by which the answer is recognised.
        architecture: canonical text.
        seed: all randomness of the training derives from it.
        prospect: what its end may be predicted by; None has it trained to the end.
    """

    number: int
    architecture: str
    seed: int
    prospect: Prospect | None = None


@dataclass(frozen=True)
class Model:
    """A distinct architecture with what it costs.

    Attributes:
        model: its number, from 1 in the order of first proposal.
        architecture: canonical text.
        layers, parameters, flops: see `metaqnn.space.base.Cost`.
    """

    model: int
    architecture: str
    layers: int
    parameters: int
    flops: int


@dataclass(frozen=True)
class Proposal:
    """An episode that is sampled but not yet told.

    Attributes:
        episode: its number, from 1.
        iteration: distinct architectures proposed so far, this one included.
        epsilon: exploration rate with which it was sampled; None where it was not.
        model: what it proposes.
        evaluation: the number reserved for its training; None where an earlier evaluation is reused.
        source: sampled or retried.
    """

    episode: int
    iteration: int
    epsilon: float | None
    model: Model
    evaluation: int | None
    source: Source = Source.SAMPLED


@dataclass(frozen=True)
class Episode:
    """A told episode: one row of the replay memory.

    Attributes:
        number: from 1, in the order of proposal.
        iteration, epsilon, source: as in the proposal.
        model: number of the model.
        architecture: canonical text.
        evaluation: number of the evaluation that the reward comes from.
        accuracy: that evaluation's, in [0, 1], measured or predicted; None for a failure.
        reward: what the strategy learns from.
        reused: whether the evaluation was known before.
        is_predicted: whether the accuracy is predicted.
    """

    number: int
    iteration: int
    epsilon: float | None
    model: int
    architecture: str
    evaluation: int
    accuracy: float | None
    reward: float
    reused: bool
    source: Source = Source.SAMPLED
    is_predicted: bool = False


@dataclass(frozen=True)
class QValue:
    """One entry of a Q-table.

    Attributes:
        state, action: texts of the space's key and action.
        value: the estimate.
        updates: how often it was updated.
    """

    state: str
    action: str
    value: float
    updates: int


class Part(StrEnum):
    """The images that a final training learns from."""

    TRAIN = "train"
    TRAIN_AND_VALIDATION = "train+validation"


TRAINING = "training"
"""The status of a final training that has not ended."""


@dataclass(frozen=True)
class FinalEpoch:
    """One epoch of a final training.

    Attributes:
        epoch: from 1.
        learning_rate: at its end.
        train_loss, train_accuracy: means over the epoch, penalties and dropout included.
        validation_loss, validation_accuracy: None where the validation images are trained on.
        epoch_seconds: wall clock, validation included.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    epoch_seconds: float


@dataclass(frozen=True)
class Final:
    """A network trained by the final recipe after a search.

    Attributes:
        final: its number, from 1.
        model: number of the model whose architecture it is.
        architecture: what is trained: the model's, with as many outputs as its data have classes.
        seed: all randomness of the training derives from it.
        recipe: the section `final`, as plain values.
        dataset: the section `dataset` that it is trained on, as plain values.
        data: hashes, shape and classes of the images, as `config.data` of a search.
        part: the images that it learns from.
        finetuned_from: the final whose weights it begins with; None for fresh ones.
        parameters: weights and biases, those of batch normalisation included.
        status: `training` until it ends; then `ok` or a failure as of an evaluation.
        reason: one sentence where it failed.
        validation_accuracy: after the last epoch, in [0, 1]; None before its end, and where trained on those images.
        train_seconds: wall clock of all epochs so far.
        device: what it is trained on; empty before it begins.
        weights: name of the trained network's file in the folder beside the database; None before its end.
    """

    final: int
    model: int
    architecture: str
    seed: int
    recipe: Mapping[str, Any]
    dataset: Mapping[str, Any]
    data: Mapping[str, Any]
    part: Part
    finetuned_from: int | None
    parameters: int
    status: str = TRAINING
    reason: str = ""
    validation_accuracy: float | None = None
    train_seconds: float = 0.0
    device: str = ""
    weights: str | None = None


@dataclass(frozen=True)
class TestLook:
    """A look at a test split.

    Attributes:
        look: its number, from 1.
        kind: `network`, or how an ensemble was made: `average` or `greedy`.
        finals: the finals tested; one that counts twice in an ensemble stands twice.
        dataset: whose test split.
        images: how many.
        accuracy: on them, in [0, 1].
        validation_accuracy: of the same on the validation images; None where they were trained on.
        command: what was run.
        looked_at: when, ISO 8601 in UTC; empty before it is recorded.
    """

    __test__ = False  # pytest would take it for a test by its name

    look: int
    kind: str
    finals: tuple[int, ...]
    dataset: str
    images: int
    accuracy: float
    validation_accuracy: float | None
    command: str
    looked_at: str = ""

    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy over test splits like this one (Wilson, JASA 1927), in [0, 1]."""
        from scipy.stats import binomtest

        found = binomtest(round(self.accuracy * self.images), self.images).proportion_ci(0.95, "wilson")
        return float(found.low), float(found.high)
