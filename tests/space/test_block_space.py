"""BlockQNN's space: codes, how blocks are stacked, and what that costs."""

import pytest

from metaqnn.errors import ConfigError, IllegalArchitectureError
from metaqnn.networks.architecture import parse
from metaqnn.networks.blocks import Block
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.costs import describe
from metaqnn.networks.spaces.block_space import BlockSpace, BlockSpaceConfig, restacked
from metaqnn.networks.spaces.config import Limits
from metaqnn.seeding import Stream

FACTS = {"input_shape": (8, 8, 3), "classes": 4}


def space(facts=FACTS, **options) -> BlockSpace:
    return BlockSpace(
        BlockSpaceConfig(**({"max_layers": 5, "filters": (4, 8), "repeats": 2, "stem": 4} | options)), facts
    )


def walks(of, count=100):
    for number in range(count):
        stream = Stream(5, "walks", number)
        yield of.walk(lambda key, choices, stream=stream: stream.integer(len(choices)))


def test_a_block_is_written_code_by_code_and_stacked():
    text = "{(1,1,3,0,0), (2,5,0,0,1)} [C(4,3,1), B(4), B(4), P(2,2), B(8), B(8), GP, SM(4)]"
    steps = space().trajectory(text).steps
    assert [step.action for step in steps] == ["(1,1,3,0,0)", "(2,5,0,0,1)", "(3,7,0,0,0)"]
    assert [step.state for step in steps] == ["start", "(1,1,3,0,0)", "(2,5,0,0,1)"]


def test_the_choices_of_a_layer():
    # Section 3.1: three convolutions, two pools of each kind and the identity, for each predecessor; sums and
    # concatenations for each pair of them; the end.
    second = space().trajectory("{(1,4,0,0,0)} [C(4,3,1), B(4), B(4), P(2,2), B(8), B(8), GP, SM(4)]").steps[1]
    assert len(second.choices) == 8 * 2 + 2 * 1 + 1
    assert second.choices[0] == "(2,1,1,0,0)"
    assert second.choices[-1] == "(2,7,0,0,0)"
    assert BlockSpace(BlockSpaceConfig(), FACTS | {"input_shape": (32, 32, 3)}).max_steps == 23


def test_what_a_block_costs_by_hand():
    # A 3 x 3 convolution of 4 filters over 4 channels and its batch normalisation; the sum has 4 channels.
    text = "{(1,1,3,0,0), (2,5,0,0,1)} [C(4,3,1), B(4), GP, SM(4)]"
    assert [layer.parameters for layer in describe(text, (8, 8, 3)).layers] == [112, 9 * 16 + 16, 0, 20]
    # Two outputs that nobody takes lie beside each other: 8 channels go on.
    assert describe("{(1,1,3,0,0), (2,2,3,0,0)} [C(4,3,1), B(4), GP, SM(4)]", (8, 8, 3)).layers[1].shape == (8, 8, 8)


def test_what_is_added_is_widened():
    graph = compile_network(parse("{(1,1,1,0,0), (2,5,0,0,1)} [C(3,3,1), B(8), GP, SM(4)]"), (8, 8, 3))
    names = [node.operation.name for node in graph.nodes]
    assert names.count("pad channels") == 1
    assert [node.shape for node in graph.nodes if node.operation.name == "add"] == [(8, 8, 8)]


@pytest.mark.parametrize("facts", [FACTS, {"input_shape": (40, 2), "classes": 3}])
def test_costs_by_arithmetic_are_those_of_the_graph(facts):
    of = space(facts, max_layers=8)
    for trajectory in walks(of, 60):
        codes = of.parse(trajectory.architecture)
        costs = of.costs(codes)
        assert of._costs.of(codes[:-1]) == (costs["parameters"], costs["flops"])


def test_limits_hold_for_every_network():
    limited = space(limits=Limits(parameters=6_000, flops=600_000))
    costs = [limited.costs(limited.parse(trajectory.architecture)) for trajectory in walks(limited)]
    assert max(each["parameters"] for each in costs) <= 6_000
    assert max(each["flops"] for each in costs) <= 600_000
    assert len({each["flops"] for each in costs}) > 20


def test_density_is_edges_over_nodes():
    # Input, two layers, output: input to 1, input and 1 to 2, 2 to output.
    assert Block([(1, 1, 3, 0, 0), (2, 5, 0, 0, 1)]).density == 4 / 4


def test_a_block_is_stacked_deeper_and_wider():
    text = "{(1,1,3,0,0)} [C(4,3,1), B(4), B(4), P(2,2), B(8), B(8), GP, SM(4)]"
    wide = "{(1,1,3,0,0)} [C(4,3,1), B(16), B(16), B(16), P(2,2), B(32), B(32), B(32), P(2,2), B(64), B(64), B(64), "
    assert str(restacked(parse(text), (16, 32, 64), 3)) == wide + "GP, SM(4)]"
    assert str(restacked(parse(text), None, 1)) == "{(1,1,3,0,0)} [C(4,3,1), B(4), P(2,2), B(8), GP, SM(4)]"
    with pytest.raises(IllegalArchitectureError, match="has no blocks"):
        restacked(parse("[C(4,3,1), SM(4)]"), None, 2)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([(2, 1, 3, 0, 0)], "numbered from 1; this one is number 1"),
        ([(1, 7, 0, 0, 0)], "no layer of type 7 inside a block"),
        ([(1, 1, 0, 0, 0)], "convolution has a kernel"),
        ([(1, 4, 3, 0, 0)], "identity has no kernel"),
        ([(1, 1, 3, 1, 0)], r"takes layer 1, which is not before it; name 0 \(the block's input\)$"),
        ([(1, 4, 0, 0, 0), (2, 5, 0, 1, 9)], r"takes layer 9, .*; name 0 \(the block's input\) to 1$"),
        ([(1, 4, 0, 0, 0), (2, 5, 0, 1, 0)], "the smaller number first"),
        ([(1, 4, 0, 0, 0), (2, 1, 3, 0, 1)], "takes one layer; the last number is 0"),
        ([], "at least one layer"),
    ],
)
def test_codes_that_make_no_block(codes, message):
    with pytest.raises(IllegalArchitectureError, match=message):
        Block(codes)


def test_spaces_that_cannot_be():
    with pytest.raises(ConfigError, match="expected at most 4 stacks on images of 8x8x3"):
        space(filters=(4, 4, 4, 4, 4))
    with pytest.raises(ConfigError, match="expected limits that some block keeps"):
        space(limits=Limits(parameters=10))
    with pytest.raises(IllegalArchitectureError, match=r"expected a block in front of \[C\(4,3,1\), B\(4\), B\(4\)"):
        space().parse("[C(4,3,1), SM(4)]")
