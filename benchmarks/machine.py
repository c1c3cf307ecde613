"""`python -m benchmarks.machine THREADS`: the device that trainings run on and its matrix rate, as a line of JSON."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from benchmarks.measurements import Machine
from metaqnn.networks.training.backend import default_backend
from metaqnn.workers.environment import library_versions

_REPEATS = 10


def main(threads: int) -> None:
    """Measure in this process, which holds the device until it ends."""
    from metaqnn.networks.training.device import prepare_device

    device = prepare_device(default_backend(), threads)
    rate = _keras_rate(8192) if device.is_gpu else _numpy_rate(2048)
    versions = dict(device.versions) | library_versions(["torch"])
    print(json.dumps(asdict(Machine(device.name, device.is_gpu, rate, versions))))


def _best_rate(size: int, multiply: Callable[[], object]) -> float:
    """FLOP/s of the fastest of some products of square matrices; `multiply` waits for the result."""
    multiply()
    best = np.inf
    for _ in range(_REPEATS):
        began = time.perf_counter()
        multiply()
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


def _numpy_rate(size: int) -> float:
    matrix = np.ones((size, size), np.float32)
    return _best_rate(size, lambda: matrix @ matrix)


def _keras_rate(size: int) -> float:
    """Of the backend, in bfloat16."""
    import keras

    matrix = keras.ops.cast(keras.random.normal((size, size), seed=0), "bfloat16")
    return _best_rate(size, lambda: float(keras.ops.matmul(matrix, matrix)[0, 0]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
