"""BlockQNN's decision process: an episode writes one block, code by code; the network is that block, stacked.

Source: Zhong et al. (CVPR 2018), sections 3.1 and 3.2: the state is the code of the last layer, an action the next
code; blocks of one kind make a stack, pooling stands between the stacks, and each stack has more filters than the one
before. Where the paper is silent: a convolution of 3 x 3 stands first, as the first ReLU would else drop half of the
image; and the channels are averaged over all positions before the softmax.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from metaqnn.config import require
from metaqnn.core import Space
from metaqnn.errors import ConfigError, IllegalArchitectureError
from metaqnn.networks import blocks
from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.blocks import Block, Code
from metaqnn.networks.costs import Shape, describe
from metaqnn.networks.layers import BlockLayer, Convolution, Layer, Pooling, PositionAverage, Softmax
from metaqnn.networks.spaces.block_costs import StackCosts
from metaqnn.networks.spaces.config import Limits


@dataclass(frozen=True)
class BlockSpaceConfig:
    """The section `space` for `name: blocks`; the defaults are the paper's for CIFAR.

    Attributes:
        max_layers: codes of a block at most, the terminal one among them.
        convolution: sides of the kernels of convolutions.
        max_pooling: of maximum pooling; empty for none.
        average_pooling: of average pooling; empty for none.
        filters: of the convolutions of each stack; so many stacks there are.
        repeats: blocks of each stack.
        stem: filters of the convolution that stands first; 0 for none.
        limits: the most that a network may cost.
    """

    name: Literal["blocks"] = "blocks"
    max_layers: int = 23
    convolution: tuple[int, ...] = (1, 3, 5)
    max_pooling: tuple[int, ...] = (1, 3)
    average_pooling: tuple[int, ...] = (1, 3)
    filters: tuple[int, ...] = (32, 64, 128)
    repeats: int = 4
    stem: int = 32
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self):
        require(2 <= self.max_layers <= 64, "max_layers", "from 2 to 64", self.max_layers)
        for name in ("convolution", "max_pooling", "average_pooling"):
            kernels = getattr(self, name)
            are_sides = all(kernel >= 1 and kernel % 2 for kernel in kernels) and len(set(kernels)) == len(kernels)
            require(are_sides, name, "different odd numbers", list(kernels))
        require(bool(self.convolution), "convolution", "at least one kernel", list(self.convolution))
        require(bool(self.filters), "filters", "at least one stack", list(self.filters))
        require(all(1 <= each <= 10_000 for each in self.filters), "filters", "from 1 to 10000", list(self.filters))
        require(1 <= self.repeats <= 100, "repeats", "from 1 to 100", self.repeats)
        require(0 <= self.stem <= 10_000, "stem", "from 0 to 10000", self.stem)


class BlockState(NamedTuple):
    """The codes so far, the terminal one among them."""

    codes: tuple[Code, ...]


class BlockSpace(Space):
    """Blocks over images or signals of one shape.

    Args:
        options: what a block may have, how it is stacked, and limits.
        facts: `input_shape` and `classes`.

    Raises:
        ConfigError: the stacks do not fit on the images, or no network keeps the limits.
    """

    Options = BlockSpaceConfig

    def __init__(self, options: BlockSpaceConfig, facts: Mapping[str, Any]):
        super().__init__(options, facts)
        for name in ("input_shape", "classes"):
            if name not in facts:
                raise ConfigError(f"space: blocks are laid over images, but nothing says their {name}; name a data set")
        self.config = options
        self.input_shape: Shape = tuple(facts["input_shape"])
        self.classes = int(facts["classes"])
        side, halvings = min(self.input_shape[:-1]), len(options.filters) - 1
        if side >> halvings < 1:
            raise ConfigError(
                f"space.filters: expected at most {side.bit_length()} stacks on images of "
                f"{'x'.join(map(str, self.input_shape))}, as pooling between them halves the sides, got "
                f"{len(options.filters)}; remove some"
            )
        self._costs = StackCosts(options.filters, options.repeats, options.stem, self.input_shape, self.classes)
        self._legal = {index: tuple(self._codes(index)) for index in range(1, options.max_layers + 1)}
        if not any(self._is_kept(codes) for codes in ((code,) for code in self._legal[1])):
            raise ConfigError(
                "space.limits: expected limits that some block keeps, and none of one layer does; raise space.limits, "
                "or lower space.repeats or space.filters"
            )

    @cached_property
    def all_actions(self) -> tuple[Code, ...]:
        """Every code, by index, type, kernel and predecessors."""
        return tuple(itertools.chain.from_iterable(self._legal.values()))

    @property
    def max_steps(self) -> int:
        """Codes of the largest block."""
        return self.config.max_layers

    def initial_state(self) -> BlockState:
        """No code yet."""
        return BlockState(())

    def is_terminal(self, state: BlockState) -> bool:
        """Whether the terminal code is written."""
        return bool(state.codes) and state.codes[-1].type == blocks.TERMINAL

    def actions(self, state: BlockState) -> tuple[Code, ...]:
        """The codes of the next layer; the terminal one but at the start."""
        legal = self._legal[len(state.codes) + 1]
        if self.config.limits == Limits():
            return legal
        return tuple([code for code in legal if code.type == blocks.TERMINAL or self._is_kept((*state.codes, code))])

    def step(self, state: BlockState, action: Any) -> BlockState:
        """Write a code."""
        return BlockState((*state.codes, action))

    def key(self, state: BlockState) -> str:
        """The last code, as in the paper, which has its index."""
        return str(state.codes[-1]) if state.codes else "start"

    def parse(self, text: str) -> tuple[Code, ...]:
        """The codes of a network's block."""
        architecture = parse(text)
        block = architecture.block
        if block is None or architecture != self._network(block):
            stacks = str(self._network(block or Block([(1, blocks.IDENTITY, 0, 0, 0)]))).partition("} ")[2]
            raise IllegalArchitectureError(f"{text}: expected a block in front of {stacks}, as space has it")
        return (*block, Code(len(block) + 1, blocks.TERMINAL, 0, 0, 0))

    def format(self, actions: Sequence[Any]) -> str:
        """The block, and the network in which it is stacked."""
        return str(self._network(Block(actions[:-1])))

    def costs(self, actions: Sequence[Any]) -> dict[str, float]:
        """Parameters, FLOPs, layers of the block, and its edges over its nodes."""
        block = Block(actions[:-1])
        costs = describe(self._network(block), self.input_shape)
        return {
            "parameters": costs.parameters,
            "flops": costs.flops,
            "layers": len(block),
            "density": round(block.density, 6),
        }

    def describe(self, action: Any) -> dict[str, float]:
        """The side of a kernel, by the kind of layer."""
        return {blocks.TYPE_NAMES[action.type]: action.kernel} if action.kernel else {}

    def _network(self, block: Block) -> Architecture:
        config = self.config
        layers: list[Layer] = [Convolution(config.stem, 3)] if config.stem else []
        layers += stacks(block, config.filters, config.repeats)
        return Architecture((*layers, PositionAverage(), Softmax(self.classes)))

    def _codes(self, index: int) -> Iterator[Code]:
        """The codes of a place in the block, in the fixed order."""
        if index < self.config.max_layers:
            kernels = (self.config.convolution, self.config.max_pooling, self.config.average_pooling, (0,))
            for kind, sides in zip((*blocks.WITH_KERNEL, blocks.IDENTITY), kernels, strict=True):
                for kernel, first in itertools.product(sorted(sides), range(index)):
                    yield Code(index, kind, kernel, first, 0)
            for kind in blocks.WITH_TWO:
                for first, second in itertools.combinations(range(index), 2):
                    yield Code(index, kind, 0, first, second)
        if index > 1:
            yield Code(index, blocks.TERMINAL, 0, 0, 0)

    def _is_kept(self, codes: tuple[Code, ...]) -> bool:
        """Whether the network of a block keeps the limits."""
        limits = self.config.limits
        if limits == Limits():
            return True
        return limits.allow(*self._costs.of(codes))


def stacks(block: Block, filters: Sequence[int], repeats: int) -> tuple[Layer, ...]:
    """Blocks, so many in a row for each number of filters, and pooling that halves the sides between the rows."""
    layers: list[Layer] = []
    for number in filters:
        layers += [Pooling(2, 2)] if layers else []
        layers += [BlockLayer(number, block)] * repeats
    return tuple(layers)


def restacked(architecture: Architecture, filters: Sequence[int] | None, repeats: int | None) -> Architecture:
    """A network with its block stacked otherwise, as the paper does for larger images and data sets.

    Args:
        architecture: a network of blocks.
        filters: of each stack; None keeps those it has.
        repeats: blocks of each stack; None keeps as many as it has.

    Raises:
        IllegalArchitectureError: it has no blocks.
    """
    block = architecture.block
    if block is None:
        raise IllegalArchitectureError(f"{architecture} has no blocks that could be stacked otherwise")
    first = next(number for number, layer in enumerate(architecture) if isinstance(layer, BlockLayer))
    last = max(number for number, layer in enumerate(architecture) if isinstance(layer, BlockLayer))
    body = architecture[first : last + 1]
    widths = [layer.filters for layer in body if isinstance(layer, BlockLayer)]
    rows = [(width, len(list(group))) for width, group in itertools.groupby(widths)]
    filters = filters or [width for width, _ in rows]
    repeats = repeats or max(count for _, count in rows)
    return Architecture((*architecture[:first], *stacks(block, filters, repeats), *architecture[last + 1 :]))
