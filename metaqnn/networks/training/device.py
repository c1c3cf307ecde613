"""The device that Keras trains on, set up so that a seed decides everything that a seed can."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from metaqnn.networks.training.backend import Backend, import_keras
from metaqnn.workers.environment import library_versions, processor_model, usable_cores

_FIRST_BFLOAT16 = (8, 0)
"""The compute capability since which NVIDIA's GPUs multiply matrices in bfloat16 (Ampere)."""


@dataclass(frozen=True)
class Device:
    """What a process trains on.

    Attributes:
        name: for people.
        is_gpu: whether it is one.
        has_bfloat16: whether it computes in bfloat16 faster than in single precision.
        versions: of what computes there.
    """

    name: str
    is_gpu: bool
    has_bfloat16: bool
    versions: Mapping[str, str]


def prepare_device(backend: Backend = "tensorflow", threads: int = 1) -> Device:
    """Import Keras and make its backend deterministic.

    Args:
        backend: which.
        threads: on a CPU, as in `worker_environment`.

    Raises:
        ConfigError: the backend is not installed, or Keras was imported with another one.
    """
    import_keras(backend, is_users_process=False)
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import torch

        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
    return current_device(backend, threads)


def current_device(backend: Backend = "tensorflow", threads: int | None = None) -> Device:
    """Import Keras and say what its backend trains on in this process; nothing is set.

    Args:
        backend: which.
        threads: that it uses on a CPU; None is one a usable core.

    Raises:
        ConfigError: the backend is not installed, or Keras was imported with another one.
    """
    import_keras(backend)
    capability: tuple[int, ...] = (0, 0)
    gpu = None
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            details = tf.config.experimental.get_device_details(gpus[0])
            gpu, capability = details.get("device_name", "GPU"), details.get("compute_capability", capability)
    elif backend == "torch":
        import torch

        if torch.cuda.is_available():
            gpu, capability = torch.cuda.get_device_name(0), torch.cuda.get_device_capability(0)
    elif backend == "jax":
        import jax

        if jax.default_backend() == "gpu":
            device = jax.devices()[0]
            gpu, capability = device.device_kind, tuple(map(int, re.findall(r"\d+", str(device.compute_capability))))
    versions = library_versions(["keras", backend])
    versions |= {"keras_backend": backend}
    name = gpu or processor_name(threads or usable_cores())
    return Device(name, gpu is not None, capability >= _FIRST_BFLOAT16, versions)


def processor_name(threads: int) -> str:
    """The processor's model, as the system tells it, and how many cores are used."""
    return f"CPU {processor_model()}, {threads} of {os.cpu_count()} cores"
