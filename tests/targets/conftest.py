"""Keras in the test process, quiet and deterministic as in a worker."""

import os

import pytest
from training.fast_engines import BACKEND

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session", autouse=True)
def device():
    """The device, prepared once."""
    from metaqnn.networks.training.device import prepare_device

    return prepare_device(BACKEND)
