"""What the fast engines share: the data stay on the device, and nothing comes back before an epoch ends.

Weights, dropout masks, order and updates are those of `FitEngine` with the same backend, which tests hold them to.
"""

import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.data import SearchData, Statistics
from metaqnn.networks.primitives.primitives import Primitives
from metaqnn.networks.targets import Classes, Measured
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.fit_engine import epoch_order
from metaqnn.networks.training.graph_network import GraphNetwork
from metaqnn.networks.training.recipe import Engine, EpochOutcome, Session

_TIMED_CALL_SECONDS = 1.0
"""Where a candidate's time is limited, an epoch is cut into calls of about this length, to look at the clock."""


class ResidentEngine(Engine):
    """Holds the data on the device.

    Args:
        data, statistics, mirror, config, use_bfloat16: as of every engine.

    Attributes:
        target: of the data.
        train, validation: images and encoded targets on the device.
        train_images, validation_images: how many.
        primitives: of the backend.
    """

    primitives: Primitives

    def __init__(
        self, data: SearchData, statistics: Statistics, mirror: bool, config: TrainingConfig, use_bfloat16: bool = False
    ):
        super().__init__(data, statistics, mirror, config, use_bfloat16)
        self.train_images, self.validation_images = len(data.x_train), len(data.x_validation)
        self.target = data.target
        self.train = self.place(np.asarray(data.x_train)), self.place(self.target.encode(data.y_train))
        self.validation = self.place(data.x_validation), self.place(self.target.encode(data.y_validation))

    @abstractmethod
    def place(self, array: Any) -> Any:
        """An array as a tensor on the device."""


class ResidentSession(Session):
    """One network with its weights and Adam's moments.

    Attributes:
        network: it.
    """

    def __init__(self, engine: ResidentEngine, architecture: Architecture, seed: int, attempt: int):
        self.engine, self.seed, self.attempt = engine, seed, attempt
        config = engine.config
        graph = compile_network(architecture, engine.data.input_shape, config.dropout, config.batch_normalization)
        self.network = GraphNetwork(graph, seed, attempt, engine.primitives)

    def run_epoch(self, epoch: int, learning_rate: float, check_time: Callable[[], None]) -> EpochOutcome:
        """Train one epoch in the order that belongs to it, and validate."""
        engine = self.engine
        check_time()
        self.begin_epoch(
            *epoch_order(engine.train_images, engine.mirror, self.seed, self.attempt, epoch), learning_rate
        )
        steps = -(-engine.train_images // engine.config.batch_size)
        is_timed = engine.config.max_seconds is not None
        call_steps = 1 if is_timed else steps
        start = 0
        while start < steps:
            began, end = time.monotonic(), min(start + call_steps, steps)
            self.train_steps(start, end, is_timed)
            start = end
            check_time()
            if time.monotonic() - began < _TIMED_CALL_SECONDS / 2:
                call_steps *= 2
        loss_sum, score_sums = self.training_sums()  # waits until the device has trained them
        began = time.monotonic()
        measured = self._measured()
        validation_seconds = time.monotonic() - began
        check_time()
        return EpochOutcome(
            loss_sum / engine.train_images,
            engine.target.training_score(score_sums, engine.train_images),
            measured.loss,
            measured.score,
            measured.figures,
            validation_seconds,
        )

    def _measured(self) -> Measured:
        """The validation: of classes from sums, of others from every answer, as some figures are no sums."""
        engine = self.engine
        if isinstance(engine.target, Classes):
            loss_sum, right = self.validation_sums()
            return Measured(right / engine.validation_images, {}, loss_sum / engine.validation_images)
        return engine.target.measure_outputs(self.validation_outputs(), engine.data.y_validation)

    @abstractmethod
    def begin_epoch(self, order: np.ndarray, flags: np.ndarray, learning_rate: float) -> None:
        """Place what an epoch needs on the device, and set its sums to 0.

        Args:
            order: rows of the training images, int64 (N,).
            flags: which of them are mirrored, bool (N,), in that order; (0,) where none is.
            learning_rate: of every step.
        """

    @abstractmethod
    def train_steps(self, start: int, end: int, is_timed: bool) -> None:
        """Train the steps from `start` to `end` and add to the sums; if `is_timed`, return when they are done."""

    @abstractmethod
    def training_sums(self) -> tuple[float, np.ndarray]:
        """Of the epoch: the sum of losses over training images, and the sums of the target."""

    @abstractmethod
    def validation_sums(self) -> tuple[float, float]:
        """Over the validation images: the sums of losses and of right answers, where the target is classes."""

    @abstractmethod
    def validation_outputs(self) -> np.ndarray:
        """The outputs for every validation image, float32 (N, outputs)."""

    def numpy_weights(self) -> list[np.ndarray]:
        """All weights in the order of a Keras model of the same network."""
        return self.network.numpy_weights()

    def close(self) -> None:
        """Let go of the weights."""
        del self.network
