"""Who made a file: a process as no other can be."""

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path


@dataclass(frozen=True)
class Owner:
    """A process as no other can be, after a restart of the machine or in a container beside it either.

    Attributes:
        host: name of the machine, and a digest of its number.
        boot: of its present run; empty where the system does not tell.
        space: within which the number of a process means something.
        process: its number.
        start: when it began.
    """

    host: str
    boot: str
    space: str
    process: str
    start: str

    @classmethod
    def here(cls) -> "Owner":
        """This process."""
        number = blake2b(_text("/etc/machine-id").encode(), digest_size=8).hexdigest()
        space = str(os.stat("/proc/self/ns/pid").st_ino) if os.path.exists("/proc/self/ns/pid") else ""
        process = str(os.getpid())
        boot = _text("/proc/sys/kernel/random/boot_id")
        return cls(f"{platform.node()} {number}", boot, space, process, _start_of(process))

    def is_visible(self) -> bool:
        """Whether this machine can tell if it has ended: not of another host, container, or user who hides it."""
        here = Owner.here()
        if not here.start or bool(self.boot) != bool(here.boot):
            return False
        if self.boot != here.boot:
            return self.host == here.host
        # One start of one machine, whatever it is called by now; where the system does not tell, one name.
        is_here = self.space == here.space and bool(self.boot or self.host == here.host)
        return is_here and _start_of(self.process) != _HIDDEN

    def is_gone(self) -> bool:
        """Whether it has certainly ended; False where this machine cannot know."""
        here = Owner.here()
        return self.is_visible() and (self.boot != here.boot or self.start != _start_of(self.process))


def _text(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8").strip()
    return ""


_HIDDEN = "hidden"


def _start_of(process: str) -> str:
    """In ticks since the boot, or, on a system without /proc, as a time of day.

    Empty where there is no such process, or only its exit code waits to be read; `_HIDDEN` where there is one of which
    nothing is told.
    """
    if not process.isdecimal():
        return ""
    if os.path.exists("/proc/self/stat"):
        fields = _text(f"/proc/{process}/stat").rpartition(")")[2].split()
        if fields:
            return "" if fields[0] in "ZX" else fields[19]
    else:
        import psutil

        with suppress(psutil.Error):
            found = psutil.Process(int(process))
            return "" if found.status() == psutil.STATUS_ZOMBIE else str(found.create_time())
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return ""
    except PermissionError:
        pass
    return _HIDDEN
