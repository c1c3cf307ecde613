"""The primitives by TensorFlow, each with as few operations as it takes: a graph is traced from them."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from metaqnn.networks.primitives.primitives import Padding, Primitives


class TensorFlowPrimitives(Primitives):
    """Of TensorFlow, traced or not."""

    def __init__(self, use_bfloat16: bool = False):
        super().__init__(use_bfloat16)
        self._type = tf.bfloat16 if use_bfloat16 else tf.float32

    def variable(self, numbers: Any, is_trained: bool) -> Any:
        return tf.Variable(numbers, trainable=is_trained)

    def numpy(self, variable: Any) -> np.ndarray:
        return variable.numpy()

    def to_compute(self, x: Any) -> Any:
        return tf.cast(x, self._type)

    def to_single(self, x: Any) -> Any:
        return tf.cast(x, tf.float32)

    def convolution(self, x: Any, kernel: Any, bias: Any | None, stride: Sequence[int], dilation: Sequence[int]) -> Any:
        if len(stride) == 1:
            x = tf.nn.conv1d(x, kernel, stride[0], "SAME", dilations=dilation[0])
        else:
            x = tf.nn.conv2d(x, kernel, stride, "SAME", dilations=dilation)
        return x if bias is None else tf.nn.bias_add(x, bias)

    def separable_convolution(self, x: Any, depthwise: Any, pointwise: Any, bias: Any | None, stride: int) -> Any:
        is_signal = len(x.shape) == 3
        if is_signal:  # as an image of one column
            x, depthwise, pointwise = x[:, :, None], depthwise[:, None], pointwise[:, None]
        x = tf.nn.depthwise_conv2d(x, depthwise, (1, stride, stride, 1), "SAME")
        x = tf.nn.conv2d(x, pointwise, 1, "VALID")
        x = x[:, :, 0] if is_signal else x
        return x if bias is None else tf.nn.bias_add(x, bias)

    def dense(self, x: Any, kernel: Any, bias: Any | None) -> Any:
        x = tf.matmul(x, kernel)
        return x if bias is None else tf.nn.bias_add(x, bias)

    def activate(self, function: str, x: Any) -> Any:
        functions: Mapping[str, Callable[[Any], Any]] = {
            "identity": lambda value: value,
            "relu": tf.nn.relu,
            "selu": tf.nn.selu,
            "tanh": tf.tanh,
            "sigmoid": tf.sigmoid,
        }
        return functions[function](x)

    def max_pooling(self, x: Any, size: Sequence[int], stride: Sequence[int], padding: Padding) -> Any:
        pool = tf.nn.max_pool1d if len(size) == 1 else tf.nn.max_pool2d
        return pool(x, size, stride, padding.upper())

    def average_pooling(self, x: Any, size: Sequence[int], stride: Sequence[int], padding: Padding) -> Any:
        pool = tf.nn.avg_pool1d if len(size) == 1 else tf.nn.avg_pool2d
        return pool(x, size, stride, padding.upper())

    def global_average_pooling(self, x: Any) -> Any:
        return tf.reduce_mean(x, list(range(1, len(x.shape) - 1)))

    def batch_normalization(self, x: Any, weights: Sequence[Any], is_training: bool, momentum: float, epsilon: float):
        scale, offset, running_mean, running_variance = weights
        numbers = tf.cast(x, tf.float32)
        if is_training:
            mean, variance = tf.nn.moments(numbers, list(range(len(numbers.shape) - 1)))
            for running, measured in ((running_mean, mean), (running_variance, variance)):
                running.assign(running * momentum + measured * (1.0 - momentum))
        else:
            mean, variance = running_mean, running_variance
        return tf.cast(tf.nn.batch_normalization(numbers, mean, variance, offset, scale, epsilon), x.dtype)

    def dropout(self, x: Any, rate: float, seed: Any, step: Any) -> Any:
        # A byte decides, so that eight decisions take one number of 64 bits: drawing a number for each took a tenth of
        # an epoch. As a factor, as TensorFlow multiplies in a fraction of the time in which it chooses.
        key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=tf.stack([seed, step]))
        draw, philox = tf.raw_ops.StatelessRandomUniformFullIntV2, tf.random.Algorithm.PHILOX.value
        count = tf.size(x)
        words = draw(shape=[(count + 7) // 8], key=key, counter=counter, alg=philox, dtype=tf.uint64)
        decisions = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:count], tf.shape(x))
        dropped = min(round(256 * rate), 255)
        return x * (tf.cast(decisions >= dropped, x.dtype) * (256 / (256 - dropped)))

    def concatenate(self, tensors: Sequence[Any]) -> Any:
        return tf.concat(tensors, -1)

    def pad(self, x: Any, widths: Sequence[tuple[int, int]]) -> Any:
        return tf.pad(x, widths)

    def flatten(self, x: Any) -> Any:
        return tf.reshape(x, (-1, math.prod(x.shape[1:])))
