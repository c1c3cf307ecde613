"""How much memory a training needs, estimated before it begins."""

import math

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.operations.operation import Shape

VALIDATION_BATCHES = 2
"""Validation needs no gradients, so so many training batches are validated at a time."""

GIBIBYTE = 2**30

_WEIGHT_COPIES = 4
"""A weight, its gradient, and Adam's two moments; all in single precision."""

_PASSING = 4
"""Gradients and scratch values of the size of the largest output at a time; two validation batches need no more."""


def training_bytes(
    architecture: Architecture, input_shape: Shape, batch_size: int, number_bytes: int = 4, has_dropout: bool = True
) -> int:
    """The memory that training a network takes beyond that of an idle worker, estimated from its graph.

    While training, what each operation gives is kept for the backward pass (`Operation.kept`), while a few gradients
    and scratch values of the size of the largest output come and go. Measured against real trainings in
    benchmarks/RESULTS.md.

    Args:
        architecture: the network.
        input_shape: (height, width, channels).
        batch_size: images a step.
        number_bytes: of one number in a layer's output: 4, or 2 in bfloat16.
        has_dropout: whether it is trained with dropout.
    """
    graph = compile_network(architecture, tuple(input_shape), has_dropout)
    sizes = [math.prod(node.shape) for node in graph.nodes]
    kept = sum(node.operation.kept * size for node, size in zip(graph.nodes, sizes, strict=True))
    largest = max(size for (_, node), size in zip(graph.computed(), sizes[1:], strict=True) if node.operation.kept)
    return round(_WEIGHT_COPIES * 4 * graph.parameters + number_bytes * batch_size * (kept + _PASSING * largest))


def too_large(needed: int, available: int | None) -> str | None:
    """Why a network cannot be trained in the memory there is, in one sentence; None where it can, or nobody knows.

    Args:
        needed: from `training_bytes`.
        available: bytes there are for it.
    """
    if available is None or needed <= available:
        return None
    return f"training it takes about {needed / GIBIBYTE:.2f} GiB, and there are {available / GIBIBYTE:.2f}"
