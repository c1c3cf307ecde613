"""A trained network that travels with its estimator: the bytes of a Keras file, loaded when it is first asked."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metaqnn.files import written_whole

if TYPE_CHECKING:
    import keras

_BATCH = 256
"""Images at a time. A smaller batch is filled up, so that an image's answer never depends on its company."""


class TrainedNetwork:
    """A network for use: from uint8 images to probabilities, preprocessing included. It can be pickled and copied.

    Args:
        content: of a `.keras` file of stock layers.
        model: the same, where it is loaded already.
    """

    def __init__(self, content: bytes, model: "keras.Model | None" = None):
        self.content = content
        self._model = model

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Ask the network.

        Args:
            images: uint8 of shape (N, height, width, channels).

        Returns:
            float64 of shape (N, classes); each row sums to 1.
        """
        model = self.model()
        import keras

        answers = []
        for start in range(0, len(images), _BATCH):
            batch = images[start : start + _BATCH]
            filled = np.zeros((_BATCH, *images.shape[1:]), np.uint8)
            filled[: len(batch)] = batch
            answer = keras.ops.convert_to_numpy(model(filled, training=False))
            answers.append(answer[: len(batch)].astype(np.float64))
        found = np.concatenate(answers)
        return found / found.sum(axis=1, keepdims=True)

    def model(self) -> "keras.Model":
        """The Keras model, loaded once a process."""
        if self._model is None:
            with quiet_import():
                import keras

            with tempfile.TemporaryDirectory(prefix="metaqnn-") as folder:
                file = Path(folder) / "network.keras"
                file.write_bytes(self.content)
                self._model = keras.saving.load_model(file, compile=False)
        return self._model

    def __getstate__(self) -> dict:
        """The bytes alone."""
        return {"content": self.content, "_model": None}


def pack(model: "keras.Model", file: Path) -> TrainedNetwork:
    """Save a Keras model, whole or not at all, and make it a network that travels."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(file) as part:
        model.save(part)
    return TrainedNetwork(file.read_bytes(), model)


@contextmanager
def quiet_import() -> Iterator[None]:
    """Let TensorFlow be imported without its own words about this machine, unless the user asked for them."""
    name = "TF_CPP_MIN_LOG_LEVEL"
    if name in os.environ or "tensorflow" in sys.modules:
        yield
        return
    os.environ[name] = "3"
    try:
        yield
    finally:
        os.environ.pop(name, None)
