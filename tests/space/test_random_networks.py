"""Ten thousand random networks against the paper's rules, stated here a second time and in plain words."""

import re
from functools import cache

import pytest
from contracts.spaces import SPACES, small

from metaqnn.networks.spaces.config import Limits
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.seeding import Stream

NETWORKS = 1250
"""For each of the eight spaces."""

OPTIONS = "all kinds of layer", "signals", "one row"
LAYER_SPACES = [name for name in SPACES if isinstance(SPACES[name](), LayerSpace) and name not in OPTIONS]
"""The rules that are tested here are the paper's; test_layer_options.py has those of further layers."""


def walks(space, count: int = NETWORKS):
    """Random walks: uniform ones, which end early, and ones that end only when they must."""
    for number in range(count):
        stream = Stream(0, "random networks", number)

        def choose(_state, choices, stream=stream, stay=number % 2):
            going_on = [i for i, action in enumerate(choices) if not action.startswith(("SM", "GAP"))]
            if stay and going_on and stream.uniform() < 0.9:
                return going_on[stream.integer(len(going_on))]
            return stream.integer(len(choices))

        yield space.walk(choose)


@cache
def walked(name: str) -> list:
    """The networks of one space, walked once for all tests."""
    return list(walks(SPACES[name]()))


class Rules:
    """What may be built, restated: texts and numbers only, nothing of the package's own legality."""

    def __init__(self, space: LayerSpace):
        config = space.config
        self.max_depth, self.classes = config.max_depth, space.classes
        self.convolutions = [
            (d, f, s)
            for d in config.convolution.filters
            for f in config.convolution.receptive_fields
            for s in config.convolution.strides
        ]
        self.pools = config.pooling
        self.neurons, self.in_a_row = config.fully_connected.neurons, config.fully_connected.max_in_row
        self.below = config.fully_connected.below_size
        self.gap = config.global_average_pooling
        self.edges = config.representation_bins
        self.limits = config.limits
        self.shape = space.input_shape

    def network(self, text: str):
        """Whether every layer is legal where it stands: yields (layer, all layers that are legal in its place)."""
        height, width, channels = self.shape
        inputs, before, row, parameters, flops = height * width * channels, [], 0, 0, 0
        for code, numbers in re.findall(r"([A-Z]+)\(([0-9,]+)\)", text):
            layer = (code, *map(int, numbers.split(",")))
            yield layer, self.legal(before, (height, width, channels), inputs, row, parameters, flops)
            height, width, channels, inputs, more, work = self.cost(layer, height, width, channels, inputs)
            parameters, flops = parameters + more, flops + work
            row = row + 1 if code == "FC" else 0
            before.append(layer)

    def legal(self, before, shape, inputs, row, parameters, flops) -> set[tuple]:
        softmax, last = ("SM", self.classes), before[-1][0] if before else "start"
        size = min(shape[:2])
        edge = max(edge for edge in self.edges if edge <= size)  # the smallest size of the same bin
        allowed = {softmax}
        if last != "GAP" and len(before) < self.max_depth:
            if last in ("start", "C", "P"):
                allowed |= {("C", *c) for c in self.convolutions if c[1] <= edge}
                allowed |= {("GAP", self.classes)} if self.gap else set()
            if last == "C":
                allowed |= {("P", *p) for p in self.pools if p[0] <= edge}
            if last in ("C", "P") and size < self.below:
                allowed |= {("FC", d) for d in self.neurons}
            if last == "FC" and row < self.in_a_row:
                allowed |= {("FC", d) for d in self.neurons if d <= before[-1][1]}
        return {a for a in allowed if a == softmax or self.fits(a, shape, inputs, parameters, flops)}

    def fits(self, layer, shape, inputs, parameters, flops) -> bool:
        *after, more, work = self.cost(layer, *shape, inputs)
        *_, last_more, last_work = self.cost(("SM", self.classes), *after)
        parameters, flops = parameters + more + last_more, flops + work + last_work
        return parameters <= (self.limits.parameters or parameters) and flops <= (self.limits.flops or flops)

    def cost(self, layer, height, width, channels, inputs):
        """The output's height, width, channels and numbers, then parameters and FLOPs."""
        code, *n = layer
        if code == "C":
            filters, field, stride = n
            height, width = (height + stride - 1) // stride, (width + stride - 1) // stride
            weights = field * field * channels * filters
            return height, width, filters, height * width * filters, weights + filters, 2 * height * width * weights
        if code == "P":
            height, width = ((side - n[0]) // n[1] + 1 for side in (height, width))
            return height, width, channels, height * width * channels, 0, 0
        if code == "GAP":
            weights = channels * n[0]
            return 1, 1, n[0], n[0], weights + n[0], 2 * height * width * weights
        return 1, 1, n[0], n[0], inputs * n[0] + n[0], 2 * inputs * n[0]


def layer_of(text: str) -> tuple:
    code, numbers = text.rstrip(")").split("(")
    return (code, *map(int, numbers.split(",")))


@pytest.mark.parametrize("name", LAYER_SPACES)
def test_random_networks_obey_the_rules(name):
    space = SPACES[name]()
    rules = Rules(space)
    for trajectory in walked(name):
        assert trajectory.architecture == f"[{', '.join(step.action for step in trajectory.steps)}]"
        assert len(trajectory.steps) <= space.max_steps == rules.max_depth + 1
        assert trajectory.steps[-1].action == f"SM({rules.classes})"
        restated = list(rules.network(trajectory.architecture))
        assert [layer for layer, _ in restated] == [layer_of(step.action) for step in trajectory.steps]
        for (layer, legal), step in zip(restated, trajectory.steps, strict=True):
            assert layer in legal
            assert {layer_of(choice) for choice in step.choices} == legal
            assert len(step.choices) == len(legal)


@pytest.mark.parametrize("name", LAYER_SPACES)
def test_random_networks_are_read_and_walked_again(name):
    again = SPACES[name]()
    order = {str(action): place for place, action in enumerate(again.all_actions)}
    for trajectory in walked(name):
        assert again.trajectory(trajectory.architecture) == trajectory
        for step in trajectory.steps:
            places = [order[choice] for choice in step.choices]
            assert places == sorted(places)


@pytest.mark.parametrize("name", LAYER_SPACES)
def test_the_texts_of_states_tell_states_apart(name):
    space, texts = SPACES[name](), {}
    for trajectory in walked(name)[: NETWORKS // 5]:
        state = space.initial_state()
        for action in space.parse(trajectory.architecture):
            key = space.key(state)
            assert texts.setdefault(str(key), key) == key
            state = space.step(state, action)
        assert space.is_terminal(state)
    assert len(set(texts.values())) == len(texts)


@pytest.mark.parametrize("name", [name for name in LAYER_SPACES if name != "limited"])
def test_what_is_legal_follows_from_what_the_agent_sees(name):
    choices = {}
    for trajectory in walked(name):
        for step in trajectory.steps:
            assert choices.setdefault(step.state, step.choices) == step.choices


def test_the_deepest_networks_are_met():
    depths = {len(trajectory.steps) for trajectory in walked("paper")}
    assert {1, 2, 19} <= depths


@pytest.mark.parametrize(
    "limits",
    [Limits(parameters=3000), Limits(flops=40_000), Limits(parameters=1500, flops=60_000), Limits(195, 402)],
)
def test_limits_hold_and_the_softmax_stays_legal(limits):
    space, free, masked = small(max_depth=6, limits=limits), small(max_depth=6), 0
    for trajectory in walks(space, 300):
        cost = free.costs(free.parse(trajectory.architecture))
        assert cost["parameters"] <= (limits.parameters or cost["parameters"])
        assert cost["flops"] <= (limits.flops or cost["flops"])
        for step, without in zip(trajectory.steps, free.trajectory(trajectory.architecture).steps, strict=True):
            assert step.choices[-1] == "SM(3)"
            assert set(step.choices) <= set(without.choices)
            masked += step.choices != without.choices
    assert masked > 100
