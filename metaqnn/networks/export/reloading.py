"""What an exported network predicts in a fresh process that knows nothing of metaqnn, compared with the original."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from metaqnn.errors import ExportError
from metaqnn.networks.export.conversion import BATCH, REFUSED, Job
from metaqnn.networks.export.formats import ExportFormat
from metaqnn.networks.targets import Classes, Target
from metaqnn.seeding import Stream
from metaqnn.workers.pipe import python_path

_RANDOM_IMAGES = 8


@dataclass(frozen=True)
class Agreement:
    """How far two predictions of the same images agree.

    Attributes:
        images: how many.
        difference: the largest of two probabilities of one output of one image, or of two numbers in deviations.
        image: where that is, from 0.
        turned: images whose class is another, although the original's two likeliest differ by more than the tolerance;
            or one of whose labels is.
    """

    images: int
    difference: float
    image: int
    turned: int


def spread(count: int, most: int) -> np.ndarray:
    """Indices of at most so many of some images, over the whole: they may be in the order of their classes."""
    return np.linspace(0, count - 1, min(count, most)).astype(int)


def comparison_images(validation: np.ndarray) -> np.ndarray:
    """Images to compare on: validation images, some random ones, all black and all white.

    Args:
        validation: uint8 of shape (N, height, width, channels).
    """
    shape = validation.shape[1:]
    count = _RANDOM_IMAGES * int(np.prod(shape))
    random = (Stream(0, "export").raw(count) >> np.uint64(56)).astype(np.uint8).reshape(_RANDOM_IMAGES, *shape)
    flat = [np.full((1, *shape), value, dtype=np.uint8) for value in (0, 255)]
    return np.concatenate([validation, random, *flat])


def run_conversion(file_format: ExportFormat, job: Job) -> None:
    """Convert in a process of its own; see `metaqnn.networks.export.conversion`.

    The original predicts on the backend that Keras has here, or on TensorFlow where only that can write the format, so
    that a file of PyTorch is not compared with itself.

    Raises:
        ExportError: the network cannot be exported in that format, or the process failed.
    """

    def run(part: Job, backend: str | None) -> None:
        environment = {"PYTHONPATH": python_path(), **_backend(backend)}
        _run(["-m", "metaqnn.networks.export.conversion", part.as_text()], "converting the network", environment)

    if file_format.backend == "torch":
        run(replace(job, target=""), "tensorflow")
        job = replace(job, predictions="")
    run(job, file_format.backend)


def reloaded_predictions(file_format: ExportFormat, path: Path, images: Path) -> np.ndarray:
    """What an export predicts when it is loaded in a fresh process just as its snippet says.

    Args:
        file_format, path: of the export, a file or folder.
        images: an .npy file, uint8 of shape (N, height, width, channels).

    Returns:
        float32 of shape (N, outputs).

    Raises:
        ExportError: the process failed.
    """
    answers = images.with_name("reloaded.npy")
    arguments = [str(part.absolute()) for part in (images, answers)]
    code = program(file_format, path.absolute())
    doing = f"loading the {file_format.name} in a fresh process"
    _run(["-c", code, *arguments], doing, _backend(file_format.backend))
    return np.load(answers)


def program(file_format: ExportFormat, path: Path) -> str:
    """The program of the fresh process: arguments are a file of images and one for the predictions."""
    return "\n".join(
        [
            "import sys, numpy",
            "every, answers = numpy.load(sys.argv[1]), []",
            *file_format.loading_lines(path),
            f"for start in range(0, len(every), {BATCH}):",
            f"    images = every[start:start + {BATCH}]",
            f"    {file_format.predicting}",
            f"    answers.append({file_format.output})",
            "numpy.save(sys.argv[2], numpy.concatenate(answers))",
            "assert not [name for name in sys.modules if name.split('.')[0] == 'metaqnn'], 'metaqnn was imported'",
        ]
    )


def compare(original: np.ndarray, reloaded: np.ndarray, tolerance: float, target: Target | None = None) -> Agreement:
    """Compare predictions.

    Args:
        original, reloaded: predictions of shape (N, outputs), N at least 1.
        tolerance: differences up to it do not matter; of numbers they are in standard deviations.
        target: what is predicted; None is classes.
    """
    target = target or Classes(())
    if original.shape != reloaded.shape:
        return Agreement(len(original), float("inf"), 0, len(original))
    differences = (np.abs(original.astype(np.float64) - reloaded) / target.scale()).max(axis=1)
    differences[~np.isfinite(differences)] = np.inf  # what is no number agrees with nothing
    turned = target.turned(original, reloaded, tolerance)
    image = int(differences.argmax())
    return Agreement(len(original), float(differences[image]), image, int(turned.sum()))


def _backend(name: str | None) -> dict[str, str]:
    return {"KERAS_BACKEND": name} if name else {}


def _run(arguments: Sequence[str], doing: str, environment: Mapping[str, str] | None = None) -> None:
    """Run Python quietly on the CPU, where two processes round alike."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    on_cpu = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    ended = subprocess.run(
        [sys.executable, "-P", *arguments],  # -P: no module of the working folder
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env={"KERAS_BACKEND": "tensorflow", **os.environ, **quiet, **on_cpu, **(environment or {})},
        check=False,
    )
    if ended.returncode == REFUSED:
        raise ExportError(ended.stdout.strip().splitlines()[-1])
    if ended.returncode:
        lines = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
        raise ExportError(f"{doing} failed: {lines[-1][:300]}; nothing was exported")
