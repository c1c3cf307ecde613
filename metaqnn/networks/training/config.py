"""The section `training`: the recipe of a candidate's training."""

import math
from dataclasses import dataclass
from typing import Literal

from metaqnn.config import require
from metaqnn.networks.training.early_stopping_config import (
    ExtrapolationConfig,
    RegressionConfig,
    SuccessiveHalvingConfig,
)


@dataclass(frozen=True)
class TrainingConfig:
    """The recipe; the defaults are the paper's (Baker et al., ICLR 2017, section 5 and appendix).

    Attributes:
        backend: what Keras computes with. None is what the variable KERAS_BACKEND names when a search is started,
            else tensorflow; the search records it and keeps it.
        engine: `auto` is the fastest engine of the backend; `fit` is Keras's own loop.
        precision: `auto` computes in bfloat16 on a GPU, with weights and updates in float32; `float32` never does.
        epochs: of every attempt.
        batch_size: images a step.
        learning_rate: Adam's, in the first attempt.
        decay_factor: the rate is multiplied by this every `decay_epochs`.
        decay_epochs: epochs between two decays.
        beta_1: Adam's decay of the first moment.
        beta_2: Adam's decay of the second moment.
        epsilon: Adam's.
        restart_factor: a restart begins with the rate times this, from fresh weights.
        max_restarts: restarts after the first attempt.
        restart_epoch: the epoch after which an attempt must be better than chance.
        restart_accuracy: what counts as better: of classes, a validation accuracy above this times 1 / classes. Of
            labels and numbers it says yes or no: unless it is 0, the validation loss must be below that of the best
            constant answer (the frequencies of the labels, the mean of the numbers), since a score may still be that of
            chance when a network has long begun to learn.
        weight_decay: gradient of the penalty per unit of weight (half of it times the squared weights is added to
            the loss); on weights, not on biases.
        dropout: whether dropout i / (2n) follows every two layers.
        batch_normalization: whether it stands between every convolution or fully connected layer and its activation.
        max_seconds: wall clock of one candidate, all attempts together; None is no limit.
        max_memory: GiB of the device's memory that one worker may use: a network that is estimated to need more is
            not trained, and a worker on a CPU that grows past it is replaced. None is what the device has.
        early_stopping: by which rule a training is stopped early; None never.
    """

    backend: Literal["tensorflow", "torch", "jax"] | None = None
    engine: Literal["auto", "fit"] = "auto"
    precision: Literal["auto", "float32"] = "auto"
    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 0.001
    decay_factor: float = 0.2
    decay_epochs: int = 5
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    restart_factor: float = 0.4
    max_restarts: int = 5
    restart_epoch: int = 1
    restart_accuracy: float = 1.5
    weight_decay: float = 0.0
    dropout: bool = True
    batch_normalization: bool = False
    max_seconds: float | None = None
    max_memory: float | None = None
    early_stopping: RegressionConfig | SuccessiveHalvingConfig | ExtrapolationConfig | None = None

    def __post_init__(self):
        for name in ("epochs", "batch_size", "decay_epochs", "restart_epoch"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        require(0 <= self.max_restarts <= 100, "max_restarts", "from 0 to 100", self.max_restarts)
        for name in ("learning_rate", "epsilon"):
            require(0.0 < getattr(self, name) < math.inf, name, "above 0", getattr(self, name))
        for name in ("decay_factor", "restart_factor"):
            require(0.0 < getattr(self, name) <= 1.0, name, "above 0 and at most 1", getattr(self, name))
        for name in ("beta_1", "beta_2"):
            require(0.0 <= getattr(self, name) < 1.0, name, "at least 0 and below 1", getattr(self, name))
        for name in ("restart_accuracy", "weight_decay"):
            require(0.0 <= getattr(self, name) < math.inf, name, "at least 0", getattr(self, name))
        for name, least in (("max_seconds", 0.0), ("max_memory", 1.0)):  # a worker's framework alone takes 0.7 GiB
            value, expected = getattr(self, name), "above 0" if least == 0 else f"at least {least:g}"
            require(value is None or (value > 0 and value >= least), name, f"{expected}, or nothing", value)
        if self.early_stopping is not None:
            self.early_stopping.check(self.epochs, self.restart_epoch)

    def rate(self, initial: float, epoch: int) -> float:
        """The learning rate of an epoch (from 1) in an attempt that began with `initial`."""
        return initial * self.decay_factor ** ((epoch - 1) // self.decay_epochs)
