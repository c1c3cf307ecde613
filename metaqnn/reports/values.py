"""What an agent learned: its Q-values by the depth of the layer that they choose (the paper's Fig. A3 and A4)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import fmean

from metaqnn.core import QValue
from metaqnn.networks.layers import KINDS, Convolution, Layer

_ACTION = re.compile(r"(?P<code>[A-Z]+)\((?P<numbers>[0-9]+(?:,[0-9]+)*)\)")
_KINDS = {kind.code: kind for kind in KINDS}


@dataclass(frozen=True)
class Line:
    """Mean Q-values of one group of actions.

    Attributes:
        label: the group: a layer's code such as `C`, or a receptive field.
        depths: of the layer that is chosen, from 1, ascending.
        means: over the state-action pairs that were updated.
        pairs: how many there are.
    """

    label: str
    depths: tuple[int, ...]
    means: tuple[float, ...]
    pairs: tuple[int, ...]


@dataclass(frozen=True)
class Values:
    """The Q-values of a search.

    Attributes:
        episode: that they are as of.
        pairs: state-action pairs that were ever updated and are understood.
        by_kind: a line a kind of layer, in the order of the space's actions.
        by_receptive_field: a line a receptive field of convolutions, ascending.
    """

    episode: int
    pairs: int
    by_kind: tuple[Line, ...]
    by_receptive_field: tuple[Line, ...]


def values_of(episode: int, entries: Iterable[QValue]) -> Values:
    """Group the entries of a Q-table; those of a space without layers are left out."""
    understood = []
    for entry in entries:
        layer, depth = _layer(entry.action), entry.state.partition(":")[0]
        if layer is not None and depth.isdecimal():
            understood.append((int(depth) + 1, layer, entry.value))
    codes = {code: at for at, code in enumerate(_KINDS)}
    kinds = _lines(understood, lambda layer: layer.code, lambda code: codes[code])
    convolutions = [item for item in understood if isinstance(item[1], Convolution)]
    fields = _lines(convolutions, lambda layer: str(layer.receptive_field), int)
    return Values(episode, len(understood), kinds, fields)


def _layer(action: str) -> Layer | None:
    match = _ACTION.fullmatch(action)
    kind = _KINDS.get(match["code"]) if match else None
    if kind is None:
        return None
    try:
        return kind(*map(int, match["numbers"].split(",")))
    except TypeError:  # so many numbers belong to no such layer
        return None


def _lines(
    items: list[tuple[int, Layer, float]], label: Callable[[Layer], str], order: Callable[[str], int]
) -> tuple[Line, ...]:
    groups: dict[str, dict[int, list[float]]] = {}
    for depth, layer, value in items:
        groups.setdefault(label(layer), {}).setdefault(depth, []).append(value)
    lines = []
    for name in sorted(groups, key=order):
        depths = sorted(groups[name])
        values = [groups[name][depth] for depth in depths]
        lines.append(Line(name, tuple(depths), tuple(map(fmean, values)), tuple(map(len, values))))
    return tuple(lines)
