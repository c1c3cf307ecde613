"""The faults, one function a kind: each disturbs a search and leaves no process of its own behind."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.soak.subject import TOP, Command, Subject, ViolationError, require
from metaqnn.errors import MetaqnnError
from metaqnn.replay.leaderboard import best_model
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows.summary import summarise
from tests.patience import is_within

KILLED = (-signal.SIGKILL,)
REFUSED = (1, 2)
GOLDEN = TOP / "tests" / "golden"


class Scene:
    """A search that is to be disturbed, and the dice.

    Args:
        subject: the search.
        draw: everything at random is drawn from it.
    """

    def __init__(self, subject: Subject, draw: random.Random):
        self.subject, self.draw = subject, draw

    def running(self, **how) -> Command:
        """The search, started or resumed, at a moment at random: in its start, or with some more episodes recorded."""
        subject = self.subject
        before = subject.episodes()
        command = subject.start(**how)
        target = before + self.draw.randint(1, 15) if self.draw.random() < 0.8 else 0
        began = time.monotonic()
        while subject.episodes() < target and not command.is_over():
            require(is_within(began, 120.0), f"{command} records nothing")
            time.sleep(0.02)
        time.sleep(self.draw.uniform(0.0, 0.3 if target else 1.5))
        subject.recorded = subject.read()
        return command

    def pause(self, longest: float) -> None:
        """For a while."""
        time.sleep(self.draw.uniform(0.1, longest))

    def limit(self, command: Command, what: int, value: int) -> None:
        """Limit a resource of a running process."""
        with suppress(ProcessLookupError, psutil.Error):
            resource.prlimit(command.main.pid, what, (value, value))


# Ends


def search_killed(scene: Scene) -> None:
    """The search ends by SIGKILL; its workers end with it."""
    command = scene.running()
    command.signal(signal.SIGKILL)
    command.wait((*KILLED, 137))


def worker_killed(scene: Scene) -> None:
    """A worker ends by SIGKILL; the search goes on."""
    command = scene.running()
    if workers := command.workers():
        command.signal(signal.SIGKILL, scene.draw.choice(workers))
    command.wait()


def everything_killed(scene: Scene) -> None:
    """Search and workers end by SIGKILL, as in a power cut."""
    command = scene.running()
    command.signal(signal.SIGKILL, command.main, *command.workers())
    command.wait(KILLED)


def stop_requested(scene: Scene) -> None:
    """Ctrl-C or SIGTERM."""
    command = scene.running()
    number = scene.draw.choice((signal.SIGINT, signal.SIGTERM))
    command.signal(number)
    command.wait((128 + number, -number))  # before it listens, the signal ends it


def terminal_gone(scene: Scene) -> None:
    """The terminal closes: SIGHUP, or nobody reads any more."""
    command = scene.running()
    if scene.draw.random() < 0.5:
        command.signal(signal.SIGHUP)
    else:
        command.hang_up()
    command.wait((-signal.SIGHUP, 128 + signal.SIGHUP, 128 + signal.SIGPIPE, 1))


# Time


def everything_suspended(scene: Scene) -> None:
    """A laptop is closed and opened: search and workers stop for a while and go on."""
    command = scene.running()
    processes = (command.main, *command.workers())
    command.signal(signal.SIGSTOP, *processes)
    scene.pause(2.0)
    command.signal(signal.SIGCONT, *reversed(processes))
    command.wait()


def worker_suspended(scene: Scene) -> None:
    """A worker stops for a while and goes on, or the search is killed meanwhile: then it ends, too."""
    command = scene.running()
    workers = command.workers()
    command.signal(signal.SIGSTOP, *workers[:1])
    scene.pause(1.5)
    if scene.draw.random() < 0.5 and workers:
        command.signal(signal.SIGKILL)
        command.wait(KILLED)
    else:
        command.signal(signal.SIGCONT, *workers[:1])
        command.wait()


def clock_elsewhere(scene: Scene) -> None:
    """A run whose clocks are far ahead, in another time zone, between runs that have the right ones."""
    far = [str(scene.draw.randint(0, 10**6)) for _ in range(2)]
    wrapper = ["unshare", "-T", "--monotonic", far[0], "--boottime", far[1], "--fork", "--kill-child=SIGKILL"]
    zone = scene.draw.choice(("Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati"))
    command = scene.running(wrapper=wrapper if os.geteuid() == 0 else (), environment={"TZ": zone})
    command.signal(signal.SIGKILL)
    command.wait((*KILLED, 137))


# Disks, limits and rights


def disk_full(scene: Scene) -> None:
    """No room is left on the disk, or next to none."""
    command = scene.running()
    with _filled(scene.subject.disk, scene.draw.choice((0, 4096, 40960))):
        command.wait(REFUSED)


def file_size_limited(scene: Scene) -> None:
    """No file may grow beyond where it is."""
    command = scene.running()
    files = [Path(f"{scene.subject.database}{ending}") for ending in ("", "-wal")]
    largest = max((file.stat().st_size for file in files if file.exists()), default=0)
    scene.limit(command, resource.RLIMIT_FSIZE, largest + scene.draw.choice((0, 4096, 40960)))
    command.wait(REFUSED)


def no_file_handles(scene: Scene) -> None:
    """No file can be opened any more, and a worker has to be replaced."""
    command = scene.running()
    with suppress(psutil.Error):
        scene.limit(command, resource.RLIMIT_NOFILE, command.main.num_fds() + scene.draw.randint(0, 3))
    command.signal(signal.SIGKILL, *command.workers()[:1])
    command.wait(REFUSED)


def memory_limited(scene: Scene) -> None:
    """No more memory than now, and a worker has to be replaced."""
    command = scene.running()
    with suppress(psutil.Error):
        scene.limit(command, resource.RLIMIT_AS, command.main.memory_info().vms + scene.draw.choice((0, 2**20)))
    command.signal(signal.SIGKILL, *command.workers()[:1])
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


# Others beside it


def readers_beside(scene: Scene) -> None:
    """Others look again and again: summary, best networks, a copy verified, plain sqlite3."""
    command, subject, looks = scene.running(), scene.subject, 0
    while not command.is_over():
        if subject.episodes():
            _look(scene, looks)
            looks += 1
    command.wait()


def _look(scene: Scene, number: int) -> None:
    subject = scene.subject
    try:
        with ReplayReader(subject.database) as reader, reader.snapshot(is_long=scene.draw.random() < 0.5):
            summarise(reader)
            best_model(reader)
    except MetaqnnError as error:
        raise ViolationError(f"a reader failed: {error}") from error
    if number % 8 == 0:
        copy = subject.folder / f"copy-{time.monotonic_ns()}.sqlite"
        subject.run("replay", "copy", subject.database, copy)
        subject.verify(copy)
        subject.run("replay", scene.draw.choice(("summary", "top", "episodes")), copy)
        copy.unlink()


def second_search(scene: Scene) -> None:
    """A second search on the same file, by its name or by a link, is refused; the first one goes on."""
    command, subject = scene.running(), scene.subject
    link = subject.folder / f"link-{time.monotonic_ns()}.sqlite"
    kind = scene.draw.choice(("", "symbolic", "hard")) if subject.database.exists() else ""
    with suppress(OSError):  # a hard link does not reach another file system
        if kind == "symbolic":
            link.symlink_to(subject.database)
        elif kind == "hard":
            link = subject.disk / "aside-link.sqlite"
            link.hardlink_to(subject.database)
    other = Command(
        ["search", subject.experiment, "--db", link if os.path.lexists(link) else subject.database], subject.folder
    )
    try:
        code = other.wait(REFUSED)
        require(code or command.is_over(), f"a second search ran beside the first, by a {kind or 'plain'} name")
    finally:
        link.unlink(missing_ok=True)
        for ending in ("-wal", "-shm", ".lock"):
            Path(f"{link}{ending}").unlink(missing_ok=True)
    command.wait()


def left_overs_removed(scene: Scene) -> None:
    """The user tidies up what a killed search left, but for the log, which is a part of the database."""
    everything_killed(scene)
    for ending in (".lock", "-shm"):
        Path(f"{scene.subject.database}{ending}").unlink(missing_ok=True)


# Commands that are killed


def copy_killed(scene: Scene) -> None:
    """A copy that is killed is whole or not there."""
    command, subject = scene.running(), scene.subject
    copy = subject.folder / f"copy-{time.monotonic_ns()}.sqlite"
    _killed(scene, ["replay", "copy", subject.database, copy], 0.8, REFUSED)
    if copy.exists():
        subject.verify(copy)
        copy.unlink()
    command.signal(signal.SIGKILL)
    command.wait(KILLED)


def retry_killed(scene: Scene) -> None:
    """Failed networks are proposed anew, all or none, in a copy that then goes on and verifies."""
    everything_killed(scene)
    subject = scene.subject
    if not subject.read():
        return
    copy = subject.folder / f"retry-{time.monotonic_ns()}.sqlite"
    subject.run("replay", "copy", subject.database, copy)
    allowed = ["--allow", "benchmarks.soak.functions:score", "--allow", "benchmarks.soak.functions:rough_score"]
    _killed(scene, ["replay", "retry", copy, *allowed], 1.2, REFUSED)
    subject.verify(copy)
    subject.run("search", subject.experiment, "--db", copy, "--workers", 2)
    subject.verify(copy)
    with closing(sqlite3.connect(copy)) as connection:
        kept = connection.execute("SELECT count(*) FROM replay").fetchone()[0]
    require(kept >= len(subject.recorded), "a retry lost episodes")


def import_killed(scene: Scene) -> None:
    """An import that is killed is whole or not there."""
    subject = scene.subject
    target = subject.folder / f"import-{time.monotonic_ns()}.sqlite"
    _killed(scene, ["replay", "import", GOLDEN / "replay_database.csv", target, "--experiment", "svhn"], 2.5)
    if target.exists():
        subject.verify(target)
        target.unlink()


def migration_killed(scene: Scene) -> None:
    """A database of an older schema is brought up to date, killed in between, and holds what it held."""
    subject, version = scene.subject, scene.draw.randint(1, 4)
    old = subject.folder / f"old-{time.monotonic_ns()}.sqlite"
    shutil.copy(GOLDEN / f"schema_v{version}.sqlite", old)
    before = _episodes(old)
    _killed(scene, ["replay", "retry", old], 1.5)
    require(_episodes(old) == before, f"a migration from schema {version} that was killed lost episodes")
    subject.verify(old)
    subject.run("replay", "retry", old)
    require(_episodes(old) == before, f"a migration from schema {version} lost episodes")
    subject.verify(old)
    for file in old.parent.glob(f"{old.name}*"):
        file.unlink()


def _episodes(database: Path) -> list:
    with ReplayReader(database) as reader:
        return list(reader.episodes())


def _killed(scene: Scene, arguments: list, longest: float, allowed: tuple[int, ...] = ()) -> None:
    """Run a command and kill it after a while, if it still runs."""
    command = Command(arguments, scene.subject.folder)
    scene.pause(longest)
    command.signal(signal.SIGKILL)
    command.wait((*KILLED, *allowed))


FAULTS: tuple[Callable[[Scene], None], ...] = (
    search_killed,
    worker_killed,
    everything_killed,
    stop_requested,
    terminal_gone,
    everything_suspended,
    worker_suspended,
    clock_elsewhere,
    disk_full,
    file_size_limited,
    no_file_handles,
    memory_limited,
    permission_gone,
    disk_slow,
    readers_beside,
    second_search,
    left_overs_removed,
    copy_killed,
    retry_killed,
    import_killed,
    migration_killed,
)
"""Every kind of fault."""
