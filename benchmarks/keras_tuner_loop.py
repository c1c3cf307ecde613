"""The same networks through the loop of KerasTuner: its trials, its checkpoints, its files.

A hyperparameter `network` chooses the network; all else of the recipe is fixed. Layers are this package's, so that
initial weights and dropout are those of `fit`.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np

from benchmarks.measurements import Measurement, measurement
from metaqnn.networks.architecture import parse
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.data import SearchData, Statistics
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.network import KerasNetwork


class Clock:
    """Beside a tuner: notes when each trial and each epoch of it began and when it ended, its checkpoints included."""

    def __init__(self, *arguments: Any, **options: Any):
        self.times: list[list[float]] = []
        super().__init__(*arguments, **options)

    def on_trial_begin(self, trial: Any) -> None:
        self.times.append([time.perf_counter()])
        super().on_trial_begin(trial)

    def on_epoch_begin(self, trial: Any, model: Any, epoch: int, logs: Any = None) -> None:
        self.times[-1].append(time.perf_counter())
        super().on_epoch_begin(trial, model, epoch, logs)

    def on_trial_end(self, trial: Any) -> None:
        super().on_trial_end(trial)
        self.times[-1].append(time.perf_counter())

    def measured(self) -> list[Measurement]:
        """One measurement a trial, in the order of the trials."""
        scores = [self.oracle.get_trial(number).score for number in self.oracle.start_order]
        pairs = zip(self.times, scores, strict=True)
        return [measurement(each[-1] - each[0], np.diff(each[1:]).tolist(), score) for each, score in pairs]


class _GridSearch(Clock, keras_tuner.GridSearch):
    pass


class _Networks(keras_tuner.HyperModel):
    """Builds the network that is chosen."""

    def __init__(self, networks: Sequence[str], config: TrainingConfig, data: SearchData):
        super().__init__()
        self.networks, self.config, self.data = networks, config, data

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        chosen = self.networks[hp.Choice("network", list(range(len(self.networks))))]
        graph = compile_network(parse(chosen), self.data.input_shape, self.config.dropout)
        model = KerasNetwork(graph).model()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        # XLA compiles for longer than such a network trains.
        model.compile(optimizer=adam(self.config), loss=loss, metrics=["accuracy"], jit_compile=False)
        return model


class KerasTunerLoop:
    """Tries every network once, in order, in a folder of its own."""

    def __init__(self, config: TrainingConfig, data: SearchData, statistics: Statistics):
        self.config, self.data = config, data
        self.arguments = fit_arguments(config, data, statistics)

    def train_all(self, networks: Sequence[str]) -> list[Measurement]:
        """One trial a network."""
        with tempfile.TemporaryDirectory() as folder:
            tuner = _GridSearch(
                _Networks(networks, self.config, self.data),
                objective="val_accuracy",
                max_trials=len(networks),
                directory=folder,
            )
            tuner.search(**self.arguments, verbose=0)
            return tuner.measured()


def adam(config: TrainingConfig) -> keras.optimizers.Optimizer:
    """The recipe's optimiser."""
    return keras.optimizers.Adam(config.learning_rate, config.beta_1, config.beta_2, config.epsilon)


def fit_arguments(config: TrainingConfig, data: SearchData, statistics: Statistics) -> Mapping[str, Any]:
    """The rest of the recipe, as `fit` takes it."""

    def rate(epoch: int) -> float:
        return config.rate(config.learning_rate, epoch + 1)

    return {
        "x": statistics.apply(data.x_train),
        "y": data.y_train,
        "validation_data": (statistics.apply(data.x_validation), data.y_validation),
        "batch_size": config.batch_size,
        "epochs": config.epochs,
        "callbacks": [keras.callbacks.LearningRateScheduler(rate)],
    }
