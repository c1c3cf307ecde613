"""The decisions by which a layer with skip connections is written down, as texts."""

from collections.abc import Mapping
from typing import Any

from metaqnn.networks.layers import (
    Convolution,
    Extent,
    Filtering,
    Layer,
    PositionAverage,
    SeparableConvolution,
    Trunk,
    layer_numbers,
    sides,
)
from metaqnn.networks.spaces.config import ConvolutionChoices, SpaceConfig
from metaqnn.networks.spaces.layer_choices import LayerChoices

ALONE = "-"
"""The action that does not take an earlier layer as an input; `@3` takes the third."""

SIDES = {"height": 0, "width": 1, "size": 0}
"""Which side of the input a decision is about."""

_ORDER = ("filters", "height", "width", "size", "stride_height", "stride_width", "stride", "activation")


class SkipDecisions:
    """What may be decided, in the fixed order.

    Args:
        config: the section `space`.
        choices: its layers.

    Attributes:
        sizes: for each kind of convolution, its decisions in order, each a name and its values ascending.
        fixed: for each kind, what has one value and is not asked, by name.
        pools, tail: kinds of layer that are chosen as a whole: on images, and after all of those.
        anchors: for each earlier layer, from 1, the two choices.
    """

    def __init__(self, config: SpaceConfig, choices: LayerChoices):
        self._rank = len(choices.input_shape) - 1
        self._is_along = config.one_dimensional
        named = {Convolution.code: self._named(config.convolution)}
        if config.separable_convolution:
            named[SeparableConvolution.code] = self._named(config.separable_convolution, is_separable=True)
        self.sizes = {kind: tuple(each for each in of if len(each[1]) > 1) for kind, of in named.items()}
        self.fixed = {kind: {name: of[0] for name, of in each if len(of) == 1} for kind, each in named.items()}
        self._names = {kind: tuple(name for name, _ in of) for kind, of in named.items()}
        pools = {str(layer): layer for layer in choices.pools}
        average = (PositionAverage(),) if config.global_average_pooling else ()
        last = (*choices.fully_connected, *average, choices.softmax)
        tail = {str(layer): layer for layer in last}
        self.whole: dict[str, Layer] = {**pools, **tail}
        self.pools, self.tail = tuple(pools), tuple(tail)
        self.anchors = tuple((ALONE, f"@{number}") for number in range(1, config.max_depth))
        self._joined = {anchor: number for number, (_, anchor) in enumerate(self.anchors, start=1)}
        self._values = {
            f"{name} {value}": (name, value) for of in self.sizes.values() for name, values in of for value in values
        }
        self._layers: dict[tuple[str, tuple[Any, ...]], Layer] = {}

    @property
    def every(self) -> tuple[str, ...]:
        """Kinds of layer, anchors, and sizes in ascending order."""
        anchors = (ALONE, *self._joined) if self.anchors else ()
        values = sorted(self._values, key=lambda text: (_ORDER.index(self._values[text][0]), self._values[text][1]))
        return (*self.sizes, *self.pools, *self.tail, *anchors, *values)

    def joined(self, action: str) -> int | None:
        """The number, from 1, of the layer that an anchor takes; None for every other action."""
        return self._joined.get(action)

    def value(self, action: str) -> Any:
        """What a size is decided to be."""
        return self._values[action][1]

    def least_sides(self, kind: str) -> dict[str, int]:
        """The smallest sides of the receptive field of a kind of convolution, by the name of the decision."""
        return {name: value for name, value in self.fixed.get(kind, {}).items() if name in SIDES} | {
            name: values[0] for name, values in self.sizes.get(kind, ()) if name in SIDES
        }

    def layer(self, kind: str, sizes: tuple[Any, ...]) -> Layer:
        """A layer by what was decided, without its inputs."""
        layer = self._layers.get((kind, sizes))
        if layer is None:
            layer = self.whole.get(kind)
            if layer is None:
                chosen = dict(zip((name for name, _ in self.sizes[kind]), sizes, strict=True))
                layer = _filtering(kind, self.fixed[kind] | chosen)
            self._layers[kind, sizes] = layer
        return layer

    def actions(self, layer: Layer, depth: int) -> list[str]:
        """The decisions that write a layer down behind `depth` others."""
        actions = [layer.code if isinstance(layer, Filtering) else str(layer).partition("@")[0]]
        if isinstance(layer, Trunk):
            inputs = layer.inputs or (depth,)
            actions += [f"@{number}" if number in inputs else ALONE for number in range(1, depth + 1)]
        return actions + self._size_actions(layer) if isinstance(layer, Filtering) else actions

    def numbers(self, action: str) -> dict[str, float]:
        """The number that a decision is about, or those of a layer that is chosen as a whole."""
        if action in self._values:
            name, value = self._values[action]
            return {} if name == "activation" else {name: value}
        layer = self.whole.get(action)
        return {} if layer is None else layer_numbers(layer)

    def _named(self, of: ConvolutionChoices, is_separable: bool = False) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        has_one_side = self._rank < 2
        one = has_one_side or is_separable
        heights, strides = ((1,), (1,)) if self._is_along else (of.receptive_fields, of.strides)
        values: dict[str, tuple[Any, ...]] = {"filters": of.filters}
        values |= {"size": of.receptive_fields} if has_one_side else {"height": heights, "width": of.receptive_fields}
        values |= {"stride": of.strides} if one else {"stride_height": strides, "stride_width": of.strides}
        values["activation"] = of.activations
        return tuple((name, tuple(sorted(each))) for name, each in values.items())

    def _size_actions(self, layer: Filtering) -> list[str]:
        field, stride = sides(layer.receptive_field, self._rank), sides(layer.stride, self._rank)
        values = {"filters": layer.filters, "activation": layer.activation, "size": field[0], "stride": stride[0]}
        if self._rank == 2:
            values |= {"height": field[0], "width": field[1], "stride_height": stride[0], "stride_width": stride[1]}
        fixed = self.fixed.get(layer.code, {})
        # What is not asked is written where it is another, so that a network of another space is refused.
        return [f"{name} {values[name]}" for name in self._names.get(layer.code, ()) if fixed.get(name) != values[name]]


def _filtering(kind: str, chosen: Mapping[str, Any]) -> Filtering:
    """A convolution of its sizes."""
    field, stride = (
        chosen[flat] if flat in chosen else _extent(chosen[f"{prefix}height"], chosen[f"{prefix}width"])
        for flat, prefix in (("size", ""), ("stride", "stride_"))
    )
    if kind == SeparableConvolution.code:
        return SeparableConvolution(chosen["filters"], field, chosen["stride"], chosen["activation"])
    return Convolution(chosen["filters"], field, stride, chosen["activation"])


def _extent(height: int, width: int) -> Extent:
    return height if height == width else (height, width)
