"""Q-values of networks by kind of layer and by receptive field, with the names and colours of the kinds."""

import re
from collections.abc import Iterable
from typing import Any, cast

from metaqnn.core import QValue
from metaqnn.networks.layers import KINDS, Convolution, Layer
from metaqnn.reports.drawing import BLUE, GREEN, ORANGE, PINK, RED
from metaqnn.reports.values import Grouping, Values, depth_of, lines_of

KIND_COLORS = {"C": BLUE, "P": ORANGE, "FC": GREEN, "GAP": PINK, "SM": RED}
"""Of each kind of layer, in figures and in diagrams."""

KIND_NAMES = {
    "C": "convolution",
    "P": "max pooling",
    "FC": "fully connected",
    "GAP": "global average pooling",
    "SM": "softmax",
}

_ACTION = re.compile(r"(?P<code>[A-Z]+)\((?P<numbers>[0-9]+(?:,[0-9]+)*)\)")
_KINDS: dict[str, Any] = {kind.code: kind for kind in cast(tuple[Any, ...], KINDS)}


def layer_values(episode: int, entries: Iterable[QValue]) -> Values:
    """Group the entries of a Q-table by kind of layer, in the order of the space's actions, and by receptive field."""
    items = []
    for entry in entries:
        layer, depth = _layer(entry.action), depth_of(entry)
        if layer is not None and depth is not None:
            items.append((depth, layer, entry.value))
    convolutions = [item for item in items if isinstance(item[1], Convolution)]
    kinds = lines_of(items, lambda layer: layer.code, list(_KINDS).index)
    fields = lines_of(convolutions, lambda layer: str(layer.receptive_field), int)
    names = {line.label: f"{line.label}x{line.label}" for line in fields}
    groupings = (
        Grouping("q-by-kind", "Mean Q-value by kind of layer", "kind of layer", kinds, KIND_NAMES, KIND_COLORS, _DEPTH),
        Grouping(
            "q-by-receptive-field", "Mean Q-value of convolutions", "receptive field", fields, names, across=_DEPTH
        ),
    )
    return Values(episode, len(items), tuple(grouping for grouping in groupings if grouping.lines))


_DEPTH = "layer depth"


def _layer(action: str) -> Layer | None:
    match = _ACTION.fullmatch(action)
    if match is None or match["code"] not in _KINDS:
        return None
    try:
        return _KINDS[match["code"]](*map(int, match["numbers"].split(",")))
    except TypeError:  # so many numbers belong to no such layer
        return None
