"""The five kinds of layer, as immutable values whose text is the paper's notation.

Source: Baker et al. (ICLR 2017), Table 1. The softmax is a fully connected layer to the classes and a softmax;
global average pooling is a 1x1 convolution to the classes, ReLU and the average over all positions, as in the
authors' released code.
"""

from dataclasses import astuple, dataclass
from functools import cached_property
from typing import ClassVar


@dataclass(frozen=True, order=True)
class _Layer:
    """What all kinds share: the text, computed once because an agent looks it up all the time."""

    code: ClassVar[str] = ""

    @cached_property
    def _text(self) -> str:
        return f"{self.code}({','.join(map(str, astuple(self)))})"

    def __str__(self) -> str:
        return self._text


@dataclass(frozen=True, order=True)
class Convolution(_Layer):
    """`C(d,f,s)`: d filters of f x f at stride s, SAME padding, ReLU."""

    filters: int
    receptive_field: int
    stride: int = 1

    code: ClassVar[str] = "C"


@dataclass(frozen=True, order=True)
class Pooling(_Layer):
    """`P(f,s)`: maximum over f x f at stride s, VALID padding."""

    receptive_field: int
    stride: int

    code: ClassVar[str] = "P"


@dataclass(frozen=True, order=True)
class FullyConnected(_Layer):
    """`FC(d)`: d neurons, ReLU."""

    neurons: int

    code: ClassVar[str] = "FC"


@dataclass(frozen=True, order=True)
class GlobalAveragePooling(_Layer):
    """`GAP(c)`: 1x1 convolution to c classes, ReLU, average over all positions."""

    classes: int

    code: ClassVar[str] = "GAP"


@dataclass(frozen=True, order=True)
class Softmax(_Layer):
    """`SM(c)`: fully connected to c classes, softmax; the last layer of every network."""

    classes: int

    code: ClassVar[str] = "SM"


Layer = Convolution | Pooling | FullyConnected | GlobalAveragePooling | Softmax

KINDS: tuple[type[Layer], ...] = (Convolution, Pooling, FullyConnected, GlobalAveragePooling, Softmax)
"""The kinds in the order in which a state lists its actions."""


def action_order(layer: Layer) -> tuple:
    """Sort key of the fixed order: the kind, then its numbers ascending."""
    return KINDS.index(type(layer)), astuple(layer)
