"""Where a report's numbers come from: the search, its data, its runs, and how to check and repeat them."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from metaqnn.core import EpisodeOrigin, Exploration
from metaqnn.core.plugins import is_target
from metaqnn.replay.evaluations import read_evaluations
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.runs import Run, read_runs
from metaqnn.strategies.schedule import Schedule
from metaqnn.version import __version__


@dataclass(frozen=True)
class Subject:
    """What a report is about, as its experiment says; nothing that it names is loaded.

    Attributes:
        experiment: all sections as plain values, with `name` and `seed`.
        schedule: of epsilon, scaled to the budget; None for a table, and where the strategy has none.
        data: what the evaluator says of its data, as in `config.data`.
    """

    experiment: Mapping[str, Any]
    schedule: Schedule | None
    data: Mapping[str, Any]

    @property
    def about(self) -> str:
        """The name of the data set, or else of the evaluator."""
        return str((self.experiment.get("dataset") or self.experiment.get("evaluator") or {"name": "-"})["name"])

    @property
    def strategy(self) -> str:
        """The strategy's name, and its preset where it has some."""
        section = self.experiment["strategy"]
        return section["name"] + (f" (preset {section['preset']})" if "preset" in section else "")

    @property
    def outside(self) -> tuple[str, ...]:
        """Each `module:Name` that the user must name again to have it run."""
        names = [section.get("name") for section in self.experiment.values() if isinstance(section, Mapping)]
        return tuple(name for name in names if isinstance(name, str) and is_target(name))


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from.

    Attributes:
        database: the file.
        is_table: whether it holds an enumerated space in place of a search.
        runs: every start of the search, in order.
        done: distinct architectures told, the imported ones where there are no others; of a table evaluated.
        total: the budget of the last run; None before the first, and of a table.
        episodes: told.
        in_flight: proposed and not recorded.
        epsilon: of the next proposal; None when the schedule is over, or there is none.
        exhausted: epsilons of the stages that ended early for finding nothing new.
        devices: (device, evaluations), the most frequent first.
        last_recorded_at: ISO 8601 in UTC; None before the first result.
        reported_at: the same, when these numbers were read.
        version: of metaqnn that reports.
    """

    database: Path
    is_table: bool
    runs: tuple[Run, ...]
    done: int
    total: int | None
    episodes: int
    in_flight: int
    epsilon: float | None
    exhausted: tuple[float, ...]
    devices: tuple[tuple[str, int], ...]
    last_recorded_at: str | None
    reported_at: str
    version: str = __version__

    @property
    def is_open(self) -> bool:
        """Whether the last run has not ended in good order: it is running, or was killed."""
        return bool(self.runs) and self.runs[-1].outcome is None

    @property
    def is_import(self) -> bool:
        """Whether everything here was imported, and no search has begun on it."""
        return not self.runs and self.episodes > 0

    @property
    def interruptions(self) -> int:
        """Runs that ended before the search did; the last one does not count while it is open."""
        over = self.runs[:-1] if self.is_open else self.runs
        return sum(run.outcome not in ("completed", "exhausted") for run in over)

    @property
    def elapsed_seconds(self) -> float:
        """Wall clock of all runs."""
        return sum(run.elapsed_seconds for run in self.runs)

    @property
    def versions(self) -> Mapping[str, str]:
        """Of the last run."""
        return self.runs[-1].versions if self.runs else {}

    @property
    def changed_versions(self) -> tuple[str, ...]:
        """Packages that had another version in an earlier run."""
        now = self.versions
        return tuple(n for n in now if any(run.versions.get(n, now[n]) != now[n] for run in self.runs))

    def commands(self, name: str, allowed: Sequence[str] = ()) -> tuple[str, ...]:
        """What verifies this search, and what runs it once more from the experiment in this report; or begins it.

        Args:
            name: of the experiment, for the name of its file.
            allowed: what only runs where the user names it, as `Subject.outside`.
        """
        file, again = shlex.quote(f"{name}.yaml"), shlex.quote(f"replay_db/{name}-again.sqlite")
        database = " ".join((shlex.quote(str(self.database)), *(f"--allow {each}" for each in allowed)))
        if self.is_import:
            return f"metaqnn replay summary {shlex.quote(str(self.database))}", f"metaqnn replay verify {database}"
        if not self.runs:
            return (f"metaqnn resume {database}",)
        if self.is_table:
            return (f"metaqnn enumerate {file} --db {again}",)
        # The first budget scaled the schedule; a later one only extends or truncates it.
        budgets = dict.fromkeys(run.models for run in (*self.runs[:1], *self.runs[-1:]))
        return (
            f"metaqnn replay verify {database}",
            *(f"metaqnn search {file} --models {models} --db {again}" for models in budgets),
        )


def read_provenance(reader: ReplayReader, subject: Subject) -> Provenance:
    """Read it, as of now."""
    # The one run of an imported database is the import.
    runs = () if reader.is_import() else read_runs(reader)
    is_table = reader.is_table()
    purpose, evaluations = "table" if is_table else "search", read_evaluations(reader)
    devices = Counter(each.device for each in evaluations if each.purpose == purpose and each.device)
    episodes, proposals = list(reader.episodes()), reader.proposals()
    schedule = subject.schedule
    exploration = schedule.describe(schedule.recorded(episodes, proposals)) if schedule else Exploration()
    if is_table:
        done = len({each.model for each in evaluations if each.purpose == purpose})
    else:
        new = [episode.origin for episode in episodes if not episode.reused]
        done = new.count(EpisodeOrigin.SAMPLED) or new.count(EpisodeOrigin.IMPORTED)
    return Provenance(
        reader.path,
        is_table,
        runs,
        done,
        None if is_table or not runs else runs[-1].models,
        len(episodes),
        len(proposals),
        exploration.epsilon,
        exploration.exhausted,
        tuple(sorted(devices.items(), key=lambda item: (-item[1], item[0]))),
        max((each.recorded_at for each in evaluations), default=None),
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
