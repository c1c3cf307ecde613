"""The formats in which a network leaves a database: their endings, what they need, and how each is loaded."""

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from metaqnn.errors import ExportError


@dataclass(frozen=True)
class ExportFormat:
    """A format of an export.

    Attributes:
        name: for people, and by which the processes that convert and reload know it.
        ending: of the file's name; empty for a folder.
        library: by which the Hugging Face Hub knows what loads it.
        packages: what must be installed.
        extra: of metaqnn, which installs them; empty where they are installed by their own names.
        tolerance: the largest difference of probabilities from the original's; None for one without weights.
        loading: lines of Python that import and load, with `{path!r}` for the place.
        predicting: the line that turns `images`, uint8 (N, height, width, channels), into what `output` names; empty
            for a format that cannot.
        backend: of Keras, with which it is written; None is any.
        most_lost: how much of the accuracy on validation images it may lose, in [0, 1], where the tolerance is not the
            measure.
        output: what the predictions are called there.
    """

    name: str
    ending: str
    library: str
    packages: tuple[str, ...]
    extra: str
    tolerance: float | None
    loading: tuple[str, ...]
    predicting: str
    backend: str | None = None
    most_lost: float | None = None
    output: str = "probabilities"

    def giving(self, output: str) -> "ExportFormat":
        """The same where the predictions are called otherwise, as `numbers`."""
        return replace(self, predicting=self.predicting.replace(self.output, output), output=output)

    def snippet(self, path: Path) -> str:
        """How to load what stands at `path`, as lines of Python."""
        return "\n".join(filter(None, [*self.loading_lines(path), self.predicting]))

    def loading_lines(self, path: Path) -> list[str]:
        """Those lines that load what stands at `path`."""
        return [line.format(path=str(path)) for line in self.loading]


KERAS = ExportFormat(
    "Keras file",
    ".keras",
    "keras",
    ("keras",),
    "",
    1e-6,
    ("import keras", "model = keras.models.load_model({path!r})"),
    "probabilities = model.predict(images)",
)
ONNX = ExportFormat(
    "ONNX file",
    ".onnx",
    "onnx",
    ("onnx", "onnxruntime"),
    "onnx",
    1e-4,
    ("import onnxruntime", "session = onnxruntime.InferenceSession({path!r}, providers=['CPUExecutionProvider'])"),
    "probabilities = session.run(['probabilities'], {'images': images})[0]",
)
SAVED_MODEL = ExportFormat(
    "SavedModel folder",
    "",
    "tensorflow",
    ("tensorflow",),
    "",
    1e-6,
    ("import tensorflow as tf", "model = tf.saved_model.load({path!r})"),
    "probabilities = model.serve(images).numpy()",
    backend="tensorflow",
)
LITERT = ExportFormat(
    "LiteRT file",
    ".tflite",
    "tflite",
    ("tensorflow", "ai_edge_litert"),
    "litert",
    1e-4,
    ("from ai_edge_litert.interpreter import Interpreter", "predict = Interpreter({path!r}).get_signature_runner()"),
    "probabilities = predict(images=images)['probabilities']",
    backend="tensorflow",
)
LITERT_INT8 = replace(LITERT, name="LiteRT int8 file", tolerance=1.0, most_lost=0.05)
TORCH = ExportFormat(
    "torch.export file",
    ".pt2",
    "pytorch",
    ("torch",),
    "",
    1e-4,
    ("import torch", "network = torch.export.load({path!r}).module()"),
    "probabilities = network(torch.from_numpy(images)).detach().numpy()",
    backend="torch",
)
ARCHITECTURE = ExportFormat(
    "architecture",
    ".json",
    "metaqnn",
    (),
    "",
    None,
    (
        "from metaqnn.networks.export.architecture_file import build_described, read_architecture",
        "architecture = read_architecture({path!r})",
        "network = build_described({path!r})  # fresh weights; from preprocessed images to logits",
    ),
    "",
)

FORMATS = (KERAS, ONNX, SAVED_MODEL, LITERT, TORCH, ARCHITECTURE)
"""One an ending."""


def format_of(target: Path, is_int8: bool = False) -> ExportFormat:
    """The format that a name asks for by its ending.

    Args:
        target: the name.
        is_int8: whether whole numbers of 8 bits are asked for.

    Raises:
        ExportError: the ending is none of them or has no int8, or a package that the format needs is not installed.
    """
    ending = target.suffix or (target.name if target.name.startswith(".") else "")
    for file_format in FORMATS:
        if file_format.ending == ending:
            break
    else:
        endings = ", ".join(known.ending for known in FORMATS if known.ending)
        raise ExportError(
            f"{target}: expected a name that ends in one of {endings}, or one without an ending for a TensorFlow "
            f"SavedModel folder, got {ending!r}"
        )
    if is_int8 and file_format is not LITERT:
        raise ExportError(f"{target}: expected a name that ends in .tflite, as only LiteRT files are written in int8")
    missing = [package for package in file_format.packages if find_spec(package) is None]
    if missing:
        install = (
            f"pip install 'metaqnn[{file_format.extra}]'" if file_format.extra else f"pip install {' '.join(missing)}"
        )
        raise ExportError(
            f"{target}: this needs the package{'s' if len(missing) > 1 else ''} {' and '.join(missing)}, not installed "
            f"here; {install}"
        )
    return LITERT_INT8 if is_int8 else file_format
