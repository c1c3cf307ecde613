"""The primitives by PyTorch, called one by one; images lie in memory with their channels last.

What Keras has as (N, height, width, channels) is, with its axes permuted, what PyTorch calls the memory format
`channels_last`, which its convolutions and pools take and give without a copy. A signal is an image of one column.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from metaqnn.networks.primitives.padding import same_pads
from metaqnn.networks.primitives.primitives import Padding, Primitives


class TorchPrimitives(Primitives):
    """Of PyTorch, on one device.

    Args:
        use_bfloat16: as of all primitives.
        device: a `torch.device`, or its name.
    """

    def __init__(self, use_bfloat16: bool = False, device: Any = "cpu"):
        super().__init__(use_bfloat16)
        self.device = torch.device(device)
        self._type = torch.bfloat16 if use_bfloat16 else torch.float32
        self._generator = torch.Generator(self.device)

    def variable(self, numbers: Any, is_trained: bool) -> Any:
        tensor = torch.as_tensor(numbers, device=self.device).detach()
        if tensor.ndim > 2:  # a kernel: its axes are Keras's, but it lies as a convolution reads it, outputs first
            tensor = tensor.movedim(-1, 0).clone(memory_format=torch.contiguous_format).movedim(0, -1)
        else:
            tensor = tensor.clone()
        return tensor.requires_grad_(is_trained)

    def numpy(self, variable: Any) -> np.ndarray:
        return np.ascontiguousarray(variable.detach().cpu().numpy())

    def to_compute(self, x: Any) -> Any:
        return x.to(self._type)

    def to_single(self, x: Any) -> Any:
        return x.to(torch.float32)

    def convolution(self, x: Any, kernel: Any, bias: Any | None, stride: Sequence[int], dilation: Sequence[int]) -> Any:
        if x.ndim == 3:
            column = self.convolution(x[:, :, None], kernel[:, None], bias, (*stride, 1), (*dilation, 1))
            return column[:, :, 0]
        reach = [(size - 1) * step + 1 for size, step in zip(kernel.shape, dilation, strict=False)]
        x, pads = _padded(x.permute(0, 3, 1, 2), reach, stride)
        return functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, stride, pads, dilation).permute(0, 2, 3, 1)

    def separable_convolution(self, x: Any, depthwise: Any, pointwise: Any, bias: Any | None, stride: int) -> Any:
        if x.ndim == 3:
            column = x[:, :, None], depthwise[:, None], pointwise[:, None]
            return self.separable_convolution(*column, bias, stride)[:, :, 0]
        x, pads = _padded(x.permute(0, 3, 1, 2), depthwise.shape, (stride, stride))
        x = functional.conv2d(x, depthwise.permute(2, 3, 0, 1), None, stride, pads, groups=x.shape[1])
        return functional.conv2d(x, pointwise.permute(3, 2, 0, 1), bias).permute(0, 2, 3, 1)

    def dense(self, x: Any, kernel: Any, bias: Any | None) -> Any:
        return x @ kernel if bias is None else torch.addmm(bias, x, kernel)

    def activate(self, function: str, x: Any) -> Any:
        functions: Mapping[str, Callable[[Any], Any]] = {
            "identity": lambda value: value,
            "relu": functional.relu,
            "selu": functional.selu,
            "tanh": torch.tanh,
            "sigmoid": torch.sigmoid,
        }
        return functions[function](x)

    def max_pooling(self, x: Any, size: Sequence[int], stride: Sequence[int], padding: Padding) -> Any:
        if x.ndim == 3:
            return self.max_pooling(x[:, :, None], (*size, 1), (*stride, 1), padding)[:, :, 0]
        x, pads = x.permute(0, 3, 1, 2), (0, 0)
        if padding == "same":
            x, pads = _padded(x, size, stride, value=-math.inf)
        return functional.max_pool2d(x, tuple(size), tuple(stride), pads).permute(0, 2, 3, 1)

    def average_pooling(self, x: Any, size: Sequence[int], stride: Sequence[int], padding: Padding) -> Any:
        """Of a window that reaches over the edge as Keras has it with PyTorch.

        That is the mean of what is inside only where both edges are padded alike; else the edge's numbers are repeated.
        """
        if x.ndim == 3:
            return self.average_pooling(x[:, :, None], (*size, 1), (*stride, 1), padding)[:, :, 0]
        x, pads = x.permute(0, 3, 1, 2), (0, 0)
        if padding == "same":
            x, pads = _padded(x, size, stride, mode="replicate")
        x = functional.avg_pool2d(x, tuple(size), tuple(stride), pads, count_include_pad=False)
        return x.permute(0, 2, 3, 1)

    def global_average_pooling(self, x: Any) -> Any:
        return x.mean(tuple(range(1, x.ndim - 1)))

    def batch_normalization(self, x: Any, weights: Sequence[Any], is_training: bool, momentum: float, epsilon: float):
        scale, offset, running_mean, running_variance = weights
        numbers = x.to(torch.float32)
        if is_training:
            with torch.no_grad():
                variance, mean = torch.var_mean(numbers, tuple(range(x.ndim - 1)), correction=0)
                for running, measured in ((running_mean, mean), (running_variance, variance)):
                    running.lerp_(measured, 1.0 - momentum)
        mean, variance = (None, None) if is_training else tuple(weights[2:])
        channels_first = numbers.movedim(-1, 1)
        out = functional.batch_norm(channels_first, mean, variance, scale, offset, is_training, eps=epsilon)
        return out.movedim(1, -1).to(x.dtype)

    def dropout(self, x: Any, rate: float, seed: Any, step: Any) -> Any:
        self._generator.manual_seed((seed + step) & 0xFFFFFFFF)
        kept = 1.0 - rate
        if self.device.type == "cpu":  # what `bernoulli` draws there, in a third of the time
            mask = torch.rand(x.shape, generator=self._generator) < kept
        else:
            probabilities = torch.full(x.shape, kept, device=self.device)
            mask = torch.bernoulli(probabilities, generator=self._generator)
        return x * (mask.to(x.dtype) / kept)

    def concatenate(self, tensors: Sequence[Any]) -> Any:
        return torch.cat(tuple(tensors), -1)

    def pad(self, x: Any, widths: Sequence[tuple[int, int]]) -> Any:
        return functional.pad(x, [width for pair in reversed(widths) for width in pair])

    def flatten(self, x: Any) -> Any:
        return x.reshape(len(x), -1)


def _padded(
    x: Any, sizes: Sequence[int], strides: Sequence[int], mode: str = "constant", value: float | None = None
) -> tuple[Any, Any]:
    """Images with channels first, and what is left to add to both ends of each side for SAME padding.

    What both ends need alike is left to the operation itself.
    """
    top, left, bottom, right = same_pads(x.shape[2:], tuple(sizes)[:2], strides)
    if (top, left) == (bottom, right):
        return x, (top, left)
    return functional.pad(x, (left, right, top, bottom), mode, value), (0, 0)
