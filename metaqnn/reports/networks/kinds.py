"""Q-values of networks by kind of layer and by receptive field, with the names and colours of the kinds."""

import re
from collections.abc import Iterable

from metaqnn.core import QValue
from metaqnn.networks import blocks
from metaqnn.networks.architecture import read_layer
from metaqnn.networks.layers import KINDS, Filtering, largest
from metaqnn.reports.drawing import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY
from metaqnn.reports.values import Grouping, Values, depth_of, lines_of

KIND_COLORS = {
    "C": BLUE,
    "SC": SKY,
    "P": ORANGE,
    "AP": "#C9A227",
    "BN": "#9A7FB8",
    "B": "#44566C",
    "FC": GREEN,
    "GAP": PINK,
    "GP": "#A6688F",
    "SM": RED,
}
"""Of each kind of layer, in figures and in diagrams."""

KIND_NAMES = {
    "C": "convolution",
    "SC": "separable convolution",
    "P": "max pooling",
    "AP": "average pooling",
    "BN": "batch normalisation",
    "B": "block",
    "FC": "fully connected",
    "GAP": "global average pooling",
    "GP": "average over all positions",
    "SM": "softmax",
}

TYPE_COLORS = {
    blocks.CONVOLUTION: KIND_COLORS["C"],
    blocks.MAX_POOLING: KIND_COLORS["P"],
    blocks.AVERAGE_POOLING: KIND_COLORS["AP"],
    blocks.IDENTITY: GREY,
    blocks.ADD: GREEN,
    blocks.CONCATENATE: PINK,
    blocks.TERMINAL: RED,
}
"""Of each type of layer in a block."""

_CODE = re.compile(r"\([0-9]+,(?P<type>[1-7]),[0-9]+,[0-9]+,[0-9]+\)")
_ORDER = [kind.code for kind in KINDS]


def layer_values(episode: int, entries: Iterable[QValue]) -> Values:
    """Group the entries of a Q-table by kind of layer, in the order of the space's actions, and by receptive field."""
    items = []
    for entry in entries:
        layer, depth = read_layer(entry.action), depth_of(entry)
        if layer is not None and depth is not None:
            items.append((depth, layer, entry.value))
    convolutions = [item for item in items if isinstance(item[1], Filtering)]
    kinds = lines_of(items, lambda layer: layer.code, _ORDER.index)
    fields = lines_of(convolutions, lambda layer: str(largest(layer.receptive_field)), int)
    names = {line.label: f"{line.label}x{line.label}" for line in fields}
    groupings = (
        Grouping("q-by-kind", "Mean Q-value by kind of layer", "kind of layer", kinds, KIND_NAMES, KIND_COLORS, _DEPTH),
        Grouping(
            "q-by-receptive-field", "Mean Q-value of convolutions", "receptive field", fields, names, across=_DEPTH
        ),
    )
    return Values(episode, len(items), tuple(grouping for grouping in groupings if grouping.lines))


_DEPTH = "layer depth"


def code_values(episode: int, entries: Iterable[QValue]) -> Values:
    """Group the entries of a Q-table over the codes of blocks by their type, by the place in the block."""
    items = []
    for entry in entries:
        found = _CODE.fullmatch(entry.action)
        if found:
            place = int(entry.action[1:].partition(",")[0])
            items.append((place, int(found["type"]), entry.value))
    lines = lines_of(items, str, int)
    names = {str(number): name for number, name in blocks.TYPE_NAMES.items()}
    colors = {str(number): color for number, color in TYPE_COLORS.items()}
    title = "Mean Q-value by type of layer"
    grouping = Grouping("q-by-type", title, "type of layer", lines, names, colors, "place in the block")
    return Values(episode, len(items), (grouping,) if lines else ())
