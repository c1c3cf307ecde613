"""Others beside a search: readers, a second search, and commands that are killed."""

import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from benchmarks.soak.process_faults import everything_killed
from benchmarks.soak.scene import KILLED, REFUSED, Scene
from benchmarks.soak.subject import TOP, Command, ViolationError, require
from metaqnn.errors import MetaqnnError
from metaqnn.replay.leaderboard import best_model
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows.summary import summarise

GOLDEN = TOP / "tests" / "golden"


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
    while not (command.is_over() or subject.is_written_by(command)):  # before that either may be the first
        time.sleep(0.02)
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
        # Where the first has ended meanwhile, the second goes on after it.
        require(
            code or not subject.had_two_writers(), f"a second search ran beside the first, by a {kind or 'plain'} name"
        )
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
    subject, golden = scene.subject, scene.draw.choice(sorted(GOLDEN.glob("schema_v*.sqlite")))
    old = subject.folder / f"old-{time.monotonic_ns()}.sqlite"
    shutil.copy(golden, old)
    before = _episodes(old)
    _killed(scene, ["replay", "retry", old], 1.5)
    require(_episodes(old) == before, f"a migration of {golden.name} that was killed lost episodes")
    subject.verify(old)
    subject.run("replay", "retry", old)
    require(_episodes(old) == before, f"a migration of {golden.name} lost episodes")
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
