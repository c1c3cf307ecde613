"""The finished runs of comparisons, in one SQLite file, so that none is done twice."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from metaqnn.errors import DamageError, ReplayError
from metaqnn.replay.database import file_facts, open_file, transaction
from metaqnn.replay.records import now
from metaqnn.replay.sqlite_errors import clear_errors

_APPLICATION_ID = 0x4D514E43
"""Marks a file of comparisons in SQLite's header: the letters MQNC."""

_SCHEMA = """
CREATE TABLE runs (
    run              INTEGER PRIMARY KEY,
    contents         TEXT NOT NULL,     -- hash of the table: its space, networks, rewards and targets
    settings         TEXT NOT NULL,     -- JSON: the strategy with all its options
    code             TEXT NOT NULL,     -- hash of what computed it; another version of it is another run
    seed             INTEGER NOT NULL,
    evaluations      INTEGER NOT NULL,  -- distinct networks looked up
    lookahead        INTEGER NOT NULL,  -- episodes in flight
    benchmark        TEXT NOT NULL,     -- name of the table
    strategy         TEXT NOT NULL,     -- as it was asked for
    proposals        INTEGER NOT NULL,  -- made in all
    proposal_seconds REAL NOT NULL,     -- processor time of a proposal in the mean
    finished_at      TEXT NOT NULL,
    UNIQUE (contents, settings, code, seed, evaluations, lookahead)
);
CREATE TABLE traces (
    run           INTEGER NOT NULL REFERENCES runs (run),
    evaluation    INTEGER NOT NULL,  -- from 1
    best_reward   REAL NOT NULL,     -- the best so far
    regret        REAL NOT NULL,     -- of the network with that reward, by the target
    reward_regret REAL NOT NULL,     -- of that reward
    PRIMARY KEY (run, evaluation)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class RunKey:
    """What a run's figures follow from: attributes as in the table `runs`."""

    contents: str
    settings: str
    code: str
    seed: int
    evaluations: int
    lookahead: int


@dataclass(frozen=True)
class FinishedRun:
    """The figures of a run; attributes as in the tables, a value for each evaluation."""

    proposals: int
    proposal_seconds: float
    best_rewards: tuple[float, ...]
    regrets: tuple[float, ...]
    reward_regrets: tuple[float, ...]


class ComparisonRuns:
    """A file of finished runs, each written whole, at once when it is finished.

    Several processes may use it at the same time.

    Args:
        path: made where absent.

    Raises:
        ReplayError: it holds something else, is damaged, or cannot be written.
    """

    def __init__(self, path: Path):
        self.path = path
        found = file_facts(path)
        with self._clear_errors():
            self._connection = open_file(path)
            try:
                self._open(found is None or not found.st_size)
            except BaseException:
                self._connection.close()
                raise

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """What SQLite's errors mean; of this file nothing is lost that could not be computed again."""
        try:
            with clear_errors(self.path):
                yield
        except DamageError as error:
            raise ReplayError(f"{self.path}: {error.what}; move it away, and its runs are done again") from error

    def _open(self, is_new: bool) -> None:
        connection = self._connection
        if is_new:
            connection.execute("BEGIN IMMEDIATE")
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute("COMMIT")
        if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
            raise ReplayError(
                f"{self.path}: expected a file of finished comparisons, but this is none; choose another --out"
            )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> "ComparisonRuns":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def find(self, key: RunKey) -> FinishedRun | None:
        """A run that was finished before."""
        with self._clear_errors():
            row = self._connection.execute(
                "SELECT run, proposals, proposal_seconds FROM runs WHERE contents = ? AND settings = ? AND code = ? "
                "AND seed = ? AND evaluations = ? AND lookahead = ?",
                _values(key),
            ).fetchone()
            if row is None:
                return None
            points = self._connection.execute(
                "SELECT best_reward, regret, reward_regret FROM traces WHERE run = ? ORDER BY evaluation", row[:1]
            ).fetchall()
            if len(points) != key.evaluations or not all(isinstance(each, float) for point in points for each in point):
                raise DamageError(self.path, f"run {row[0]}: expected {key.evaluations} numbers each in table traces")
        best, regrets, reward_regrets = zip(*points, strict=True)
        return FinishedRun(row[1], row[2], best, regrets, reward_regrets)

    def add(self, key: RunKey, benchmark: str, strategy: str, run: FinishedRun) -> None:
        """Write a finished run; one that another process has written meanwhile is kept as it is."""
        names = ("contents", "settings", "code", "seed", "evaluations", "lookahead", "benchmark", "strategy")
        with self._clear_errors(), transaction(self._connection, self.path) as connection:
            cursor = connection.execute(
                f"INSERT OR IGNORE INTO runs ({', '.join(names)}, proposals, proposal_seconds, finished_at) "
                f"VALUES ({', '.join('?' * (len(names) + 3))})",
                (*_values(key), benchmark, strategy, run.proposals, run.proposal_seconds, now()),
            )
            if cursor.rowcount:
                figures = zip(run.best_rewards, run.regrets, run.reward_regrets, strict=True)
                rows = [(cursor.lastrowid, n, *map(float, each)) for n, each in enumerate(figures, start=1)]
                connection.executemany("INSERT INTO traces VALUES (?, ?, ?, ?, ?)", rows)


def _values(key: RunKey) -> Sequence[str | int]:
    return key.contents, key.settings, key.code, key.seed, key.evaluations, key.lookahead
