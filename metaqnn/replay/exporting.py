"""A replay database written for other programs: every table as a file."""

import csv
import json
import sqlite3
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from metaqnn.errors import ReplayError
from metaqnn.replay.migrations import column_types
from metaqnn.replay.places import new_place
from metaqnn.replay.reader import ReplayReader

FORMATS = ("csv", "json", "parquet")
"""What a table can be written as."""


def export_tables(reader: ReplayReader, style: str, target: Path) -> dict[str, int]:
    """Write every table of a database as a file of its own into a new folder.

    Reading back gives the same values: NULL is null in JSON and Parquet, whole numbers stay whole, and other numbers
    are written with all their digits. In a CSV an empty field is NULL where the schema lets the column be NULL, and an
    empty text elsewhere.

    Args:
        reader: the database.
        style: one of `FORMATS`; Parquet needs the extra `parquet`.
        target: the folder, which must not exist.

    Returns:
        the tables in alphabetical order, with the number of rows of each.

    Raises:
        ReplayError: the target exists or cannot be written, or the package for Parquet is not installed.
    """
    if style == "parquet":
        require_parquet("--format parquet")
    write = {"csv": _write_csv, "json": _write_json, "parquet": _write_parquet}[style]
    counts = {}
    with new_place(target, "folder") as part, reader.snapshot(is_long=True):
        part.mkdir()
        for table in _tables(reader):
            types = column_types(table)
            _, rows = reader.query(f"SELECT {', '.join(types)} FROM {table}")
            write(part / f"{table}.{style}", types, rows)
            counts[table] = len(rows)
    return counts


def require_parquet(what: str) -> None:
    """Refuse what needs Parquet where it cannot be written.

    Raises:
        ReplayError: pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:  # pandas uses it
        raise ReplayError(f"{what} needs the package pyarrow, which is not installed; pip install 'metaqnn[parquet]'")


def write_without_waiting(connection: sqlite3.Connection) -> None:
    """Have no transaction wait for the disk: for a file that takes its name when it is whole."""
    connection.execute("PRAGMA synchronous = OFF")


def _tables(reader: ReplayReader) -> list[str]:
    """The names of all tables, those included that a file of an older schema lacks, but for who writes just now."""
    _, rows = reader.query(
        """SELECT name FROM sqlite_master WHERE type = 'table'
           UNION SELECT name FROM sqlite_temp_master WHERE type = 'table' ORDER BY name"""
    )
    return [name for (name,) in rows if not name.startswith("sqlite_") and name != "writer"]


def _write_csv(path: Path, types: dict[str, str], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(types)
        writer.writerows(rows)


def _write_json(path: Path, types: dict[str, str], rows: list[tuple[Any, ...]]) -> None:
    content = [dict(zip(types, row, strict=True)) for row in rows]
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_parquet(path: Path, types: dict[str, str], rows: list[tuple[Any, ...]]) -> None:
    import pandas

    kinds: dict[str, Any] = {"INTEGER": "Int64", "REAL": "Float64", "TEXT": "string"}  # the types that know NULL
    columns = zip(*rows, strict=True) if rows else ((),) * len(types)
    frame = pandas.DataFrame(
        {
            name: pandas.array(list(column), dtype=kinds[kind])
            for (name, kind), column in zip(types.items(), columns, strict=True)
        }
    )
    frame.to_parquet(path, index=False)
