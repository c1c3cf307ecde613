"""`python -m benchmarks.machine THREADS`: the device that trainings run on and its matrix rate, as a line of JSON."""

import importlib
import json
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

_REPEATS = 10


def main(threads: int) -> None:
    """Measure in this process, which holds the device until it ends."""
    from metaqnn.networks.training.device import prepare_device

    device = prepare_device(threads)
    if not device.is_gpu:
        rate = _numpy_rate(2048)
    elif find_spec("torch") and importlib.import_module("torch").cuda.is_available():
        rate = _torch_rate(8192)
    else:
        rate = _tensorflow_rate(8192)
    print(json.dumps({"name": device.name, "is_gpu": device.is_gpu, "matmul_rate": rate}))


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


def _torch_rate(size: int) -> float:
    import torch

    matrix = torch.randn((size, size), device="cuda", dtype=torch.bfloat16)

    def multiply() -> None:
        torch.matmul(matrix, matrix)
        torch.cuda.synchronize()

    return _best_rate(size, multiply)


def _tensorflow_rate(size: int) -> float:
    import tensorflow as tf

    matrix = tf.cast(tf.random.stateless_normal((size, size), [0, 0]), tf.bfloat16)
    return _best_rate(size, lambda: float(tf.matmul(matrix, matrix)[0, 0]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
