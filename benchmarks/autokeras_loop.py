"""The same networks through the loop of AutoKeras: its pipeline, its greedy tuner, its head."""

import tempfile
from collections.abc import Sequence
from typing import Any

import autokeras
import keras
import keras_tuner

from benchmarks.keras_tuner_loop import Clock, adam, fit_arguments
from benchmarks.measurements import Measurement
from metaqnn.networks.architecture import parse
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.data import SearchData, Statistics
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.network import KerasNetwork


class _Greedy(Clock, autokeras.Greedy):
    pass


class _Networks(autokeras.Block):
    """Applies all layers of the network that is chosen but the last, which is the head's."""

    def __init__(self, networks: Sequence[str], input_shape: Sequence[int], dropout: bool, **options: Any):
        super().__init__(**options)
        self.networks, self.input_shape, self.dropout = list(networks), tuple(input_shape), dropout

    def get_config(self) -> dict:
        here = {"networks": self.networks, "input_shape": self.input_shape, "dropout": self.dropout}
        return super().get_config() | here

    def build(self, hp: keras_tuner.HyperParameters, inputs: Any = None) -> Any:
        chosen = self.networks[hp.Choice("network", list(range(len(self.networks))))]
        x = inputs[0] if isinstance(inputs, list) else inputs
        for layer in KerasNetwork(compile_network(parse(chosen), self.input_shape, self.dropout)).layers[:-1]:
            x = layer(x)
        return x


class _Head(autokeras.ClassificationHead):
    def build(self, hp: keras_tuner.HyperParameters, inputs: Any = None) -> Any:
        self.shape = tuple(map(int, self.shape))  # AutoKeras 3.0 hands NumPy's integers to Keras, which 3.15 refuses
        return super().build(hp, inputs)


class AutoKerasLoop:
    """Tries every network once, in the order that its tuner draws, in a folder of its own."""

    def __init__(self, config: TrainingConfig, data: SearchData, statistics: Statistics):
        self.config, self.data = config, data
        self.arguments = dict(fit_arguments(config, data, statistics))
        # One that never stops anything: without any it adds its own and trains the best network once more.
        self.arguments["callbacks"] += [keras.callbacks.EarlyStopping(patience=config.epochs)]

    def train_all(self, networks: Sequence[str]) -> list[Measurement]:
        """One trial a network."""
        fixed = keras_tuner.HyperParameters()
        fixed.Fixed("optimizer", "adam")
        fixed.Fixed("learning_rate", self.config.learning_rate)
        images = autokeras.ImageInput()
        chosen = _Networks(networks, self.data.input_shape, self.config.dropout)(images)
        with tempfile.TemporaryDirectory() as folder:
            model = autokeras.AutoModel(
                inputs=images,
                outputs=_Head(dropout=0.0)(chosen),
                tuner=_Greedy,
                objective="val_accuracy",
                max_trials=len(networks),
                directory=folder,
                hyperparameters=fixed,
                optimizer=adam(self.config),  # of the recipe's epsilon
                metrics=["accuracy"],
            )
            model.fit(**self.arguments, verbose=0)
            return model.tuner.measured()
