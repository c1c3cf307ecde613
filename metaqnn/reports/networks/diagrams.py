"""Networks as rows of blocks: what each layer puts out, in size and number of channels, by kind in colour."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metaqnn.networks.compiling import compile_network
from metaqnn.networks.costs import Shape, describe
from metaqnn.networks.layers import Filtering
from metaqnn.networks.layers import largest as largest_side
from metaqnn.reports.drawing import GREY
from metaqnn.reports.networks.kinds import KIND_COLORS, KIND_NAMES
from metaqnn.reports.networks.wiring import Wiring, wiring_of

_LARGEST = 54.0
"""Pixels of the side of the input image, and of the longest vector."""

_SMALLEST = 9.0
_MOST_NEURONS = 4096
_PIXELS_PER_DOUBLING = 1.6
"""Depth of a block for every doubling of its channels."""


@dataclass(frozen=True)
class Block:
    """A layer, drawn.

    Attributes:
        label: the layer as the paper writes it.
        output: its shape, such as 32x32x64.
        color: of its kind.
        width, height: of its front, in pixels.
        depth: how far it reaches back, in pixels; 0 for a vector.
        cells: lines of a convolution's receptive field that are drawn on its front; 0 for none.
    """

    label: str
    output: str
    color: str
    width: float
    height: float
    depth: float
    cells: int = 0


@dataclass(frozen=True)
class Diagram:
    """A network, drawn: the input and every layer in order, the same in words, and which parts take which."""

    blocks: tuple[Block, ...]
    alternative: str
    wiring: Wiring | None = None


def diagram_of(architecture: str, input_shape: Shape) -> Diagram:
    """Draw a network over images of a shape (height, width, channels).

    Raises:
        NotationError, IllegalArchitectureError: it is no network over such images.
    """
    description = describe(architecture, input_shape)
    largest = max(input_shape[:-1])
    blocks = [_block("input", input_shape, GREY, largest)]
    words = [f"An image of {_shape(input_shape)}"]
    for cost in description.layers:
        layer = cost.layer
        cells = largest_side(layer.receptive_field) if isinstance(layer, Filtering) else 0
        blocks.append(_block(str(layer).partition("@")[0], cost.shape, KIND_COLORS[layer.code], largest, cells))
        words.append(f"{KIND_NAMES[layer.code]} {layer} to {_shape(cost.shape)}")
    graph = compile_network(description.architecture, description.input_shape)
    return Diagram(tuple(blocks), "; ".join(words) + ".", wiring_of(description.architecture, graph))


def legend(diagrams: Iterable[Diagram]) -> tuple[tuple[str, str, str], ...]:
    """(code, name, colour) of the kinds of layer that stand in some diagrams, in order."""
    colors = {block.color for diagram in diagrams for block in diagram.blocks}
    return tuple((code, name, KIND_COLORS[code]) for code, name in KIND_NAMES.items() if KIND_COLORS[code] in colors)


def _block(label: str, shape: Sequence[int], color: str, largest: int, cells: int = 0) -> Block:
    if len(shape) == 1:
        return Block(label, _shape(shape), color, 11.0, _scaled(shape[0], _MOST_NEURONS), 0.0)
    depth = 3.0 + _PIXELS_PER_DOUBLING * math.log2(shape[-1])
    height = _scaled(shape[0], largest) if len(shape) == 3 else _SMALLEST  # a signal has a length alone
    return Block(label, _shape(shape), color, _scaled(shape[-2], largest), height, depth, cells)


def _scaled(size: int, largest: int) -> float:
    """Pixels that grow with the logarithm of a size."""
    share = min(1.0, math.log2(1 + size) / math.log2(1 + largest))
    return round(_SMALLEST + (_LARGEST - _SMALLEST) * share, 1)


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
