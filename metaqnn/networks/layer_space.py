"""The paper's decision process: an episode builds one convolutional network, one layer a step.

Source of all rules: Baker et al. (ICLR 2017), section 4 and Table 1; where the paper is silent, the authors'
released code. Legality depends on what the agent sees alone (unless limits are set): a receptive field is legal
in a bin of representation sizes when it fits every size of the bin.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

from metaqnn.config import require
from metaqnn.core import Space
from metaqnn.errors import ConfigError
from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.costs import Shape, layer_cost, layer_costs
from metaqnn.networks.layers import (
    Convolution,
    FullyConnected,
    GlobalAveragePooling,
    Layer,
    Pooling,
    Softmax,
    action_order,
)


@dataclass(frozen=True)
class ConvolutionChoices:
    """Which convolutions there are: every combination of the three lists.

    Attributes:
        filters: numbers of filters.
        receptive_fields: sides of the receptive field, in pixels.
        strides: of the convolution, in pixels.
    """

    filters: tuple[int, ...] = (64, 128, 256, 512)
    receptive_fields: tuple[int, ...] = (1, 3, 5)
    strides: tuple[int, ...] = (1,)

    def __post_init__(self):
        for name in ("filters", "receptive_fields", "strides"):
            _require_distinct_positive(name, getattr(self, name), may_be_empty=False)
        number = len(self.filters) * len(self.receptive_fields) * len(self.strides)
        require(number <= 10_000, "filters", "at most 10,000 convolutions in all", number)


@dataclass(frozen=True)
class FullyConnectedChoices:
    """Which fully connected layers there are.

    Attributes:
        neurons: numbers of neurons; one may be followed by at most as many.
        max_in_row: so many may follow each other.
        below_size: they may begin where the representation is smaller than this, in pixels.
    """

    neurons: tuple[int, ...] = (512, 256, 128)
    max_in_row: int = 2
    below_size: int = 8

    def __post_init__(self):
        _require_distinct_positive("neurons", self.neurons, may_be_empty=True)
        require(self.max_in_row >= 1, "max_in_row", "at least 1", self.max_in_row)
        require(self.below_size >= 2, "below_size", "at least 2", self.below_size)


@dataclass(frozen=True)
class Limits:
    """The most that a network may cost; actions that would break a limit are masked.

    Attributes:
        parameters: of the network; None is no limit.
        flops: of one image's forward pass, two a multiply-add; None is no limit.
    """

    parameters: int | None = None
    flops: int | None = None

    def __post_init__(self):
        for name in ("parameters", "flops"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, "at least 1, or nothing", value)


@dataclass(frozen=True)
class SpaceConfig:
    """The section `space`; the defaults are the paper's for CIFAR-10 (Table 1).

    Attributes:
        max_depth: layers before SM.
        convolution: which convolutions there are.
        pooling: pairs [receptive field, stride] of max pooling.
        fully_connected: which fully connected layers there are.
        global_average_pooling: whether a network may end by GAP, too.
        representation_bins: lower edges of the bins of representation sizes that the agent sees, descending to 1.
        limits: the most that a network may cost.
    """

    name: Literal["layers"] = "layers"
    max_depth: int = 18
    convolution: ConvolutionChoices = field(default_factory=ConvolutionChoices)
    pooling: tuple[tuple[int, int], ...] = ((5, 3), (3, 2), (2, 2))
    fully_connected: FullyConnectedChoices = field(default_factory=FullyConnectedChoices)
    global_average_pooling: bool = True
    representation_bins: tuple[int, ...] = (8, 4, 1)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self):
        require(self.max_depth >= 1, "max_depth", "at least 1 layer before SM", self.max_depth)
        for pool in self.pooling:
            require(min(pool) >= 1, "pooling", "pairs [receptive field, stride] of at least 1", list(pool))
        require(len(set(self.pooling)) == len(self.pooling), "pooling", "different pairs", self.pooling)
        bins = self.representation_bins
        is_possible = bins[-1:] == (1,) and all(a > b for a, b in itertools.pairwise(bins))
        require(is_possible, "representation_bins", "the lower edges of the bins, descending to 1", list(bins))


class StateKey(NamedTuple):
    """What the agent sees: the paper's state.

    Attributes:
        depth: layers so far.
        layer: the last layer; None at the start, where `in_a_row` is 0.
        in_a_row: how many fully connected layers end the network so far.
        size: the bin of the representation size, such as "4-7"; empty where there is no image any more.
    """

    depth: int
    layer: Layer | None
    in_a_row: int
    size: str

    def __str__(self) -> str:
        layer = "start" if self.layer is None else str(self.layer)
        return f"{self.depth}:{layer}" + (f":{self.size}" if self.size else f"x{max(1, self.in_a_row)}")


class LayerState(NamedTuple):
    """Everything about a network so far: its layers, the shape of their output, what the agent sees, and the costs."""

    layers: tuple[Layer, ...]
    shape: Shape
    key: StateKey
    parameters: int
    flops: int


class LayerSpace(Space):
    """The layer decision process over images of one shape.

    Args:
        options: choices, restrictions and limits.
        facts: `input_shape` is (height, width, channels) of an image, `classes` their number, at least 2.

    Raises:
        ConfigError: SM or GAP alone would break a limit.
    """

    Options = SpaceConfig

    def __init__(self, options: SpaceConfig, facts: Mapping[str, Any]):
        super().__init__(options, facts)
        self.config = config = options
        for name in ("input_shape", "classes"):
            if name not in facts:
                raise ConfigError(f"space: layers are laid over images, but nothing says their {name}; name a data set")
        self.input_shape: Shape = tuple(facts["input_shape"])
        self.classes = classes = int(facts["classes"])
        of = config.convolution
        each = itertools.product(of.filters, of.receptive_fields, of.strides)
        self._convolutions = tuple(sorted(itertools.starmap(Convolution, each), key=action_order))
        self._pools = tuple(sorted((Pooling(*pair) for pair in config.pooling), key=action_order))
        self._fully_connected = tuple(sorted(map(FullyConnected, config.fully_connected.neurons), key=action_order))
        self._gap = (GlobalAveragePooling(classes),) if config.global_average_pooling else ()
        self._softmax = Softmax(classes)
        self._legal: dict[StateKey, tuple[Layer, ...]] = {}
        self._start = LayerState((), self.input_shape, self._key(0, None, 0, self.input_shape), 0, 0)
        self._check_limits()

    @property
    def all_actions(self) -> tuple[Layer, ...]:
        """Every layer that is legal anywhere, by kind and then by numbers."""
        return (*self._convolutions, *self._pools, *self._fully_connected, *self._gap, self._softmax)

    @property
    def max_steps(self) -> int:
        """The deepest network and its softmax."""
        return self.config.max_depth + 1

    def initial_state(self) -> LayerState:
        """No layer yet."""
        return self._start

    def is_terminal(self, state: LayerState) -> bool:
        """Whether the softmax is placed."""
        return bool(state.layers) and isinstance(state.layers[-1], Softmax)

    def key(self, state: LayerState) -> StateKey:
        """The paper's state: last layer, depth, fully connected layers in a row, and the bin of the size."""
        return state.key

    def actions(self, state: LayerState) -> tuple[Layer, ...]:
        """The legal next layers; SM is always among them."""
        legal = self._legal.get(state.key)
        if legal is None:
            legal = self._legal[state.key] = self._legal_layers(state)
        if self.config.limits != Limits():
            legal = tuple(layer for layer in legal if layer is self._softmax or self._within_limits(state, layer))
        return legal

    def step(self, state: LayerState, action: Any) -> LayerState:
        """Place a layer: size and costs are the true ones, not the bin's."""
        cost = layer_cost(action, state.shape)
        in_a_row = state.key.in_a_row + 1 if isinstance(action, FullyConnected) else 0
        return LayerState(
            (*state.layers, action),
            cost.shape,
            self._key(state.key.depth + 1, action, in_a_row, cost.shape),
            state.parameters + cost.parameters,
            state.flops + cost.flops,
        )

    def parse(self, text: str) -> Architecture:
        """The layers of a network in the paper's notation."""
        return parse(text)

    def format(self, actions: Sequence[Any]) -> str:
        """The paper's notation."""
        return str(Architecture(actions))

    def costs(self, actions: Sequence[Any]) -> dict[str, int]:
        """Parameters, FLOPs and number of layers on this space's images."""
        costs = layer_costs(actions, self.input_shape)
        parameters, flops = sum(cost.parameters for cost in costs), sum(cost.flops for cost in costs)
        return {"parameters": parameters, "flops": flops, "layers": len(costs)}

    def describe(self, action: Any) -> dict[str, float]:
        """The numbers in a layer's notation, by kind and name."""
        return {f"{action.code}.{each.name}": getattr(action, each.name) for each in fields(action)}

    def _key(self, depth: int, last: Layer | None, in_a_row: int, shape: Shape) -> StateKey:
        return StateKey(depth, last, in_a_row, self._bin(min(shape[:2]))[0] if len(shape) == 3 else "")

    def _bin(self, size: int) -> tuple[str, int, int | None]:
        """The bin of a representation size: its name, its lower edge, and its upper edge (None: open)."""
        upper = None
        for edge in self.config.representation_bins:
            if size >= edge:
                return (f"{edge}+" if upper is None else f"{edge}-{upper}"), edge, upper
            upper = edge - 1
        raise ValueError(f"a representation size is at least 1, got {size}")

    def _legal_layers(self, state: LayerState) -> tuple[Layer, ...]:
        """The restrictions of the paper, without the limits."""
        config, last = self.config, state.layers[-1] if state.layers else None
        if len(state.layers) >= config.max_depth or isinstance(last, GlobalAveragePooling):
            return (self._softmax,)
        if isinstance(last, FullyConnected):
            if state.key.in_a_row >= config.fully_connected.max_in_row:
                return (self._softmax,)
            return (*(layer for layer in self._fully_connected if layer.neurons <= last.neurons), self._softmax)
        _, lower, upper = self._bin(min(state.shape[:2]))
        legal: list[Layer] = [layer for layer in self._convolutions if layer.receptive_field <= lower]
        if isinstance(last, Convolution):
            legal += [layer for layer in self._pools if layer.receptive_field <= lower]
        if last is not None and upper is not None and upper < config.fully_connected.below_size:
            legal += self._fully_connected
        return (*legal, *self._gap, self._softmax)

    def _within_limits(self, state: LayerState, layer: Layer) -> bool:
        """Whether the network with `layer` and the softmax added keeps the limits."""
        state = self.step(state, layer)
        if not isinstance(layer, Softmax):
            state = self.step(state, self._softmax)
        limits = self.config.limits
        return (limits.parameters is None or state.parameters <= limits.parameters) and (
            limits.flops is None or state.flops <= limits.flops
        )

    def _check_limits(self) -> None:
        """Refuse limits that leave no way to end a network."""
        for layer in (self._softmax, *self._gap):
            if not self._within_limits(self._start, layer):
                layers = [layer] if layer is self._softmax else [layer, self._softmax]
                costs = self.costs(layers)
                raise ConfigError(
                    f"space.limits: {self.format(layers)} alone has {costs['parameters']:,} parameters and "
                    f"{costs['flops']:,} FLOPs, over the limit; raise space.limits"
                    + ("" if layer is self._softmax else " or set space.global_average_pooling to false")
                )


def _require_distinct_positive(key: str, values: tuple[int, ...], may_be_empty: bool) -> None:
    require(bool(values) or may_be_empty, key, "at least one number", list(values))
    require(all(value >= 1 for value in values), key, "numbers of at least 1", list(values))
    require(len(set(values)) == len(values), key, "different numbers", list(values))
