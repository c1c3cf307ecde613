"""Shapes, parameters, FLOPs and dropout, by hand."""

import pytest
from contracts.records import costs
from contracts.spaces import paper

from metaqnn.errors import IllegalArchitectureError, NotationError
from metaqnn.networks.architecture import parse
from metaqnn.networks.costs import describe, layer_cost
from metaqnn.networks.dropout import dropout_rates
from metaqnn.networks.graph import GraphBuilder
from metaqnn.networks.layers import Convolution, FullyConnected, GlobalAveragePooling, Pooling, Softmax
from metaqnn.networks.operations.add import Add
from metaqnn.networks.operations.concatenate import Concatenate
from metaqnn.networks.operations.max_pooling import MaxPooling
from metaqnn.networks.operations.multiply import Multiply

# The five best CIFAR-10 networks of the paper, table A2.
TABLE_A2 = {
    "[C(512,5,1), C(256,3,1), C(256,5,1), C(256,3,1), P(5,3), C(512,3,1), C(512,5,1), P(2,2), SM(10)]": 11_309_834,
    (
        "[C(128,1,1), C(512,3,1), C(64,1,1), C(128,3,1), P(2,2), C(256,3,1), P(2,2), C(512,3,1), P(3,2), SM(10)]"
    ): 2_218_954,
    "[C(128,3,1), C(128,1,1), C(512,5,1), P(2,2), C(128,3,1), P(2,2), C(64,3,1), C(64,5,1), SM(10)]": 2_466_186,
    "[C(256,3,1), C(256,3,1), P(5,3), C(256,1,1), C(128,3,1), P(2,2), C(128,3,1), SM(10)]": 1_137_674,
    "[C(64,3,1), C(128,3,1), P(5,3), C(256,3,1), P(3,2), FC(512), FC(128), SM(10)]": 2_535_434,
}


@pytest.mark.parametrize(("text", "parameters"), TABLE_A2.items())
def test_the_parameters_of_table_a2(text, parameters):
    assert describe(text, (32, 32, 3)).parameters == parameters
    space = paper()
    assert space.costs(space.parse(text))["parameters"] == parameters
    assert space.trajectory(text).architecture == text  # and the space contains them all


def test_the_last_of_table_a2_by_hand():
    # 32x32x3; P(5,3) leaves ceil(28 / 3) = 10, P(3,2) leaves ceil(8 / 2) = 4.
    layers = describe(
        "[C(64,3,1), C(128,3,1), P(5,3), C(256,3,1), P(3,2), FC(512), FC(128), SM(10)]", (32, 32, 3)
    ).layers
    assert [(layer.shape, layer.parameters, layer.flops) for layer in layers] == [
        ((32, 32, 64), 9 * 3 * 64 + 64, 2 * 1024 * 9 * 3 * 64),
        ((32, 32, 128), 9 * 64 * 128 + 128, 2 * 1024 * 9 * 64 * 128),
        ((10, 10, 128), 0, 0),
        ((10, 10, 256), 9 * 128 * 256 + 256, 2 * 100 * 9 * 128 * 256),
        ((4, 4, 256), 0, 0),
        ((512,), 4096 * 512 + 512, 2 * 4096 * 512),
        ((128,), 512 * 128 + 128, 2 * 512 * 128),
        ((10,), 128 * 10 + 10, 2 * 128 * 10),
    ]


def test_a_small_network_by_hand():
    description = describe("[C(2,3,1), P(2,2), FC(4), SM(3)]", (5, 4, 1))
    # C: 9 weights and a bias for each of 2 filters; 20 places x 18 multiply-adds x 2.
    # P: ceil(4 / 2) x ceil(3 / 2) = 2x2, so 8 numbers. FC: 8 x 4 + 4. SM: 4 x 3 + 3.
    assert [layer.parameters for layer in description.layers] == [20, 0, 36, 15]
    assert [layer.flops for layer in description.layers] == [720, 0, 64, 24]
    assert [layer.shape for layer in description.layers] == [(5, 4, 2), (2, 2, 2), (4,), (3,)]
    assert (description.parameters, description.flops) == (71, 808)
    assert (description.input_shape, str(description.architecture)) == (
        (5, 4, 1),
        "[C(2,3,1), P(2,2), FC(4), SM(3)]",
    )


def test_global_average_pooling_by_hand():
    description = describe(parse("[GAP(3), SM(3)]"), (5, 4, 2))
    # A 1x1 convolution from 2 to 3 channels at 20 places, then 3 x 3 + 3.
    assert [(layer.parameters, layer.flops) for layer in description.layers] == [(9, 240), (12, 18)]


def test_a_strided_convolution_by_hand():
    cost = layer_cost(Convolution(4, 3, 2), (5, 8, 2))
    # SAME padding: ceil(5 / 2) x ceil(8 / 2).
    assert (cost.shape, cost.parameters, cost.flops) == ((3, 4, 4), 9 * 2 * 4 + 4, 2 * 12 * 72)


def test_a_softmax_on_an_image_sees_every_number():
    assert layer_cost(Softmax(10), (3, 3, 8)).parameters == 72 * 10 + 10


def test_the_cost_in_a_space():
    space = paper(side=8, channels=1)
    # 8 * 8 * 9 * 64 multiply-adds, and 4,096 x 10.
    assert space.costs(space.parse("[C(64,3,1), SM(10)]")) == costs(2, 640 + 40_970, 2 * (36_864 + 40_960))


def test_the_search_counts_as_the_description_does():
    space, text = paper(), next(iter(TABLE_A2))
    state = space.initial_state()
    for action in space.parse(text):
        state = space.step(state, action)
    description = describe(text, (32, 32, 3))
    assert (state.parameters, state.flops) == (description.parameters, description.flops)
    assert space.costs(space.parse(text)) == costs(9, description.parameters, description.flops)


@pytest.mark.parametrize("size", [(4, 4), (4, 9), (9, 4)])
def test_a_pool_larger_than_its_image(size):
    with pytest.raises(IllegalArchitectureError) as error:
        describe("[C(8,3,1), P(5,3), SM(10)]", (*size, 3))
    assert str(error.value) == f"P(5,3) does not fit on an image of {size[0]}x{size[1]}"


@pytest.mark.parametrize("layer", [Convolution(8, 3), Pooling(2, 2), GlobalAveragePooling(3)])
def test_a_layer_that_needs_an_image(layer):
    with pytest.raises(IllegalArchitectureError) as error:
        layer_cost(layer, (5,))
    assert str(error.value) == f"{layer} needs an image, but a vector of 5 comes in"


def test_a_pool_as_large_as_its_image():
    assert layer_cost(Pooling(4, 3), (4, 4, 2)).shape == (1, 1, 2)


@pytest.mark.parametrize(
    ("operation", "of"), [(Add(), "shape"), (Multiply(), "shape"), (Concatenate(), "height and width")]
)
def test_outputs_that_cannot_be_joined(operation, of):
    builder = GraphBuilder((8, 8, 3), ("the join",))
    smaller = builder.add(MaxPooling((2, 2), (2, 2)), 0, layer=0)
    with pytest.raises(IllegalArchitectureError) as error:
        builder.add(operation, 0, smaller, layer=0)
    said = f"the join joins outputs of one {of}, but 8x8x3 and 4x4x3 come in; pad the smaller one first"
    assert str(error.value) == said


def test_a_text_that_is_no_network():
    with pytest.raises(NotationError, match="at character 2, got 'Z'"):
        describe("[Z(1)]", (8, 8, 1))


def test_layers_on_a_vector():
    assert layer_cost(FullyConnected(7), (5,)).parameters == 42
    assert layer_cost(Softmax(7), (5,)).flops == 70


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("[SM(10)]", {}),
        ("[C(8,3,1), SM(10)]", {}),
        ("[C(8,3,1), C(8,3,1), SM(10)]", {1: 0.5}),
        ("[C(8,3,1), C(8,3,1), C(8,3,1), SM(10)]", {1: 0.5}),
        ("[C(8,3,1), C(8,3,1), P(2,2), C(8,3,1), SM(10)]", {1: 0.25, 3: 0.5}),
        ("[C(8,3,1), P(2,2), C(8,3,1), P(2,2), FC(8), FC(8), SM(10)]", {1: 1 / 6, 3: 2 / 6, 5: 3 / 6}),
        ("[C(8,3,1), GAP(10), SM(10)]", {}),
        ("[C(8,3,1), C(8,3,1), GAP(10), SM(10)]", {1: 0.5}),
    ],
)
def test_dropout_after_every_two_layers(text, rates):
    assert dropout_rates(parse(text)) == rates


def test_dropout_grows_to_one_half():
    rates = dropout_rates(parse("[" + "C(8,3,1), " * 18 + "SM(10)]"))
    assert list(rates) == [1, 3, 5, 7, 9, 11, 13, 15, 17]
    assert list(rates.values()) == [i / 18 for i in range(1, 10)]
