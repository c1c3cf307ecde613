"""A machine that has no room, no rights, or no time."""

import os
import resource
import shutil
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.soak.scene import REFUSED, Scene


def disk_full(scene: Scene) -> None:
    """No room is left on the disk, or next to none."""
    command = scene.running()
    with _filled(scene.subject.disk, scene.draw.choice((0, 4096, 40960))):
        command.wait(REFUSED)


def file_size_limited(scene: Scene) -> None:
    """No file may grow beyond where it is; what the command itself says has room."""
    command = scene.running()
    files = [Path(f"{scene.subject.database}{ending}") for ending in ("", "-wal")]
    largest = max((file.stat().st_size for file in files if file.exists()), default=0)
    scene.limit(command, resource.RLIMIT_FSIZE, max(4096, largest + scene.draw.choice((0, 4096, 40960))))
    command.wait(REFUSED)


def no_file_handles(scene: Scene) -> None:
    """No file can be opened any more, and a worker has to be replaced."""
    command = scene.running()
    with suppress(psutil.Error):
        scene.limit(command, resource.RLIMIT_NOFILE, command.main.num_fds() + scene.draw.randint(0, 3))
    scene.kill_worker(command)
    command.wait(REFUSED)


def memory_limited(scene: Scene) -> None:
    """No more memory than now, and a worker has to be replaced."""
    command = scene.running()
    with suppress(psutil.Error):
        scene.limit(command, resource.RLIMIT_AS, command.main.memory_info().vms + scene.draw.choice((0, 2**20)))
    scene.kill_worker(command)
    command.wait(REFUSED)


def permission_gone(scene: Scene) -> None:
    """File and folder may be read only, for a start or for the end of a run."""
    subject, is_start = scene.subject, scene.draw.random() < 0.5
    wrapper = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if os.geteuid() == 0 else []
    command = None if is_start else scene.running(wrapper=wrapper)
    if command and scene.draw.random() < 0.5:
        command.signal(signal.SIGINT)
    modes = {path: path.stat().st_mode for path in (subject.database, subject.disk) if path.exists()}
    for path in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        command = command or subject.start(wrapper=wrapper)
        command.wait((*REFUSED, 130, -signal.SIGINT))
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def disk_slow(scene: Scene) -> None:
    """Others write to the disk without end, and one holds the database's lock for a while."""
    command, is_over = scene.running(), threading.Event()

    def write() -> None:
        place = scene.subject.folder / "ballast"
        while not is_over.is_set():
            with place.open("wb") as file:
                file.write(os.urandom(65536))
                os.fsync(file.fileno())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with suppress(sqlite3.Error), closing(scene.subject.connect("rw")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            scene.pause(2.0)
            connection.execute("ROLLBACK")
        command.wait()
    finally:
        is_over.set()
        writer.join()


@contextmanager
def _filled(disk: Path, spare: int) -> Iterator[None]:
    """A disk with next to no room; only one of our own is filled."""
    place = disk.parent / "ballast"
    try:
        if os.path.ismount(disk.parent):
            with suppress(OSError), place.open("wb", buffering=0) as file:
                while (room := shutil.disk_usage(disk).free - spare) > 0:
                    file.write(b"\0" * min(room, 2**20))
        yield
    finally:
        place.unlink(missing_ok=True)
