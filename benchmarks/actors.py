"""The processes of a cluster's actors and workers, and what of their memory is the images of a search."""

import re
from contextlib import suppress
from pathlib import Path

import psutil


def mapped(ancestor: int) -> list[tuple[int, int, int, int, int]]:
    """Each array that a worker maps: process, inode, resident and proportional KiB, size of the file in bytes."""
    found = []
    for pid in actors(ancestor):
        with suppress(OSError):
            areas = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path(f"/proc/{pid}/smaps").read_text("utf-8"), flags=re.M)
            for area in areas:
                if ".npy" in (head := area.partition("\n")[0]):
                    sizes = kibibytes(area)
                    path = Path(head.split(maxsplit=5)[5])
                    found.append((pid, int(head.split()[4]), sizes["Rss"], sizes["Pss"], path.stat().st_size))
    return found


def hold_all(mapped: list[tuple[int, int, int, int, int]], workers: int) -> bool:
    """Whether so many workers have read nearly all of their arrays."""
    sizes = {inode: size for _, inode, _, _, size in mapped}
    return sum(each[2] for each in mapped) * 1024 >= 0.99 * workers * sum(sizes.values()) > 0


def kibibytes(text: str) -> dict[str, int]:
    """The sizes in a text of `/proc`, by name."""
    return {name: int(size) for name, size in re.findall(r"^(\w+): +(\d+) kB", text, flags=re.M)}


def actors(ancestor: int) -> list[int]:
    """Actors that keep workers, and the workers, among the descendants of a process."""
    found = []
    for process in psutil.Process(ancestor).children(recursive=True):
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if "ray::WorkerHost" in words or "metaqnn.workers.process_main" in words:
            found.append(process.pid)
    return found
