"""Databases damaged in every way that a file can be: a value past SQLite's own checks, rows, schema, bytes."""

import io
import json
import random
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

from metaqnn.cli import run

VALUES = {
    "NULL": "NULL",
    "text": "'word'",
    "empty text": "''",
    "bytes that are no text": "CAST(x'ff41fe' AS TEXT)",
    "a blob": "x'00ff'",
    "a negative number": "-5",
    "a fraction": "0.5",
    "a huge number": "9007199254740993000",
    "infinity": "9e999",
    "half an object": "'{\"a\": '",
    "an object of lists": "'{\"a\": [1]}'",
    "a list": "'[]'",
    "half a character": "'\"\\ud800\"'",
}
"""What may stand where something else should, as SQL."""


def ended(*words: object) -> tuple[int, str]:
    """Run the command line in this process, which must end as it should whatever it is given.

    Returns:
        its exit code and what it printed, errors last.
    """
    out, err, code = io.StringIO(), io.StringIO(), 0
    argv, sys.argv = sys.argv, ["metaqnn", *map(str, words)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            run()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.argv = argv
    assert code in (0, 1, 2), (words, code, err.getvalue())
    if code == 2:
        last = err.getvalue().rstrip("\n").splitlines()[-1]
        assert last.startswith("metaqnn: "), (words, err.getvalue())
    return code, out.getvalue() + err.getvalue()


@dataclass(frozen=True)
class Damage:
    """A change to a file that nobody asked for.

    Attributes:
        what: it is, unique among those of a database.
        apply: makes it, given the path.
    """

    what: str
    apply: Callable[[Path], None]

    def __str__(self) -> str:
        return self.what


def damages(path: Path, seed: int, flips: int = 40) -> list[Damage]:
    """Every damage of a database that is tried, in order; some cannot be made of it and change nothing.

    Args:
        path: a whole database.
        seed: of rows and offsets.
        flips: how many changes of bytes.
    """
    generator = random.Random(seed)
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
        columns = {
            table: connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE NOT hidden", (table,)).fetchall()
            for table in tables
        }
        config = dict(connection.execute("SELECT key, value FROM config"))
    found = []
    for table in tables:
        found.append(_statement(f"DROP TABLE {table}"))
        for (column,) in columns[table]:
            found.append(_statement(f"ALTER TABLE {table} RENAME COLUMN {column} TO {column}_was"))
            for value in VALUES.values() if counts[table] else ():
                row = generator.randrange(counts[table])
                found.append(_statement(f"UPDATE {table} SET {column} = {value} WHERE {_row(table, row)}"))
        for row in sorted({0, counts[table] // 2, counts[table] - 1} if counts[table] else ()):
            found.append(_statement(f"DELETE FROM {table} WHERE {_row(table, row)}"))
        if counts[table]:
            found.append(_statement(f"DELETE FROM {table}"))
    found += [_config(key, change, value) for key in config for change, value in _changes(json.loads(config[key]))]
    found += [_statement(f"PRAGMA user_version = {version}") for version in (-1, 0, 1, 2, 3, 4, 5, 6, 2**31 - 1)]
    found.append(_statement("PRAGMA application_id = 7"))
    found += [_bytes(path.stat().st_size, generator) for _ in range(flips)]
    return found


def _row(table: str, number: int) -> str:
    """Chooses a row of a table, with a key or a number."""
    key = {
        "config": "key",
        "checkpoints": "name",
        "q_values": "(state, action)",
        "learning_curves": "(evaluation, attempt, epoch)",
        "final_curves": "(final, epoch)",
    }.get(table, "rowid")
    return f"{key} = (SELECT {key.strip('()')} FROM {table} ORDER BY 1 LIMIT 1 OFFSET {number})"


def _statement(sql: str) -> Damage:
    return Damage(sql, lambda path: past_all_checks(path, sql))


def past_all_checks(path: Path, sql: str, *parameters: object) -> None:
    """Run a statement on a database as if its schema asked for nothing; one that is impossible all the same is not."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema = connection.execute("SELECT rowid, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        version = connection.execute("PRAGMA schema_version").fetchone()[0]
        if sql.startswith("UPDATE"):
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA writable_schema = ON")
            for rowid, text in schema:
                free = text.replace(") STRICT, WITHOUT", ") WITHOUT").replace(") STRICT", ")").replace("NOT NULL", "")
                free = re.sub(r" AS \((\w+\([^)]*\)|\w+)\)", " AS (NULL)", free)  # not stored, but computed
                connection.execute("UPDATE sqlite_master SET sql = ? WHERE rowid = ?", (free, rowid))
            connection.execute(f"PRAGMA schema_version = {version + 1}")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA legacy_alter_table = ON")
        with suppress(sqlite3.Error):
            connection.execute(sql, parameters)
        if sql.startswith("UPDATE"):
            connection.execute("PRAGMA writable_schema = ON")
            for rowid, text in schema:
                connection.execute("UPDATE sqlite_master SET sql = ? WHERE rowid = ?", (text, rowid))
            connection.execute(f"PRAGMA schema_version = {version + 2}")


def _config(key: str, change: str, value: object) -> Damage:
    sql = "UPDATE config SET value = ? WHERE key = ?"
    return Damage(f"config {key}: {change}", lambda path: past_all_checks(path, sql, json.dumps(value), key))


def _changes(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """A value of JSON with each part of it, to some depth, missing or another kind of thing."""
    for other in (None, "word", -1, 0.5, [], {}, {"name": 7}, [["word"]]):
        yield f"{place or '.'} is {json.dumps(other)}", other
    if isinstance(value, dict) and place.count(".") < 2:
        for key, part in value.items():
            yield f"{place}.{key} is missing", {name: other for name, other in value.items() if name != key}
            for change, other in _changes(part, f"{place}.{key}"):
                yield change, value | {key: other}


def _bytes(size: int, generator: random.Random) -> Damage:
    """Some bytes changed at random, a page emptied, or the end cut off."""
    kind, at = generator.randrange(4), generator.randrange(size)
    if kind == 0:
        return Damage(f"cut off after {at} bytes", lambda path: path.write_bytes(path.read_bytes()[:at]))
    start, length = (at // 4096 * 4096, 4096) if kind == 1 else (at, 1 if kind == 2 else 60)
    new = bytes(length) if kind == 1 else generator.randbytes(length)

    def apply(path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[:start] + new[: size - start] + content[start + length :])

    return Damage(f"{length} bytes changed at {start}", apply)
