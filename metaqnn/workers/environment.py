"""What a worker process sees of the machine: its GPUs, its cores, and the environment that makes it repeat itself."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_CHANGE_RESULTS = (
    *("ATEN_", "CUBLAS", "CUDNN_", "JAX_", "NVIDIA_TF32_", "TF2_", "TF_", "TORCH_", "XLA_"),
    *("DNNL_", "MKL_", "NPY_", "ONEDNN_", "OPENBLAS_"),
    *("BLIS_", "GOMP_", "GOTO_", "KMP_", "NUMEXPR_", "OMP_", "VECLIB_"),
    *("PYTHONHASHSEED", "PYTHONWARNINGS"),
)
"""How variables begin by which frameworks and their libraries compute otherwise, or not at all."""

_CHANGE_NO_RESULT = (
    *("TF_CPP_", "TF_FORCE_", "TF_GPU_ALLOCATOR", "XLA_PYTHON_CLIENT_"),  # what is said, and memory
    "TF_USE_LEGACY_",  # of functions that were written for it
    *("JAX_PLATFORM", "JAX_COMPILATION_CACHE_", "TORCH_HOME", "TORCH_EXTENSIONS_DIR"),  # devices and places
)
"""Those of them that a worker may have all the same."""

_XLA_PLACES = "--xla_gpu_cuda_data_dir="
"""The one flag of XLA that says where something lies."""


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


def processor_model() -> str:
    """The model of the processor, as the system tells it."""
    try:
        match = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        match = None
    return match[1].strip() if match else platform.processor() or platform.machine()


def library_versions(packages: Sequence[str]) -> dict[str, str]:
    """The installed versions, read without importing anything; absent packages are left out."""
    versions = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def withheld(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that a worker does not inherit, as they could change a result."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_CHANGE_RESULTS) and not name.startswith(_CHANGE_NO_RESULT)
    }


def worker_environment(environment: Mapping[str, str], gpu: str | None = None, threads: int = 1) -> dict[str, str]:
    """The environment for a worker process, from the search's own: quiet, and on a CPU one thread.

    The backends read these before they are imported. One thread on a CPU makes sums come in one order, whatever
    the number of workers; a GPU is not affected. What says where things lie (paths, proxies, devices, caches) stays as
    it is; what could change a result is as it is here, whatever the search's environment says.

    Args:
        environment: the search's.
        gpu: the one GPU that the worker may see, as CUDA_VISIBLE_DEVICES names it; None leaves the choice open.
        threads: on a CPU; more than one gives up that sums come in one order.
    """
    left_out = withheld(environment)
    inherited = {name: value for name, value in environment.items() if name not in left_out}
    defaults = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # numbered as nvidia-smi does
    }
    eigen = "false" if threads == 1 else "true"
    places = [flag for flag in environment.get("XLA_FLAGS", "").split() if flag.startswith(_XLA_PLACES)]
    flags = (f"--xla_cpu_multi_thread_eigen={eigen}", f"intra_op_parallelism_threads={threads}")
    ours = {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "XLA_FLAGS": " ".join([*places, *flags, "--xla_gpu_deterministic_ops=true"]),
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # sums in one order on a GPU, too
        "PYTHONHASHSEED": "0",
        "PYTHONWARNINGS": "ignore",
    }
    device = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu}
    return {**defaults, **inherited, **ours, **device}
