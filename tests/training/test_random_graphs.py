"""Random graphs of all operations: costs, Keras, the fast engine's network and ONNX hold each other to the same."""

from collections import Counter

import numpy as np
import onnxruntime
import pytest
from training.graph_contract import hold_to_each_other, random_pixels
from training.random_graphs import random_graph

from metaqnn.networks.export.onnx_graph import TrainedGraph, write_onnx
from metaqnn.networks.operations.operation import Input, Operation


def hold_to_onnx(path, graph, layers, model):
    import tensorflow as tf

    arrays = [
        layer.get_weights() if node.operation.weights(*graph.shapes_into(node)) else []
        for (_, node), layer in zip(graph.computed(), layers, strict=True)
    ]
    write_onnx(TrainedGraph(graph, arrays), path, {})
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    pixels = random_pixels(graph.input_shape)
    answers = session.run(["probabilities"], {"images": pixels})[0]
    wanted = tf.nn.softmax(model(tf.constant(pixels / 255, tf.float32), training=False)).numpy()
    np.testing.assert_allclose(answers, wanted, rtol=0, atol=1e-4, err_msg=str(graph))


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("start", range(0, 100, 10))
def test_random_graphs(start, tmp_path):
    for number in range(start, start + 10):
        held = hold_to_each_other(number)
        if number % 2 == 0:
            hold_to_onnx(tmp_path / f"{number}.onnx", *held)


@pytest.mark.long
@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("start", range(100, 600, 50))
def test_more_random_graphs(start, tmp_path):
    for number in range(start, start + 50):
        held = hold_to_each_other(number)
        if number % 5 == 0:
            hold_to_onnx(tmp_path / f"{number}.onnx", *held)


def test_they_have_every_operation_and_all_forms():
    graphs = [random_graph(number) for number in range(100)]
    found = Counter(type(node.operation) for graph in graphs for node in graph.nodes)
    operations = {each for each in _subclasses(Operation) if not each.__abstractmethods__} | {Input}
    assert set(found) == operations
    assert min(found.values()) >= 5
    assert sum(not graph.is_chain for graph in graphs) >= 40


def _subclasses(kind):
    return {kind, *(each for sub in kind.__subclasses__() for each in _subclasses(sub))}
