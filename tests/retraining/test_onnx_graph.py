"""ONNX graphs against the Keras networks they are written from."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from trained_networks import KINDS, random_images, random_network

from metaqnn.networks.architecture import parse
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.export.onnx_graph import trained_graph, write_onnx
from metaqnn.networks.spaces.config import ConvolutionChoices, FullyConnectedChoices, SpaceConfig
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.seeding import Stream

NETWORKS = [
    ("[SM(10)]", (8, 8, 1)),
    ("[C(8,3,1), C(4,5,2), FC(16), FC(8), SM(10)]", (8, 8, 1)),
    ("[C(8,3,2), C(6,1,1), P(2,2), GAP(3), SM(3)]", (13, 11, 2)),  # odd sides: SAME padding is not the same on both
    ("[C(8,5,1), P(5,3), C(8,3,2), P(3,2), FC(12), SM(10)]", (32, 32, 3)),
    ("[P(3,2), C(7,5,3), C(5,1,2), SM(4)]", (17, 20, 3)),
]


def written(model, path, text, shape, kind, batch_normalization=False, properties=None):
    graph = compile_network(parse(text), shape, batch_normalization=batch_normalization)
    write_onnx(trained_graph(model, graph, kind), path, properties or {})


def predictions(path, images):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"images": images})[0]


def answers(model, images):
    """What Keras predicts; called like this it compiles nothing."""
    return np.asarray(model(images, training=False))


def images_of_every_sort(shape):
    """Random, black, white and grey ones, and such of hardly any contrast."""
    flat = [np.full((1, *shape), value, dtype=np.uint8) for value in (0, 255, 77)]
    dim = random_images(20, shape, "dim") // 128 + 250
    spot = np.full((1, *shape), 200, dtype=np.uint8)
    spot[0, 1, 1, 0] = 201
    return np.concatenate([random_images(50, shape, "test"), *flat, dim, spot])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("text", "shape"), NETWORKS, ids=[text for text, _ in NETWORKS])
def test_it_predicts_what_keras_does(tmp_path, text, shape, kind):
    batch_normalization = (KINDS.index(kind) + NETWORKS.index((text, shape))) % 2 == 1
    model = random_network(text, shape, kind, batch_normalization)
    path = tmp_path / "model.onnx"
    written(model, path, text, shape, kind, batch_normalization)
    images = images_of_every_sort(shape)
    expected = answers(model, images)
    assert np.ptp(expected, axis=0).max() > 0.001, "a network that says the same of all images tests nothing"
    found = predictions(path, images)
    assert found.dtype == np.float32
    # Where one pixel stands out by 1, Keras's own order of operations subtracts 3,400 from 3,400 in single precision.
    tolerance = 1e-4 if kind == "global_contrast" else 2e-5
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(predictions(path, images[:1]), found[:1], rtol=0, atol=1e-6)  # a batch of any size


def test_random_networks_of_a_space_predict_what_keras_does(tmp_path):
    config = SpaceConfig(
        max_depth=6,
        convolution=ConvolutionChoices((4, 6), (1, 3, 5), (1, 2)),
        fully_connected=FullyConnectedChoices((8, 4)),
    )
    shape = (13, 10, 2)
    space = LayerSpace(config, {"input_shape": shape, "classes": 3})
    images = images_of_every_sort(shape)
    for number in range(10):
        stream = Stream(1, "networks", number)
        text = space.walk(lambda _, choices, stream=stream: stream.integer(len(choices))).architecture
        model = random_network(text, shape, KINDS[number % 4], number % 2 == 1)
        written(model, tmp_path / f"{number}.onnx", text, shape, KINDS[number % 4], number % 2 == 1)
        found = predictions(tmp_path / f"{number}.onnx", images)
        np.testing.assert_allclose(found, answers(model, images), rtol=0, atol=1e-4, err_msg=text)


def test_the_file_says_what_goes_in_and_what_comes_out(tmp_path):
    text = "[C(4,3,1), P(2,2), SM(10)]"
    names = json.dumps(["null", "eins"])
    model, properties = random_network(text, (8, 8, 1), "mean"), {"architecture": text, "names": names}
    written(model, tmp_path / "m.onnx", text, (8, 8, 1), "mean", properties=properties)
    proto = onnx.load(tmp_path / "m.onnx")
    assert [(opset.domain, opset.version) for opset in proto.opset_import] == [("", 17)]
    assert {entry.key: entry.value for entry in proto.metadata_props} == {"architecture": text, "names": names}
    (taken,), (given,) = proto.graph.input, proto.graph.output
    for value, name, kind, dimensions in [
        (taken, "images", onnx.TensorProto.UINT8, ["N", 8, 8, 1]),
        (given, "probabilities", onnx.TensorProto.FLOAT, ["N", 10]),
    ]:
        tensor = value.type.tensor_type
        assert value.name == name
        assert tensor.elem_type == kind
        assert [d.dim_param or d.dim_value for d in tensor.shape.dim] == dimensions
    operators = [node.op_type for node in proto.graph.node]
    assert operators == [
        *("Cast", "Sub", "Div", "Transpose", "Conv", "Relu", "MaxPool"),
        *("Transpose", "Flatten", "Gemm", "Softmax", "Identity"),
    ]
