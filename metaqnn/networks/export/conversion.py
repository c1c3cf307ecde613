"""A stored network, converted in a process of its own: `python -m` this module with one JSON argument.

Keras and its backend fill a terminal with their messages, and once imported they stay; so the command line leaves
them to this process. It also notes what the original predicts, by which the result is judged.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from metaqnn.errors import MetaqnnError
from metaqnn.machine import machine_fault
from metaqnn.networks.export.formats import KERAS, LITERT, LITERT_INT8, ONNX, SAVED_MODEL, TORCH
from metaqnn.networks.retraining.stored import StoredNetwork, graph_of, load_network
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
        target: what to write; empty for predictions alone.
        images: an .npy file, uint8 of shape (N, height, width, channels).
        predictions: where to write what the original predicts of them, an .npy file, float32 of shape (N, outputs);
            empty for none.
        class_names: kept in the file, where the format can; None where they are not known.
        takes_unit_range: see `metaqnn.networks.export.keras_file`.
        calibration: an .npy file of images like those, for int8.
    """

    format: str
    original: StoredNetwork
    target: str
    images: str
    predictions: str
    class_names: Sequence[str] | None = None
    takes_unit_range: bool = False
    calibration: str = ""

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
    model, target = load_network(job.original), Path(job.target)
    if job.predictions:
        images = np.load(job.images)
        answers = [model.predict(images[start : start + BATCH], verbose=0) for start in range(0, len(images), BATCH)]
        np.save(job.predictions, np.concatenate(answers))
    if not job.target:
        return
    if job.format == KERAS.name:
        from metaqnn.networks.export.keras_file import with_guarded_input

        with_guarded_input(model, graph_of(job.original), job.class_names, job.takes_unit_range).save(target)
    elif job.format == ONNX.name:
        from metaqnn.networks.export.onnx_graph import trained_graph, write_onnx

        notes = {"architecture": job.original.architecture}
        if job.class_names is not None:
            notes["class_names"] = json.dumps(job.class_names, ensure_ascii=False)
        predicts = job.original.predicts
        write_onnx(trained_graph(model, graph_of(job.original), job.original.preprocessing, predicts), target, notes)
    elif job.format == SAVED_MODEL.name:
        model.export(job.target, format="tf_saved_model", verbose=False)
    elif job.format in (LITERT.name, LITERT_INT8.name):
        from metaqnn.networks.export.litert_file import write_litert

        calibration = np.load(job.calibration) if job.calibration else None
        write_litert(model, target, calibration, output=job.original.predicts.output)
    elif job.format == TORCH.name:
        from metaqnn.networks.export.torch_file import write_torch

        write_torch(model, target)


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
