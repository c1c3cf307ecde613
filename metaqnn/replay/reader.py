"""Reading a replay database; the writer reads through the same methods."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from metaqnn.core import (
    Attempt,
    Episode,
    EpisodeOrigin,
    Evaluation,
    Model,
    Prediction,
    Proposal,
    QValue,
    Recording,
    Score,
    Status,
    StoredEvaluation,
)
from metaqnn.errors import DamageError, ReplayError
from metaqnn.replay.checks import CheckedTables
from metaqnn.replay.columns import Stored, stored
from metaqnn.replay.database import connect_read_only, has_beside, private_copy
from metaqnn.replay.rows import read_episode, read_model, read_point
from metaqnn.replay.sqlite_errors import clear_errors

_EPISODES = """
    SELECT r.episode, r.iteration, r.recorded, r.model, m.architecture, r.evaluation, r.score, r.reward, r.reused,
           r.source, ifnull(e.status = 'predicted', 0)
    FROM replay r JOIN models m USING (model) LEFT JOIN evaluations e USING (evaluation)"""
_PROPOSALS = """
    SELECT p.episode, p.iteration, p.recorded, p.evaluation, p.source, m.model, m.architecture, m.costs
    FROM proposals p JOIN models m USING (model) ORDER BY p.episode"""
_CURVES = """
    SELECT attempt, epoch, score, epoch_seconds, figures
    FROM learning_curves WHERE evaluation = ? ORDER BY attempt, epoch"""


class ReplayReader:
    """A view of one search's database, also while the search runs.

    Args:
        path: the file.
        connection: an open connection to it; None opens one for reading only.

    Raises:
        ReplayError: there is no such file, or it is no whole metaqnn database of a known schema.
    """

    def __init__(self, path: Path | str, connection: sqlite3.Connection | None = None):
        self.path = Path(path)
        self._connection = connection or connect_read_only(self.path)
        self._tables = CheckedTables(self._connection)
        self._score: Score | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; further calls do nothing."""
        if hasattr(self, "_connection"):
            self._connection.close()
            del self._connection

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Run a query, for the modules of this package: everybody else asks these for records.

        Returns:
            the names of its columns, and its rows.
        """
        with clear_errors(self.path):
            try:
                cursor = self._connection.execute(sql, parameters)
                return tuple(column[0] for column in cursor.description), cursor.fetchall()
            finally:  # whatever came of it: rows that cannot be so are told before anything is made of them
                if fault := self._tables.first_fault():
                    raise DamageError(self.path, str(fault))

    def config(self) -> dict[str, Any]:
        """What the search was started with; empty for a new file."""
        rows = self._query("SELECT key, value FROM config")
        content = {key: stored(value, f"table config, row {key!r}", self.path) for key, value in rows}
        return Stored("table config", self.path, content)

    def score(self) -> Score:
        """What the search measures.

        Raises:
            ReplayError: the database does not say.
        """
        if self._score is None:
            row = self._one("SELECT value FROM config WHERE key = 'score'")
            if row is None and not self.config():
                raise ReplayError(f"{self.path}: nothing says what is measured: no search has written to it yet")
            if row is None or row[0] == "null":
                raise DamageError(
                    self.path, "table config: expected row 'score', or, of an older search, the classes in row 'data'"
                )
            self._score = Score.of(json.loads(row[0]))
        return self._score

    def last_run(self) -> dict[str, Any] | None:
        """Budget, workers, device and versions of the run before; None before the first."""
        row = self._one("SELECT models, workers, device, versions FROM runs ORDER BY run DESC LIMIT 1")
        if row is None:
            return None
        return {"models": row[0], "workers": row[1], "device": row[2], "versions": json.loads(row[3])}

    def first_machine(self) -> dict[str, str] | None:
        """What the machine of the first worker was, in `WorkerReady.kind`; None where nobody asked."""
        row = self._one("SELECT machine FROM worker_events WHERE machine != '{}' ORDER BY event LIMIT 1")
        return json.loads(row[0]) if row else None

    def episodes(self, after: int = 0) -> Iterator[Episode]:
        """All told episodes with a number above `after`, in order."""
        for row in self._query(f"{_EPISODES} WHERE r.episode > ? ORDER BY r.episode", (after,)):
            yield read_episode(row)

    def proposals(self) -> list[Proposal]:
        """Episodes in flight, in order."""
        return [
            Proposal(row[0], row[1], json.loads(row[2]), read_model(row[5:]), row[3], EpisodeOrigin(row[4]))
            for row in self._query(_PROPOSALS)
        ]

    def known_model(self, architecture: str) -> Model | None:
        """The model of an architecture proposed before."""
        row = self._one("SELECT model, architecture, costs FROM models WHERE architecture = ?", (architecture,))
        return read_model(row) if row else None

    def last_episode_of(self, model: int) -> Episode | None:
        """The last told episode of a model, whose evaluation a repeat reuses."""
        row = self._one(f"{_EPISODES} WHERE r.model = ? ORDER BY r.episode DESC LIMIT 1", (model,))
        return read_episode(row) if row else None

    def evaluation(self, number: int | None) -> Evaluation | None:
        """A recorded evaluation with its curves; None where there is none of that number (yet)."""
        row = self._one(
            "SELECT status, score, reason, figures, train_seconds, device, predicted_epoch, predicted_score,"
            " predicted_low, predicted_high, node, phase_seconds FROM evaluations WHERE evaluation = ?",
            (number,),
        )
        if row is None:
            return None
        curves = groupby(self._query(_CURVES, (number,)), key=lambda r: r[0])
        attempts = tuple(Attempt(tuple(read_point(row[1:]) for row in curve)) for _, curve in curves)
        predicted = row[6:10]
        status, prediction = Status(row[0]), None if None in predicted else Prediction(*predicted)
        if prediction is None and (status is Status.EARLY_STOPPED or predicted != (None,) * 4):
            raise ReplayError(f"evaluation {number}: its status is {status}, but its prediction is incomplete")
        figures, phases = json.loads(row[3]), json.loads(row[11])
        return Evaluation(status, row[1], row[2], attempts, figures, row[4], row[5], prediction, row[10], phases)

    def is_table(self) -> bool:
        """Whether the file holds every network of a space, from `metaqnn enumerate`, and no search."""
        return self._purpose() == "table"

    def is_import(self) -> bool:
        """Whether the file holds what another program recorded, from `metaqnn replay import`, and no search."""
        return self._purpose() == "import"

    def require_search(self) -> None:
        """Refuse a file that holds no search.

        Raises:
            ReplayError: it is an enumerated table, or imported.
        """
        if self.is_table():
            raise ReplayError(
                f"{self.path}: expected a search, but this file holds every network of a space, from `metaqnn "
                "enumerate`; `replay summary`, `top`, `show` and `curves` look into it"
            )
        if self.is_import():
            raise ReplayError(
                f"{self.path}: expected a search, but this file holds imported episodes, which cannot go on; "
                "`metaqnn replay` looks into it, `metaqnn compare` takes it as a table, and the key `warm_start` of an "
                "experiment begins a new search with it"
            )

    def episode_count(self) -> int:
        """How many episodes are told, imported ones included."""
        return int(self._query("SELECT count(*) FROM replay")[0][0])

    def imported_episodes(self) -> int:
        """How many episodes come from elsewhere; they are the first ones."""
        return int(self._query("SELECT count(*) FROM replay WHERE source = 'imported'")[0][0])

    def _purpose(self) -> str:
        row = self._one("SELECT value FROM config WHERE key = 'purpose'")
        return json.loads(row[0]) if row else "search"

    def values_as_of(self) -> int:
        """The last episode that the stored Q-values have learned from; 0 before the first checkpoint."""
        row = self._one("SELECT episode FROM checkpoints WHERE name = 'q_values'")
        return row[0] if row else 0

    def shares_reward(self) -> bool:
        """Whether the strategy shares the reward out among the steps: then Q-values are of the part to come."""
        experiment = self.config().get("experiment")
        strategy = experiment.get("strategy") if isinstance(experiment, Mapping) else None
        return isinstance(strategy, Mapping) and strategy.get("reward_shaping", "none") != "none"

    def dangling(self) -> str | None:
        """A row that refers to one which is missing, in words; None where there is none."""
        row = self._one("PRAGMA foreign_key_check")
        return f"{row[0]}: a row refers to one of {row[2]} that is missing" if row else None

    def checkpoint_names(self) -> set[str]:
        """What checkpoints there are of."""
        return {name for (name,) in self._query("SELECT name FROM checkpoints")}

    def values(self) -> tuple[int, list[QValue]]:
        """The last checkpoint of the Q-values: the episode it is as of (0: none), and the values."""
        rows = self._query("SELECT state, action, value, updates FROM q_values")
        return self.values_as_of(), [QValue(*row) for row in rows]

    @contextmanager
    def snapshot(self, is_long: bool = False) -> Iterator[None]:
        """Let all reads of the block see one state, whatever a running search adds meanwhile; may be nested.

        Args:
            is_long: beside a running search, read from a copy, so that its log need not wait for the end of the block.
        """
        if self._connection.in_transaction:
            yield
            return
        if is_long and has_beside(self.path, "-wal"):
            original = self._connection, self._tables
            self._connection = private_copy(self._connection, self.path)
            self._tables = CheckedTables(self._connection)
            try:
                with self.snapshot():
                    yield
            finally:
                self._connection.close()
                self._connection, self._tables = original
            return
        with clear_errors(self.path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    def stored_evaluation(self, number: int) -> StoredEvaluation | None:
        """A recorded evaluation with what is stored beside it; None where there is none of that number."""
        evaluation = self.evaluation(number)
        if evaluation is None:
            return None
        (row,) = self._query(
            "SELECT model, seed, best_epoch, last_score, attempts, purpose FROM evaluations WHERE evaluation = ?",
            (number,),
        )
        return StoredEvaluation(evaluation, *row)

    def recording(self) -> Recording:
        """Everything that a search recorded, as of now; evaluations are read when they are asked for."""
        with self.snapshot():
            return Recording(
                tuple(self.episodes()),
                tuple(self.proposals()),
                tuple(self.models()),
                self.values_as_of(),
                tuple(self.values()[1]),
                self.score(),
                self.stored_evaluation,
                self.is_import(),
                tuple(number for (number,) in self._query("SELECT evaluation FROM evaluations ORDER BY evaluation")),
            )

    def models(self) -> list[Model]:
        """Every architecture ever proposed, in order."""
        return [read_model(row) for row in self._query("SELECT model, architecture, costs FROM models ORDER BY model")]

    def _query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.query(sql, parameters)[1]

    def _one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        return next(iter(self._query(sql, parameters)), None)
