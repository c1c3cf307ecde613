"""The primitives by JAX, traced and compiled by XLA; on a CPU from what XLA compiles to something fast there.

XLA's own pools and grouped convolutions, and above all their gradients, are slow on a CPU: windows are taken as slices
here, one for each of their places, and joined number by number.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metaqnn.networks.primitives.padding import same_pads, strided
from metaqnn.networks.primitives.primitives import Padding, Primitives

_CPU_OPTIONS: dict[str, Any] = {"xla_backend_optimization_level": 1, "xla_cpu_use_fusion_emitters": False}
"""Of XLA: programs almost as fast as with its defaults, compiled in less than half the time."""

_SHORTEST = 1024
"""Fewer numbers are not drawn at a time."""


def compiled(function: Callable[..., Any], *inputs: Any, donated: tuple[int, ...] = ()) -> Any:
    """A function as a program for inputs of these shapes, compiled for no longer than pays within a short training.

    Args:
        function: to compile.
        inputs: as it will be called with.
        donated: numbers of the inputs whose memory the outputs may take.
    """
    return jax.jit(function, donate_argnums=donated).lower(*inputs).compile(_options())


@cache
def _options() -> dict[str, Any] | None:
    """None where it is no CPU, or where this XLA has no such options, which are of no public interface."""
    if jax.default_backend() != "cpu":
        return None
    try:
        jax.jit(lambda x: x).lower(np.float32(0)).compile(_CPU_OPTIONS)
    except jax.errors.JaxRuntimeError:
        return None
    return _CPU_OPTIONS


@cache
def _uniform(size: int) -> Any:
    """From a key and a limit to so many numbers between the limit and its negative."""
    inputs = np.zeros(2, np.uint32), np.float32(1)
    return compiled(lambda key, limit: jax.random.uniform(key, (size,), jnp.float32, -limit, limit), *inputs)


@dataclass
class JaxVariable:
    """Numbers that change: arrays do not. While a function is traced, what it writes is a value of the trace."""

    value: Any


class JaxPrimitives(Primitives):
    """Of JAX.

    Args:
        use_bfloat16: as of all primitives.
        valid: which examples of a batch count, bool (N,), so that a last batch may be filled up; None is all.
    """

    def __init__(self, use_bfloat16: bool = False, valid: Any = None):
        super().__init__(use_bfloat16)
        self._type = jnp.bfloat16 if use_bfloat16 else jnp.float32
        self._valid = valid

    def glorot_uniform(self, seed: int, shape: Sequence[int]) -> Any:
        """By programs of a few lengths: Keras's would be compiled for every shape, for longer than a network trains.

        JAX draws a number by its place alone, so that those of a longer row begin with those of a shorter one.
        """
        fans = math.prod(shape[:-2]) * shape[-2], math.prod(shape[:-2]) * shape[-1]
        limit = math.sqrt(3.0 / max(1.0, sum(fans) / 2.0))
        size = math.prod(shape)
        uniform = _uniform(max(_SHORTEST, 2 ** (size - 1).bit_length()))
        return np.asarray(uniform(np.array([seed, 0], np.uint32), np.float32(limit)))[:size].reshape(shape)

    def variable(self, numbers: Any, is_trained: bool) -> Any:
        return JaxVariable(jax.device_put(numbers))

    def numpy(self, variable: Any) -> np.ndarray:
        return np.array(_value(variable))

    def to_compute(self, x: Any) -> Any:
        return _value(x).astype(self._type)

    def to_single(self, x: Any) -> Any:
        return x.astype(jnp.float32)

    def convolution(self, x: Any, kernel: Any, bias: Any | None, stride: Sequence[int], dilation: Sequence[int]) -> Any:
        if x.ndim == 3:  # a signal, as an image of one column
            column = self.convolution(x[:, :, None], kernel[:, None], bias, (*stride, 1), (*dilation, 1))
            return column[:, :, 0]
        axes = ("NHWC", "HWIO", "NHWC")
        x = jax.lax.conv_general_dilated(x, kernel, stride, "SAME", rhs_dilation=dilation, dimension_numbers=axes)
        return x if bias is None else x + bias

    def separable_convolution(self, x: Any, depthwise: Any, pointwise: Any, bias: Any | None, stride: int) -> Any:
        if x.ndim == 3:
            column = x[:, :, None], depthwise[:, None], pointwise[:, None]
            return self.separable_convolution(*column, bias, stride)[:, :, 0]
        size, strides = depthwise.shape[:2], (stride, stride)
        x = _same_padded(x, size, strides, 0.0)
        taps = ((row, column) for row in range(size[0]) for column in range(size[1]))
        parts = [_places(_places(x, 1, row, size[0], stride), 2, column, size[1], stride) for row, column in taps]
        x = sum(part * tap for part, tap in zip(parts, depthwise.reshape(len(parts), -1), strict=True))
        x = x @ pointwise[0, 0]
        return x if bias is None else x + bias

    def dense(self, x: Any, kernel: Any, bias: Any | None) -> Any:
        return x @ kernel if bias is None else x @ kernel + bias

    def activate(self, function: str, x: Any) -> Any:
        functions: Mapping[str, Callable[[Any], Any]] = {
            "identity": lambda value: value,
            "relu": jax.nn.relu,
            "selu": jax.nn.selu,
            "tanh": jnp.tanh,
            "sigmoid": jax.nn.sigmoid,
        }
        return functions[function](x)

    def max_pooling(self, x: Any, size: Sequence[int], stride: Sequence[int], padding: Padding) -> Any:
        def larger(first, second):  # of equal numbers the first, to which then the gradient goes; and NaN
            return jnp.where((second > first) | jnp.isnan(second), second, first)

        if padding == "same":
            x = _same_padded(x, size, stride, -math.inf)
        return _reduced(x, size, stride, larger)

    def average_pooling(self, x: Any, size: Sequence[int], stride: Sequence[int], padding: Padding) -> Any:
        if padding == "valid":
            return _reduced(x, size, stride, jnp.add) / math.prod(size)
        inside = _same_padded(np.ones((1, *x.shape[1:-1], 1), np.float32), size, stride, 0.0)
        counts = _reduced(inside, size, stride, np.add)
        return _reduced(_same_padded(x, size, stride, 0.0), size, stride, jnp.add) / counts.astype(x.dtype)

    def global_average_pooling(self, x: Any) -> Any:
        return x.mean(tuple(range(1, x.ndim - 1)))

    def batch_normalization(self, x: Any, weights: Sequence[Any], is_training: bool, momentum: float, epsilon: float):
        scale, offset, running_mean, running_variance = weights
        numbers = x.astype(jnp.float32)
        if is_training:
            axes = tuple(range(x.ndim - 1))
            where = None if self._valid is None else self._valid.reshape(-1, *(1,) * (x.ndim - 1))
            mean, variance = jnp.mean(numbers, axes, where=where), jnp.var(numbers, axes, where=where)
            for running, measured in ((running_mean, mean), (running_variance, variance)):
                running.value = running.value * momentum + measured * (1.0 - momentum)
        else:
            mean, variance = running_mean.value, running_variance.value
        factor = jax.lax.rsqrt(variance + epsilon) * scale.value
        return (numbers * factor + (offset.value - mean * factor)).astype(x.dtype)

    def dropout(self, x: Any, rate: float, seed: Any, step: Any) -> Any:
        kept = 1.0 - rate
        key = jnp.stack([jnp.asarray(each).astype(jnp.uint32) for each in (seed, step)])
        return jnp.where(jax.random.bernoulli(key, kept, x.shape), x / kept, jnp.zeros((), x.dtype))

    def concatenate(self, tensors: Sequence[Any]) -> Any:
        return jnp.concatenate(tensors, -1)

    def pad(self, x: Any, widths: Sequence[tuple[int, int]]) -> Any:
        return jnp.pad(x, widths)

    def flatten(self, x: Any) -> Any:
        return x.reshape(len(x), -1)


def _value(x: Any) -> Any:
    return x.value if isinstance(x, JaxVariable) else x


def _same_padded(x: Any, size: Sequence[int], stride: Sequence[int], number: float) -> Any:
    """With what SAME padding adds around its sides."""
    pads = same_pads(x.shape[1:-1], size, stride)
    widths = [(0, 0), *zip(pads[: len(size)], pads[len(size) :], strict=True), (0, 0)]
    return (np if isinstance(x, np.ndarray) else jnp).pad(x, widths, constant_values=number)


def _places(x: Any, axis: int, place: int, size: int, stride: int) -> Any:
    """What stands at one place of every window along an axis; windows have so many places."""
    (count,) = strided((x.shape[axis] - size + 1,), (stride,))
    return x[(slice(None),) * axis + (slice(place, place + (count - 1) * stride + 1, stride),)]


def _reduced(x: Any, size: Sequence[int], stride: Sequence[int], join: Callable[[Any, Any], Any]) -> Any:
    """Each window of a padded image joined to one number, axis by axis, the last side first: its rows in order."""
    for side in reversed(range(len(size))):
        joined = _places(x, side + 1, 0, size[side], stride[side])
        for place in range(1, size[side]):
            joined = join(joined, _places(x, side + 1, place, size[side], stride[side]))
        x = joined
    return x
