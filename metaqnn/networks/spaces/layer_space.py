"""The paper's decision process: an episode builds one convolutional network, one layer a step.

Source of all rules: Baker et al. (ICLR 2017), section 4 and Table 1; where the paper is silent, the authors'
released code. Legality depends on what the agent sees alone, unless there are limits or a minimum of convolutions: a
receptive field is legal in a bin of representation sizes when it fits every size of the bin.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from metaqnn.core import Space
from metaqnn.errors import ConfigError
from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.costs import Shape, layer_cost, layer_costs
from metaqnn.networks.layers import (
    BatchNormalization,
    Filtering,
    FullyConnected,
    GlobalAveragePooling,
    Layer,
    Softmax,
    largest,
    layer_numbers,
)
from metaqnn.networks.spaces.config import Limits, SpaceConfig
from metaqnn.networks.spaces.layer_choices import LayerChoices
from metaqnn.networks.spaces.representation import SizeBin, image_size, size_bin


class StateKey(NamedTuple):
    """What the agent sees: the paper's state.

    Attributes:
        depth: layers so far.
        layer: the last layer; None at the start, where `in_a_row` is 0.
        in_a_row: how many fully connected layers end the network so far.
        size: the bin of the representation size, such as "4-7"; empty where there is no image any more.
        normalised: the layer before, where the last one is a batch normalisation.
        missing: convolutions that the network needs before it may leave the image.
    """

    depth: int
    layer: Layer | None
    in_a_row: int
    size: str
    normalised: Layer | None = None
    missing: int = 0

    @property
    def working(self) -> Layer | None:
        """The last layer that is no batch normalisation."""
        return self.normalised or self.layer

    def __str__(self) -> str:
        layer = "start" if self.layer is None else str(self.layer)
        layer = f"{self.normalised} {layer}" if self.normalised else layer
        missing = f":{self.missing} missing" if self.missing else ""
        return f"{self.depth}:{layer}" + (f":{self.size}" if self.size else f"x{max(1, self.in_a_row)}") + missing


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

    def __new__(cls, options: SpaceConfig, facts: Mapping[str, Any]) -> Any:
        """The space of layers that choose their inputs, where the options say so: one name, two processes."""
        if not options.skip_connections:
            return super().__new__(cls)
        from metaqnn.networks.spaces.skip_layer_space import SkipLayerSpace

        return SkipLayerSpace(options, facts)

    def __init__(self, options: SpaceConfig, facts: Mapping[str, Any]):
        super().__init__(options, facts)
        self.config = config = options
        of = LayerChoices(config, facts)
        self.input_shape, self.classes = of.input_shape, of.classes
        self._convolutions, self._pools, self._fully_connected = of.convolutions, of.pools, of.fully_connected
        self._normalization, self._gap, self._softmax = of.normalization, of.averages, of.softmax
        self._legal: dict[StateKey, tuple[Layer, ...]] = {}
        start = self._key(StateKey(-1, None, 0, "", None, config.minimum_convolutions), None, self.input_shape)
        self._start = LayerState((), self.input_shape, start, 0, 0)
        self._check_limits()

    @property
    def all_actions(self) -> tuple[Layer, ...]:
        """Every layer that is legal anywhere, by kind and then by numbers."""
        every = (*self._convolutions, *self._pools, *self._normalization, *self._fully_connected, *self._gap)
        return (*every, self._softmax)

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
        """The legal next layers; SM is always among them, unless a network needs more convolutions."""
        legal = self._legal.get(state.key)
        if legal is None:
            legal = self._legal[state.key] = self._legal_layers(state)
        if state.key.missing:
            legal = tuple(layer for layer in legal if self._ended(self.step(state, layer)))
        if self.config.limits != Limits():
            legal = tuple(layer for layer in legal if layer is self._softmax or self._within_limits(state, layer))
        return legal

    def step(self, state: LayerState, action: Any) -> LayerState:
        """Place a layer: size and costs are the true ones, not the bin's."""
        cost = layer_cost(action, state.shape)
        return LayerState(
            (*state.layers, action),
            cost.shape,
            self._key(state.key, action, cost.shape),
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
        return layer_numbers(action)

    def _key(self, before: StateKey, last: Layer | None, shape: Shape) -> StateKey:
        """What the agent sees once a layer is placed that gives a shape."""
        is_normalization = isinstance(last, BatchNormalization)
        return StateKey(
            before.depth + 1,
            last,
            before.in_a_row + isinstance(last, FullyConnected)
            if isinstance(last, FullyConnected) or is_normalization
            else 0,
            self._bin(shape).name if len(shape) > 1 else "",
            before.layer if is_normalization else None,
            max(0, before.missing - isinstance(last, Filtering)),
        )

    def _bin(self, shape: Shape) -> SizeBin:
        return size_bin(image_size(shape, self.config.one_dimensional), self.config.representation_bins)

    def _legal_layers(self, state: LayerState) -> tuple[Layer, ...]:
        """The restrictions of the paper, without the limits."""
        config, key, last = self.config, state.key, state.key.working
        if key.depth >= config.max_depth or isinstance(last, GlobalAveragePooling):
            return (self._softmax,)
        may_normalise = key.normalised is None and isinstance(last, Filtering | FullyConnected)
        normalization = self._normalization if may_normalise else ()
        if isinstance(last, FullyConnected):
            if key.in_a_row >= config.fully_connected.max_in_row:
                return (*normalization, self._softmax)
            narrower = (layer for layer in self._fully_connected if layer.neurons <= last.neurons)
            return (*normalization, *narrower, self._softmax)
        _, lower, upper = self._bin(state.shape)
        legal: list[Layer] = [layer for layer in self._convolutions if largest(layer.receptive_field) <= lower]
        if isinstance(last, Filtering):
            legal += [layer for layer in self._pools if largest(layer.receptive_field) <= lower]
        legal += normalization
        if key.missing:
            return tuple(legal)
        if last is not None and upper is not None and upper < config.fully_connected.below_size:
            legal += self._fully_connected
        return (*legal, *self._gap, self._softmax)

    def _ended(self, state: LayerState) -> LayerState | None:
        """The state with what is missing, the smallest convolutions that fit, and the softmax; None without room."""
        while state.key.missing:
            lower = self._bin(state.shape).lower
            fitting = [layer for layer in self._convolutions if largest(layer.receptive_field) <= lower]
            if not fitting or state.key.depth >= self.config.max_depth:
                return None
            state = self.step(state, min(fitting, key=_size))
        return self.step(state, self._softmax)

    def _within_limits(self, state: LayerState, layer: Layer) -> bool:
        """Whether the network with `layer`, and then ended as soon as it may, keeps the limits."""
        state = self.step(state, layer)
        return isinstance(layer, Softmax) or self._is_within_limits(self._ended(state))

    def _is_within_limits(self, state: LayerState | None) -> bool:
        return state is not None and self.config.limits.allow(state.parameters, state.flops)

    def _check_limits(self) -> None:
        """Refuse limits that leave no way to end a network."""
        ended = self._ended(self._start)
        if ended is None:
            raise ConfigError(
                f"space.minimum_convolutions: expected a number that fits on {_shape(self.input_shape)}, "
                f"got {self.config.minimum_convolutions}; lower it, or add smaller receptive fields"
            )
        ways = [ended] if self.config.minimum_convolutions else [ended, *map(self._gap_alone, self._gap)]
        for state in ways:
            if not self._is_within_limits(state):
                raise ConfigError(
                    f"space.limits: {self.format(state.layers)} alone has {state.parameters:,} parameters and "
                    f"{state.flops:,} FLOPs, over the limit; raise space.limits"
                    + ("" if state is ended else " or set space.global_average_pooling to false")
                )

    def _gap_alone(self, layer: Layer) -> LayerState:
        return self.step(self.step(self._start, layer), self._softmax)


def _size(layer: Filtering) -> tuple[int, ...]:
    """Sort key: what leaves the image largest, and then what costs least."""
    return largest(layer.stride), largest(layer.receptive_field), layer.filters


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape))
