"""The fast engine and the primitives of the backend that Keras has in this process, for tests of all backends."""

import importlib
import os

BACKEND = os.environ.get("TEST_BACKEND", "tensorflow")
"""A process has one backend: `test_backends.py` starts one for each of the others."""

_NAMES = {"tensorflow": "TensorFlow", "torch": "Torch", "jax": "Jax"}


def fast_engine():
    """The class of the engine."""
    module = importlib.import_module(f"metaqnn.networks.training.{BACKEND}_engine")
    return getattr(module, f"{_NAMES[BACKEND]}Engine")


def compiled(session):
    """A session of `fit` that compiles a step with JAX, and not every operation by itself, which takes far longer."""
    if BACKEND == "jax" and hasattr(session, "model"):
        session.model.jit_compile = True
    return session


def primitives(**options):
    """Its primitives."""
    module = importlib.import_module(f"metaqnn.networks.primitives.{BACKEND}_primitives")
    return getattr(module, f"{_NAMES[BACKEND]}Primitives")(**options)


def assign(variable, numbers):
    """Give a variable of the primitives other numbers."""
    if BACKEND == "tensorflow":
        variable.assign(numbers)
    elif BACKEND == "jax":
        variable.value = numbers
    else:
        import torch

        with torch.no_grad():
            variable.copy_(torch.from_numpy(numbers))
