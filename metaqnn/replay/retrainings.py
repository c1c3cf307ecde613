"""Retrainings and looks at the test split, as they stand in a replay database."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from metaqnn.core import CurvePoint, Retraining, TestCheck, TestLook, TrainingSplit
from metaqnn.errors import ReplayError
from metaqnn.replay.columns import stored
from metaqnn.replay.hash_chains import link_record, link_restart
from metaqnn.replay.places import behind_links
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.records import as_json, now, point_row
from metaqnn.replay.rows import read_point
from metaqnn.replay.writer import ReplayWriter

FINALS = ".finals"
"""What is added to a database's name for the folder of its trained networks."""

_RETRAININGS = """
    SELECT final, model, architecture, seed, recipe, dataset, data, part, finetuned_from, size, status, reason,
           score, train_seconds, device, weights FROM finals"""


def weights_folder(database: Path) -> Path:
    """The folder beside a database in which trained networks and unfinished trainings are kept.

    It has the whole name of the database, so that no two databases share one, and is the same by whatever link the
    database is reached.
    """
    database = behind_links(database)
    return database.with_name(f"{database.name}{FINALS}")


def misplaced(database: Path, name: str) -> str | None:
    """Why a file that a database names is not followed, as a clause; None where it lies in the database's own folder.

    Args:
        database: the file, which may come from anybody.
        name: of a file in its folder, which need not exist.
    """
    folder = weights_folder(database)
    try:
        is_inside = Path(name).name == name and folder.resolve() in (folder / name).resolve().parents
    except (OSError, RuntimeError, ValueError):  # links in a circle, or no name at all
        is_inside = False
    if is_inside:
        return None
    return (
        f"cannot be {name!r}: expected the plain name of a file in {folder}, and no link that leads out of it; put the "
        "file there, or use `metaqnn train --retrain`"
    )


def kept_file(database: Path, name: str, what: str) -> Path:
    """The place of a file that a database names: every path in it goes through here.

    Args:
        database, name: as in `misplaced`.
        what: it is, for messages.

    Raises:
        ReplayError: it is none in the folder of the database.
    """
    if problem := misplaced(database, name):
        raise ReplayError(f"{database}: {what} {problem}")
    return weights_folder(database) / name


def read_retrainings(reader: ReplayReader) -> list[Retraining]:
    """Every retraining, in order."""
    return [_retraining(reader, row) for row in reader.query(f"{_RETRAININGS} ORDER BY final")[1]]


def read_retraining(reader: ReplayReader, number: int) -> Retraining:
    """One retraining.

    Raises:
        ReplayError: there is none of that number.
    """
    _, rows = reader.query(f"{_RETRAININGS} WHERE final = ?", (number,))
    if not rows:
        count = reader.query("SELECT count(*) FROM finals")[1][0][0]
        there_are = (
            f"its retrainings are numbered 1 to {count}" if count else "nothing was trained with `metaqnn train` yet"
        )
        raise ReplayError(f"{reader.path}: there is no retraining {number}; {there_are}")
    return _retraining(reader, rows[0])


def read_retraining_curve(reader: ReplayReader, number: int) -> list[CurvePoint]:
    """The epochs of a retraining so far."""
    _, rows = reader.query(
        "SELECT epoch, score, epoch_seconds, figures FROM final_curves WHERE final = ? ORDER BY epoch",
        (number,),
    )
    return [read_point(row) for row in rows]


def read_test_looks(reader: ReplayReader) -> list[TestLook]:
    """Every look at a test split that showed a score, in order."""
    _, rows = reader.query(
        """SELECT look, kind, finals, dataset, examples, score, validation_score, command, looked_at, figures
           FROM test_looks WHERE kind != 'checked' ORDER BY look"""
    )
    looks = [(TestLook(row[0], row[1], tuple(json.loads(row[2])), *row[3:9]), row[9]) for row in rows]
    return [replace(look, figures=json.loads(figures)) for look, figures in looks]


def read_test_checks(reader: ReplayReader) -> list[TestCheck]:
    """Every look at a test split that only compared its images, in order."""
    _, rows = reader.query(
        """SELECT look, dataset, examples, command, found, looked_at
           FROM test_looks WHERE kind = 'checked' ORDER BY look"""
    )
    return [
        TestCheck(look, dataset, examples, command, tuple(json.loads(found)), looked_at)
        for look, dataset, examples, command, found, looked_at in rows
    ]


class RetrainingMemory(ReplayWriter):
    """A database held for writing retrainings and looks, by this process alone.

    Args:
        path: the file, which must exist.
        break_lock: as for every writer.

    Raises:
        ReplayError: another process holds the file, or it cannot be written or is no whole database of ours.
    """

    def __init__(self, path: Path | str, break_lock: bool = False):
        ReplayReader(path).close()  # what is absent or none of ours is refused before anything is created
        super().__init__(path, break_lock=break_lock)

    def add(self, retrainings: Sequence[Retraining]) -> None:
        """Record trainings that were asked for; their numbers are given."""
        rows = [
            (
                *(retraining.number, retraining.model, retraining.architecture, retraining.seed),
                *(
                    json.dumps(dict(part), sort_keys=True)
                    for part in (retraining.recipe, retraining.dataset, retraining.data)
                ),
                *(retraining.split, retraining.finetuned_from, retraining.size, retraining.status, retraining.reason),
                *(retraining.score, retraining.seconds, now(), None, retraining.device, retraining.weights),
            )
            for retraining in retrainings
        ]
        with self._transaction() as connection:
            connection.executemany(f"INSERT INTO finals VALUES ({', '.join('?' * 18)})", rows)

    def restart(self, retraining: int) -> None:
        """Forget what a training had reached: it begins anew."""
        with self._transaction() as connection:
            link_restart(connection, retraining)
            connection.execute("DELETE FROM final_curves WHERE final = ?", (retraining,))
            connection.execute(
                """UPDATE finals SET status = 'training', reason = '', score = NULL, train_seconds = 0,
                   ended_at = NULL, weights = NULL WHERE final = ?""",
                (retraining,),
            )

    def begin(self, retraining: int, epochs: Sequence[CurvePoint], device: str) -> None:
        """Record that a training begins, or goes on with these epochs behind it and no other."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM final_curves WHERE final = ?", (retraining,))
            connection.execute(
                "UPDATE finals SET status = 'training', reason = '', train_seconds = 0, device = ? WHERE final = ?",
                (device, retraining),
            )
            for epoch in epochs:
                self._insert_epoch(retraining, epoch)

    def record_epoch(self, retraining: int, epoch: CurvePoint) -> None:
        """Record the next epoch of a training."""
        with self._transaction():
            self._insert_epoch(retraining, epoch)

    def record_end(self, retraining: int, status: str, reason: str, score: float | None, weights: str | None) -> None:
        """Record how a training ended."""
        with self._transaction() as connection:
            connection.execute(
                """UPDATE finals SET status = ?, reason = ?, score = ?, weights = ?, ended_at = ?
                   WHERE final = ?""",
                (status, reason, score, weights, now(), retraining),
            )
            link_record(connection, "retrainings", retraining)

    def record_look(self, look: TestLook) -> TestLook:
        """Record a look at a test split, and give it back with its number and time."""
        looked_at, finals = now(), json.dumps(list(look.retrainings), separators=(",", ":"))
        scores = (look.score, look.validation_score)
        number = self._insert_look(
            *(look.kind, finals, look.dataset, look.examples, *scores, look.command, looked_at, "[]"),
            as_json(look.figures),
        )
        return replace(look, look=number, looked_at=looked_at)

    def record_check(self, check: TestCheck) -> TestCheck:
        """Record a look that only compared images, and give it back with its number and time."""
        looked_at, found = now(), json.dumps(check.found)
        what = (check.dataset, check.examples, None, None, check.command)
        number = self._insert_look("checked", "[]", *what, looked_at, found, "{}")
        return replace(check, look=number, looked_at=looked_at)

    def _insert_look(self, *row: object) -> int:
        with self._transaction() as connection:
            cursor = connection.execute("INSERT INTO test_looks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            number = cursor.lastrowid or 0
            link_record(connection, "test_looks", number)
            return number

    def _insert_epoch(self, retraining: int, epoch: CurvePoint) -> None:
        self._connection.execute("INSERT INTO final_curves VALUES (?, ?, ?, ?, ?)", (retraining, *point_row(epoch)))
        self._connection.execute(
            "UPDATE finals SET train_seconds = train_seconds + ? WHERE final = ?", (epoch.seconds, retraining)
        )


def _retraining(reader: ReplayReader, row: tuple[Any, ...]) -> Retraining:
    sections = [
        stored(text, f"table finals, row {row[0]}, column {name}", reader.path)
        for name, text in zip(("recipe", "dataset", "data"), row[4:7], strict=True)
    ]
    return Retraining(*(*row[:4], *sections, TrainingSplit(row[7]), *row[8:]))
