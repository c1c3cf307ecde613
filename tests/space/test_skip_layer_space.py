"""Layers that choose their inputs: decisions, notation, costs and what an agent sees."""

import pytest

from metaqnn.errors import ConfigError, IllegalArchitectureError
from metaqnn.networks.costs import describe
from metaqnn.networks.spaces.config import ConvolutionChoices, FullyConnectedChoices, Limits, SpaceConfig
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.networks.spaces.skip_layer_space import SkipLayerSpace
from metaqnn.seeding import Stream

FACTS = {"input_shape": (8, 8, 3), "classes": 2}


def space(facts=FACTS, **options) -> SkipLayerSpace:
    section = {
        "max_depth": 4,
        "convolution": ConvolutionChoices((4, 8), (1, 3)),
        "pooling": (),
        "fully_connected": FullyConnectedChoices(()),
        "skip_connections": True,
    }
    return LayerSpace(SpaceConfig(**(section | options)), facts)


def actions_of(space, text: str) -> str:
    return "; ".join(step.action for step in space.trajectory(text).steps)


def test_a_layer_is_written_decision_by_decision():
    chosen = "C; filters 4; height 3; width 1; C; @1; filters 8; height 1; width 1; "
    chosen += "C; @1; @2; filters 8; height 3; width 3; GP; SM(2)"
    assert actions_of(space(), "[C(4,3x1,1), C(8,1,1), C(8,3,1)@1+2, GP, SM(2)]") == chosen
    more = space(convolution=ConvolutionChoices((4,), (3,), (1, 2), ("relu", "selu")))
    assert (
        actions_of(more, "[C(4,3,2x1,selu), GP, SM(2)]")
        == "C; stride_height 2; stride_width 1; activation selu; GP; SM(2)"
    )


def test_what_takes_nothing_takes_the_image():
    text = "[C(4,3,1), C(8,1,1)@0, GP, SM(2)]"
    assert "; C; -; " in actions_of(space(), text)
    costs = describe(text, (8, 8, 3))
    assert [layer.parameters for layer in costs.layers] == [3 * 9 * 4 + 4, 3 * 8 + 8, 0, 12 * 2 + 2]  # both are unused


def test_smaller_inputs_are_padded_to_the_largest():
    text = "[C(4,1,2), C(8,1,1)@0, C(4,1,1)@1+2, GP, SM(2)]"
    strided = space(convolution=ConvolutionChoices((4, 8), (1, 3), (1, 2)))
    assert strided.trajectory(text).architecture == text
    assert [layer.shape for layer in describe(text, (8, 8, 3)).layers[:3]] == [(4, 4, 4), (8, 8, 8), (8, 8, 4)]


def test_a_receptive_field_fits_on_its_input():
    narrow = space({"input_shape": (2, 8, 3), "classes": 2})
    choices = {step.state: step.choices for step in narrow.trajectory("[C(4,1x3,1), GP, SM(2)]").steps}
    assert choices["0:C 4:height"] == ("height 1",)
    assert choices["0:C 4 1:width"] == ("width 1", "width 3")


def test_what_an_agent_sees():
    keys = [step.state for step in space().trajectory("[C(4,3,1), C(8,3,1), C(8,3,1)@2, GP, SM(2)]").steps]
    first = ["0:start:8+", "0:C:filters", "0:C 4:height", "0:C 4 3:width"]
    assert keys[:4] == first
    assert [key for key in keys if "@" in key] == ["1:C @1?:none", "2:C @1?:none", "2:C @2?:none"]
    assert keys[-2:] == ["3:layer:8+", "4:GP"]


def test_the_paper_s_space_has_a_few_hundred_states_an_agent_sees():
    # Zoph & Le (ICLR 2017), section 4.1: sides of 1, 3, 5 and 7, filters 24 to 64; here 15 layers of stride 1.
    paper = space(max_depth=15, convolution=ConvolutionChoices((24, 36, 48, 64), (1, 3, 5, 7)))
    states = set()
    for number in range(400):
        stream = Stream(1, "walks", number)

        def choose(key: str, choices: tuple[str, ...], stream=stream) -> int:
            choices = choices[:-1] if choices[-1] == "GP" and len(choices) > 1 else choices
            return stream.integer(len(choices))

        states |= {step.state for step in paper.walk(choose).steps}
    # At each depth: a start, the filters, the heights after each of those and the widths after each of these; and two
    # for each earlier layer that is asked about, but the first, before which nothing is taken.
    most = 15 * (1 + 1 + 4 + 16) + 2 * (15 * 14 // 2) - 14 + 2
    assert most - 12 < len(states) <= most == 528  # few walks have taken nothing when they come to a late anchor


def test_anchors_say_which_step_they_join():
    three = space()
    text = "[C(4,3,1), C(8,1,1), C(8,3,1)@1+2, GP, SM(2)]"
    state, steps = three.initial_state(), []
    for action in three.parse(text):
        steps.append([three.joined_step(state, each) for each in three.actions(state)])
        state = three.step(state, action)
    asked = [step for step in steps if step != [None] * len(step)]
    assert asked == [[None, 3], [None, 3], [None, 8]]  # the last decisions of layers 1 and 2


def test_limits_hold_for_every_network_and_leave_a_way():
    small = space(
        max_depth=6,
        convolution=ConvolutionChoices((4, 8), (1, 3), (1, 2)),
        pooling=((2, 2),),
        limits=Limits(parameters=900, flops=40_000),
        minimum_convolutions=2,
    )
    largest = 0
    for number in range(200):
        stream = Stream(2, "walks", number)
        network = small.walk(lambda key, choices, stream=stream: stream.integer(len(choices))).architecture
        costs = small.costs(small.parse(network))
        assert costs["parameters"] <= 900
        assert costs["flops"] <= 40_000
        assert network.count("C(") >= 2
        largest = max(largest, costs["parameters"])
    assert largest > 800


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[C(4,3,1), C(4,3,1)@0+1, GP, SM(2)]", "takes the image and other layers; leave 0 out"),
        ("[C(4,3,2), GP, SM(2)]", "stride_height 2 is not legal in state 1:layer:8"),
        ("[C(5,3,1), GP, SM(2)]", "filters 5 is not legal in state 0:C:filters; legal there: filters 4, filters 8"),
        ("[C(4,3,1), SM(2)]", r"SM\(2\) is not legal in state 1:layer:8\+; legal there: C, GP"),
        ("[C(4,3,1), BN, GP, SM(2)]", "BN is not legal"),
        ("[P(2,2), GP, SM(2)]", r"P\(2,2\) is not legal in state 0:start"),
    ],
)
def test_networks_of_another_space_are_refused(text, message):
    with pytest.raises(IllegalArchitectureError, match=message):
        space().trajectory(text)


def test_options_that_mean_nothing_here_are_refused():
    with pytest.raises(ConfigError, match=r"set training\.batch_normalization"):
        space(batch_normalization=True)
    with pytest.raises(ConfigError, match="expected limits and a minimum of convolutions that some network over 8x8x3"):
        space(limits=Limits(parameters=20))
