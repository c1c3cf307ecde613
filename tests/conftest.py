"""What holds for all tests."""

import sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec

import pytest
from patience import patience


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """A test that hangs is ended: after five minutes on an idle machine, and later on a busy one."""
    if config.getoption("timeout") is None:
        config.option.timeout = patience(300)


class TensorFlowOfAWorker(MetaPathFinder):
    """Sets TensorFlow up as in a worker as soon as anything imports it.

    Tests share a process, and TensorFlow takes its threads before it computes anything or never: whichever test came
    first would decide on the results of all others.
    """

    is_asking = False

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow" or self.is_asking:
            return None
        self.is_asking = True
        try:
            spec = find_spec(name)
        finally:
            self.is_asking = False
        if spec is not None:  # perhaps nobody imports it: whether it is there is asked for, too
            load = spec.loader.exec_module

            def load_and_set_up(module):
                load(module)
                module.config.threading.set_intra_op_parallelism_threads(1)
                module.config.threading.set_inter_op_parallelism_threads(1)
                module.config.experimental.enable_op_determinism()

            spec.loader.exec_module = load_and_set_up
        return spec


sys.meta_path.insert(0, TensorFlowOfAWorker())
