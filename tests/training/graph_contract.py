"""What holds for the network of every fast engine: random graphs give what Keras's layers give, to the same weights.

`test_random_graphs.py` runs it with TensorFlow; `test_backends.py` in a process of its own for each other backend.
"""

import numpy as np
import pytest
from training.fast_engines import BACKEND, assign, primitives
from training.random_graphs import random_graph

from metaqnn.networks.graph import node_parameters
from metaqnn.networks.training.graph_network import GraphNetwork
from metaqnn.networks.training.network import KerasNetwork, parts_of, set_weights
from metaqnn.seeding import Stream

IMAGES = 5

# With JAX Keras compiles every operation by itself, which takes seconds a graph.
FEW = 2 if BACKEND == "jax" else 60


def random_pixels(shape):
    words = Stream(0, "pixels").raw(IMAGES * int(np.prod(shape)))
    return (words >> np.uint64(56)).astype(np.uint8).reshape(IMAGES, *shape)


def scrambled(network):
    """Weights that are no longer 0 or 1."""
    weights = []
    for number, weight in enumerate(network.numpy_weights()):
        words = Stream(0, "weights", number).raw(max(weight.size, 1))[: weight.size]
        uniform = (words >> np.uint64(40)).astype(np.float32).reshape(weight.shape) / 2**24
        weights.append((weight + uniform / 4).astype(np.float32))
    variables = [each for arrays in network.weights.values() for each in arrays]
    for variable, numbers in zip(variables, weights, strict=True):
        assign(variable, numbers)
    return weights


def hold_to_each_other(number):
    """A random graph by Keras and by primitives; returns the graph, its layers and the model, trained for one batch."""
    from keras import ops

    graph = random_graph(number)
    keras_network = KerasNetwork(graph, seed=7, masks=primitives() if BACKEND == "tensorflow" else None)
    model = keras_network.model()
    # What it costs, and the shapes: Keras's.
    assert model.count_params() == graph.parameters
    for (_, node), layer in zip(graph.computed(), keras_network.layers, strict=True):
        assert tuple(layer.output.shape[1:]) == node.shape
        assert layer.count_params() == node_parameters(graph, node)
    assert list(parts_of(model, graph).nodes) == keras_network.layers
    # The same fresh weights.
    network = GraphNetwork(graph, 7, 1, primitives())
    for ours, theirs in zip(network.numpy_weights(), keras_network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # The same outputs, whatever the weights.
    set_weights(keras_network.layers, scrambled(network))
    images = ops.convert_to_tensor(random_pixels(graph.input_shape) / 255, "float32")

    def given(outputs):
        return ops.convert_to_numpy(outputs)

    expected = given(model(images, training=False))
    np.testing.assert_allclose(given(network.logits(images)), expected, rtol=1e-5, atol=1e-5, err_msg=str(graph))
    # In training: batch normalisation by the batch, the same masks of dropout, and running numbers that follow.
    trained = given(model(images, training=True))
    np.testing.assert_allclose(given(network.logits(images, 0)), trained, rtol=1e-4, atol=1e-4, err_msg=str(graph))
    for ours, theirs in zip(network.numpy_weights(), keras_network.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5, err_msg=str(graph))
    return graph, keras_network.layers, model


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("shape", [(3, 3, 1, 64), (5, 5, 16, 40), (3, 7, 2), (3, 3, 20, 1), (300, 70), (1, 1)])
def test_fresh_weights_are_those_of_kerass_initializer(shape):
    from keras import initializers, ops

    expected = ops.convert_to_numpy(initializers.GlorotUniform(2**31 - 2)(shape, "float32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(primitives().glorot_uniform(2**31 - 2, shape)), expected)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("number", range(FEW))
def test_a_random_graph_gives_what_keras_gives(number):
    hold_to_each_other(number)


@pytest.mark.long
@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("start", range(100, 300, 20))
def test_more_random_graphs_give_what_keras_gives(start):
    for number in range(start, start + 20):
        hold_to_each_other(number)
