"""Blocks: small graphs of layers that are stacked to a network, as BlockQNN writes them.

Source: Zhong et al. (CVPR 2018), section 3.1 and Table 1: the network structure code.
"""

from collections.abc import Iterable
from typing import NamedTuple

from metaqnn.errors import IllegalArchitectureError

CONVOLUTION, MAX_POOLING, AVERAGE_POOLING, IDENTITY, ADD, CONCATENATE, TERMINAL = range(1, 8)
"""The types of layer in a code."""

TYPE_NAMES = {
    CONVOLUTION: "convolution",
    MAX_POOLING: "max pooling",
    AVERAGE_POOLING: "average pooling",
    IDENTITY: "identity",
    ADD: "add",
    CONCATENATE: "concatenate",
    TERMINAL: "terminal",
}

WITH_KERNEL = (CONVOLUTION, MAX_POOLING, AVERAGE_POOLING)
WITH_TWO = (ADD, CONCATENATE)


class Code(NamedTuple):
    """One layer of a block.

    Attributes:
        number: its own in the block, from 1.
        type: 1 convolution, 2 max pooling, 3 average pooling, 4 identity, 5 add, 6 concatenate, 7 terminal.
        kernel: side of its kernel; 0 without one.
        first, second: numbers of the layers that it takes, 0 for the block's input; `second` is 0 where it takes one.
    """

    number: int
    type: int
    kernel: int
    first: int
    second: int

    def __str__(self) -> str:
        return f"({','.join(map(str, self))})"

    @property
    def predecessors(self) -> tuple[int, ...]:
        """The layers that it takes."""
        if self.type == TERMINAL:
            return ()
        return (self.first, self.second) if self.type in WITH_TWO else (self.first,)


class Block(tuple[Code, ...]):
    """The codes of a block in order, without the terminal one, which its text has neither.

    Raises:
        IllegalArchitectureError: they make no block.
    """

    __slots__ = ()

    def __new__(cls, codes: Iterable[Iterable[int]]) -> "Block":
        """Check that the codes make a block."""
        self = super().__new__(cls, (Code(*code) for code in codes))
        if not self:
            raise IllegalArchitectureError("a block has at least one layer")
        for number, code in enumerate(self, start=1):
            problem = _problem(code, number)
            if problem:
                raise IllegalArchitectureError(f"{code}: {problem}")
        return self

    def __str__(self) -> str:
        return f"{{{', '.join(map(str, self))}}}"

    @property
    def unused(self) -> tuple[int, ...]:
        """The layers that no other takes, ascending: their channels beside each other are what the block gives."""
        taken = {number for code in self for number in code.predecessors}
        return tuple(code.number for code in self if code.number not in taken)

    @property
    def density(self) -> float:
        """Edges over nodes of its graph, the block's input and output among the nodes."""
        edges = sum(len(code.predecessors) for code in self) + len(self.unused)
        return edges / (len(self) + 2)


def _problem(code: Code, number: int) -> str | None:
    """Why a code cannot stand at a place, or None."""
    if code.number != number:
        return f"the layers of a block are numbered from 1; this one is number {number}"
    if code.type not in TYPE_NAMES or code.type == TERMINAL:
        return f"there is no layer of type {code.type} inside a block; types are 1 to 6"
    if (code.kernel > 0) != (code.type in WITH_KERNEL):
        return f"{TYPE_NAMES[code.type]} has {'a kernel' if code.type in WITH_KERNEL else 'no kernel, which is 0'}"
    if code.kernel % 2 == 0 and code.kernel:
        return "sides of kernels are odd"
    if (last := max(code.first, code.second)) >= number:
        before = f"0 (the block's input){f' to {number - 1}' if number > 1 else ''}"
        return f"it takes layer {last}, which is not before it; name {before}"
    if code.type in WITH_TWO and code.first >= code.second:
        return f"{TYPE_NAMES[code.type]} takes two layers, the smaller number first"
    if code.type not in WITH_TWO and code.second:
        return f"{TYPE_NAMES[code.type]} takes one layer; the last number is 0"
    return None
