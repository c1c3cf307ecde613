"""Layers beyond the paper's: what may stand where, and what an agent sees of it."""

import pytest

from metaqnn.errors import ConfigError
from metaqnn.networks.spaces.config import ConvolutionChoices, FullyConnectedChoices, Limits, SpaceConfig
from metaqnn.networks.spaces.layer_space import LayerSpace

IMAGES = {"input_shape": (12, 12, 3), "classes": 4}
SIGNALS = {"input_shape": (700, 1), "classes": 9}


def space(facts=IMAGES, **options) -> LayerSpace:
    section = {
        "max_depth": 4,
        "convolution": ConvolutionChoices((8,), (3,)),
        "pooling": ((2, 2),),
        "fully_connected": FullyConnectedChoices(()),
    }
    return LayerSpace(SpaceConfig(**(section | options)), facts)


def legal_after(space: LayerSpace, *actions: str) -> list[str]:
    """What may follow some layers."""
    state = space.initial_state()
    for text in actions:
        state = space.step(state, {str(action): action for action in space.actions(state)}[text])
    return list(map(str, space.actions(state)))


def test_every_activation_is_a_layer_of_its_own():
    options = ConvolutionChoices((8,), (3,), activations=("relu", "selu", "tanh"))
    assert legal_after(space(convolution=options)) == ["C(8,3,1)", "C(8,3,1,selu)", "C(8,3,1,tanh)", "GAP(4)", "SM(4)"]


def test_separable_convolutions_and_average_pools_stand_beside_the_others():
    wide = space(separable_convolution=ConvolutionChoices((8,), (3,), (1, 2)), average_pooling=((3, 2),))
    both = ["C(8,3,1)", "SC(8,3,1)", "SC(8,3,2)"]
    assert legal_after(wide) == [*both, "GAP(4)", "SM(4)"]
    assert legal_after(wide, "SC(8,3,1)") == [*both, "P(2,2)", "AP(3,2)", "GAP(4)", "SM(4)"]
    assert legal_after(wide, "SC(8,3,1)", "AP(3,2)") == [*both, "GAP(4)", "SM(4)"]


def test_batch_normalization_follows_what_has_weights_once():
    normal = space(batch_normalization=True, fully_connected=FullyConnectedChoices((16, 8), below_size=32))
    assert "BN" not in legal_after(normal)
    assert "BN" in legal_after(normal, "C(8,3,1)")
    after = legal_after(normal, "C(8,3,1)", "BN")
    assert "BN" not in after
    assert "P(2,2)" in after  # a pool follows a convolution, whatever stands between
    assert "BN" not in legal_after(normal, "C(8,3,1)", "P(2,2)")


def test_fully_connected_layers_narrow_across_a_batch_normalization():
    options = {"fully_connected": FullyConnectedChoices((16, 8), below_size=13), "representation_bins": (13, 1)}
    normal = space(batch_normalization=True, max_depth=6, convolution=ConvolutionChoices((8,), (1,)), **options)
    assert legal_after(normal, "C(8,1,1)", "FC(8)", "BN") == ["FC(8)", "SM(4)"]
    assert legal_after(normal, "C(8,1,1)", "FC(8)", "BN", "FC(8)") == ["BN", "SM(4)"]


def test_an_agent_sees_what_was_normalised():
    normal = space(batch_normalization=True)
    keys = [step.state for step in normal.trajectory("[C(8,3,1), BN, C(8,3,1), SM(4)]").steps]
    assert keys == ["0:start:8+", "1:C(8,3,1):8+", "2:C(8,3,1) BN:8+", "3:C(8,3,1):8+"]


def test_a_network_leaves_the_image_after_the_minimum_of_convolutions():
    deep = space(minimum_convolutions=2)
    assert legal_after(deep) == ["C(8,3,1)"]
    assert legal_after(deep, "C(8,3,1)") == ["C(8,3,1)", "P(2,2)"]
    assert legal_after(deep, "C(8,3,1)", "C(8,3,1)") == ["C(8,3,1)", "P(2,2)", "GAP(4)", "SM(4)"]
    keys = [step.state for step in deep.trajectory("[C(8,3,1), C(8,3,1), SM(4)]").steps]
    assert keys == ["0:start:8+:2 missing", "1:C(8,3,1):8+:1 missing", "2:C(8,3,1):8+"]


def test_room_is_kept_for_convolutions_that_are_missing():
    # A pool to 6 x 6 leaves bin 4-7, and two more to bin 1-3, where no 3 x 3 stands: three convolutions come first.
    deep = space(minimum_convolutions=3, max_depth=4)
    assert legal_after(deep, "C(8,3,1)", "P(2,2)") == ["C(8,3,1)"]
    full = space(minimum_convolutions=4, max_depth=4)
    assert legal_after(full, "C(8,3,1)") == ["C(8,3,1)"]


def test_a_minimum_that_fits_nowhere_is_refused():
    small = {"input_shape": (2, 2, 1), "classes": 2}
    with pytest.raises(
        ConfigError, match="minimum_convolutions: expected a number that fits on 2x2x1, got 1; lower it"
    ):
        space(small, minimum_convolutions=1)
    with pytest.raises(ConfigError, match=r"space.limits: \[C\(8,3,1\), C\(8,3,1\), SM\(4\)\] alone has 5,420 param"):
        space(minimum_convolutions=2, limits=Limits(parameters=5000))


def test_signals_have_one_side():
    bins = (50, 11, 1)  # a receptive field fits on every size of a bin
    options = {"convolution": ConvolutionChoices((2,), (1, 11)), "average_pooling": ((50, 50),)}
    signals = space(SIGNALS, representation_bins=bins, **options)
    network = "[C(2,11,1), AP(50,50), C(2,1,1), GAP(9), SM(9)]"
    assert signals.trajectory(network).steps[2].state == "2:AP(50,50):11-49"
    # Kernels of 11 x 1 x 2, 2 x 2 and 2 x 9, the softmax of 9 x 9, and a bias for each output.
    assert signals.costs(signals.parse(network)) == {
        "parameters": 24 + 6 + 27 + 90,
        "flops": 2 * (700 * 22 + 14 * 4 + 14 * 18 + 81),
        "layers": 5,
    }


def test_images_of_one_row_are_signals():
    # The same network as that of the test above, over images: one row each.
    options = {"convolution": ConvolutionChoices((2,), (1, 11)), "average_pooling": ((50, 50),)}
    rows = space(
        {"input_shape": (1, 700, 1), "classes": 9}, one_dimensional=True, representation_bins=(50, 11, 1), **options
    )
    network = "[C(2,1x11,1), AP(1x50,1x50), C(2,1,1), GAP(9), SM(9)]"
    assert rows.trajectory(network).steps[2].state == "2:AP(1x50,1x50):11-49"
    assert rows.costs(rows.parse(network))["parameters"] == 24 + 6 + 27 + 90
    skips = space(
        {"input_shape": (1, 700, 1), "classes": 9},
        one_dimensional=True,
        skip_connections=True,
        pooling=(),
        convolution=ConvolutionChoices((2,), (1, 11), (1, 2)),
    )
    steps = skips.trajectory("[C(2,1x11,1x2), GP, SM(9)]").steps
    assert [step.action for step in steps] == ["C", "width 11", "stride_width 2", "GP", "SM(9)"]
