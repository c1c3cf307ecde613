"""The searches that faults are made against, as processes, and what must hold after every fault."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

import psutil

from metaqnn.errors import MetaqnnError
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows import verify_database
from tests.databases import contents
from tests.patience import is_within

MARK = "METAQNN_SOAK"
"""Stands in the environment of every process that a soak starts, with the soak's number, so that none is overlooked."""

TOP = Path(__file__).parents[2]


def _function(name: str) -> str:
    return f'evaluator: {{name: function, function: "benchmarks.soak.functions:{name}"}}'


_CHAIN = "space: {name: chain, choices: [4, 4, 4, 4, 4]}"
_PAPER = "{name: q_learning, preset: paper, replay_episodes: 10, schedule: [[1.0, 30], [0.5, 20], [0.1, 10]]}"
_SEARCH = "search: {models: 60, lookahead: 3, checkpoint_seconds: 0}"
EXPERIMENTS: Mapping[str, str] = {
    "guided": f"{_CHAIN}\nstrategy: {{name: linear_ucb}}\n{_function('score')}\n{_SEARCH}\n",
    "paper": f"{_CHAIN}\nstrategy: {_PAPER}\n{_function('score')}\n{_SEARCH}\n",
    "rough": f"{_CHAIN}\nstrategy: {{name: regularized_evolution}}\n{_function('rough_score')}\n{_SEARCH}\n",
    "small space": "space: {name: chain, choices: [2, 3, 4]}\nstrategy: {name: random}\n"
    f"{_function('score')}\nsearch: {{models: 40, lookahead: 2}}\n",
    "networks": "dataset: {name: digits, validation_size: 300, train_limit: 200}\n"
    "space: {max_depth: 2, convolution: {filters: [4, 8]}}\n"
    "strategy: {name: linear_ucb}\ntraining: {epochs: 1}\nsearch: {models: 6, lookahead: 2}\n",
}
"""Small searches of several kinds, by name: of a function that some hundredths of a second answer, or of networks."""


class ViolationError(Exception):
    """Something that must hold after every fault does not."""


def require(condition: object, what: str) -> None:
    """Say what does not hold."""
    if not condition:
        raise ViolationError(what)


def marked() -> list[psutil.Process]:
    """Every living process that a soak has started."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == str(os.getpid()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _told(process: psutil.Process) -> tuple:
    """What a process is, if it still is."""
    with suppress(psutil.Error):
        return process.pid, process.status(), process.cmdline()[:5]
    return process.pid, "gone"


def end_marked() -> None:
    """End them all."""
    for process in marked():
        with suppress(psutil.Error):
            process.kill()


class Command:
    """A command of metaqnn in a process of its own.

    Args:
        arguments: after `metaqnn`.
        folder: outside the search's, for what it prints.
        wrapper: a program that starts it.
        environment: what is added to this process's.
    """

    def __init__(
        self,
        arguments: Sequence[object],
        folder: Path,
        wrapper: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ):
        self.words = [*wrapper, sys.executable, "-m", "metaqnn", *map(str, arguments)]
        self._is_wrapped = "--fork" in wrapper
        self._errors = folder / f"errors-{time.monotonic_ns()}"
        with self._errors.open("w") as errors:
            self.process = psutil.Popen(
                self.words,
                cwd=TOP,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if "search" in arguments else subprocess.DEVNULL,
                stderr=errors,
                env=os.environ | {MARK: str(os.getpid()), "TF_CPP_MIN_LOG_LEVEL": "3"} | (environment or {}),
            )
        if self.process.stdout is not None:
            self._reader = threading.Thread(target=self._drain, daemon=True)
            self._reader.start()

    def _drain(self) -> None:
        with suppress(ValueError, OSError):
            while os.read(self.process.stdout.fileno(), 65536):
                pass

    def hang_up(self) -> None:
        """Nobody reads any more what it prints."""
        self.process.stdout.close()

    @property
    def main(self) -> psutil.Process:
        """Its process, within the wrapper's."""
        children = []
        with suppress(psutil.Error):
            children = self.process.children() if self._is_wrapped and not self.is_over() else []
        return children[0] if children else self.process

    def is_over(self) -> bool:
        """Whether it ended."""
        return self.process.poll() is not None

    def workers(self) -> list[psutil.Process]:
        """Its worker processes."""
        with suppress(psutil.Error):
            return [child for child in self.main.children() if child.status() != psutil.STATUS_ZOMBIE]
        return []

    def signal(self, number: int, *processes: psutil.Process) -> None:
        """Send a signal to these processes, or to its main one."""
        with suppress(psutil.Error):
            for process in processes or (self.main,):
                with suppress(psutil.Error):
                    process.send_signal(number)

    def wait(self, allowed: Collection[int] = (), is_silent: bool = False) -> int:
        """Wait for its end, and see how it ended.

        Args:
            allowed: exit codes beside 0; minus the number of a signal.
            is_silent: whether it may end with an exit code and no sentence.
        """
        began = time.monotonic()
        while not self.is_over():
            require(is_within(began, 120.0), f"{self} hangs")
            time.sleep(0.01)
        code, errors = self.process.returncode, self._errors.read_text(errors="replace")
        # What happens while Python itself starts is told in Python's own words.
        is_early = f"{TOP}/metaqnn/" not in errors
        require("Traceback" not in errors or is_early, f"{self} ended with a traceback:\n{errors}")
        require(code in (0, *allowed), f"{self} ended with exit code {code}, expected 0 {[*allowed]}:\n{errors}")
        is_said = bool(errors.strip()) or is_silent or not 0 < code < 128
        require(is_said, f"{self} ended with exit code {code} and said nothing")
        return code

    def __str__(self) -> str:
        return " ".join(self.words[self.words.index("metaqnn") :])


class Subject:
    """A search of one kind and seed in a folder of its own, with files of a user's beside its database.

    Args:
        kind: of `EXPERIMENTS`.
        seed: of the search.
        disk: a new folder for the database; the user's files go there, too.
        folder: a folder for everything else.
    """

    def __init__(self, kind: str, seed: int, disk: Path, folder: Path):
        self.kind, self.disk, self.folder = kind, disk, folder
        self.database = disk / "search.sqlite"
        self.experiment = folder / f"{kind.replace(' ', '_')}-{seed}.yaml"
        self.experiment.write_text(f"name: soak\nseed: {seed}\n{EXPERIMENTS[kind]}")
        self.recorded: list[tuple] = []
        disk.mkdir()
        for name in ("notes.txt", "search.sqlite.part", "search.sqlite.bak", "search.yaml.part"):
            (disk / name).write_text(f"the user's {name}")
        (disk / "folder.part").mkdir()
        (disk / "folder.part" / "thesis.txt").write_text("the user's")
        (disk / "link.part").symlink_to("notes.txt")
        self._mine = self._users_files()

    def start(self, *options: object, **how) -> Command:
        """Start or resume the search."""
        workers = ("--workers", 2)
        return Command(["search", self.experiment, "--db", self.database, *workers, *options], self.folder, **how)

    def run(self, *arguments: object, allowed: Collection[int] = ()) -> int:
        """Run another command to its end."""
        return Command(arguments, self.folder).wait(allowed)

    def episodes(self) -> int:
        """How many episodes are recorded, as a user would look."""
        return len(self.read())

    def is_complete(self) -> bool:
        """Whether its budget is spent, or nothing new was found."""
        with suppress(MetaqnnError, sqlite3.Error), closing(self.connect()) as connection:
            last = connection.execute("SELECT outcome FROM runs ORDER BY run DESC LIMIT 1").fetchone()
            return last is not None and last[0] in ("completed", "exhausted")
        return False

    def connect(self, mode: str = "ro") -> sqlite3.Connection:
        """As plain `sqlite3` does."""
        return sqlite3.connect(f"file:{self.database}?mode={mode}", uri=True, timeout=30, isolation_level=None)

    def is_written_by(self, command: "Command") -> bool:
        """Whether a command stands in the database as its one writer."""
        with suppress(sqlite3.Error), closing(self.connect()) as connection:
            return connection.execute("SELECT process FROM writer").fetchone() == (command.main.pid,)
        return False

    def had_two_writers(self) -> bool:
        """Whether a run began before the one before it had ended."""
        with closing(self.connect()) as connection:
            return bool(
                connection.execute(
                    "SELECT count(*) FROM runs a JOIN runs b ON b.run = a.run + 1 WHERE b.started_at < a.ended_at"
                ).fetchone()[0]
            )

    def read(self) -> list[tuple]:
        if not self.database.exists() or not self.database.stat().st_size:
            return []
        try:
            with closing(self.connect()) as connection:
                return connection.execute(
                    """SELECT r.episode, iteration, recorded, r.model, architecture, r.evaluation, r.score, reward,
                              reused, source, status, reason
                       FROM replay r JOIN models USING (model) JOIN evaluations USING (evaluation) ORDER BY episode"""
                ).fetchall()
        except sqlite3.OperationalError as error:  # it is just being made
            require("no such table" in str(error), f"sqlite3 cannot read the database: {error}")
            return []

    def check(self, reference: Path) -> None:
        """What must hold when all processes have ended, whatever happened before.

        Args:
            reference: the database of an undisturbed search.

        Raises:
            ViolationError: it does not.
        """
        began = time.monotonic()
        while left := marked():
            if not is_within(began, 10.0):
                raise ViolationError(f"left over: {[_told(process) for process in left]}")
            time.sleep(0.02)
        require(self._users_files() == self._mine, "a file of the user's was changed")
        replay = self.read()
        kept = replay[: len(self.recorded)]
        require(kept == self.recorded, f"{len(self.recorded)} episodes were recorded, of which {len(kept)} are equal")
        self.recorded = replay
        if not replay:
            return
        expected = contents(reference)["replay"][: len(replay)]
        found = contents(self.database)["replay"]
        different = [n for n, pair in enumerate(zip(found, expected, strict=True), start=1) if pair[0] != pair[1]]
        require(not different, f"episodes differ from those of an undisturbed search: {different}")
        self.verify(self.database)

    def verify(self, database: Path) -> None:
        """Rebuild a database from its seed."""
        try:
            with ReplayReader(database) as reader:
                difference = verify_database(reader).difference
        except MetaqnnError as error:
            difference = str(error)
        require(difference is None, f"{database.name} does not verify: {difference}")

    def check_end(self, reference: Path) -> None:
        """What must hold of a search that was disturbed and is complete."""
        expected, found = contents(reference), contents(self.database)
        for table in expected:
            require(found.get(table) == expected[table], f"table {table} differs from that of an undisturbed search")
        expected_names = {"search.sqlite", "search.sqlite.lock", *(Path(name).parts[0] for name in self._mine)}
        left = sorted({path.name for path in self.disk.iterdir()} - expected_names)
        require(not left, f"files were left beside the database: {', '.join(left)}")

    def _users_files(self) -> dict[str, object]:
        """Content, kind and time of everything beside the database that is not the search's."""
        known = (
            "search.sqlite",
            "search.sqlite.lock",
            "search.sqlite-wal",
            "search.sqlite-shm",
            "search.sqlite-journal",
        )
        found: dict[str, object] = {}
        for path in sorted(self.disk.rglob("*")):
            name = str(path.relative_to(self.disk))
            if name in known or name.startswith((".metaqnn-part-", "aside-")):
                continue
            content = os.readlink(path) if path.is_symlink() else path.is_dir() or path.read_bytes()
            found[name] = content, path.lstat().st_mtime_ns
        return found

    def remove(self) -> None:
        """Everything of it, the user's files too."""
        shutil.rmtree(self.disk, ignore_errors=True)
