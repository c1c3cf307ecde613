"""What a worker process sees of the machine: its GPUs, its cores, and the environment that makes it repeat itself."""

import os
from collections.abc import Mapping
from pathlib import Path


def visible_gpus() -> tuple[str, ...]:
    """The NVIDIA GPUs that a worker may use, as CUDA_VISIBLE_DEVICES would name them; asks no framework."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return tuple(gpu.strip() for gpu in chosen.split(",") if gpu.strip() not in ("", "-1"))
    folder = Path("/proc/driver/nvidia/gpus")
    return tuple(str(number) for number in range(len(list(folder.iterdir())))) if folder.is_dir() else ()


def usable_cores() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_environment(environment: Mapping[str, str], gpu: str | None = None, threads: int = 1) -> dict[str, str]:
    """The environment for a worker process, from the search's own: quiet, and on a CPU one thread.

    The backends read these before they are imported. One thread on a CPU makes sums come in one order, whatever
    the number of workers; a GPU is not affected.

    Args:
        environment: the search's.
        gpu: the one GPU that the worker may see, as CUDA_VISIBLE_DEVICES names it; None leaves the choice open.
        threads: on a CPU; more than one gives up that sums come in one order.
    """
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    eigen = "false" if threads == 1 else "true"
    limits = {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads} "
        "--xla_gpu_deterministic_ops=true",
    }
    memory = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    # Numbered as nvidia-smi does; and sums in one order on a GPU, too.
    order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    device = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu}
    limits["XLA_FLAGS"] = f"{environment.get('XLA_FLAGS', '')} {limits['XLA_FLAGS']}".strip()
    return {**quiet, **memory, **order, **environment, **limits, **device}
