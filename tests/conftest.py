"""What holds for all tests."""

import sys

import pytest
from patience import patience


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """A test that hangs is ended: after five minutes on an idle machine, and later on a busy one."""
    if config.getoption("timeout") is None:
        config.option.timeout = patience(300)


@pytest.fixture(autouse=True)
def a_test_that_computes_prepares_the_device():
    """Tests share a process, and TensorFlow takes its threads before the first computation or never.

    Without this, a test that computes too early fails others, and only where they come after it.
    """
    yield
    if "tensorflow" in sys.modules:
        import tensorflow as tf

        threads = tf.config.threading.get_intra_op_parallelism_threads()
        assert threads == 1, "call prepare_device() before anything that imports TensorFlow"
