"""The engine that trains with Keras's own `fit`: every backend has it, and faster engines are compared with it."""

import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.data import SearchData, Statistics
from metaqnn.networks.data.mapped_rows import MappedRows
from metaqnn.networks.primitives.primitives import Primitives
from metaqnn.networks.targets import Classes
from metaqnn.networks.targets.measures import plain_measures
from metaqnn.networks.training.memory import VALIDATION_BATCHES
from metaqnn.networks.training.network import KerasNetwork
from metaqnn.networks.training.recipe import Engine, EpochOutcome, Session
from metaqnn.seeding import Stream


class FitEngine(Engine):
    """Trains on arrays in memory, or batch by batch on those that are on the disk."""

    def open(self, architecture: Architecture, seed: int, attempt: int) -> "FitSession":
        """Build and compile a network with fresh weights."""
        return FitSession(self, architecture, seed, attempt)


class FitSession(Session):
    """One network being trained with `fit`, one call an epoch."""

    def __init__(self, engine: FitEngine, architecture: Architecture, seed: int, attempt: int):
        import keras

        config = engine.config
        self.engine, self.seed, self.attempt = engine, seed, attempt
        graph = compile_network(architecture, engine.data.input_shape, config.dropout, config.batch_normalization)
        dtype = "mixed_bfloat16" if engine.use_bfloat16 else None
        self.network = KerasNetwork(graph, seed, attempt, config.weight_decay, dtype, _masks())
        self.model = self.network.model(before=preprocessing_layers(engine.statistics), dtype="uint8")
        measures = plain_measures(engine.data.target)
        self._sums = measures["metrics"][0]
        self.model.compile(
            optimizer=keras.optimizers.Adam(config.learning_rate, config.beta_1, config.beta_2, config.epsilon),
            **measures,
            jit_compile=False,  # XLA compiles for longer than such a network trains
        )

    def run_epoch(self, epoch: int, learning_rate: float, check_time: Callable[[], None]) -> EpochOutcome:
        """Train one epoch in the order that belongs to it, and validate."""
        import keras

        class Clock(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                check_time()

            on_test_batch_end = on_predict_batch_end = on_train_batch_end

        engine, data = self.engine, self.engine.data
        count, batch_size = len(data.x_train), engine.config.batch_size
        rows = epoch_order(count, engine.mirror, self.seed, self.attempt, epoch)
        self.model.optimizer.learning_rate = learning_rate
        check_time()
        callbacks = [Clock()] if engine.config.max_seconds is not None else []
        if isinstance(data.x_train, MappedRows):

            class Batches(keras.utils.PyDataset):
                def __len__(self):
                    return -(-count // batch_size)

                def __getitem__(self, number):
                    return picked(data, *(each[number * batch_size :][:batch_size] for each in rows))

            inputs: dict[str, Any] = {"x": Batches()}
        else:
            inputs = dict(zip("xy", picked(data, *rows), strict=True), batch_size=batch_size)
        trained = self.model.fit(**inputs, shuffle=False, verbose=0, callbacks=callbacks).history
        began = time.monotonic()
        if not isinstance(data.target, Classes):
            sums = self._sums.total()
            batch = VALIDATION_BATCHES * batch_size
            outputs = self.model.predict(data.x_validation, batch_size=batch, verbose=0, callbacks=callbacks)
            measured = data.target.measure_outputs(outputs, data.y_validation)
            score, seconds = data.target.training_score(sums, count), time.monotonic() - began
            trained_loss = float(trained["loss"][-1])
            return EpochOutcome(trained_loss, score, measured.loss, measured.score, measured.figures, seconds)
        validated = self.model.evaluate(
            data.x_validation,
            data.y_validation,
            batch_size=VALIDATION_BATCHES * engine.config.batch_size,
            verbose=0,
            return_dict=True,
            callbacks=callbacks,
        )
        return EpochOutcome(
            float(trained["loss"][-1]),
            _exact(trained["accuracy"][-1], count),
            float(validated["cross_entropy"]),
            _exact(validated["accuracy"], len(data.y_validation)),
            validation_seconds=time.monotonic() - began,
        )

    def numpy_weights(self) -> list[np.ndarray]:
        """All weights in the order of a Keras model of the same network."""
        return self.network.get_weights()

    def close(self) -> None:
        """Let go of the network and of what Keras remembers of it."""
        import keras

        del self.model, self.network
        keras.backend.clear_session(free_memory=False)
        gc.collect()


def _masks() -> Primitives | None:
    """Those that the fast engine of the backend draws, where they are not Keras's."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return None
    from metaqnn.networks.primitives.tensorflow_primitives import TensorFlowPrimitives

    return TensorFlowPrimitives()


def _exact(share: float, count: int) -> float:
    """A share of `count` images, which Keras rounds to single precision, as the fraction it is."""
    return round(float(share) * count) / count


def epoch_order(count: int, mirror: bool, seed: int, attempt: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """The order of one epoch over `count` training images, and which of them are mirrored.

    Returns:
        rows int64 (count,) and flags bool (count,), or (0,) where none is.
    """
    order = Stream(seed, "shuffle", attempt, epoch).permutation(count)
    return order, Stream(seed, "mirror", attempt, epoch).flags(count) if mirror else np.zeros(0, bool)


def picked(data: SearchData, rows: np.ndarray, flags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Some training images with their labels, those with a flag mirrored.

    Returns:
        images uint8 (N, height, width, channels) and targets, copies: labels int64 (N,), others encoded.
    """
    images = data.x_train[rows]
    if len(flags):
        images[flags] = images[flags, :, ::-1]
    wanted = data.y_train[rows]
    return images, wanted if isinstance(data.target, Classes) else data.target.encode(wanted)


def preprocessing_layers(statistics: Statistics) -> list:
    """The preprocessing as stock Keras layers, from uint8 images to float32; `Statistics.apply` says what it is."""
    from keras import layers

    if statistics.kind == "none":
        return [layers.Rescaling(1.0 / 255.0)]
    if statistics.kind == "global_contrast":
        # (x - mean) / sqrt(variance) of each image; no scale, no offset, so nothing to train.
        normalise = layers.LayerNormalization(axis=[1, 2, 3], epsilon=1e-12, center=False, scale=False)
        return [layers.Rescaling(1.0), normalise]
    if statistics.mean is None:
        raise ValueError(f"expected a preprocessing that is fitted, got {statistics.kind!r}")
    deviation = 255.0 if statistics.deviation is None else statistics.deviation
    variance = np.broadcast_to(np.square(deviation), statistics.mean.shape).astype("float32")
    return [layers.Normalization(axis=(1, 2, 3), mean=statistics.mean, variance=variance)]
