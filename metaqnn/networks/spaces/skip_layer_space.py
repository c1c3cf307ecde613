"""Layers that choose their inputs: the decision process of networks with skip connections.

Source: Zoph & Le (ICLR 2017), section 3.3. A layer is written decision by decision: its kind; for every earlier layer
whether it is an input (the paper's anchor points); then its filters, the sides of its receptive field, its strides and
its activation. The channels of all inputs lie beside each other, smaller ones with zeros around them; a layer that
takes nothing takes the image; and what comes first after all convolutions and pooling layers takes every output that
nobody took. A receptive field or a pool is legal where it fits on the layer's input.

What an agent sees stays small enough for a table, though the paths before a decision are many: the depth, what this
layer has chosen so far, whether it has taken an input yet, and at the start of a layer the bin of the representation
size. Which of the earlier layers are connected, and how, it does not see: their number doubles with every pair.
With n choices a size and L layers there are some L (n + n^2) + L^2 such states: 528 for the paper's 15 layers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from metaqnn.core import Space
from metaqnn.errors import ConfigError, IllegalArchitectureError
from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.costs import LayerCost, Shape, describe, layer_cost
from metaqnn.networks.layers import Filtering, FullyConnected, PositionAverage, Softmax, sides
from metaqnn.networks.spaces.config import Limits, SpaceConfig
from metaqnn.networks.spaces.layer_choices import LayerChoices
from metaqnn.networks.spaces.representation import image_size, size_bin
from metaqnn.networks.spaces.skip_decisions import SIDES, SkipDecisions
from metaqnn.networks.spaces.skip_state import SkipState, joined_shape

_GROWING = ("filters", "height", "width", "size")
"""Decisions whose larger values cost more and leave the output's sides as they are."""


class SkipLayerSpace(Space):
    """The layers of `LayerSpace`, each with a choice of inputs.

    Args:
        options: choices and limits; `skip_connections` is true.
        facts: as of `LayerChoices`.

    Raises:
        ConfigError: no network keeps the limits, or an option means nothing here.
    """

    Options = SpaceConfig

    def __init__(self, options: SpaceConfig, facts: Mapping[str, Any]):
        super().__init__(options, facts)
        if options.batch_normalization:
            raise ConfigError(
                "space.batch_normalization: expected false with skip_connections, where it is no layer of its own, got "
                "true; set training.batch_normalization"
            )
        self.config = options
        self._layer_choices = choices = LayerChoices(options, facts)
        self.input_shape, self.classes = choices.input_shape, choices.classes
        self._decisions = decisions = SkipDecisions(options, choices)
        self._narrower = {
            layer: tuple(str(other) for other in choices.fully_connected if other.neurons <= layer.neurons)
            for layer in choices.fully_connected
        }
        self._connected = tuple(map(str, choices.fully_connected))
        self._softmax = str(choices.softmax)
        self._end = str(PositionAverage()) if options.global_average_pooling else self._softmax
        self._least = {kind: decisions.least_sides(kind) for kind in decisions.sizes}
        largest = max(side for each in self._least.values() for side in each.values())
        self._always_fits = options.limits == Limits() and largest == 1
        self._start = SkipState((), (self.input_shape,))
        self._smallest = self._smallest_convolution()
        if not self._may_end(self._start):
            raise ConfigError(
                f"space: expected limits and a minimum of convolutions that some network over "
                f"{'x'.join(map(str, self.input_shape))} keeps, and there is none; raise space.limits, lower "
                "space.minimum_convolutions or add smaller receptive fields"
            )

    @property
    def all_actions(self) -> tuple[str, ...]:
        """Kinds of layer, anchors, and sizes in ascending order."""
        return self._decisions.every

    @property
    def max_steps(self) -> int:
        """That of the deepest network, all of whose layers choose everything."""
        depth = self.config.max_depth
        return depth * (1 + max(map(len, self._decisions.sizes.values()))) + depth * (depth - 1) // 2 + 2

    def initial_state(self) -> SkipState:
        """No layer yet."""
        return self._start

    def is_terminal(self, state: SkipState) -> bool:
        """Whether the softmax is placed."""
        return bool(state.layers) and isinstance(state.layers[-1], Softmax)

    def key(self, state: SkipState) -> str:
        """The depth, and what this layer has chosen so far; at its start the bin of the representation size."""
        depth = len(state.layers)
        if not state.kind:
            last = state.layers[-1] if state.layers else None
            shape = state.shapes[-1]
            if len(shape) == 1:
                return f"{depth}:{last}"
            size = size_bin(image_size(shape, self.config.one_dimensional), self.config.representation_bins).name
            return f"{depth}:{'start' if last is None else 'layer'}:{size}"
        if state.asked < depth:
            return f"{depth}:{state.kind} @{state.asked + 1}?:{'some' if state.inputs else 'none'}"
        return f"{depth}:{' '.join((state.kind, *map(str, state.sizes)))}:{self._decision(state)[0]}"

    def actions(self, state: SkipState) -> tuple[str, ...]:
        """What may be chosen next: whatever leaves a way to end the network."""
        choices = self._choices_in(state)
        if self._always_fits and state.kind in self._decisions.sizes:
            return choices
        # Larger filters and receptive fields cost more, whatever follows: where the largest is legal, all are.
        if len(choices) > 1 and choices[0].startswith(_GROWING) and self._may_take(state, choices[-1]):
            return choices
        return tuple([action for action in choices if self._may_take(state, action)])

    def step(self, state: SkipState, action: Any) -> SkipState:
        """Take a decision; after the last one of a layer the layer is placed."""
        steps = state.steps + 1
        if not state.kind:
            state = state._replace(kind=action, steps=steps)
        elif state.asked < len(state.layers):
            joined = self._decisions.joined(action)
            inputs = state.inputs if joined is None else (*state.inputs, joined)
            state = state._replace(asked=state.asked + 1, inputs=inputs, steps=steps)
        else:
            state = state._replace(sizes=(*state.sizes, self._decisions.value(action)), steps=steps)
        return self._placed(state) if self._is_decided(state) else state

    def joined_step(self, state: SkipState, action: Any) -> int | None:
        """The last decision of the layer that an anchor joins."""
        number = self._decisions.joined(action)
        return None if number is None else state.ends[number - 1]

    def parse(self, text: str) -> tuple[str, ...]:
        """The decisions that write a network down."""
        actions: list[str] = []
        for depth, layer in enumerate(parse(text)):
            if 0 in layer.inputs and len(layer.inputs) > 1:
                raise IllegalArchitectureError(f"{layer} takes the image and other layers; leave 0 out, or all others")
            actions += self._decisions.actions(layer, depth)
        return tuple(actions)

    def format(self, actions: Sequence[Any]) -> str:
        """The paper's notation, with the inputs of each layer behind an @."""
        state = self._start
        for action in actions:
            state = self.step(state, action)
        return str(Architecture(state.layers))

    def costs(self, actions: Sequence[Any]) -> dict[str, int]:
        """Parameters, FLOPs and number of layers on this space's images."""
        costs = describe(self.format(actions), self.input_shape)
        return {"parameters": costs.parameters, "flops": costs.flops, "layers": len(costs.layers)}

    def describe(self, action: Any) -> dict[str, float]:
        """The number that a decision is about, or those of a layer that is chosen as a whole."""
        return self._decisions.numbers(action)

    def _smallest_convolution(self) -> LayerCost | None:
        """The first kind with the smallest of everything, over the image; None where it does not fit."""
        kind, decisions = next(iter(self._decisions.sizes.items()))
        if not self._fits(kind, self.input_shape):
            return None
        return layer_cost(self._decisions.layer(kind, tuple(values[0] for _, values in decisions)), self.input_shape)

    def _open(self, kind: str) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        return self._decisions.sizes.get(kind, ())

    def _decision(self, state: SkipState) -> tuple[str, tuple[Any, ...]]:
        return self._open(state.kind)[len(state.sizes)]

    def _is_decided(self, state: SkipState) -> bool:
        if state.kind in self._decisions.tail:
            return True
        return state.asked == len(state.layers) and len(state.sizes) == len(self._open(state.kind))

    def _choices_in(self, state: SkipState) -> tuple[str, ...]:
        """The choices of a decision before it is asked whether they leave a way to the end."""
        if state.kind:
            if state.asked < len(state.layers):
                return self._decisions.anchors[state.asked]
            name, values = self._decision(state)
            if name in SIDES:
                extent = self._input_shape(state)[SIDES[name]]
                values = tuple([value for value in values if value <= extent])
            return tuple([f"{name} {value}" for value in values])
        depth, last = len(state.layers), state.layers[-1] if state.layers else None
        if isinstance(last, PositionAverage):
            return (self._softmax,)
        of = self.config.fully_connected
        if isinstance(last, FullyConnected):
            in_a_row = sum(isinstance(layer, FullyConnected) for layer in state.layers)
            return (*(self._narrower[last] if in_a_row < of.max_in_row else ()), self._softmax)
        if depth >= self.config.max_depth:
            return (self._end,)
        kinds = (*self._decisions.sizes, *(self._decisions.pools if depth else ()))
        if not depth or self._missing(state):
            return kinds
        may_connect = max(self._unused_shape(state)[:-1]) < of.below_size
        return (*kinds, *(self._connected if may_connect else ()), self._end)

    def _missing(self, state: SkipState) -> int:
        """Convolutions that the network needs before it may leave the image."""
        least = self.config.minimum_convolutions
        return max(0, least - sum(isinstance(layer, Filtering) for layer in state.layers)) if least else 0

    def _may_take(self, state: SkipState, action: str) -> bool:
        """Whether an action leaves a way to end the network."""
        try:
            return self._may_end(self.step(state, action))
        except IllegalArchitectureError:  # a pool that does not fit on what it takes
            return False

    def _may_end(self, state: SkipState) -> bool:
        """Whether one of two ways ends the network: this layer takes nothing more, or all it can.

        On both, everything else is the smallest that fits, convolutions that are missing take the image, and the end
        comes as soon as it may. A state on such a way goes on along it: one choice at least is legal everywhere.
        """
        if self.is_terminal(state):
            return True
        is_asked = state.kind and state.asked < len(state.layers)
        ends = (self._ended(state, takes_all) for takes_all in ((False, True) if is_asked else (False,)))
        return any(costs is not None and self.config.limits.allow(*costs) for costs in ends)

    def _ended(self, state: SkipState, takes_all: bool) -> tuple[int, int] | None:
        """Parameters and FLOPs after the smallest choices that fit, and the softmax; None where something does not."""
        parameters, flops, depth, missing = state.parameters, state.flops, len(state.layers), self._missing(state)
        shapes = [state.shapes[number] for number in self._unused(state) if number]
        if state.kind:
            inputs = (*state.inputs, *range(state.asked + 1, depth + 1)) if takes_all else state.inputs
            taken = joined_shape([state.shapes[number] for number in inputs or (0,)])
            sizes = state.sizes
            if not self._fits(state.kind, taken):
                return None
            sizes = (*sizes, *(values[0] for _, values in self._open(state.kind)[len(sizes) :]))
            layer = self._decisions.layer(state.kind, sizes)
            cost = layer_cost(layer, taken)
            parameters, flops, depth = parameters + cost.parameters, flops + cost.flops, depth + 1
            missing -= missing and isinstance(layer, Filtering)
            numbers = (number for number in self._unused(state) if number and number not in inputs)
            shapes = [*(state.shapes[number] for number in numbers), cost.shape]
        missing = missing or (not depth)
        if missing:
            if self._smallest is None or depth + missing > self.config.max_depth:
                return None
            parameters, flops = parameters + missing * self._smallest.parameters, flops + missing * self._smallest.flops
            shapes += [self._smallest.shape] * missing
        shape = joined_shape(shapes)
        if len(shape) > 1 and self.config.global_average_pooling:
            shape = shape[-1:]
        cost = layer_cost(self._layer_choices.softmax, shape)
        return parameters + cost.parameters, flops + cost.flops

    def _fits(self, kind: str, shape: Shape) -> bool:
        """Whether the smallest layer of a kind fits on what it takes."""
        least = self._least.get(kind)
        if least is None:
            window = sides(getattr(self._decisions.whole[kind], "receptive_field", 1), len(shape) - 1)
            return all(map(int.__ge__, shape, window))
        return all(side <= shape[SIDES[name]] for name, side in least.items())

    def _input_shape(self, state: SkipState) -> Shape:
        """What the layer being built takes."""
        return joined_shape([state.shapes[number] for number in state.inputs or (0,)])

    def _unused(self, state: SkipState) -> tuple[int, ...]:
        if len(state.shapes[-1]) == 1:
            return (len(state.layers),)
        return tuple([n for n in range(1, len(state.layers) + 1) if n not in state.taken]) or (0,)

    def _unused_shape(self, state: SkipState) -> Shape:
        """What a layer takes that comes after all convolutions and pooling layers."""
        return joined_shape([state.shapes[number] for number in self._unused(state)])

    def _placed(self, state: SkipState) -> SkipState:
        """The state with the layer that is decided."""
        layer = self._decisions.layer(state.kind, state.sizes)
        inputs = (state.inputs or (0,)) if state.kind not in self._decisions.tail else ()
        cost = layer_cost(layer, self._input_shape(state) if inputs else self._unused_shape(state))
        if inputs and inputs != (len(state.layers),):
            layer = replace(layer, inputs=inputs)
        return SkipState(
            (*state.layers, layer),
            (*state.shapes, cost.shape),
            state.taken.union(inputs),
            state.parameters + cost.parameters,
            state.flops + cost.flops,
            ends=(*state.ends, state.steps - 1),
            steps=state.steps,
        )
