"""A trained network as a LiteRT (`.tflite`) file, for phones and small devices: in floats, or in whole numbers."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def write_litert(
    model: "keras.Model",
    path: Path,
    calibration: np.ndarray | None,
    is_per_channel: bool = True,
    output: str = "probabilities",
) -> None:
    """Write a network to a LiteRT file, by way of a SavedModel. Keras runs on TensorFlow.

    Args:
        model: from uint8 images (N, height, width, channels) to predictions (N, outputs).
        path: the file.
        calibration: uint8 images by which the ranges of all numbers between layers are chosen, for weights and
            numbers of 8 bits (post-training integer quantization, Jacob et al., CVPR 2018); None keeps floats. Images
            go in and predictions come out as before.
        is_per_channel: whether each channel of weights has a scale of its own, or a layer one: smaller, but coarser
            where channels differ (`python -m benchmarks.int8`).
        output: what the predictions are called.
    """
    import keras
    import tensorflow as tf

    with tempfile.TemporaryDirectory(prefix="metaqnn-") as folder:
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint(
            "serve",
            lambda images: {output: model(images, training=False)},
            input_signature=[tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8, name="images")],
        )
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if calibration is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if not is_per_channel:
                converter._experimental_disable_per_channel = True
            converter.representative_dataset = lambda: ([image[np.newaxis]] for image in calibration)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        path.write_bytes(converter.convert())
