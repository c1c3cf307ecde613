"""A stored network, converted in a process of its own: `python -m` this module with one JSON argument.

Keras and its backend fill a terminal with their messages, and once imported they stay; so the command line leaves
them to this process. It also notes what the original predicts, by which the result is judged.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from metaqnn.errors import ExportError, MetaqnnError
from metaqnn.machine import machine_fault
from metaqnn.networks.export.formats import KERAS, ONNX, SAVED_MODEL
from metaqnn.networks.retraining.stored import StoredNetwork, load_network
from metaqnn.networks.training.backend import plain_keras

BATCH = 100
"""Images predicted at a time: what one of the paper's widest layers (32x32x512) gives is then 210 MB."""

REFUSED = 3
"""The exit code with which the process says that its output is a sentence for the user."""


@dataclass(frozen=True)
class Job:
    """What the process is to do.

    Attributes:
        format: name of the format.
        original: the network.
        target: what to write.
        images: an .npy file, uint8 of shape (N, height, width, channels).
        predictions: where to write what the original predicts of them, an .npy file, float32 of shape (N, classes).
        properties: texts to keep in the file, where the format can.
    """

    format: str
    original: StoredNetwork
    target: str
    images: str
    predictions: str
    properties: Mapping[str, str] = field(default_factory=dict)

    def as_text(self) -> str:
        """The argument of the process."""
        return json.dumps(asdict(self))

    @classmethod
    def of_text(cls, text: str) -> "Job":
        """The job that an argument describes."""
        content = json.loads(text)
        return cls(**content | {"original": StoredNetwork(**content["original"])})


def convert(job: Job) -> None:
    """Load, predict and write.

    Raises:
        ExportError: the network cannot be exported in that format.
        ReplayError: its file does not hold its weights.
    """
    import keras

    model = load_network(job.original)
    images = np.load(job.images)
    answers = [model.predict(images[start : start + BATCH], verbose=0) for start in range(0, len(images), BATCH)]
    np.save(job.predictions, np.concatenate(answers))
    if job.format == KERAS.name:
        model.save(job.target)
    elif job.format == ONNX.name:
        from metaqnn.networks.export.onnx_graph import write_onnx

        write_onnx(model, Path(job.target), job.properties)
    elif job.format == SAVED_MODEL.name:
        backend = keras.backend.backend()
        if backend != "tensorflow":
            raise ExportError(
                f"a SavedModel folder is written with Keras's TensorFlow backend, but KERAS_BACKEND is {backend}; "
                "set it to tensorflow, or export to .onnx"
            )
        model.export(job.target, format="tf_saved_model", verbose=False)


def main() -> None:
    """Do the job that the first argument describes."""
    try:
        with plain_keras():
            convert(Job.of_text(sys.argv[1]))
    except Exception as error:  # converters raise a full disk as anything; what is no fault goes on
        told = machine_fault(error) or (error if isinstance(error, MetaqnnError) else None)
        if told is None:
            raise
        print(told)
        sys.exit(REFUSED)


if __name__ == "__main__":
    main()
