"""Which parts of a network take the outputs of which: parts in a row, and an arc for each connection past the next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metaqnn.networks import blocks
from metaqnn.networks.architecture import Architecture
from metaqnn.networks.blocks import Block
from metaqnn.networks.graph import Graph
from metaqnn.reports.drawing import GREY
from metaqnn.reports.networks.kinds import KIND_COLORS, TYPE_COLORS

STEP = 46.0
"""Pixels from one part to the next."""

_MARGIN = 30.0
_RISE = 9.0
"""Pixels of height for every part that an arc passes."""


_BELOW = 104.0
"""Pixels from the middle of the parts to the lower edge; the longest words take so many."""


@dataclass(frozen=True)
class Part:
    """One part: its number, what it is, and where its middle is, in pixels."""

    label: str
    kind: str
    color: str
    x: float


@dataclass(frozen=True)
class Arc:
    """One connection: the ends, in pixels, and how high it rises; 0 is a straight line to the next part."""

    start: float
    end: float
    rise: float


@dataclass(frozen=True)
class Wiring:
    """The whole picture.

    Attributes:
        title: what it shows.
        parts, arcs: in order.
        width, height: in pixels.
        level: of the middle of the parts.
        alternative: the same in words.
    """

    title: str
    parts: tuple[Part, ...]
    arcs: tuple[Arc, ...]
    width: float
    height: float
    level: float
    alternative: str


def wiring_of(architecture: Architecture, graph: Graph) -> Wiring | None:
    """That of the layers of a network, or of its block; None for a chain.

    Args:
        architecture: the network.
        graph: what it compiles to.
    """
    if architecture.block is not None:
        return _block_wiring(architecture.block)
    edges = {
        (graph.nodes[source].layer, node.layer)
        for _, node in graph.computed()
        for source in node.inputs
        if graph.nodes[source].layer != node.layer
    }
    if all(end - start == 1 for start, end in edges):
        return None
    parts = [("0", "image", GREY)]
    for number, layer in enumerate(architecture, start=1):
        parts.append((str(number), str(layer).partition("@")[0], KIND_COLORS[layer.code]))
    return _drawn("Inputs of each layer", parts, [(start + 1, end + 1) for start, end in edges])


def _block_wiring(block: Block) -> Wiring:
    parts, edges = [("0", "input", GREY)], []
    for code in block:
        kernel = f" {code.kernel}x{code.kernel}" if code.kernel else ""
        parts.append((str(code.number), f"{blocks.TYPE_NAMES[code.type]}{kernel}", TYPE_COLORS[code.type]))
        edges += [(start, code.number) for start in code.predecessors]
    parts.append(("", "output", GREY))
    edges += [(number, len(parts) - 1) for number in block.unused]
    return _drawn("The block", parts, edges)


def _drawn(title: str, parts: Sequence[tuple[str, str, str]], edges: Iterable[tuple[int, int]]) -> Wiring:
    edges = sorted(edges)
    x = [_MARGIN + STEP * place for place in range(len(parts))]
    arcs = [Arc(x[start], x[end], 0.0 if end - start == 1 else 8.0 + _RISE * (end - start)) for start, end in edges]
    taken: dict[int, list[str]] = {}
    for start, end in edges:
        taken.setdefault(end, []).append(parts[start][0])
    words = [f"{' '.join(parts[end][:2]).strip()} takes {', '.join(taken[end])}" for end in sorted(taken)]
    height = max(arc.rise for arc in arcs) * 0.75 + 30.0 + _BELOW
    return Wiring(
        title,
        tuple(Part(label, kind, color, at) for (label, kind, color), at in zip(parts, x, strict=True)),
        tuple(arcs),
        x[-1] + _MARGIN,
        height,
        height - _BELOW,
        f"{title}: {'; '.join(words)}.",
    )
