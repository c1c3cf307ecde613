"""A trained network that travels with its estimator: the bytes of its weights, loaded when it is first asked."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from metaqnn.files import open_regular
from metaqnn.networks.retraining.stored import StoredNetwork, load_network
from metaqnn.networks.training.backend import Backend, import_keras, plain_keras

if TYPE_CHECKING:
    import keras

_BATCH = 256
"""Images at a time. A smaller batch is filled up, so that an image's answer never depends on its company."""


@dataclass
class TrainedNetwork:
    """A network for use: from uint8 images to predictions, preprocessing included. It can be pickled and copied.

    Attributes:
        stored: what its weights are of.
        content: of their file.
        backend: of Keras, that it was trained with; it is used with another one where this program has that already.
    """

    stored: StoredNetwork
    content: bytes = field(repr=False)
    backend: Backend = "tensorflow"
    _model: "keras.Model | None" = field(default=None, repr=False, compare=False)

    @classmethod
    def read(cls, stored: StoredNetwork, backend: Backend) -> "TrainedNetwork":
        """A network from its file, which is then no longer needed."""
        with open_regular(stored.path) as file:
            return cls(stored, file.read(), backend)

    def predictions(self, images: np.ndarray) -> np.ndarray:
        """Ask the network.

        Args:
            images: uint8 of shape (N, height, width, channels).

        Returns:
            float64 of shape (N, outputs); of classes each row sums to 1.
        """
        model = self.model()
        import keras

        answers = []
        for start in range(0, len(images), _BATCH):
            batch = images[start : start + _BATCH]
            filled = np.zeros((_BATCH, *images.shape[1:]), np.uint8)
            filled[: len(batch)] = batch
            with plain_keras(is_users_process=True):
                answer = keras.ops.convert_to_numpy(model(filled, training=False))
            answers.append(answer[: len(batch)].astype(np.float64))
        found = np.concatenate(answers)
        return found / found.sum(axis=1, keepdims=True) if self.stored.predicts.kind == "classes" else found

    def model(self) -> "keras.Model":
        """The Keras model, loaded once a process."""
        if self._model is None:
            with quiet_import():
                import_keras(self.backend, may_be_another=True)
                with plain_keras(is_users_process=True):
                    self._model = load_network(self.stored, self.content)
        return self._model

    def __getstate__(self) -> dict:
        """The bytes alone."""
        return self.__dict__ | {"_model": None}


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
