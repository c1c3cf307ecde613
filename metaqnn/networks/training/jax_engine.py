"""The engine for JAX: a step is one compiled program, and so is a batch of validation.

A whole epoch as one program would be worse: within a loop XLA computes convolutions by a plain routine on a CPU, many
times as slow (benchmarks/RESULTS.md). A last batch that is not full is filled up with images that do not count, so that
one program does for all.
"""

from collections import OrderedDict
from typing import Any

import numpy as np

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.data import SearchData, Statistics
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.jax_programs import Programs, TracedNetwork
from metaqnn.networks.training.memory import VALIDATION_BATCHES
from metaqnn.networks.training.resident_engine import ResidentEngine, ResidentSession

_KEPT_PROGRAMS = 2
"""Of so many networks the programs are kept: of that which trains, for its next attempt, and of one made ready."""


class JaxEngine(ResidentEngine):
    """Holds the data on the device.

    Args:
        data, statistics, mirror, config, use_bfloat16: as of every engine.
    """

    can_prepare = True

    def __init__(
        self, data: SearchData, statistics: Statistics, mirror: bool, config: TrainingConfig, use_bfloat16: bool = False
    ):

        from metaqnn.networks.primitives.jax_primitives import JaxPrimitives

        super().__init__(data, statistics, mirror, config, use_bfloat16)
        self.primitives = JaxPrimitives(use_bfloat16)
        self.batch = min(config.batch_size, self.train_images)
        self.validation_batch = min(VALIDATION_BATCHES * config.batch_size, self.validation_images)
        self.programs: OrderedDict[str, Programs] = OrderedDict()

    def place(self, array: Any) -> Any:
        """An array of JAX."""
        import jax

        return jax.device_put(array)

    def open(self, architecture: Architecture, seed: int, attempt: int) -> "JaxSession":
        """Make a network with fresh weights; its programs are compiled by the first epoch of its first attempt."""
        return JaxSession(self, architecture, seed, attempt)

    def preprocess(self, images: Any) -> Any:
        """uint8 images as the numbers that a network sees; `Statistics.apply` says what they are."""
        import jax
        import jax.numpy as jnp

        statistics = self.statistics
        numbers = images.astype(jnp.float32)
        if statistics.kind == "global_contrast":
            mean, variance = (of(numbers, (1, 2, 3), keepdims=True) for of in (jnp.mean, jnp.var))
            return (numbers - mean) * jax.lax.rsqrt(variance + 1e-12)
        if statistics.mean is not None:
            numbers -= statistics.mean
        return numbers / (255.0 if statistics.deviation is None else statistics.deviation)


class JaxSession(ResidentSession):
    """One network, and the state that its steps hand on: weights, Adam's moments, the number of steps, and sums."""

    def __init__(self, engine: JaxEngine, architecture: Architecture, seed: int, attempt: int):
        super().__init__(engine, architecture, seed, attempt)
        self.engine: JaxEngine = engine
        trained = [variable.value for variable in self.network.trained]
        zeros = [[engine.place(np.zeros(array.shape, np.float32)) for array in trained] for _ in range(2)]
        self._state = {
            "trained": trained,
            "running": [variable.value for variable in self.network.running],
            "means": zeros[0],
            "squares": zeros[1],
            "step": engine.place(np.int32(0)),
            **self._no_sums(),
        }
        self._traced = TracedNetwork(engine, self.network)
        self._seeds = engine.place(np.array(list(self.network.dropout_seeds.values()), np.uint32))
        self._key = str(architecture)
        self._programs: Any = None

    def _no_sums(self) -> dict[str, Any]:
        return {
            "loss": self.engine.place(np.float32(0)),
            "sums": self.engine.place(self.engine.target.no_sums()),
        }

    def make_ready(self) -> None:
        """Compile both programs, for inputs as they will be, unless an earlier attempt has."""
        engine = self.engine
        self._programs = engine.programs.pop(self._key, None) or self._compiled()
        engine.programs[self._key] = self._programs
        while len(engine.programs) > _KEPT_PROGRAMS:
            engine.programs.popitem(last=False)

    def _compiled(self) -> Programs:
        from metaqnn.networks.primitives.jax_primitives import compiled

        engine = self.engine
        order, flags = np.arange(engine.train_images), np.zeros(engine.train_images * engine.mirror, bool)
        inputs = self._state, self._seeds, *self._placed(order, flags, 0.0), *engine.train, np.int32(0)
        step = compiled(self._traced.step, *inputs, donated=(0,))
        sums = self._no_sums()
        validate = compiled(self._traced.validation, self._weights(), sums, *engine.validation, np.int32(0))
        return Programs(step, validate)

    def _weights(self) -> dict[str, Any]:
        return {name: self._state[name] for name in ("trained", "running")}

    def begin_epoch(self, order: np.ndarray, flags: np.ndarray, learning_rate: float) -> None:
        """As arrays of JAX, filled up to whole batches."""
        self._inputs = self._placed(order, flags, learning_rate)
        self._state |= self._no_sums()

    def _placed(self, order: np.ndarray, flags: np.ndarray, learning_rate: float) -> tuple[Any, Any, Any]:
        engine = self.engine
        more = -engine.train_images % engine.batch
        order = np.pad(order.astype(np.int32), (0, more))
        flags = np.pad(flags, (0, more * engine.mirror))
        return engine.place(order), engine.place(flags), engine.place(np.float32(learning_rate))

    def train_steps(self, start: int, end: int, is_timed: bool) -> None:
        """Step by step; nothing waits for them unless the time is limited."""
        import jax

        if self._programs is None:
            self.make_ready()
        step = self._programs.step
        for number in range(start, end):
            self._state = step(self._state, self._seeds, *self._inputs, *self.engine.train, np.int32(number))
        if is_timed:
            jax.block_until_ready(self._state)

    def training_sums(self) -> tuple[float, np.ndarray]:
        """Read from the device."""
        return float(self._state["loss"]), np.asarray(self._state["sums"])

    def validation_sums(self) -> tuple[float, float]:
        """Batch by batch, added on the device."""
        sums, _ = self._validated()
        return float(sums["loss"]), float(sums["sums"])

    def validation_outputs(self) -> np.ndarray:
        """Batch by batch, joined here."""
        outputs = np.concatenate([np.asarray(each) for each in self._validated()[1]])
        return outputs[: self.engine.validation_images]

    def _validated(self) -> tuple[dict[str, Any], list[Any]]:
        """The sums of all batches, and the outputs of each, the last one's filled up."""
        weights, sums, outputs = self._weights(), self._no_sums(), []
        for start in range(0, self.engine.validation_images, self.engine.validation_batch):
            sums, of_batch = self._programs.validate(weights, sums, *self.engine.validation, np.int32(start))
            outputs.append(of_batch)
        return sums, outputs

    def numpy_weights(self) -> list[np.ndarray]:
        """All weights in the order of a Keras model of the same network."""
        return self._traced.bound(**self._weights()).numpy_weights()

    def close(self) -> None:
        """Let go of the weights and the programs."""
        super().close()
        del self._traced
        self._programs, self._state = None, {}
