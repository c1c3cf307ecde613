"""The engine for TensorFlow: a step is one call of one traced graph, and so is a validation.

Shuffling, mirroring, preprocessing and validation happen on the device; nothing comes back before the epoch ends.
A graph is traced once a network from a few plain operations a layer: Keras's layers and optimiser would trace for
longer than such a network trains. Weights, dropout masks, order and updates are those of `FitEngine`, which tests
hold it to.

The steps of an epoch are no loop of the graph, as TensorFlow 2.21 does not hand every loop to oneDNN in the same way:
it takes the gradient of max pooling there if it meets the pooling first, and in a loop, which has no first operation,
that depends on addresses in memory. One training in ten then ended with other last digits than the rest.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.data import SearchData, Statistics
from metaqnn.networks.targets import Classes
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.memory import VALIDATION_BATCHES
from metaqnn.networks.training.resident_engine import ResidentEngine, ResidentSession

SHORT_TRAINING = 10**12
"""Operations. TensorFlow's passes over a graph take 0.07 s of a CPU's time, and what they join saves about 1.5 % of the
steps: of a training of fewer operations, which takes less than five seconds, they save less than they cost."""


class TensorFlowEngine(ResidentEngine):
    """Holds the data on the device.

    Args:
        data, statistics, mirror, config, use_bfloat16: as of every engine.
        is_traced: whether an epoch is traced to a graph; for a few dozen steps tracing takes longer than they do, and
            the results differ in their last digits at most.
        skips_passes_below: operations of a training, see `SHORT_TRAINING`.
    """

    can_prepare = True

    def __init__(
        self,
        data: SearchData,
        statistics: Statistics,
        mirror: bool,
        config: TrainingConfig,
        use_bfloat16: bool = False,
        is_traced: bool = True,
        skips_passes_below: float = 0,
    ):
        from metaqnn.networks.primitives.tensorflow_primitives import TensorFlowPrimitives

        super().__init__(data, statistics, mirror, config, use_bfloat16)
        self.is_traced, self.skips_passes_below = is_traced, skips_passes_below
        self.primitives = TensorFlowPrimitives(use_bfloat16)

    def place(self, array: Any) -> Any:
        """A constant."""
        import tensorflow as tf

        return tf.constant(array)

    def open(self, architecture: Architecture, seed: int, attempt: int) -> "TensorFlowSession":
        """Make a network with fresh weights; its graph is traced by the first epoch."""
        return TensorFlowSession(self, architecture, seed, attempt)

    def preprocess(self, images):
        """uint8 images as the numbers that a network sees; `Statistics.apply` says what they are."""
        import tensorflow as tf

        statistics = self.statistics
        numbers = tf.cast(images, tf.float32)
        if statistics.kind == "global_contrast":
            mean, variance = tf.nn.moments(numbers, [1, 2, 3], keepdims=True)
            return (numbers - mean) * tf.math.rsqrt(variance + 1e-12)
        if statistics.mean is not None:
            numbers -= statistics.mean
        return numbers / (255.0 if statistics.deviation is None else statistics.deviation)


class TensorFlowSession(ResidentSession):
    """One network with its weights, Adam's moments, and the graph of an epoch."""

    def __init__(self, engine: TensorFlowEngine, architecture: Architecture, seed: int, attempt: int):
        import tensorflow as tf

        super().__init__(engine, architecture, seed, attempt)
        self.engine: TensorFlowEngine = engine
        self.moments = [(tf.Variable(tf.zeros_like(v)), tf.Variable(tf.zeros_like(v))) for v in self.network.trained]
        self.steps = tf.Variable(0, dtype=tf.int32)
        # Backward the pass is computed twice over: for the weights, and for what came in.
        operations = 3 * self.network.graph.flops * engine.train_images * engine.config.epochs
        self._passes = _no_passes if operations < engine.skips_passes_below else nullcontext

    def begin_epoch(self, order: np.ndarray, flags: np.ndarray, learning_rate: float) -> None:
        """As constants."""
        import tensorflow as tf

        self._inputs = tf.constant(order, tf.int32), tf.constant(flags), tf.constant(learning_rate, tf.float32)
        self._sums = tf.constant(0.0), tf.constant(self.engine.target.no_sums())

    def train_steps(self, start: int, end: int, is_timed: bool) -> None:
        """One call of the graph each, which returns when it is done."""
        import tensorflow as tf

        with self._passes():
            for number in range(start, end):
                self._sums = self._train(*self._inputs, tf.constant(number), *self._sums)

    def training_sums(self) -> tuple[float, np.ndarray]:
        """As the graph gave them."""
        loss_sum, score_sums = (value.numpy() for value in self._sums)
        return float(loss_sum), score_sums

    def validation_sums(self) -> tuple[float, float]:
        """One call of the graph."""
        with self._passes():
            loss_sum, right = (float(value) for value in self._validate())
        return loss_sum, right

    def validation_outputs(self) -> np.ndarray:
        """One call of the graph."""
        with self._passes():
            return self._validate().numpy()

    def make_ready(self) -> None:
        """Trace both graphs."""
        _ = self._train, self._validate

    @cached_property
    def _train(self) -> Callable[..., Any]:
        """The graph of a step, with inputs of the kinds that `run_epoch` gives; the step itself if none is traced."""
        import tensorflow as tf

        engine = self.engine
        if not engine.is_traced:
            return self._step
        flags = engine.train_images if engine.mirror else 0
        number, count = tf.TensorSpec((), tf.float32), tf.TensorSpec((), tf.int32)
        no_sums = engine.target.no_sums()
        return tf.function(self._step, autograph=False).get_concrete_function(
            tf.TensorSpec(engine.train_images, tf.int32),
            tf.TensorSpec(flags, tf.bool),
            number,
            count,
            number,
            tf.TensorSpec(no_sums.shape, no_sums.dtype),
        )

    @cached_property
    def _validate(self) -> Callable[..., Any]:
        """The graph of a validation; the validation itself if none is traced."""
        import tensorflow as tf

        if not self.engine.is_traced:
            return self._validation
        return tf.function(self._validation, autograph=False).get_concrete_function()

    def close(self) -> None:
        """Let go of the graph and the weights."""
        self.__dict__.pop("_train", None)
        self.__dict__.pop("_validate", None)
        del self.network, self.moments
        if self.engine.is_traced:
            gc.collect()  # a graph is full of circles

    def _step(self, order, flags, learning_rate, number, loss_sum, sums):
        """Train a step by its number in the epoch; adds to the sum of losses and to the sums of the target."""
        import tensorflow as tf

        engine, batch = self.engine, self.engine.config.batch_size
        rows = order[number * batch : (number + 1) * batch]
        images, wanted = tf.gather(engine.train[0], rows), tf.gather(engine.train[1], rows)
        if engine.mirror:
            mirrored = flags[number * batch : (number + 1) * batch, None, None, None]
            images = tf.where(mirrored, tf.reverse(images, [2]), images)
        loss, more = self._update(engine.preprocess(images), wanted, learning_rate)
        return loss_sum + loss * tf.cast(tf.shape(rows)[0], tf.float32), sums + more

    def _validation(self):
        """The sums of losses and right answers over the validation images; all answers if they are no classes."""
        import tensorflow as tf

        engine = self.engine
        images, targets = engine.validation
        batch, count = VALIDATION_BATCHES * engine.config.batch_size, engine.validation_images

        def answers(start):
            end = tf.minimum(start + batch, count)
            return end, self.network.logits(engine.preprocess(images[start:end])), targets[start:end]

        def step(start, loss_sum, sums):
            end, outputs, wanted = answers(start)
            losses = engine.target.losses(outputs, wanted)
            return end, loss_sum + tf.reduce_sum(losses), sums + engine.target.sums(outputs, wanted)

        def gather(start, batches):
            end, outputs, _ = answers(start)
            return end, batches.write(start // batch, outputs)

        if isinstance(engine.target, Classes):
            sums = (tf.constant(0), tf.constant(0.0), tf.constant(engine.target.no_sums()))
            return tf.while_loop(lambda start, *_: start < count, step, sums)[1:]
        batches = tf.TensorArray(tf.float32, -(-count // batch), infer_shape=False)
        return tf.while_loop(lambda start, _: start < count, gather, (tf.constant(0), batches))[1].concat()

    def _update(self, images, wanted, learning_rate):
        """One step of Adam (Kingma & Ba, 2015, with the bias corrections in the rate); its loss and sums."""
        import tensorflow as tf

        config = self.engine.config
        with tf.GradientTape() as tape:
            outputs = self.network.logits(images, self.steps)
            loss = tf.reduce_mean(self.engine.target.losses(outputs, wanted))
            if config.weight_decay:
                loss += config.weight_decay * tf.add_n([tf.nn.l2_loss(kernel) for kernel in self.network.decaying])
        gradients = tape.gradient(loss, self.network.trained)
        time_step = tf.cast(self.steps.assign_add(1), tf.float32)
        beta_1, beta_2 = tf.constant(config.beta_1), tf.constant(config.beta_2)
        powers = {"beta1_power": beta_1**time_step, "beta2_power": beta_2**time_step}
        for variable, (mean, square), gradient in zip(self.network.trained, self.moments, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=mean.handle,
                v=square.handle,
                **powers,
                lr=learning_rate,
                beta1=beta_1,
                beta2=beta_2,
                epsilon=config.epsilon,
                grad=gradient,
            )
        return loss, self.engine.target.sums(outputs, wanted)


@contextmanager
def _no_passes() -> Iterator[None]:
    """A graph that is called for the first time here is run as it was traced."""
    import tensorflow as tf

    options = tf.config.optimizer
    before = options.get_experimental_options().get("min_graph_nodes", 0)
    options.set_experimental_options({"min_graph_nodes": 2**30})
    try:
        yield
    finally:
        options.set_experimental_options({"min_graph_nodes": before})
