"""How much memory a training needs, estimated before it begins."""

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.costs import Shape, dropout_rates, layer_costs
from metaqnn.networks.layers import GlobalAveragePooling

VALIDATION_BATCHES = 2
"""Validation needs no gradients, so so many training batches are validated at a time."""

GIBIBYTE = 2**30

_WEIGHT_COPIES = 4
"""A weight, its gradient, and Adam's two moments; all in single precision."""

_WITH_DROPOUT = 2.25
"""Outputs kept of a layer with dropout: before it, after it, and a mask of a byte each."""

_PASSING = 4
"""Gradients and scratch values of the size of the largest output at a time; two validation batches need no more."""


def training_bytes(
    architecture: Architecture, input_shape: Shape, batch_size: int, number_bytes: int = 4, has_dropout: bool = True
) -> int:
    """The memory that training a network takes beyond that of an idle worker, estimated from its shapes.

    While training, each layer's output is kept for the backward pass, with dropout twice and with its mask, while a
    few gradients and scratch values of the size of the largest output come and go. Measured against real trainings in
    benchmarks/RESULTS.md.

    Args:
        architecture: the network.
        input_shape: (height, width, channels).
        batch_size: images a step.
        number_bytes: of one number in a layer's output: 4, or 2 in bfloat16.
        has_dropout: whether it is trained with dropout.
    """
    costs = layer_costs(architecture, input_shape)
    dropout = dropout_rates(architecture) if has_dropout else {}
    before = [tuple(input_shape), *(cost.shape for cost in costs)]
    # GAP convolves to as many channels as there are classes before it averages them.
    outputs = [
        _size((*shape[:2], cost.layer.classes)) if isinstance(cost.layer, GlobalAveragePooling) else _size(cost.shape)
        for shape, cost in zip(before, costs, strict=False)
    ]
    kept = sum(size * (_WITH_DROPOUT if index in dropout else 1.0) for index, size in enumerate(outputs))
    training = _size(input_shape) + kept + _PASSING * max(outputs)
    parameters = sum(cost.parameters for cost in costs)
    return round(_WEIGHT_COPIES * 4 * parameters + number_bytes * batch_size * training)


def too_large(needed: int, available: int | None) -> str | None:
    """Why a network cannot be trained in the memory there is, in one sentence; None where it can, or nobody knows.

    Args:
        needed: from `training_bytes`.
        available: bytes there are for it.
    """
    if available is None or needed <= available:
        return None
    return f"training it takes about {needed / GIBIBYTE:.2f} GiB, and there are {available / GIBIBYTE:.2f}"


def _size(shape: Shape) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size
