"""What a process shows of its life from outside: the processor time that goes to it, and what keeps it from running.

On Linux the time for which a thread waited for a processor counts like the time that it had one, so that a process on a
busy machine is seen to work. Elsewhere there is the processor time alone.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS's CLOCK_MONOTONIC is what Linux calls this


@dataclass(frozen=True)
class VitalSigns:
    """One look at a process.

    Attributes:
        busy_seconds: for which its threads had a processor or waited for one, since they began; two looks tell.
        is_stopped: whether a signal stopped it.
        is_traced: whether a debugger holds it.
        waits_for_disk: whether it waits for one, or for a file server.
    """

    busy_seconds: float
    is_stopped: bool = False
    is_traced: bool = False
    waits_for_disk: bool = False


def vital_signs(pid: int, besides: int | None = None) -> VitalSigns | None:
    """Look at a process; None when it is gone.

    Args:
        pid: its number.
        besides: a thread of it that does not count.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            status, times = process.status(), process.cpu_times()
    except psutil.Error:
        return None
    busy = _scheduled_seconds(pid, besides)
    return VitalSigns(
        times.user + times.system if busy is None else busy,
        status == psutil.STATUS_STOPPED,
        status == psutil.STATUS_TRACING_STOP,
        status == psutil.STATUS_DISK_SLEEP,
    )


def _scheduled_seconds(pid: int, besides: int | None) -> float | None:
    """On and waiting for a processor, of all threads that live; None where the system does not tell."""
    folder, nanoseconds = f"/proc/{pid}/task", []
    with suppress(OSError, ValueError):
        for thread in os.listdir(folder):
            if thread != str(besides):
                with suppress(OSError), open(f"{folder}/{thread}/schedstat", encoding="ascii") as file:  # it may end
                    nanoseconds.append(sum(map(int, file.read().split()[:2])))
    return sum(nanoseconds) / 1e9 if nanoseconds else None


def suspended_seconds() -> float:
    """For how long this machine has been suspended since it started, give or take an offset that stays the same."""
    return time.clock_gettime(_BOOT_CLOCK) - time.monotonic()
