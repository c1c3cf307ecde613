"""What two equal searches share: the content of a replay database without times, devices and facts about runs."""

import sqlite3
from pathlib import Path

TABLES = {
    "checkpoints",
    "config",
    "evaluations",
    "final_curves",
    "finals",
    "hash_chains",
    "imported_rows",
    "learning_curves",
    "models",
    "proposals",
    "q_values",
    "replay",
    "runs",
    "test_looks",
    "worker_events",
    "writer",
}
"""Every table of a database of today's schema."""

UNSHARED_TABLES = ("runs", "worker_events", "writer")
"""When a search ran and what its worker processes met may differ between equal searches."""


def contents(path: Path | str) -> dict[str, list[tuple]]:
    """Every table of a database that equal searches share.

    Args:
        path: a replay database; it may be open elsewhere.

    Returns:
        table -> its rows in a fixed order, each a tuple of (column, value) without the columns that are named
        `*_seconds`, `*_at`, `device` or `node`; columns that are read out of others are among them.
    """
    connection = sqlite3.connect(f"file:{Path(path).absolute()}?mode=ro", uri=True)
    try:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: _rows(connection, table) for table in sorted(set(tables) - set(UNSHARED_TABLES))}
    finally:
        connection.close()


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple]:
    columns = [(row[1], row[5]) for row in connection.execute(f"PRAGMA table_xinfo({table})")]
    shared = [name for name, _ in columns if not name.endswith(("_seconds", "_at")) and name not in ("device", "node")]
    order = ", ".join(name for name, position in sorted(columns, key=lambda column: column[1]) if position)
    rows = connection.execute(f"SELECT {', '.join(shared)} FROM {table} ORDER BY {order}")
    return [tuple(zip(shared, row, strict=True)) for row in rows]
