"""What can be saved out of a damaged database, row by row; the file itself is never touched."""

import json
import os
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metaqnn.errors import ReplayError
from metaqnn.replay.checks import REFERENCES, Row, decoded, row_faults, row_name
from metaqnn.replay.database import SCHEMA_VERSION, SQLITE_MAGIC, connect_for_writing, transaction
from metaqnn.replay.hash_chains import begin_chains
from metaqnn.replay.migrations import TABLES, StoredColumn, see_as_current, stored_columns
from metaqnn.replay.pages import read_pages
from metaqnn.replay.places import behind_links

_NEUTRAL: Mapping[str, Any] = {
    **dict.fromkeys(
        ("started_at", "recorded_at", "proposed_at", "happened_at", "looked_at"), "1970-01-01T00:00:00+00:00"
    ),
    **dict.fromkeys(("elapsed_seconds", "epoch_seconds", "train_seconds"), 0.0),
    **dict.fromkeys(("ended_at", "outcome"), None),
    **dict.fromkeys(("device", "node", "command"), ""),
    **dict.fromkeys(("machine", "phase_seconds"), "{}"),
    "pid": 0,
    "costs": "{}",
}
"""What stands for a damaged value that no episode follows from, or that follows from others itself."""


@dataclass
class SavedTable:
    """The rows of a table that could be read, and what is known to be lost.

    Attributes:
        columns: of the current schema.
        rows: key -> values; the key as it stands in the table.
        lost: sentences, one a row, or one for many that cannot be counted.
        mended: sentences on rows of which a value that nothing depends on was damaged.
        problem: what SQLite says, where it could not read all of it.
    """

    columns: tuple[StoredColumn, ...]
    rows: dict[tuple[Any, ...], list[Any]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def key(self) -> list[int]:
        """The places of the columns that make up its key, in the order of the key."""
        keys = sorted((column.key, at) for at, column in enumerate(self.columns) if column.key)
        return [at for _, at in keys]

    @property
    def is_numbered(self) -> bool:
        """Whether its key is the number of the row."""
        return len(self.key) == 1 and self.columns[self.key[0]].type == "INTEGER"

    def values(self, name: str) -> set[Any]:
        """The values of a column."""
        at = self.index(name)
        return {row[at] for row in self.rows.values()}

    def index(self, name: str) -> int:
        """The place of a column."""
        return [column.name for column in self.columns].index(name)

    def drop(self, keys: Sequence[tuple[Any, ...]], why: str) -> None:
        """Give up rows."""
        for key in keys:
            self.lost.append(f"row {_name(key)}: {why}")
            del self.rows[key]


Saved = Mapping[str, SavedTable]


def read_what_is_left(path: Path, work: Path) -> dict[str, SavedTable]:
    """Every row that can be read and is as it should be.

    Args:
        path: of the damaged file; it and the log beside it are only copied.
        work: where a copy may lie, which does not exist.

    Raises:
        ReplayError: nothing at all can be read.
    """
    for ending in ("", "-wal", "-journal"):
        part = Path(f"{behind_links(path)}{ending}")
        if part.is_file():
            shutil.copyfile(part, f"{work}{ending}")
    _mend_header(work)
    saved = {table: SavedTable(stored_columns(table)) for table in TABLES if table != "writer"}
    try:
        with closing(sqlite3.connect(work, isolation_level=None)) as connection:
            connection.text_factory = decoded
            connection.execute("PRAGMA writable_schema = ON")  # what of the schema can be read is enough
            with suppress(sqlite3.Error):  # then no table can be
                _see_tables(connection)
            for table, rows in saved.items():
                _read_table(connection, table, rows)
        _read_pages(work, saved)
    finally:
        for ending in ("", "-wal", "-journal", "-shm"):
            Path(f"{work}{ending}").unlink(missing_ok=True)
    if not any(table.rows for table in saved.values()):
        raise ReplayError(
            f"{path}: expected rows of a replay database, but none can be read; restore a copy of it, or check the path"
        )
    return saved


def _mend_header(path: Path) -> None:
    """Write anew what is known of the first 100 bytes, in a copy."""
    with path.open("r+b") as file:
        header = bytearray(file.read(100))
        length = file.seek(0, os.SEEK_END)
        if len(header) < 100:
            return
        size = int.from_bytes(header[16:18], "big")
        if size != 1 and (size < 512 or size & (size - 1)):
            size = 4096
        header[16:18] = size.to_bytes(2, "big")
        size = 65536 if size == 1 else size
        pages = -(-length // size)
        file.truncate(pages * size)  # a page cut off in its middle is read as far as it goes
        header[:16] = SQLITE_MAGIC
        if bytes(header[18:20]) not in (b"\1\1", b"\2\2"):
            header[18:20] = b"\1\1"
        header[20:24] = bytes((0, 64, 32, 32))
        header[28:32] = pages.to_bytes(4, "big")
        header[32:40] = bytes(8)  # which pages are free is of no interest
        header[44:48] = (4).to_bytes(4, "big")
        header[52:60] = (1).to_bytes(8, "big")
        header[92:96] = header[24:28]  # the number of pages counts only where these agree
        file.seek(0)
        file.write(header)


def _see_tables(connection: sqlite3.Connection) -> None:
    """Let the queries of this version run, whatever the file says its schema is."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    found = {str(name): str(sql) for name, sql in rows}
    if "hash_chains" in found:
        version = SCHEMA_VERSION
    elif "costs " in found.get("models", "costs "):
        version = 4
    elif "finals" in found:
        version = 3
    else:
        version = 2 if "predicted_epoch" in found.get("evaluations", "") else 1
    with suppress(sqlite3.Error):  # tables that are gone altogether
        see_as_current(connection, version, SCHEMA_VERSION)


def _read_table(connection: sqlite3.Connection, table: str, saved: SavedTable) -> None:
    keys = [saved.columns[at].name for at in saved.key]
    query = f"SELECT {', '.join(column.name for column in saved.columns)} FROM {table}"
    found: dict[tuple[Any, ...], Row] = {}
    for order in ("", " DESC"):  # from both ends up to what cannot be read
        try:
            for row in connection.execute(f"{query} ORDER BY {', '.join(f'{key}{order}' for key in keys)}"):
                found[tuple(row[at] for at in saved.key)] = row
        except (sqlite3.Error, UnicodeDecodeError) as error:
            saved.problem = " ".join(str(error).split())[:200]
    if saved.problem:  # and between them number by number
        numbers = [key[0] for key in found if type(key[0]) is int]
        for number in range(1, max(numbers, default=0) + _BEYOND):
            with suppress(sqlite3.Error, UnicodeDecodeError):
                for row in connection.execute(f"{query} WHERE {keys[0]} = ?", (number,)):
                    found[tuple(row[at] for at in saved.key)] = row
    for key in sorted(found, key=lambda key: [(str(type(part)), part) for part in key]):
        _keep(table, saved, key, list(found[key]))


_BEYOND = 1000
"""So many numbers after the last that is known are looked for."""


def _read_pages(path: Path, saved: Saved) -> None:
    """Add rows that SQLite no longer finds: those that can stand in no other table of the current schema."""
    incomplete = {table: rows for table, rows in saved.items() if rows.problem}
    for raw in read_pages(path) if incomplete else ():
        for table, rows in incomplete.items():
            row = list(raw.values)
            if len(row) != len(rows.columns) or rows.is_numbered != (raw.number is not None):
                continue
            if rows.is_numbered:
                row[rows.key[0]] = raw.number
            key = tuple(row[at] for at in rows.key)
            if key not in rows.rows and not any(row_faults(table, rows.columns, [row])):
                rows.rows[key] = row
                break
    for rows in incomplete.values():
        rows.lost.append(f"SQLite no longer finds its way through it ({rows.problem}): rows may be missing")


def _keep(table: str, saved: SavedTable, key: tuple[Any, ...], row: list[Any]) -> None:
    """Keep a row, with damaged values that nothing depends on replaced; or say why not."""
    for fault in row_faults(table, saved.columns, [row]):
        if fault.column not in _NEUTRAL:
            saved.lost.append(f"row {row_name(saved.columns, row)}: column {fault.column}: {fault.problem}")
            return
        saved.mended.append(f"row {row_name(saved.columns, row)}: column {fault.column}: {fault.problem}")
        row[saved.index(fault.column)] = _NEUTRAL[fault.column]
    saved.rows[key] = row


def keep_what_holds_together(saved: Saved, episodes: int | None = None) -> None:
    """Give up what depends on rows that are lost, and the episodes after the first that is.

    Args:
        saved: changed in place.
        episodes: keep at most so many.
    """
    for table in saved:
        _drop_orphans(saved, table)
        if table == "replay":
            _keep_first_episodes(saved, episodes)
    if saved["replay"].rows:  # else what was evaluated can be looked into, and nothing more
        _drop_unused(saved)
    finals = saved["finals"].values("final")
    at = saved["test_looks"].index("finals")
    looks = saved["test_looks"].rows
    gone = [key for key, row in looks.items() if not finals.issuperset(json.loads(row[at]))]
    saved["test_looks"].drop(gone, "a retraining that it tested is lost")
    told = max(saved["checkpoints"].values("episode"), default=0)
    values = (saved["q_values"], saved["checkpoints"])
    if any(table.lost for table in values) or told > len(saved["replay"].rows):
        drop_values(saved)


def _drop_orphans(saved: Saved, table: str) -> None:
    """Give up rows that belong to lost ones."""
    rows = saved[table]
    for column, (parent, key) in REFERENCES[table].items():
        at, is_done = rows.index(column), False
        while not is_done:  # one may begin with another's weights, which begins with another's
            known = saved[parent].values(key)
            lost = [name for name, row in rows.rows.items() if row[at] is not None and row[at] not in known]
            rows.drop(lost, f"it belongs to a row of {parent} that is lost")
            is_done = not lost or parent != table


def _keep_first_episodes(saved: Saved, episodes: int | None) -> None:
    """Every episode follows from those before it."""
    replay, proposals = saved["replay"], saved["proposals"]
    kept = 0
    while (kept + 1,) in replay.rows and kept != episodes:
        kept += 1
    replay.drop([key for key in replay.rows if key[0] > kept], f"episode {kept + 1} is lost, which it follows from")
    numbers = sorted(key[0] for key in proposals.rows)
    if proposals.lost or numbers != [*range(kept + 1, kept + 1 + len(numbers))]:
        proposals.drop(list(proposals.rows), "an episode before it is lost")


def _drop_unused(saved: Saved) -> None:
    """A search has no model and no evaluation that none of its episodes proposed."""
    for table, name in (("models", "model"), ("evaluations", "evaluation")):
        used = saved["replay"].values(name) | saved["proposals"].values(name)
        saved[table].drop([key for key in saved[table].rows if key[0] not in used], "its episode is lost")
    for table in ("evaluations", "learning_curves", "finals", "final_curves"):
        _drop_orphans(saved, table)


def drop_values(saved: Saved) -> bool:
    """Give up the stored Q-values, which the next run of a search makes anew; whether there were any."""
    tables = [saved["q_values"], saved["checkpoints"]]
    had = any(table.rows for table in tables)
    for table in tables:
        table.drop(list(table.rows), "the values follow from the episodes, and are made anew when the search goes on")
    return had


def write_saved(saved: Saved, target: Path) -> None:
    """Write a database of the current schema; its hash chains begin anew and name what is missing."""
    with closing(connect_for_writing(target)) as connection, transaction(connection, target):
        for table, rows in saved.items():
            names = ", ".join(column.name for column in rows.columns)
            marks = ", ".join("?" * len(rows.columns))
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows.rows.values())
        if saved["config"].rows:
            lost = ", ".join(f"{len(rows.lost)} of {table}" for table, rows in saved.items() if rows.lost)
            begin_chains(connection, f"rescued from a damaged file; rows known to be lost: {lost or 'none'}")


def _name(key: tuple[Any, ...]) -> str:
    return str(key[0]) if len(key) == 1 else f"({', '.join(map(str, key))})"
