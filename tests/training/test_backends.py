"""The fast engines of PyTorch and JAX keep the contract that TensorFlow's keeps, each in a process of its own.

Keras has one backend a process. By hand: `TEST_BACKEND=torch python -m pytest tests/training/engine_contract.py`.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from metaqnn.workers.environment import worker_environment

HERE = Path(__file__).parent
CONTRACT = [HERE / "engine_contract.py", HERE / "graph_contract.py", HERE.parent / "targets" / "test_training.py"]


def hold_to_the_contract(backend, *options):
    if find_spec(backend) is None:
        pytest.skip(f"there is no package {backend} here; pip install 'metaqnn[{backend}]'")
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", *options, *CONTRACT]
    environment = worker_environment(os.environ) | {"TEST_BACKEND": backend}
    environment.pop("PYTHONWARNINGS")  # warnings are errors in tests
    ran = subprocess.run(command, cwd=HERE.parents[1], env=environment, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        pytest.fail(f"{backend}:\n{ran.stdout}\n{ran.stderr}", pytrace=False)


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_the_engine_of_another_backend(backend):
    hold_to_the_contract(backend)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_more_of_the_engine_of_another_backend(backend):
    hold_to_the_contract(backend, "-m", "long")
