"""The kinds of layer, as immutable values whose text is the paper's notation.

Source of C, P, FC, GAP and SM: Baker et al. (ICLR 2017), Table 1. The softmax is a fully connected layer to the
classes and a softmax; global average pooling is a 1x1 convolution to the classes, ReLU and the average over all
positions, as in the authors' released code. The other kinds, activations and skip connections are written likewise.
"""

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar

from metaqnn.networks.blocks import Block

Extent = int | tuple[int, ...]
"""One number for all sides, or one for each: (height, width)."""


@dataclass(frozen=True, order=True)
class _Layer:
    """What all kinds share: the text, computed once because an agent looks it up all the time.

    Attributes:
        inputs: numbers of the layers whose outputs it takes, from 1, ascending; 0 is the image. () is the layer before.
    """

    inputs: tuple[int, ...] = field(default=(), kw_only=True)

    code: ClassVar[str] = ""

    @cached_property
    def _text(self) -> str:
        written = [
            _side_text(getattr(self, each.name))
            for each in own_fields(type(self))
            if each.name != "activation" or getattr(self, each.name) != each.default
        ]
        arguments = f"({','.join(written)})" if written else ""
        joined = f"@{'+'.join(map(str, self.inputs))}" if self.inputs else ""
        return f"{self.code}{arguments}{joined}"

    def __str__(self) -> str:
        return self._text


@dataclass(frozen=True, order=True)
class Convolution(_Layer):
    """`C(d,f,s)`: d filters of f x f at stride s, SAME padding, ReLU; or `C(d,3x5,2x1,selu)`."""

    filters: int
    receptive_field: Extent
    stride: Extent = 1
    activation: str = "relu"

    code: ClassVar[str] = "C"


@dataclass(frozen=True, order=True)
class SeparableConvolution(_Layer):
    """`SC(d,f,s)`: one filter of f x f at stride s for each channel, then d of one pixel, SAME padding, ReLU."""

    filters: int
    receptive_field: Extent
    stride: int = 1
    activation: str = "relu"

    code: ClassVar[str] = "SC"


@dataclass(frozen=True, order=True)
class Pooling(_Layer):
    """`P(f,s)`: maximum over f x f at stride s, VALID padding."""

    receptive_field: Extent
    stride: Extent

    code: ClassVar[str] = "P"


@dataclass(frozen=True, order=True)
class AveragePooling(_Layer):
    """`AP(f,s)`: mean over f x f at stride s, VALID padding."""

    receptive_field: Extent
    stride: Extent

    code: ClassVar[str] = "AP"


@dataclass(frozen=True, order=True)
class BatchNormalization(_Layer):
    """`BN`: batch normalisation of what the layer before gives."""

    code: ClassVar[str] = "BN"


@dataclass(frozen=True, order=True)
class BlockLayer(_Layer):
    """`B(d)`: the block that the architecture's text begins with, its convolutions of d filters."""

    filters: int
    block: Block

    code: ClassVar[str] = "B"


@dataclass(frozen=True, order=True)
class FullyConnected(_Layer):
    """`FC(d)`: d neurons, ReLU; or `FC(d,selu)`."""

    neurons: int
    activation: str = "relu"

    code: ClassVar[str] = "FC"


@dataclass(frozen=True, order=True)
class GlobalAveragePooling(_Layer):
    """`GAP(c)`: 1x1 convolution to c classes, ReLU, average over all positions."""

    classes: int

    code: ClassVar[str] = "GAP"


@dataclass(frozen=True, order=True)
class PositionAverage(_Layer):
    """`GP`: average of each channel over all positions, and nothing else."""

    code: ClassVar[str] = "GP"


@dataclass(frozen=True, order=True)
class Softmax(_Layer):
    """`SM(c)`: fully connected to c classes, softmax; the last layer of every network."""

    classes: int

    code: ClassVar[str] = "SM"


Layer = (
    Convolution
    | SeparableConvolution
    | Pooling
    | AveragePooling
    | BatchNormalization
    | BlockLayer
    | FullyConnected
    | GlobalAveragePooling
    | PositionAverage
    | Softmax
)

KINDS: tuple[type[Layer], ...] = (
    Convolution,
    SeparableConvolution,
    Pooling,
    AveragePooling,
    BatchNormalization,
    BlockLayer,
    FullyConnected,
    GlobalAveragePooling,
    PositionAverage,
    Softmax,
)
"""The kinds in the order in which a state lists its actions."""

Filtering = Convolution | SeparableConvolution
"""What has filters."""

Trunk = Convolution | SeparableConvolution | Pooling | AveragePooling
"""What stands on an image, gives one, and may take the outputs of several layers."""

Body = Trunk | BatchNormalization | BlockLayer
"""What stands before the end of a network, of which the first part takes every output that nobody took."""


def own_fields(kind: type) -> tuple[Any, ...]:
    """The fields of a kind of layer that stand in its parentheses, in order."""
    return tuple(each for each in fields(kind) if each.name not in ("inputs", "block"))


def layer_numbers(layer: Layer) -> dict[str, float]:
    """The numbers in a layer's notation, by kind and name; the longest side of those that differ."""
    each = (one.name for one in own_fields(type(layer)) if one.name != "activation")
    return {f"{layer.code}.{name}": largest(getattr(layer, name)) for name in each}


def sides(extent: Extent, rank: int) -> tuple[int, ...]:
    """One number for each of `rank` sides; those of an extent that says more or fewer are its own."""
    return (extent,) * rank if isinstance(extent, int) else extent


def largest(extent: Extent) -> int:
    """The longest of the sides."""
    return extent if isinstance(extent, int) else max(extent)


def action_order(layer: Layer) -> tuple[Any, ...]:
    """Sort key of the fixed order: the kind, then its numbers ascending."""
    numbers = [getattr(layer, each.name) for each in own_fields(type(layer))]
    return KINDS.index(type(layer)), *(sides(each, 2) if isinstance(each, int | tuple) else each for each in numbers)


def _side_text(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
