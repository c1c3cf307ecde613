"""`make soak [ARGS="--minutes 5 --seed 3"]`: faults at random against real searches for an hour, all checked.

A round is one small search in a folder of its own. It is disturbed some times, by one fault after another, and resumed
each time; after each fault no process may be left over, no recorded episode lost or changed, no file of the user's
touched, and the database verifies. At its end every row equals that of a search that nobody disturbed. Everything at
random is drawn from the seed and the number of the round, so that a round can be played again. Run from the top of a
checkout. As root, most rounds have a file system of their own that can be full.
"""

import json
import os
import platform
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TimeRemainingColumn

from benchmarks.soak.faults import FAULTS
from benchmarks.soak.scene import Scene
from benchmarks.soak.subject import EXPERIMENTS, Subject, ViolationError, end_marked
from metaqnn.version import __version__

_NETWORKS_SHARE = 0.03
"""Rounds whose search trains networks: TensorFlow takes seconds to start, each time."""

_OWN_DISK_SHARE = 0.7


@dataclass(frozen=True)
class Violation:
    """What did not hold, and where; the round is played again by its number."""

    round: int
    search: str
    faults: tuple[str, ...]
    problem: str


class Soak:
    """The rounds, and what came of them.

    Args:
        seed: everything at random is drawn from it and from the number of a round.
        folder: for databases and the like.
        out: databases of rounds that violated something are kept there.
        ends: when no further fault begins, on the monotonic clock.
    """

    def __init__(self, seed: int, folder: Path, out: Path, ends: float):
        self.seed, self.folder, self.out, self.ends = seed, folder, out, ends
        self.counts: Counter[str] = Counter()
        self.rounds = 0
        self.violations: list[Violation] = []
        self._references: dict[tuple[str, int], Path] = {}

    def play(self, number: int) -> None:
        """One round."""
        draw = random.Random(f"{self.seed}/{number}")
        functions = [kind for kind in EXPERIMENTS if kind != "networks"]
        kind = "networks" if draw.random() < _NETWORKS_SHARE else draw.choice(functions)
        search_seed = draw.randint(0, 1)
        made: list[str] = []
        folder = self.folder / f"round-{number}"
        folder.mkdir()
        with _disk(folder, draw.random() < _OWN_DISK_SHARE) as disk:
            reference = self._reference(kind, search_seed)
            try:
                subject = Subject(kind, search_seed, disk / "searches", folder)
                self._disturb(subject, reference, draw, made)
            except Exception as error:  # also what no check foresaw, such as a database that cannot be read
                problem = str(error) if isinstance(error, ViolationError) else traceback.format_exc()
                self._keep(Violation(number, f"{kind}, seed {search_seed}", tuple(made), problem), folder)
            finally:
                end_marked()
        shutil.rmtree(folder, ignore_errors=True)
        self.rounds += 1

    def _keep(self, violation: Violation, folder: Path) -> None:
        """Say what was violated, and keep the databases."""
        self.violations.append(violation)
        lines = violation.problem.strip().splitlines()
        shown = " ... ".join(dict.fromkeys((lines[0], lines[-1])))
        faults = ", ".join(violation.faults)
        print(f"VIOLATION in round {violation.round} ({violation.search}; {faults}): {shown}", flush=True)
        end_marked()
        kept = self.out / f"seed-{self.seed}-round-{violation.round}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept, symlinks=True, ignore=shutil.ignore_patterns("ballast"))

    def _disturb(self, subject: Subject, reference: Path, draw: random.Random, made: list[str]) -> None:
        for _ in range(draw.randint(3, 6)):
            if time.monotonic() >= self.ends or subject.is_complete():
                break
            fault = draw.choice(FAULTS)
            made.append(fault.__name__)
            self.counts[fault.__name__] += 1
            fault(Scene(subject, draw))
            subject.check(reference)
        subject.start().wait()
        subject.check(reference)
        subject.check_end(reference)

    def _reference(self, kind: str, seed: int) -> Path:
        """The database of a search that nobody disturbs."""
        if (kind, seed) not in self._references:
            folder = self.folder / f"reference-{len(self._references)}"
            folder.mkdir()
            subject = Subject(kind, seed, folder / "searches", folder)
            try:
                subject.start().wait()
            except ViolationError as error:
                raise SystemExit(f"a search that nobody disturbs does not end well: {error}") from error
            self._references[kind, seed] = subject.database
        return self._references[kind, seed]

    def summary(self, seconds: float) -> dict:
        """What is kept of it all."""
        return {
            "seed": self.seed,
            "seconds": round(seconds),
            "rounds": self.rounds,
            "faults": dict(sorted(self.counts.items())),
            "violations": [asdict(violation) for violation in self.violations],
            "versions": {
                "metaqnn": __version__,
                "python": platform.python_version(),
                "sqlite": sqlite3.sqlite_version,
                "system": platform.platform(),
            },
            "cores": os.cpu_count(),
        }


@contextmanager
def _disk(folder: Path, is_own: bool) -> Iterator[Path]:
    """A folder for databases: where it may be and shall be, a file system of its own."""
    place = folder / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "metaqnn-soak", str(place)]
    is_mounted = (
        is_own and os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    )
    try:
        yield place
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0.1), default=60.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--round", "only", type=click.IntRange(min=1), help="Play this round of the seed alone.")
@click.option("--out", type=click.Path(path_type=Path), default="build/soak", show_default=True)
def main(minutes: float, seed: int, only: int | None, out: Path) -> None:
    """Disturb, check, and leave a summary in OUT/soak.json; exit code 1 where anything was violated."""
    out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    began = time.monotonic()
    columns = ("{task.description}", BarColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory(prefix="metaqnn-soak-") as folder,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        soak = Soak(seed, Path(folder), out, began + 60 * minutes)
        task = bar.add_task("no fault yet", total=1 if only else 60 * minutes)
        for number in (only,) if only else count(1):
            if time.monotonic() >= soak.ends:
                break
            soak.play(number)
            said = f"{soak.counts.total()} faults, {len(soak.violations)} violations"
            bar.update(task, completed=1 if only else time.monotonic() - began, description=said)
    summary = soak.summary(time.monotonic() - began)
    (out / "soak.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    for kind, times in summary["faults"].items():
        print(f"{kind.replace('_', ' '):22} {times:5}")
    faults, kinds = sum(summary["faults"].values()), len(summary["faults"])
    print(f"{faults} faults of {kinds} kinds in {soak.rounds} rounds and {summary['seconds']} s; {out / 'soak.json'}")
    for violation in soak.violations:
        print(f"violated; again: python -m benchmarks.soak --seed {seed} --round {violation.round}")
    sys.exit(1 if soak.violations else 0)


if __name__ == "__main__":
    main()
