"""The contract of the primitives: what a backend must compute so that a fast engine can train with it.

Tensors have the batch first and the channels last, kernels are as Keras has them: (sides..., inputs, outputs). Every
primitive gives what the layer of Keras with the same backend gives, but for the rounding of sums.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

Padding = Literal["valid", "same"]


class Primitives(ABC):
    """Those of one backend.

    Args:
        use_bfloat16: whether operations compute in bfloat16; weights, moments and losses are in single precision.
    """

    def __init__(self, use_bfloat16: bool = False):
        self.use_bfloat16 = use_bfloat16

    def glorot_uniform(self, seed: int, shape: Sequence[int]) -> Any:
        """Fresh numbers of a kernel, those that Keras's initializer of this seed draws."""
        from keras import initializers

        return initializers.GlorotUniform(seed)(tuple(shape), "float32")

    @abstractmethod
    def variable(self, numbers: Any, is_trained: bool) -> Any:
        """A weight: numbers that change. `is_trained` says whether it has a gradient."""

    @abstractmethod
    def numpy(self, variable: Any) -> np.ndarray:
        """The numbers of a variable or a tensor, contiguous, on the host."""

    @abstractmethod
    def to_compute(self, x: Any) -> Any:
        """A tensor, or what a variable holds, in the type that operations compute in."""

    @abstractmethod
    def to_single(self, x: Any) -> Any:
        """A tensor in single precision."""

    @abstractmethod
    def convolution(self, x: Any, kernel: Any, bias: Any | None, stride: Sequence[int], dilation: Sequence[int]) -> Any:
        """Convolve an image or a signal with SAME padding; `stride` and `dilation` are of each side."""

    @abstractmethod
    def separable_convolution(self, x: Any, depthwise: Any, pointwise: Any, bias: Any | None, stride: int) -> Any:
        """Convolve each channel with SAME padding, then all with a kernel of one pixel."""

    @abstractmethod
    def dense(self, x: Any, kernel: Any, bias: Any | None) -> Any:
        """Multiply vectors (N, inputs) by a matrix (inputs, outputs)."""

    @abstractmethod
    def activate(self, function: str, x: Any) -> Any:
        """Apply a function of `ACTIVATIONS` to each number."""

    @abstractmethod
    def max_pooling(self, x: Any, size: Sequence[int], stride: Sequence[int], padding: Padding) -> Any:
        """The largest number of each window."""

    @abstractmethod
    def average_pooling(self, x: Any, size: Sequence[int], stride: Sequence[int], padding: Padding) -> Any:
        """The mean of each window."""

    @abstractmethod
    def global_average_pooling(self, x: Any) -> Any:
        """The mean of each channel: (N, sides..., channels) to (N, channels)."""

    @abstractmethod
    def batch_normalization(self, x: Any, weights: Sequence[Any], is_training: bool, momentum: float, epsilon: float):
        """Normalise each channel in single precision, by the batch in training and else by the running numbers.

        Args:
            x: of any type, which the result has, too.
            weights: the variables scale, offset, running mean and running variance; the last two are written to in
                training: `momentum` of them stays.
            is_training, momentum, epsilon: as of Keras's layer.
        """

    @abstractmethod
    def dropout(self, x: Any, rate: float, seed: Any, step: Any) -> Any:
        """Drop numbers by a mask that the seed and the number of the call, from 0, decide.

        With PyTorch and JAX it is the one that Keras's layer draws.
        """

    @abstractmethod
    def concatenate(self, tensors: Sequence[Any]) -> Any:
        """Join along the channels."""

    @abstractmethod
    def pad(self, x: Any, widths: Sequence[tuple[int, int]]) -> Any:
        """Zeros before and after along each axis, the batch's included."""

    @abstractmethod
    def flatten(self, x: Any) -> Any:
        """All numbers of an example in a row."""
