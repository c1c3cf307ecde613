"""Keras as a search has it: with the backend that its experiment names, and its own settings whatever the user's are.

Keras reads its backend, the type of its numbers and more from `keras.json` and from variables when it is imported, and
a program may set them later. Nothing of that may change a result.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from typing import Any, Literal, cast, get_args

from metaqnn.errors import ConfigError
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.runs import read_runs
from metaqnn.workers.environment import withheld

Backend = Literal["tensorflow", "torch", "jax"]
"""What Keras computes with; each is the name of its package."""

_BACKENDS: tuple[str, ...] = get_args(Backend)

_SETTINGS = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
    "max_epochs": None,
    "max_steps_per_epoch": None,
}
"""Keras's own defaults, by the names of what reads them in `keras.config`."""


def default_backend() -> Backend:
    """That of a new search whose experiment names none: what KERAS_BACKEND says, else TensorFlow.

    Raises:
        ConfigError: the variable names no backend that trains.
    """
    said = os.environ.get("KERAS_BACKEND") or _BACKENDS[0]
    if said not in _BACKENDS:
        raise ConfigError(
            f"KERAS_BACKEND: expected one of {', '.join(_BACKENDS)}, got {said!r}; set it to one of them, or set "
            "training.backend"
        )
    return cast(Backend, said)


def recorded_backend(reader: ReplayReader) -> Backend:
    """What a database was started with: its key, or in an older one what its runs say that they computed with."""
    sections = reader.config().get("experiment", {})
    said = [(sections.get(name) or {}).get("backend") for name in ("training", "evaluator")]
    said += [
        run.versions.get("keras_backend")
        for run in reversed(read_runs(reader))
        if run.device or run.outcome != "failed"
    ]
    return cast(Backend, next((backend for backend in said if backend in _BACKENDS), _BACKENDS[0]))


def require_backend(backend: Backend) -> None:
    """See that a backend is installed, without importing it.

    Raises:
        ConfigError: it is not.
    """
    if find_spec(backend) is None:
        raise ConfigError(
            f"training.backend: expected a backend that is installed, but there is no package {backend} here; "
            f"install it with `pip install {backend}`, or let a new search have another one of {', '.join(_BACKENDS)}"
        )


def import_keras(backend: Backend, is_users_process: bool = True, may_be_another: bool = False) -> Any:
    """Import Keras with a backend.

    Args:
        backend: which.
        is_users_process: as of `plain_keras`.
        may_be_another: whether another one will do where this program has imported Keras already.

    Raises:
        ConfigError: the backend is not installed, or this program has imported Keras with another one.
    """
    if "keras" not in sys.modules:
        require_backend(backend)
        # Both win over `keras.json`, which may name packages that are not installed.
        ours = {"KERAS_BACKEND": backend, "KERAS_NNX_ENABLED": "false"}
        theirs = withheld(os.environ) if is_users_process else {}
        theirs |= {name: value for name, value in os.environ.items() if name.startswith("KERAS_")}
        theirs.pop("KERAS_HOME", None)
        try:
            with _environment(theirs, ours):
                import keras
        except (ValueError, AttributeError) as error:  # what it says of a `keras.json` that holds nonsense
            told = " ".join(str(error).split())
            raise ConfigError(f"Keras cannot be imported: {told}; mend or delete its file keras.json") from error
    import keras

    found = keras.backend.backend()
    if found != backend and not may_be_another:
        raise ConfigError(
            f"training.backend: expected Keras with the backend {backend}, but this program has imported it with "
            f"{found}; set KERAS_BACKEND={backend} before that, or train in worker processes"
        )
    return keras


@contextmanager
def _environment(hidden: Mapping[str, str], ours: Mapping[str, str]) -> Iterator[None]:
    """Hide some variables for a while, and set others."""
    for name in hidden:
        del os.environ[name]
    os.environ |= ours
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]
        os.environ |= hidden


@contextmanager
def plain_keras(is_users_process: bool = False) -> Iterator[None]:
    """Let Keras have its own defaults for a while, whatever `keras.json`, variables or this program have set.

    Args:
        is_users_process: whether variables are hidden for as long, which a worker process has as they must be.
    """
    from keras import config

    before = {name: getattr(config, name)() for name in _SETTINGS}
    try:
        for name, value in _SETTINGS.items():
            getattr(config, f"set_{name}")(value)
        with _environment(withheld(os.environ), {}) if is_users_process else nullcontext():
            yield
    finally:
        for name, value in before.items():
            getattr(config, f"set_{name}")(value)
