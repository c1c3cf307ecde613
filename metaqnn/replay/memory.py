"""The replay memory in SQLite: the writer's side."""

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from metaqnn.core import (
    RETRYABLE,
    Episode,
    EpisodeOrigin,
    Evaluation,
    Model,
    Proposal,
    QValue,
    ReplayMemory,
    WorkerLost,
    WorkerReady,
)
from metaqnn.replay.chain_contents import evaluation_content
from metaqnn.replay.hash_chains import begin_chains, link_record
from metaqnn.replay.importing import Imported, insert_imported
from metaqnn.replay.records import insert_episode, insert_evaluation, insert_model, insert_proposal, now
from metaqnn.replay.sqlite_errors import clear_errors
from metaqnn.replay.writer import ReplayWriter


class SQLiteReplayMemory(ReplayWriter, ReplayMemory):
    """One search's database, held for writing by this process alone; arguments and errors are those of its base."""

    _run: int | None = None
    _run_began = 0.0

    # Configuration and runs

    def initialise(self, config: Mapping[str, Any], imported: Sequence[Imported] = ()) -> None:
        """Record what a new search is started with, in one transaction.

        Args:
            config: what may not change.
            imported: episodes of another database that it begins with.
        """
        rows = [(key, json.dumps(value)) for key, value in sorted(config.items())]
        with self._transaction() as connection:
            connection.executemany("INSERT INTO config VALUES (?, ?)", rows)
            if imported:
                insert_imported(connection, imported, self.score())
            begin_chains(connection)

    def begin_run(self, models: int, workers: int, versions: Mapping[str, str], changes: Sequence[object]) -> None:
        """Add the row of this start."""
        self._run_began = time.monotonic()
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO runs VALUES (NULL, ?, NULL, 0, NULL, (SELECT ifnull(max(episode), 0) + 1 FROM replay),"
                " ?, ?, ?, NULL, ?, ?)",
                (now(), models, workers, os.getpid(), json.dumps(dict(versions)), json.dumps(list(changes))),
            )
            self._run = cursor.lastrowid

    def end_run(self, outcome: str) -> None:
        """Close the row of this start."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE runs SET ended_at = ?, outcome = ?, elapsed_seconds = ? WHERE run = ?",
                (now(), outcome, self._run_seconds(), self._run),
            )

    def elapsed_seconds(self) -> float:
        """Wall clock of all runs, this one up to now."""
        sql = "SELECT ifnull(sum(elapsed_seconds), 0) FROM runs WHERE run IS NOT ?"
        before: float = self._query(sql, (self._run,))[0][0]
        return before + (self._run_seconds() if self._run else 0.0)

    def record_worker(self, event: WorkerReady | WorkerLost) -> None:
        """Keep a fact about a worker process."""
        if isinstance(event, WorkerReady):
            row: tuple[Any, ...] = (event.worker, "ready", event.pid, None, "")
            machine = json.dumps(dict(event.kind))
        else:
            row, machine = (event.worker, "lost", None, event.number, event.reason), "{}"
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO worker_events VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self._run, *row, now(), event.node, machine),
            )
            if isinstance(event, WorkerReady):
                connection.execute(
                    "UPDATE runs SET device = ?, versions = json_patch(versions, ?) WHERE run = ?",
                    (event.device, json.dumps(event.versions), self._run),
                )

    # Episodes

    def next_numbers(self) -> tuple[int, int, int]:
        """The next free numbers of an episode, a model and an evaluation."""
        return self._query(
            """SELECT 1 + max(ifnull((SELECT max(episode) FROM replay), 0),
                              ifnull((SELECT max(episode) FROM proposals), 0)),
                      1 + ifnull((SELECT max(model) FROM models), 0),
                      1 + max(ifnull((SELECT max(evaluation) FROM evaluations), 0),
                              ifnull((SELECT max(evaluation) FROM proposals), 0))"""
        )[0]

    def add_proposal(self, proposal: Proposal) -> None:
        """Record an episode in flight, and its model if new."""
        with self._repeatable_transaction() as connection:
            insert_model(connection, proposal.model)
            insert_proposal(connection, proposal)

    def record_evaluations(self, ended: Sequence[tuple[Proposal, Evaluation]]) -> None:
        """Record evaluations that finished before their episodes' turns to be told, in one transaction."""
        with self._transaction():
            for proposal, evaluation in ended:
                number = proposal.evaluation
                assert number is not None, "what reuses an evaluation is not evaluated"
                self._early_contents[number] = self._insert_evaluation(number, proposal.model.model, evaluation)

    def record(self, episode: Episode, evaluation: Evaluation | None) -> None:
        """Record an episode, and its evaluation unless that is None or recorded already, in one transaction."""
        is_known = evaluation is None or self._has_evaluation(episode.evaluation)
        with self._repeatable_transaction() if is_known else self._transaction() as connection:
            content: list[object] | None = None
            if evaluation is not None and not is_known:
                content = self._insert_evaluation(episode.evaluation, episode.model, evaluation)
            elif evaluation is not None:
                content = self._early_contents.pop(episode.evaluation, None)
                content = content or evaluation_content(connection.execute, episode.evaluation)
            link_record(connection, "episodes", episode.number, [*insert_episode(connection, episode), content])
            connection.execute("DELETE FROM proposals WHERE episode = ?", (episode.number,))
            connection.execute("UPDATE runs SET elapsed_seconds = ? WHERE run = ?", (self._run_seconds(), self._run))

    def retry_failed(self) -> list[Proposal]:
        """Propose every model anew whose last evaluation crashed, hung or timed out, unless it is in flight already.

        Returns:
            the proposals made; the next run of the search trains them.

        Raises:
            ReplayError: the file holds no search.
        """
        self.require_search()
        episode, _, evaluation = self.next_numbers()
        rows = self._query(
            f"""SELECT m.model, m.architecture, m.costs
               FROM models m JOIN evaluations e ON e.evaluation = (
                   SELECT max(evaluation) FROM evaluations WHERE model = m.model AND purpose = 'search')
               WHERE e.status IN ({", ".join("?" * len(RETRYABLE))})
                 AND m.model NOT IN (SELECT model FROM proposals) ORDER BY m.model""",
            RETRYABLE,
        )
        iteration = self._query(  # what was imported is none of the search's own
            """SELECT (SELECT count(*) FROM replay WHERE source = 'sampled' AND NOT reused)
                    + (SELECT count(*) FROM proposals WHERE source = 'sampled' AND evaluation IS NOT NULL)"""
        )[0][0]
        proposals = [
            Proposal(
                episode + i, iteration, {}, Model(model, text, json.loads(costs)), evaluation + i, EpisodeOrigin.RETRIED
            )
            for i, (model, text, costs) in enumerate(rows)
        ]
        with self._transaction() as connection:
            for proposal in proposals:
                insert_proposal(connection, proposal)
        return proposals

    # Tables

    def add_models(self, models: Sequence[Model]) -> None:
        """Record the networks of a table, unless they are known; their numbers are given."""
        with self._transaction() as connection:
            for model in models:
                insert_model(connection, model)

    def record_table_evaluation(self, number: int, model: int, seed: int, evaluation: Evaluation) -> None:
        """Record one training of a network of a table."""
        with self._transaction() as connection:
            self._insert_evaluation(number, model, evaluation, seed, "table")
            connection.execute("UPDATE runs SET elapsed_seconds = ? WHERE run = ?", (self._run_seconds(), self._run))

    # Values

    def checkpoint(self, episode: int, values: Sequence[QValue], replace: bool = False) -> None:
        """Bring the stored Q-values up to date as of an episode: change those given, or replace them all."""
        rows = [(value.state, value.action, value.value, value.updates) for value in values]
        with self._transaction() as connection:
            if replace:
                connection.execute("DELETE FROM q_values")
            connection.executemany("INSERT OR REPLACE INTO q_values VALUES (?, ?, ?, ?)", rows)
            connection.execute("INSERT OR REPLACE INTO checkpoints VALUES ('q_values', ?)", (episode,))

    # Inside

    @contextmanager
    def _repeatable_transaction(self) -> Iterator[sqlite3.Connection]:
        """One whose commit does not wait for the disk, of what follows from recorded evaluations alone.

        A power cut may take the last of these with it, never one before another: the search then does the same again.
        """
        self._begin_writing()
        with clear_errors(self.path):
            self._connection.execute("PRAGMA synchronous = NORMAL")
            try:
                with self._transaction() as connection:
                    yield connection
            finally:
                self._connection.execute("PRAGMA synchronous = FULL")

    @cached_property
    def _early_contents(self) -> dict[int, list[object]]:
        """What the hash chain says of evaluations that this process has recorded ahead of their turns, by number."""
        return {}

    @cached_property
    def _seed(self) -> int:
        seed: int = self.config()["seed"]
        return seed

    def _has_evaluation(self, evaluation: int) -> bool:
        return self._one("SELECT 1 FROM evaluations WHERE evaluation = ?", (evaluation,)) is not None

    def _insert_evaluation(
        self, number: int, model: int, evaluation: Evaluation, seed: int | None = None, purpose: str = "search"
    ) -> list[object]:
        seed = self._seed if seed is None else seed
        return insert_evaluation(self._connection, number, model, seed, purpose, evaluation, self.score())

    def _run_seconds(self) -> float:
        return time.monotonic() - self._run_began
