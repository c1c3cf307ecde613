"""A trained network as an ONNX graph, written operator by operator from the graph of its operations.

Keras's own export needs tf2onnx and the TensorFlow backend, and a graph of it has the numbers of a `Normalization`
layer as further inputs that nobody can feed. So the graph is written directly; it needs the package onnx alone,
whatever the backend.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metaqnn.networks.data.config import Preprocessing
from metaqnn.networks.export.onnx_writer import OnnxWriter
from metaqnn.networks.graph import Graph
from metaqnn.networks.targets import Classes, Target
from metaqnn.networks.training.network import parts_of
from metaqnn.version import __version__

if TYPE_CHECKING:
    import keras

INPUT = "images"

_OPSET, _IR_VERSION = 17, 8  # of 2022: readers from then on understand the file

_LEAST_DEVIATION, _FLOOR = 1e-7, 1e-12
"""Keras's least standard deviation of a pixel (its `epsilon`), and what is added to the variance of an image."""


@dataclass(frozen=True, eq=False)
class TrainedGraph:
    """A network with its numbers.

    Attributes:
        graph: of the network, from preprocessed images to logits.
        weights: of each node after the input, in order, as Keras has them.
        preprocessing: its kind.
        mean, variance: of each pixel, where the preprocessing has them.
        target: what is predicted, whose head stands after the network.
    """

    graph: Graph
    weights: Sequence[Sequence[np.ndarray]]
    preprocessing: Preprocessing = "none"
    mean: np.ndarray | None = None
    variance: np.ndarray | None = None
    target: Target = field(default_factory=lambda: Classes(()))


def write_onnx(trained: TrainedGraph, path: Path, properties: Mapping[str, str]) -> None:
    """Write a network to an ONNX file: from uint8 images (N, height, width, channels) to predictions (N, outputs).

    Args:
        trained: the network.
        path: the file.
        properties: texts to keep in it, by name.
    """
    import onnx
    from onnx import TensorProto, helper

    writer, graph = OnnxWriter(), trained.graph
    names = [_preprocessed(writer, trained)]
    writer.known(names[0], graph.input_shape)
    for (_, node), weights in zip(graph.computed(), trained.weights, strict=True):
        names.append(node.operation.write_onnx(writer, weights, *(names[number] for number in node.inputs)))
        writer.known(names[-1], node.shape)
    writer.add("Identity", trained.target.write_head(writer, names[-1]), output=trained.target.output)
    proto = helper.make_model(
        helper.make_graph(
            writer.nodes,
            "metaqnn",
            [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", *graph.input_shape])],
            [helper.make_tensor_value_info(trained.target.output, TensorProto.FLOAT, ["N", *graph.nodes[-1].shape])],
            writer.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="metaqnn",
        producer_version=__version__,
    )
    helper.set_model_props(proto, dict(properties))
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


def trained_graph(
    model: "keras.Model", graph: Graph, preprocessing: Preprocessing, target: Target | None = None
) -> TrainedGraph:
    """The numbers of a Keras model that `networks.training.inference` made.

    Args:
        model: from uint8 images to predictions.
        graph: of the network in it.
        preprocessing: its kind.
        target: what is predicted; None is classes.
    """
    import keras

    parts = parts_of(model, graph, has_head=True)
    weights, predicts = [layer.get_weights() for layer in parts.nodes], target or Classes(())
    if preprocessing not in ("mean", "standardize"):
        return TrainedGraph(graph, weights, preprocessing, target=predicts)
    (normalization,) = parts.before
    mean, variance = (keras.ops.convert_to_numpy(each) for each in (normalization.mean, normalization.variance))
    return TrainedGraph(graph, weights, preprocessing, mean, variance, predicts)


def _preprocessed(writer: OnnxWriter, trained: TrainedGraph) -> str:
    """The images as the network sees them; `Statistics.apply` says what that is."""
    pixels = writer.add("Cast", INPUT, to=1)  # to single precision; uint8 numbers stay as they are
    if trained.preprocessing == "none":
        return writer.add("Mul", pixels, writer.constant("scale", 1.0 / 255.0))
    if trained.preprocessing == "global_contrast":
        return _contrast(writer, pixels, [1 + axis for axis in range(len(trained.graph.input_shape))])
    if trained.mean is None or trained.variance is None:
        raise ValueError(f"expected the numbers of the preprocessing {trained.preprocessing!r}, got none")
    deviation = np.maximum(np.sqrt(trained.variance), _LEAST_DEVIATION)
    centred = writer.add("Sub", pixels, writer.constant("mean", trained.mean))
    return writer.add("Div", centred, writer.constant("deviation", deviation))


def _contrast(writer: OnnxWriter, image: str, axes: list[int]) -> str:
    """In Keras's order of operations, so that rounding agrees on images of hardly any contrast."""
    mean = writer.add("ReduceMean", image, axes=axes, keepdims=1)
    difference = writer.add("Sub", image, mean)
    square = writer.add("Mul", difference, difference)
    variance = writer.add("ReduceMean", square, axes=axes, keepdims=1)
    deviation = writer.add("Sqrt", writer.add("Add", variance, writer.constant("floor", _FLOOR)))
    factor = writer.add("Reciprocal", deviation)
    shift = writer.add("Neg", writer.add("Mul", mean, factor))
    return writer.add("Add", writer.add("Mul", image, factor), shift)
