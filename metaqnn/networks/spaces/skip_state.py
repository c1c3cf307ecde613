"""A network with skip connections that is being written down."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from metaqnn.networks.layers import Layer
from metaqnn.networks.operations.operation import Shape


class SkipState(NamedTuple):
    """Everything about a network so far.

    Attributes:
        layers: those that are complete, each with its inputs.
        shapes: of the image and of each layer's output.
        taken: layers whose outputs another one takes.
        parameters, flops: of the complete layers.
        kind: the action that began the layer being built; empty between two layers.
        asked: earlier layers that it was asked about.
        inputs: those that it takes.
        sizes: what else it has chosen.
        ends: for each complete layer the number of its last decision, from 0.
        steps: decisions so far.
    """

    layers: tuple[Layer, ...]
    shapes: tuple[Shape, ...]
    taken: frozenset[int] = frozenset()
    parameters: int = 0
    flops: int = 0
    kind: str = ""
    asked: int = 0
    inputs: tuple[int, ...] = ()
    sizes: tuple[Any, ...] = ()
    ends: tuple[int, ...] = ()
    steps: int = 0


def joined_shape(shapes: Sequence[Shape]) -> Shape:
    """Of all channels beside each other, with the largest sides; a vector stays one."""
    if len(shapes) == 1:
        return shapes[0]
    return (*map(max, *(shape[:-1] for shape in shapes)), sum(shape[-1] for shape in shapes))
