"""A stored network, converted in a process of its own: `python -m metaqnn.networks.export.conversion` with one JSON argument.

Keras and its backend fill a terminal with their messages, and once imported they stay; so the command line leaves
them to this process. It also notes what the original predicts, by which the result is judged.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metaqnn.errors import ExportError, MetaqnnError
from metaqnn.networks.export.formats import KERAS, ONNX, SAVED_MODEL

if TYPE_CHECKING:
    import keras

BATCH = 100
"""Images predicted at a time: what one of the paper's widest layers (32x32x512) gives is then 210 MB."""

REFUSED = 3
"""The exit code with which the process says that its output is a sentence for the user."""


@dataclass(frozen=True)
class Job:
    """What the process is to do.

    Attributes:
        form: name of the form.
        original: the Keras file of the network.
        target: what to write.
        images: an .npy file, uint8 of shape (N, height, width, channels).
        predictions: where to write what the original predicts of them, an .npy file, float32 of shape (N, classes).
        properties: texts to keep in the file, where the form can.
    """

    form: str
    original: str
    target: str
    images: str
    predictions: str
    properties: Mapping[str, str] = field(default_factory=dict)

    def as_text(self) -> str:
        """The argument of the process."""
        return json.dumps(asdict(self))


def convert(job: Job) -> None:
    """Load, check, predict and write.

    Raises:
        ExportError: the network cannot be exported in that form.
    """
    import keras

    try:
        model = keras.models.load_model(job.original)
    except Exception as error:  # Keras raises whatever the damage leads to
        raise ExportError(
            f"{job.original}: expected a network as Keras stores it, but it cannot be loaded "
            f"({type(error).__name__}); train it again"
        ) from error
    images = np.load(job.images)
    require_stock_layers(model)
    require_images(model, images.shape[1:])
    answers = [model.predict(images[start : start + BATCH], verbose=0) for start in range(0, len(images), BATCH)]
    np.save(job.predictions, np.concatenate(answers))
    if job.form == KERAS.name:
        shutil.copyfile(job.original, job.target)
    elif job.form == ONNX.name:
        from metaqnn.networks.export.onnx_graph import write_onnx

        write_onnx(model, Path(job.target), job.properties)
    elif job.form == SAVED_MODEL.name:
        backend = keras.backend.backend()
        if backend != "tensorflow":
            raise ExportError(
                f"a SavedModel folder is written with Keras's TensorFlow backend, but KERAS_BACKEND is {backend}; "
                "set it to tensorflow, or export to .onnx"
            )
        model.export(job.target, format="tf_saved_model", verbose=False)


def require_stock_layers(model: "keras.Model") -> None:
    """Refuse a network that Keras alone cannot load.

    Raises:
        ExportError: a layer is none of Keras's own, or holds code.
    """
    import keras

    for layer in model.layers:
        name = type(layer).__name__
        if getattr(keras.layers, name, None) is not type(layer) or isinstance(layer, keras.layers.Lambda):
            raise ExportError(f"expected Keras's own layers alone, but {layer.name} is a {name}; train it again")


def require_images(model: "keras.Model", shape: tuple[int, ...]) -> None:
    """Refuse a network that does not take raw images of a shape.

    Raises:
        ExportError: it takes something else.
    """
    takes = f"{model.inputs[0].dtype} {model.input_shape}"
    wanted = f"uint8 {(None, *shape)}"
    if takes != wanted:
        raise ExportError(f"expected a network that takes {wanted}, but it takes {takes}; train it again")


def main() -> None:
    """Do the job that the first argument describes."""
    try:
        convert(Job(**json.loads(sys.argv[1])))
    except MetaqnnError as error:
        print(error)
        sys.exit(REFUSED)


if __name__ == "__main__":
    main()
