"""Random graphs of all operations: costs, Keras, the fast engine's network and ONNX hold each other to the same."""

from collections import Counter

import numpy as np
import onnxruntime
import pytest
from training.random_graphs import random_graph

from metaqnn.networks.export.onnx_graph import TrainedGraph, write_onnx
from metaqnn.networks.graph import node_parameters
from metaqnn.networks.operations.operation import Input, Operation
from metaqnn.networks.training.graph_network import GraphNetwork
from metaqnn.networks.training.network import KerasNetwork, parts_of, set_weights
from metaqnn.seeding import Stream

IMAGES = 5


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
    for variable, numbers in zip(
        (each for arrays in network.weights.values() for each in arrays), weights, strict=True
    ):
        variable.assign(numbers)
    return weights


def hold_to_each_other(number, path=None):
    import tensorflow as tf

    from metaqnn.networks.primitives.tensorflow_primitives import TensorFlowPrimitives

    graph = random_graph(number)
    keras_network = KerasNetwork(graph, seed=7)
    model = keras_network.model()
    # What it costs, and the shapes: Keras's.
    assert model.count_params() == graph.parameters
    for (_, node), layer in zip(graph.computed(), keras_network.layers, strict=True):
        assert tuple(layer.output.shape[1:]) == node.shape
        assert layer.count_params() == node_parameters(graph, node)
    assert list(parts_of(model, graph).nodes) == keras_network.layers
    # The same fresh weights.
    network = GraphNetwork(graph, 7, 1, TensorFlowPrimitives())
    for ours, theirs in zip(network.numpy_weights(), keras_network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # The same outputs, whatever the weights.
    weights = scrambled(network)
    set_weights(keras_network.layers, weights)
    pixels = random_pixels(graph.input_shape)
    images = tf.constant(pixels / 255, tf.float32)
    expected = np.asarray(model(images, training=False))
    found = network.logits(images).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=str(graph))
    # In training: batch normalisation by the batch, the same masks of dropout, and running numbers that follow.
    trained = np.asarray(model(images, training=True))
    np.testing.assert_allclose(network.logits(images, 0).numpy(), trained, rtol=1e-4, atol=1e-4, err_msg=str(graph))
    for ours, theirs in zip(network.numpy_weights(), keras_network.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5, err_msg=str(graph))
    if path is not None:
        arrays = [
            layer.get_weights() if node.operation.weights(*graph.shapes_into(node)) else []
            for (_, node), layer in zip(graph.computed(), keras_network.layers, strict=True)
        ]
        write_onnx(TrainedGraph(graph, arrays), path, {})
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        answers = session.run(["probabilities"], {"images": pixels})[0]
        wanted = tf.nn.softmax(model(images, training=False)).numpy()
        np.testing.assert_allclose(answers, wanted, rtol=0, atol=1e-4, err_msg=str(graph))


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("start", range(0, 100, 10))
def test_random_graphs(start, tmp_path):
    for number in range(start, start + 10):
        hold_to_each_other(number, tmp_path / f"{number}.onnx" if number % 2 == 0 else None)


@pytest.mark.long
@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("start", range(100, 600, 50))
def test_more_random_graphs(start, tmp_path):
    for number in range(start, start + 50):
        hold_to_each_other(number, tmp_path / f"{number}.onnx" if number % 5 == 0 else None)


def test_they_have_every_operation_and_all_forms():
    graphs = [random_graph(number) for number in range(100)]
    found = Counter(type(node.operation) for graph in graphs for node in graph.nodes)
    operations = {each for each in _subclasses(Operation) if not each.__abstractmethods__} | {Input}
    assert set(found) == operations
    assert min(found.values()) >= 5
    assert sum(not graph.is_chain for graph in graphs) >= 40


def _subclasses(kind):
    return {kind, *(each for sub in kind.__subclasses__() for each in _subclasses(sub))}
