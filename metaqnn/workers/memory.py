"""How much memory there is on this machine."""

import os
import subprocess
from pathlib import Path

GIBIBYTE = 2**30

IDLE_BYTES = 3 * GIBIBYTE // 4
"""Of a worker that holds nothing but its framework and its data, on a CPU or on a GPU."""

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def machine_bytes() -> int:
    """The memory that this process may use: the machine's, or its container's where that has less."""
    import psutil

    limits = [int(psutil.virtual_memory().total)]
    for place in map(Path, _CGROUP_LIMITS):
        try:
            limits.append(int(place.read_text(encoding="ascii")))
        except (FileNotFoundError, PermissionError, ValueError):  # no such container, or "max"
            continue
    return min(limits)


def gpu_bytes(gpu: str | None) -> int | None:
    """The memory of an NVIDIA GPU; None where nobody tells.

    Args:
        gpu: as CUDA_VISIBLE_DEVICES names it; None is the first.
    """
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits", "--id", gpu or "0"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True, env=dict(os.environ))
        return int(answer.stdout.split()[0]) * 2**20  # it prints MiB
    except (FileNotFoundError, PermissionError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def resident_bytes(pid: int) -> int:
    """The memory that a process holds; 0 when it is gone."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
