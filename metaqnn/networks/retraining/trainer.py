"""One network trained by the retraining recipe, epoch by epoch, on any Keras backend.

Weights, order, mirroring, shifts and dropout of an epoch follow from the seed and the epoch's number alone, so a
training that is taken up after an epoch goes on as if it had never stopped.
"""

import gc
import math
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metaqnn.core import CurvePoint
from metaqnn.files import open_regular, written_whole
from metaqnn.machine import raise_machine_fault
from metaqnn.networks.architecture import parse
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.data.mapped_rows import MappedRows
from metaqnn.networks.retraining.augmentation import Augmentation, shift_of
from metaqnn.networks.retraining.config import RetrainingConfig
from metaqnn.networks.retraining.images import RetrainingImages
from metaqnn.networks.targets import Classes, Measured, Target
from metaqnn.networks.targets.measures import as_columns, smoothed_measures
from metaqnn.networks.training.fit_engine import preprocessing_layers
from metaqnn.networks.training.inference import inference_network
from metaqnn.networks.training.memory import VALIDATION_BATCHES
from metaqnn.networks.training.network import KerasNetwork
from metaqnn.seeding import Stream, integer_seed

_CLIP_NORM = 1.0
"""Of all gradients together, where numbers are learned (Pascanu, Mikolov & Bengio, 2013)."""


def _figures(target: Target) -> tuple[str, ...]:
    """Of a point of the curve, in the order of a checkpoint."""
    return ("learning_rate", "train_loss", f"train_{target.score.name}", "validation_loss", *target.figures)


class RetrainingSession:
    """One network being trained.

    Args:
        architecture: in the paper's notation, with as many outputs as its target has.
        images: what it learns from.
        recipe: how.
        seed: all randomness derives from it.
        use_bfloat16: whether layers compute in bfloat16.
        is_gpu: whether compiling the whole step pays.
    """

    def __init__(
        self,
        architecture: str,
        images: RetrainingImages,
        recipe: RetrainingConfig,
        seed: int,
        use_bfloat16: bool = False,
        is_gpu: bool = False,
    ):

        self.architecture, self.images, self.recipe, self.seed = architecture, images, recipe, seed
        self.epochs: list[CurvePoint] = []
        self._steps = -(-len(images.x_train) // recipe.batch_size)
        self._rates = np.array(
            [recipe.rate(step / self._steps) for step in range(recipe.num_epochs * self._steps)], "float32"
        )
        shape = tuple(images.x_train.shape[1:])
        self.keras_network = KerasNetwork(
            compile_network(parse(architecture), shape, recipe.dropout, recipe.batch_normalization),
            seed,
            weight_decay=recipe.weight_decay if recipe.optimizer == "sgd" else 0.0,
            dtype="mixed_bfloat16" if use_bfloat16 else None,
        )
        first = preprocessing_layers(images.statistics)
        self._layers = [*first, *self.keras_network.layers]
        self.model = self.keras_network.model(before=first, dtype="uint8")
        measures = smoothed_measures(images.target, recipe.label_smoothing)
        self._sums = measures["metrics"][0]
        self.model.compile(
            optimizer=self._optimizer(),
            **measures,
            jit_compile="auto" if is_gpu else False,
        )
        self.model.optimizer.build(self.model.trainable_variables)

    def run_epoch(self) -> CurvePoint:
        """Train the next epoch, and validate where images are held out."""
        import keras

        began = time.monotonic()
        images, epoch = self.images, len(self.epochs) + 1
        order = Stream(self.seed, "final order", epoch).permutation(len(images.x_train))
        shift = shift_of(self.recipe.shift, images.x_train.shape[1:])
        augmentation = Augmentation(order, images.mirror, shift, self.seed, epoch)
        y_train = as_columns(images.target, images.y_train[order])
        steps, batch_size = self._steps, self.recipe.batch_size

        class Batches(keras.utils.PyDataset):  # what is on the disk is read where it is used
            def __len__(self):
                return steps

            def __getitem__(self, number):
                part = slice(number * batch_size, (number + 1) * batch_size)
                return augmentation.apply(images.x_train, part), y_train[part]

        if isinstance(images.x_train, MappedRows):
            inputs: dict[str, Any] = {"x": Batches()}
        else:
            inputs = {"x": augmentation.apply(images.x_train), "y": y_train, "batch_size": batch_size}
        self._seed_dropout(epoch)
        trained = self.model.fit(**inputs, shuffle=False, verbose=0).history
        target = images.target
        if isinstance(target, Classes):
            measured = self._accuracy()
            train_score = round(float(trained["accuracy"][-1]) * len(order)) / len(order)
        else:
            train_score = target.training_score(self._sums.total(), len(order))
            measured = self._measured()
        figures = {
            "learning_rate": float(self._rates[epoch * self._steps - 1]),
            "train_loss": float(trained["loss"][-1]),
            f"train_{target.score.name}": train_score,
            "validation_loss": math.nan if measured is None else measured.loss,
            **{name: math.nan if measured is None else measured.figures[name] for name in target.figures},
        }
        reached = measured.score if measured and math.isfinite(measured.score) else None
        metrics = CurvePoint(epoch, reached, time.monotonic() - began, figures)
        self.epochs.append(metrics)
        return metrics

    def _measured(self) -> Measured | None:
        """The validation of labels and numbers, where images are held out."""
        images = self.images
        if images.x_validation is None or images.y_validation is None:
            return None
        batch_size = VALIDATION_BATCHES * self.recipe.batch_size
        outputs = self.model.predict(images.x_validation, batch_size=batch_size, verbose=0)
        return images.target.measure_outputs(outputs, images.y_validation)

    def _accuracy(self) -> Measured | None:
        """The validation of classes, where images are held out."""
        images = self.images
        if images.x_validation is not None and images.y_validation is not None:
            validated = self.model.evaluate(
                images.x_validation,
                as_columns(images.target, images.y_validation),
                batch_size=VALIDATION_BATCHES * self.recipe.batch_size,
                verbose=0,
                return_dict=True,
            )
            count = len(images.x_validation)
            # Keras rounds a share of so many images to single precision; this is the fraction that it is.
            return Measured(round(float(validated["accuracy"]) * count) / count, {}, float(validated["cross_entropy"]))
        return None

    def save_checkpoint(self, path: Path, identity: str) -> None:
        """Write everything that the next epoch needs; the file is the old one or the new one, never half of one.

        Args:
            path: the file.
            identity: whose it is, so that no other training takes it up.
        """
        arrays: dict[str, Any] = {f"array_{i}": np.asarray(variable) for i, variable in enumerate(self._variables())}
        rows = [(each.step, *each.figures.values(), each.score, each.seconds) for each in self.epochs]
        curve = np.array([[math.nan if value is None else value for value in row] for row in rows], "float64")
        with written_whole(path) as part, part.open("wb") as file:
            np.savez(file, identity=np.array(identity), curve=curve, **arrays)

    def load_checkpoint(self, path: Path, identity: str) -> bool:
        """Take a training up where it was saved.

        Args:
            path: the file.
            identity: whose it must be.

        Returns:
            whether there was a whole checkpoint of this training; else nothing has changed.

        Raises:
            MachineError: the machine failed; it may be there.
        """
        variables = self._variables()
        try:
            if not is_checkpoint_of(path, identity):
                return False
            with open_regular(path) as file, np.load(file, allow_pickle=False) as saved:
                curve = saved["curve"]
                arrays = [saved[f"array_{i}"] for i in range(len(saved.files) - 2)]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise_machine_fault(error)
            return False
        if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
            return False
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        names = _figures(self.images.target)
        self.epochs = [
            CurvePoint(
                int(row[0]), _or_none(row[-2]), float(row[-1]), dict(zip(names, map(float, row[1:-2]), strict=True))
            )
            for row in curve
        ]
        return True

    def network(self):
        """The trained network for use, preprocessing included: a Keras model of stock layers.

        Returns:
            a model from uint8 images (N, height, width, channels) to float32 predictions (N, outputs).
        """
        return inference_network(
            parse(self.architecture),
            self.images.x_train.shape[1:],
            self.images.statistics,
            self.keras_network.get_weights(),
            self.recipe.batch_normalization,
            self.images.target,
        )

    def close(self) -> None:
        """Let go of the network and of what Keras remembers of it."""
        import keras

        del self.model, self.keras_network, self._layers
        keras.backend.clear_session(free_memory=False)
        gc.collect()

    def _variables(self) -> Sequence:
        return [*self.model.weights, *self.model.optimizer.variables]

    def _optimizer(self):
        import keras

        rates = self._rates

        class Rates(keras.optimizers.schedules.LearningRateSchedule):
            """The rate of every step, looked up."""

            def __call__(self, step):
                return keras.ops.take(keras.ops.convert_to_tensor(rates), keras.ops.cast(step, "int32"))

        recipe = self.recipe
        # A squared error has gradients as large as the error, which the rates of these recipes do not bear.
        clip: dict[str, Any] = {"global_clipnorm": _CLIP_NORM} if self.images.target.kind == "numbers" else {}
        if recipe.optimizer == "sgd":
            return keras.optimizers.SGD(Rates(), recipe.momentum, recipe.nesterov, **clip)
        optimizer = keras.optimizers.AdamW(Rates(), recipe.weight_decay, **clip)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return optimizer

    def _seed_dropout(self, epoch: int) -> None:
        for index, layer in enumerate(self._layers):
            if type(layer).__name__ == "Dropout":
                layer.seed_generator.state.assign(
                    np.array([integer_seed(self.seed, "final dropout", epoch, index), 0], "uint32")
                )


def is_checkpoint_of(path: Path, identity: str) -> bool:
    """Whether a file is a checkpoint of that training, as far as can be told without reading it all.

    Raises:
        MachineError: the machine failed; it may be one.
    """
    try:
        with open_regular(path) as file:
            zipfile.ZipFile(file).close()  # `is_zipfile` says no where it cannot read
            file.seek(0)
            with np.load(file, allow_pickle=False) as saved:
                return str(saved["identity"]) == identity
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise_machine_fault(error)
        return False


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
