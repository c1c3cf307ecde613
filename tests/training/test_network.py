"""Architectures as Keras models."""

import numpy as np
import pytest

import metaqnn
from metaqnn.errors import IllegalArchitectureError, NotationError
from metaqnn.networks.architecture import parse
from metaqnn.networks.costs import describe
from metaqnn.networks.spaces.config import ConvolutionChoices, FullyConnectedChoices, SpaceConfig
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.networks.training.network import build, build_network
from metaqnn.seeding import Stream

# PAPER: Table A2 of the submission, with the parameters that our size rule gives.
TABLE_A2 = {
    "[C(512,5,1), C(256,3,1), C(256,5,1), C(256,3,1), P(5,3), C(512,3,1), C(512,5,1), P(2,2), SM(10)]": 11_309_834,
    "[C(128,1,1), C(512,3,1), C(64,1,1), C(128,3,1), P(2,2), C(256,3,1), P(2,2), C(512,3,1), P(3,2), SM(10)]": (
        2_218_954
    ),
    "[C(128,3,1), C(128,1,1), C(512,5,1), P(2,2), C(128,3,1), P(2,2), C(64,3,1), C(64,5,1), SM(10)]": 2_466_186,
    "[C(256,3,1), C(256,3,1), P(5,3), C(256,1,1), C(128,3,1), P(2,2), C(128,3,1), SM(10)]": 1_137_674,
    "[C(64,3,1), C(128,3,1), P(5,3), C(256,3,1), P(3,2), FC(512), FC(128), SM(10)]": 2_535_434,
}


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(("text", "parameters"), TABLE_A2.items())
def test_the_five_networks_of_table_a2_count_their_parameters(text, parameters):
    model = build_network(parse(text), (32, 32, 3))
    assert model.count_params() == parameters == describe(text, (32, 32, 3)).parameters
    assert model.output_shape == (None, 10)


@pytest.mark.usefixtures("device")
def test_parameters_and_shapes_equal_kerass_for_random_networks():
    config = SpaceConfig(
        max_depth=6,
        convolution=ConvolutionChoices((4, 6), (1, 3), (1, 2)),
        fully_connected=FullyConnectedChoices((8, 4)),
    )
    space = LayerSpace(config, {"input_shape": (13, 11, 2), "classes": 3})
    for number in range(12):
        stream = Stream(5, "networks", number)
        text = space.walk(lambda _, choices, stream=stream: stream.integer(len(choices))).architecture
        description = describe(text, (13, 11, 2))
        model = build_network(parse(text), (13, 11, 2), dropout=False)
        assert model.count_params() == description.parameters, text
        outputs = [layer.output.shape[1:] for layer in model.layers if layer.name.split("_")[0] != "flatten"]
        # GAP is two Keras layers; the sizes that both name must agree in order.
        wanted = [cost.shape for cost in description.layers]
        assert [shape for shape in outputs if tuple(shape) in wanted][-1] == wanted[-1]


@pytest.mark.usefixtures("device")
def test_dropout_stands_where_the_paper_puts_it():
    text = "[C(4,3,1), C(4,3,1), P(2,2), C(4,1,1), FC(8), FC(4), SM(3)]"
    model = build_network(parse(text), (8, 8, 1))
    rates = [layer.rate for layer in model.layers if layer.name.startswith("dropout")]
    assert rates == pytest.approx([1 / 6, 2 / 6, 3 / 6])
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == (
        [
            "Conv2D",
            "Conv2D",
            "Dropout",
            "MaxPooling2D",
            "Conv2D",
            "Dropout",
            "Flatten",
            "Dense",
            "Dense",
            "Dropout",
            "Dense",
        ]
    )


@pytest.mark.usefixtures("device")
def test_weights_depend_on_seed_and_attempt_and_nothing_else():
    architecture = parse("[C(4,3,1), FC(8), SM(3)]")

    def first_kernel(**options):
        return build_network(architecture, (8, 8, 1), **options).get_weights()[0]

    np.testing.assert_array_equal(first_kernel(seed=1), first_kernel(seed=1))
    assert not np.array_equal(first_kernel(seed=1), first_kernel(seed=2))
    assert not np.array_equal(first_kernel(seed=1), first_kernel(seed=1, attempt=2))
    # Glorot: uniform within sqrt(6 / (inputs + outputs))
    assert np.abs(first_kernel(seed=1)).max() <= np.sqrt(6 / (9 * 1 + 9 * 4))


@pytest.mark.usefixtures("device")
def test_build_takes_a_text_and_is_among_the_public_names():
    assert metaqnn.build is build
    text = "[C(16,3,1), P(2,2), D(1,1), FC(32), SM(7)]"
    model = build(text, (9, 8, 2), seed=4)
    assert model.output_shape == (None, 7)
    assert model.count_params() == describe(text, (9, 8, 2)).parameters
    reference = build_network(parse(text), (9, 8, 2), seed=4)
    for ours, theirs in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    plain = build(parse(text), (9, 8, 2), dropout=False, batch_normalization=True)
    kinds = [type(layer).__name__ for layer in plain.layers]
    assert kinds.count("BatchNormalization") == 2
    assert "Dropout" not in kinds


def test_build_refuses_what_cannot_be_before_keras_is_imported():
    with pytest.raises(NotationError):
        build("[C(16,3,1), SM]", (8, 8, 1))
    with pytest.raises(IllegalArchitectureError, match="does not fit on an image of 2x2"):
        build("[C(16,3,1), P(3,2), SM(7)]", (2, 2, 1))
