"""A trained network as a `.keras` file that takes images on the scale it was trained on, and no others.

Keras turns whatever a model is given into the type of its input without a word, so a model of uint8 images would take
floats from 0 to 1 as nearly black. The file's input is float32 instead, which holds every uint8 exactly, and stock
operations of Keras in the file tell the scales apart: it loads where metaqnn is not installed, in safe mode.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from metaqnn.networks.graph import Graph
from metaqnn.networks.training.network import apply_layers, parts_of

if TYPE_CHECKING:
    import keras

_UNIT_RANGE = 2
"""Images without a value as high as this are on the scale from 0 to 1: some interpolations go above 1."""


def with_guarded_input(
    model: "keras.Model", graph: Graph, class_names: Sequence[str] | None, takes_unit_range: bool
) -> "keras.Model":
    """The network behind an input that tells scales apart, its class names with it.

    Args:
        model: from uint8 images (N, height, width, channels) to predictions (N, outputs).
        graph: of the network in it.
        class_names: in the order of the outputs; None where they are not known. The last layer's name holds them:
            `class_names`, then each after a `>`, in which what is no letter, digit, `_` or `-` is percent-encoded, with
            a backslash for the percent sign.
        takes_unit_range: whether images without a value of 2 or more are multiplied by 255. They must not be where
            the network was trained on such images.

    Returns:
        a model that gives what the network does of images of whole or other numbers from 0 to 255, and NaN for
        images with values outside.
    """
    import keras
    from keras import ops

    axes = (1, 2, 3)
    images = keras.Input(model.input_shape[1:], name="images")
    # Of gray images Keras adds a last axis that is missing, also where the axis that is missing is the first.
    pixels = keras.layers.Reshape(model.input_shape[1:])(images)
    if takes_unit_range:
        is_unit = ops.max(pixels, axis=axes, keepdims=True) < _UNIT_RANGE
        pixels = ops.where(is_unit, pixels * 255, pixels)
    is_usable = ops.all(ops.logical_and(pixels >= 0, pixels <= 255), axis=axes)
    answers = apply_layers(parts_of(model, graph, has_head=True), graph, pixels)
    probabilities = ops.where(ops.expand_dims(is_usable, 1), answers, float("nan"))
    return keras.Model(images, keras.layers.Identity(name=_layer_name(class_names or ()))(probabilities))


def _layer_name(class_names: Sequence[str]) -> str:
    """TensorFlow allows few characters in the name of a layer, PyTorch no dots."""
    names = (quote(name, safe="").replace(".", "%2E").replace("~", "%7E").replace("%", "\\") for name in class_names)
    return ">".join(["class_names", *names])
