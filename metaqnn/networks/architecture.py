"""An architecture is an immutable tuple of layers; this module writes and reads the paper's notation."""

import itertools
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, NoReturn, get_args

from metaqnn.errors import IllegalArchitectureError, NotationError, brief
from metaqnn.networks.blocks import Block
from metaqnn.networks.layers import (
    KINDS,
    BlockLayer,
    Extent,
    FullyConnected,
    GlobalAveragePooling,
    Layer,
    PositionAverage,
    Softmax,
    Trunk,
)
from metaqnn.networks.operations.activation import ACTIVATIONS

# `D(i,n)` marks where the released code trained with dropout; the rate follows from the layers, so it is dropped.
_CODES: dict[str, type[Layer] | None] = {**{kind.code: kind for kind in KINDS}, "D": None}
_ARGUMENTS = {
    "C": ("d", "f", "s", "activation"),
    "SC": ("d", "f", "s", "activation"),
    "P": ("f", "s"),
    "AP": ("f", "s"),
    "BN": (),
    "B": ("d",),
    "FC": ("d", "activation"),
    "GAP": ("c",),
    "GP": (),
    "SM": ("c",),
    "D": ("i", "n"),
}
_SIDED = {("C", "f"), ("C", "s"), ("SC", "f"), ("P", "f"), ("P", "s"), ("AP", "f"), ("AP", "s")}
"""Arguments that may be written as one number for each side, as in 3x5."""

_MAX_DIGITS = 9
_TOKEN = re.compile(r"[ \t]*(?:(?P<name>[A-Za-z]+)|(?P<number>[0-9]+)|(?P<sign>.)|(?P<end>$))", re.DOTALL)


class Architecture(tuple):
    """A complete network: layers in order, the last of them a softmax.

    Raises:
        IllegalArchitectureError: the order of the layers builds no network.
    """

    __slots__ = ()

    def __new__(cls, layers: Iterable[Layer]) -> "Architecture":
        """Check that the layers build a network; the layer before is not named where it is the only input."""
        self = super().__new__(
            cls,
            (
                replace(layer, inputs=()) if isinstance(layer, Trunk) and layer.inputs == (number,) else layer
                for number, layer in enumerate(layers)
            ),
        )
        problem = _structural_problem(self)
        if problem:
            raise IllegalArchitectureError(f"[{brief(', '.join(map(str, self)))}]: {problem}")
        return self

    def __str__(self) -> str:
        block = f"{self.block} " if self.block else ""
        return f"{block}[{', '.join(map(str, self))}]"

    @property
    def block(self) -> Block | None:
        """That of its layers of blocks; None where it has none."""
        return next((layer.block for layer in self if isinstance(layer, BlockLayer)), None)

    def __repr__(self) -> str:
        return f"Architecture({self})"


@lru_cache(1024)  # what is proposed is asked for again at once: its costs, its layers for the evaluator
def parse(text: str) -> Architecture:
    """Read a network in the paper's notation, such as `[C(64,3,1), P(2,2), SM(10)]`.

    Spaces are free, the brackets may be left out, and dropout marks `D(i,n)` are read and dropped. `@1+3` behind a
    layer names the layers whose outputs it takes (0 is the image); without it, that is the layer before. What comes
    first after all convolutions and pooling layers takes every output that no other layer takes.

    Raises:
        NotationError: the text is no network; the message points at the character that is wrong.
        IllegalArchitectureError: the layers are fine but build no network, for example without `SM` at the end.
    """
    parts = text[1:-1].split(", ") if text.startswith("[") and text.endswith("]") else []
    layers = [layer for layer in map(read_layer, parts) if layer is not None]
    return Architecture(layers if parts and len(layers) == len(parts) else _Reader(text).network())


@lru_cache(4096)  # a database holds the same few layers a million times
def read_layer(text: str) -> Layer | None:
    """The layer of which `text` is the canonical text; None where it is none's."""
    try:
        (layer,) = _Reader(text).network()
    except (NotationError, ValueError):
        return None
    return layer if str(layer) == text else None


@lru_cache(4096)  # one object a layer keeps its text
def _made(code: str, inputs: tuple[int, ...], *arguments: Any) -> Layer | None:
    kind = _CODES[code]
    return kind(*arguments, inputs=inputs) if kind else None


class _Reader:
    """A reader with one token of foresight over one text."""

    def __init__(self, text: str):
        self.text = text
        self.block: Block | None = None
        self._tokens = _TOKEN.finditer(text)  # every text has an end
        self._advance()

    def _advance(self) -> None:
        match = next(self._tokens)
        self.kind = match.lastgroup or "end"
        self.token, self.start = match[self.kind], match.start(self.kind)

    def network(self) -> list[Layer]:
        if self._accept("{"):
            self.block = self._block()
        bracket = self._accept("[")
        layers = [self._layer()]
        while self._accept(","):
            layers.append(self._layer())
        if bracket:
            self._expect("]", "',' or ']'")
        if self.kind != "end":
            self._fail("the end of the network")
        return [layer for layer in layers if layer is not None]

    def _layer(self) -> Layer | None:
        code, start = self.token, self.start
        if self.kind != "name" or code not in _CODES:
            self._fail(f"a layer ({', '.join(_CODES)})")
        self._advance()
        arguments = self._arguments(code) if _ARGUMENTS[code] else []
        kind = _CODES[code]
        if kind is None and arguments[0] > arguments[1]:
            self.start = start
            self._fail("a dropout mark D(i,n) with i at most n")
        if kind is BlockLayer:
            if self.block is None:
                self.start = start
                self._fail("no B(d), or its block in front of the network, such as {(1,1,3,0,0)} [B(32), SM(10)]")
            return BlockLayer(arguments[0], self.block)
        return _made(code, self._inputs() if kind else (), *arguments)

    def _arguments(self, code: str) -> list[Any]:
        names = [name for name in _ARGUMENTS[code] if name != "activation"]
        usage = f"{code}({','.join(names)})"
        self._expect("(", f"'(' as in {usage}")
        arguments: list[Any] = []
        for name in names:
            if arguments:
                self._expect(",", f"',' as in {usage}")
            arguments.append(self._extent(f"a whole number for {name} in {usage}", (code, name) in _SIDED))
        if "activation" in _ARGUMENTS[code] and self._accept(","):
            if self.kind != "name" or self.token not in ACTIVATIONS:
                self._fail(f"an activation ({', '.join(ACTIVATIONS)})")
            arguments.append(self.token)
            self._advance()
        self._expect(")", f"')' as in {usage}")
        return arguments

    def _extent(self, expected: str, may_differ: bool) -> Extent:
        extent = self._number(expected)
        if may_differ and self.kind == "name" and self.token == "x":
            self._advance()
            other = self._number("a whole number after x")
            return extent if extent == other else (extent, other)
        return extent

    def _block(self) -> Block:
        codes = [self._code()]
        while self._accept(","):
            codes.append(self._code())
        self._expect("}", "',' or '}'")
        return Block(codes)

    def _code(self) -> list[int]:
        usage = "(number,type,kernel,first,second)"
        self._expect("(", f"'(' as in {usage}")
        numbers: list[int] = []
        while len(numbers) < 5:
            if numbers:
                self._expect(",", f"',' as in {usage}")
            numbers.append(self._whole(f"a whole number in {usage}"))
        self._expect(")", f"')' as in {usage}")
        return numbers

    def _whole(self, expected: str) -> int:
        """A number that may be 0."""
        if self.kind == "number" and self.token == "0":
            self._advance()
            return 0
        return self._number(expected)

    def _inputs(self) -> tuple[int, ...]:
        if not self._accept("@"):
            return ()
        inputs = []
        while True:
            inputs.append(self._whole("the number of an earlier layer, or 0 for the image"))
            if not self._accept("+"):
                return tuple(inputs)

    def _number(self, expected: str) -> int:
        if self.kind != "number":
            self._fail(expected)
        if len(self.token) > _MAX_DIGITS or int(self.token) == 0:
            self._fail(f"{expected}, from 1 to {10**_MAX_DIGITS - 1}")
        value = int(self.token)
        self._advance()
        return value

    def _accept(self, sign: str) -> bool:
        found = self.kind == "sign" and self.token == sign
        if found:
            self._advance()
        return found

    def _expect(self, sign: str, expected: str) -> None:
        if not self._accept(sign):
            self._fail(expected)

    def _fail(self, expected: str) -> NoReturn:
        came = "the end" if self.start >= len(self.text) else repr(self.text[self.start])
        # A window around the fault keeps the pointer readable when someone pastes a very long text.
        left = max(0, self.start - 50)
        shown = re.sub(r"\s", " ", self.text[left : self.start + 25])
        raise NotationError(
            f"expected {expected} at character {self.start + 1}, got {came}\n  {shown}\n  {' ' * (self.start - left)}^"
        )


_ON_IMAGES = (*get_args(Trunk), BlockLayer, GlobalAveragePooling, PositionAverage)


def _structural_problem(layers: tuple[Layer, ...]) -> str | None:
    """Why these layers build no network whatever the input, or None."""
    if not layers or not isinstance(layers[-1], Softmax):
        return "a network must end with SM(classes); add it"
    for layer, following in itertools.pairwise(layers):
        if isinstance(layer, Softmax):
            return f"nothing may follow {layer}, but {following} does"
        if isinstance(layer, GlobalAveragePooling) and not isinstance(following, Softmax):
            return f"only SM may follow {layer}, but {following} does"
    vector: Layer | None = None
    for number, layer in enumerate(layers):
        if vector and isinstance(layer, _ON_IMAGES):
            return f"{layer} cannot follow {vector}, which leaves no image"
        vector = layer if isinstance(layer, FullyConnected | PositionAverage) else vector
        problem = _input_problem(layer, number)
        if problem:
            return problem
    if len({layer.block for layer in layers if isinstance(layer, BlockLayer)}) > 1:
        return "all B stand for one block"
    classes = {layer.classes for layer in layers if isinstance(layer, GlobalAveragePooling | Softmax)}
    if len(classes) > 1:
        return f"GAP and SM must agree on the number of classes, got {brief(' and '.join(map(str, sorted(classes))))}"
    return None


def _input_problem(layer: Layer, number: int) -> str | None:
    """Why a layer cannot take what it names, or None; `number` layers stand before it."""
    if not layer.inputs:
        return None
    if not isinstance(layer, Trunk):
        return f"{layer} names its inputs, which only convolutions and pooling layers do"
    if list(layer.inputs) != sorted(set(layer.inputs)):
        return f"{layer} must name each input once, the smallest number first"
    if layer.inputs[-1] > number:
        before = f"0 (the image){f' to {number}' if number else ''}"
        last = layer.inputs[-1]
        return f"{layer} is layer {number + 1} and takes layer {last}, which is not before it; name {before}"
    return None
