"""Networks taken to other data: their outputs, what is refused, and which weights come along."""

import numpy as np
import pytest

from metaqnn.errors import IllegalArchitectureError, MetaqnnError
from metaqnn.networks.architecture import parse
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.data import Statistics
from metaqnn.networks.retraining.stored import StoredNetwork, save_network
from metaqnn.networks.retraining.transfer import refuse_unbuildable, refuse_untransferable, take_weights, with_classes
from metaqnn.networks.training.inference import inference_network
from metaqnn.networks.training.network import KerasNetwork, build_network


@pytest.mark.parametrize(
    ("text", "classes", "expected"),
    [
        ("[C(4,3,1), SM(10)]", 100, "[C(4,3,1), SM(100)]"),
        ("[C(4,3,1), GAP(10), SM(10)]", 3, "[C(4,3,1), GAP(3), SM(3)]"),
        ("[FC(16), SM(10)]", 10, "[FC(16), SM(10)]"),
    ],
)
def test_outputs_follow_the_classes(text, classes, expected):
    assert with_classes(text, classes) == expected


def test_a_network_that_does_not_fit_is_refused():
    refuse_unbuildable("[C(4,3,1), P(5,3), SM(10)]", (8, 8, 1), "digits")
    with pytest.raises(IllegalArchitectureError) as error:
        refuse_unbuildable("[C(4,3,1), P(5,3), SM(10)]", (4, 4, 1), "tiny")
    assert str(error.value) == (
        "[C(4,3,1), P(5,3), SM(10)] cannot be trained on the 4x4x1 images of tiny: P(5,3) does not fit on an image of "
        "4x4; choose another model or data set"
    )


def test_weights_of_a_fully_connected_layer_do_not_fit_other_images():
    refuse_untransferable("[C(4,3,1), FC(16), SM(10)]", (8, 8, 1), (8, 8, 3))
    refuse_untransferable("[C(4,3,1), GAP(10), SM(10)]", (8, 8, 1), (32, 32, 3))
    with pytest.raises(IllegalArchitectureError) as error:
        refuse_untransferable("[C(4,3,1), FC(16), SM(10)]", (8, 8, 1), (16, 16, 1))
    assert str(error.value) == (
        "the weights of FC(16) in [C(4,3,1), FC(16), SM(10)] have 256 inputs, and there are 1,024 on images of "
        "16x16x1; leave --finetune out to train the network from fresh weights"
    )


def saved(text, shape, path, normalised=True):
    network = build_network(parse(text), shape, seed=1, batch_normalization=normalised)
    for number, weight in enumerate(network.weights):  # batch normalisation's are all 0 or 1 when fresh
        weight.assign(weight + 0.125 * (number + 1))
    stored = StoredNetwork(str(path), text, shape, "none", normalised)
    save_network(inference_network(parse(text), shape, Statistics("none"), network.get_weights(), normalised), path)
    return network, stored


def kernels(network):
    return [layer.get_weights() for layer in network.layers if layer.weights]


def equal(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def built(text, shape, seed=0, batch_normalization=False):
    graph = compile_network(parse(text), shape, has_dropout=True, batch_normalization=batch_normalization)
    network = KerasNetwork(graph, seed)
    network.model()
    return network


def test_everything_but_the_outputs_comes_along(device, tmp_path):
    origin, stored = saved("[C(4,3,1), FC(8), SM(10)]", (4, 4, 1), tmp_path / "origin.weights.h5")
    network = built("[C(4,3,1), FC(8), SM(3)]", (4, 4, 1), seed=2, batch_normalization=True)
    fresh = kernels(network)
    take_weights(network, stored)
    taken = kernels(network)
    assert all(equal(ours, theirs) for ours, theirs in zip(taken[:-1], kernels(origin)[:-1], strict=True))
    assert equal(taken[-1], fresh[-1])


def test_the_convolution_of_a_global_average_pooling_is_an_output_too(device, tmp_path):
    origin, stored = saved("[C(4,3,1), GAP(10), SM(10)]", (4, 4, 1), tmp_path / "origin.weights.h5", normalised=False)
    network = built("[C(4,3,1), GAP(3), SM(3)]", (9, 9, 1), seed=2)
    fresh = kernels(network)
    take_weights(network, stored)
    taken = kernels(network)
    assert equal(taken[0], kernels(origin)[0])
    assert equal(taken[1], fresh[1])
    assert equal(taken[2], fresh[2])


@pytest.mark.parametrize(("old", "new"), [(1, 3), (3, 1)])
def test_a_grey_image_has_the_same_response_over_other_channels(device, tmp_path, old, new):
    text = "[C(4,3,1), SM(2)]"
    origin, stored = saved(text, (5, 5, old), tmp_path / "origin.weights.h5", normalised=False)
    network = built(text, (5, 5, new), seed=2)
    take_weights(network, stored)
    grey = np.linspace(0, 1, 25, dtype="float32").reshape(1, 5, 5, 1)
    ours = network.layers[0](np.repeat(grey, new, axis=3))
    theirs = origin.layers[0](np.repeat(grey, old, axis=3))
    assert np.allclose(ours, theirs, atol=1e-5)


def test_networks_of_other_layers_are_refused(device, tmp_path):
    _, stored = saved("[C(4,3,1), SM(10)]", (4, 4, 1), tmp_path / "origin.weights.h5", normalised=False)
    network = built("[C(4,3,1), SM(10)]", (4, 4, 1), batch_normalization=True)
    with pytest.raises(MetaqnnError) as error:
        take_weights(network, stored)
    assert str(error.value) == (
        f"{stored.path}: expected a network of the same layers, but one is with batch normalisation and one is "
        "without; set final.batch_normalization as it was trained"
    )
