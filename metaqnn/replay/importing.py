"""Episodes that another program or another search recorded, written into a database as its own first ones."""

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaqnn.core import Episode, Evaluation, Model, QValue, Score
from metaqnn.replay.database import connect_for_writing, transaction
from metaqnn.replay.hash_chains import begin_chains
from metaqnn.replay.places import new_place
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.records import insert_episode, insert_evaluation, insert_model, now


@dataclass(frozen=True)
class Imported:
    """An episode that comes from elsewhere.

    Attributes:
        model: its network, with a number of the database that it goes to.
        episode: likewise; its source is `imported`.
        evaluation: where its reward comes from; None where an earlier one's is reused.
        seed: of that training; 0 where it is not known.
    """

    model: Model
    episode: Episode
    evaluation: Evaluation | None
    seed: int = 0


@dataclass(frozen=True)
class ImportedRow:
    """A row of an imported file.

    Attributes:
        row: its number, from 1 below the header.
        net: the network as it is written there.
        content: the other columns, as they are written there.
        episode: the number of the episode that it became; None where it was refused.
        problem: why it was refused: `unparsed`, `accuracy` or `illegal`; None where it was taken.
        reason: one sentence where it was refused, else empty.
    """

    row: int
    net: str
    content: Mapping[str, str]
    episode: int | None = None
    problem: str | None = None
    reason: str = ""


def insert_imported(connection: sqlite3.Connection, imported: Sequence[Imported], score: Score) -> None:
    """Write imported episodes with their models, evaluations and curves; the caller holds the transaction.

    Args:
        connection: to the database.
        imported: in order.
        score: what is measured.
    """
    for one in imported:
        insert_model(connection, one.model)
        if one.evaluation is not None:
            number, model = one.episode.evaluation, one.model.model
            insert_evaluation(connection, number, model, one.seed, "search", one.evaluation, score)
        insert_episode(connection, one.episode)


def create_imported(
    target: Path,
    config: Mapping[str, Any],
    versions: Mapping[str, str],
    imported: Sequence[Imported],
    rows: Sequence[ImportedRow],
    values: Sequence[QValue],
    began: tuple[str, float],
) -> None:
    """Make a database of imported episodes; it appears whole or not at all.

    Args:
        target: the file, which must not exist.
        config: what it is; its key `purpose` is `import`.
        versions: what computes here.
        imported: the episodes, in order.
        rows: what the file held, refused rows included.
        values: what a strategy learned from all the episodes.
        began: when the import began, as it stands in the database, and the seconds since.

    Raises:
        ReplayError: the target exists, or the place cannot be written.
    """
    with new_place(target) as part:
        connection = connect_for_writing(part)
        try:
            with transaction(connection, target):
                _fill(connection, config, versions, imported, rows, values, began)
        finally:
            connection.close()


def _fill(
    connection: sqlite3.Connection,
    config: Mapping[str, Any],
    versions: Mapping[str, str],
    imported: Sequence[Imported],
    rows: Sequence[ImportedRow],
    values: Sequence[QValue],
    began: tuple[str, float],
) -> None:
    keys = [(key, json.dumps(value)) for key, value in sorted(config.items())]
    connection.executemany("INSERT INTO config VALUES (?, ?)", keys)
    networks = len({one.model.model for one in imported})
    started_at, seconds = began
    connection.execute(
        "INSERT INTO runs VALUES (1, ?, ?, ?, 'completed', 1, ?, 0, ?, NULL, ?, '[]')",
        (started_at, now(), seconds, networks, os.getpid(), json.dumps(dict(versions))),
    )
    insert_imported(connection, imported, Score.of(config["score"]))
    connection.executemany(
        "INSERT INTO imported_rows VALUES (?, ?, ?, ?, ?, ?)",
        [(r.row, r.net, json.dumps(dict(r.content)), r.episode, r.problem, r.reason) for r in rows],
    )
    connection.executemany(
        "INSERT INTO q_values VALUES (?, ?, ?, ?)", [(v.state, v.action, v.value, v.updates) for v in values]
    )
    connection.execute("INSERT INTO checkpoints VALUES ('q_values', ?)", (len(imported),))
    begin_chains(connection)


def read_imported_rows(reader: ReplayReader) -> list[ImportedRow]:
    """Every row of the file that a database was imported from, in order; none where it was not imported."""
    _, rows = reader.query("SELECT row, net, content, episode, problem, reason FROM imported_rows ORDER BY row")
    return [ImportedRow(row[0], row[1], json.loads(row[2]), *row[3:]) for row in rows]
