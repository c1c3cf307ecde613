"""A trained network as an ONNX graph, written operator by operator from its Keras layers.

Keras's own export needs tf2onnx and the TensorFlow backend, and a graph of it has the numbers of a `Normalization`
layer as further inputs that nobody can feed. Networks here are a chain of a dozen kinds of layer, so the graph is
written directly; it needs the package onnx alone, whatever the backend.

Images come in as Keras has them, channels last, and are turned once: ONNX's convolutions want the channels first.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metaqnn.errors import ExportError
from metaqnn.version import __version__

if TYPE_CHECKING:
    import keras

INPUT, OUTPUT = "images", "probabilities"

_OPSET, _IR_VERSION = 17, 8  # of 2022: readers from then on understand the file


def write_onnx(model: "keras.Sequential", path: Path, properties: Mapping[str, str], output: str = OUTPUT) -> None:
    """Write a network to an ONNX file.

    Args:
        model: from uint8 images (N, height, width, channels) to predictions (N, outputs), in single precision.
        path: the file.
        properties: texts to keep in it, by name.
        output: what the predictions are called.

    Raises:
        ExportError: it has a layer, or a setting of one, for which there is no operator here.
    """
    import onnx
    from onnx import TensorProto, helper

    graph = _Graph()
    for layer in model.layers:
        write = _WRITERS.get(type(layer).__name__)
        if write is None:
            raise ExportError(
                f"the layer {layer.name} ({type(layer).__name__}) has no place in an ONNX file from here; known are "
                f"{', '.join(_WRITERS)}; export to a .keras file instead"
            )
        graph.require(layer, "data_format", getattr(layer, "data_format", "channels_last"), "channels_last")
        # Rounding to fewer bits as the layer does cannot be written in standard operators.
        graph.require(layer, "dtype", layer.compute_dtype, "float32")
        write(graph, layer)
    graph.add("Identity", output=output)
    shape, classes = model.input_shape[1:], model.output_shape[1:]
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "metaqnn",
            [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", *shape])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", *classes])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="metaqnn",
        producer_version=__version__,
    )
    helper.set_model_props(proto, dict(properties))
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


class _Graph:
    """Nodes and constants so far; each node takes what the one before gave."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.last = INPUT
        self.channels_first = False

    def add(self, operator: str, *others: str, output: str | None = None, source: str | None = None, **attributes):
        """Add a node with `source` (or the last output) and `others` as inputs; returns the name of its output."""
        from onnx import helper

        output = output or f"{operator}_{len(self.nodes)}"
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [source or self.last, *others], [output], name=name, **attributes))
        self.last = output
        return output

    def constant(self, name: str, values: Any) -> str:
        """Add a constant, in single precision; returns its name, which is unique."""
        from onnx import numpy_helper

        name = f"{name}_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name))
        return name

    def turn(self, channels_first: bool) -> None:
        """Bring images into an order of axes, if they are not in it."""
        if self.channels_first != channels_first:
            self.add("Transpose", perm=[0, 3, 1, 2] if channels_first else [0, 2, 3, 1])
            self.channels_first = channels_first

    @staticmethod
    def require(layer: "keras.Layer", setting: str, value: Any, expected: Any) -> None:
        """Refuse a layer whose setting would be lost in the graph."""
        if value != expected:
            raise ExportError(
                f"the layer {layer.name} ({type(layer).__name__}) cannot be written to an ONNX file: expected "
                f"{setting} {expected!r}, got {value!r}; export to a .keras file instead"
            )


def _rescaling(graph: _Graph, layer: "keras.Layer") -> None:
    graph.add("Cast", to=1)  # to single precision; uint8 numbers stay as they are
    graph.add("Mul", graph.constant("scale", layer.scale))
    graph.add("Add", graph.constant("offset", layer.offset))


def _normalization(graph: _Graph, layer: "keras.Layer") -> None:
    import keras

    graph.require(layer, "invert", layer.invert, False)
    mean, variance = (keras.ops.convert_to_numpy(numbers) for numbers in (layer.mean, layer.variance))
    graph.add("Cast", to=1)
    graph.add("Sub", graph.constant("mean", mean))
    graph.add("Div", graph.constant("deviation", np.maximum(np.sqrt(variance), keras.backend.epsilon())))


def _layer_normalization(graph: _Graph, layer: "keras.Layer") -> None:
    """Of a whole image; in Keras's order of operations, so that rounding agrees on images of hardly any contrast."""
    graph.require(layer, "axis", list(layer.axis), [1, 2, 3])
    graph.require(layer, "scale and center", (layer.scale, layer.center), (False, False))
    image = graph.last
    mean = graph.add("ReduceMean", axes=[1, 2, 3], keepdims=1)
    difference = graph.add("Sub", mean, source=image)
    graph.add("Mul", difference)
    graph.add("ReduceMean", axes=[1, 2, 3], keepdims=1)
    graph.add("Add", graph.constant("floor", layer.epsilon))
    graph.add("Sqrt")
    factor = graph.add("Reciprocal")
    graph.add("Mul", factor, source=mean)
    shift = graph.add("Neg")
    graph.add("Mul", factor, source=image)
    graph.add("Add", shift)


def _convolution(graph: _Graph, layer: "keras.Layer") -> None:
    graph.require(layer, "dilation_rate", tuple(layer.dilation_rate), (1, 1))
    graph.require(layer, "groups", layer.groups, 1)
    graph.turn(channels_first=True)
    kernel, *bias = layer.get_weights()
    constants = [graph.constant("kernel", kernel.transpose(3, 2, 0, 1))]
    constants += [graph.constant("bias", numbers) for numbers in bias]
    graph.add("Conv", *constants, strides=list(layer.strides), pads=_pads(layer, layer.kernel_size))
    _activation(graph, layer)


def _max_pooling(graph: _Graph, layer: "keras.Layer") -> None:
    graph.turn(channels_first=True)
    size, strides = list(layer.pool_size), list(layer.strides)
    graph.add("MaxPool", kernel_shape=size, strides=strides, pads=_pads(layer, layer.pool_size))


def _pads(layer: "keras.Layer", sizes: tuple[int, ...]) -> list[int]:
    """Rows and columns to add before and after; SAME puts the odd one after, as TensorFlow does."""
    if layer.padding == "valid":
        return [0, 0, 0, 0]
    totals = []
    for length, size, stride in zip(layer.input.shape[1:3], sizes, layer.strides, strict=True):
        totals.append(max((-(-length // stride) - 1) * stride + size - length, 0))
    return [total // 2 for total in totals] + [total - total // 2 for total in totals]


def _batch_normalization(graph: _Graph, layer: "keras.Layer") -> None:
    rank = len(layer.input.shape)
    graph.require(layer, "axis", layer.axis % rank, rank - 1)
    if rank == 4:
        graph.turn(channels_first=True)
    weights = [layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance]
    # Without a scale or an offset of its own it is by 1 and 0.
    numbers = [default if w is None else w.numpy() for w, default in zip(weights, (1.0, 0.0, 0.0, 1.0), strict=True)]
    width = (layer.input.shape[-1],)
    constants = [graph.constant("normalization", np.broadcast_to(values, width)) for values in numbers]
    graph.add("BatchNormalization", *constants, epsilon=float(layer.epsilon))


def _global_average_pooling(graph: _Graph, layer: "keras.Layer") -> None:
    graph.require(layer, "keepdims", layer.keepdims, False)
    graph.turn(channels_first=True)
    graph.add("GlobalAveragePool")
    graph.add("Flatten", axis=1)
    graph.channels_first = False


def _flatten(graph: _Graph, layer: "keras.Layer") -> None:
    graph.turn(channels_first=False)  # the order in which the next layer's weights are
    graph.add("Flatten", axis=1)


def _dense(graph: _Graph, layer: "keras.Layer") -> None:
    graph.require(layer, "input rank", len(layer.input.shape), 2)
    kernel, *bias = layer.get_weights()
    constants = [graph.constant("kernel", kernel)] + [graph.constant("bias", numbers) for numbers in bias]
    graph.add("Gemm", *constants)
    _activation(graph, layer)


def _relu(graph: _Graph, layer: "keras.Layer") -> None:
    settings = (layer.max_value, float(layer.negative_slope), float(layer.threshold))
    graph.require(layer, "max_value, negative_slope and threshold", settings, (None, 0.0, 0.0))
    graph.add("Relu")


def _softmax(graph: _Graph, layer: "keras.Layer") -> None:
    graph.require(layer, "axis", layer.axis, -1)
    graph.add("Softmax", axis=-1)


def _activation(graph: _Graph, layer: "keras.Layer") -> None:
    name = layer.activation.__name__
    operators = {"linear": None, "relu": "Relu", "softmax": "Softmax", "sigmoid": "Sigmoid"}
    if name not in operators:
        graph.require(layer, "activation", name, " or ".join(operators))
    if operator := operators[name]:
        graph.add(operator)


def _nothing(graph: _Graph, layer: "keras.Layer") -> None:
    """A layer that does nothing but in training."""


_WRITERS: Mapping[str, Callable[[_Graph, "keras.Layer"], None]] = {
    "Dropout": _nothing,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "LayerNormalization": _layer_normalization,
    "Conv2D": _convolution,
    "MaxPooling2D": _max_pooling,
    "BatchNormalization": _batch_normalization,
    "GlobalAveragePooling2D": _global_average_pooling,
    "Flatten": _flatten,
    "Dense": _dense,
    "ReLU": _relu,
    "Softmax": _softmax,
    "Activation": _activation,
}
