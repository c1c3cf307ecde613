"""A replay database written for other programs: the released code's file, or every table as a file."""

import csv
import json
from datetime import datetime
from pathlib import Path

from metaqnn.errors import MetaqnnError, ReplayError
from metaqnn.replay.importing import read_imported_rows
from metaqnn.replay.places import new_place
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.released import NOT_MEASURED, write_released
from metaqnn.space.architecture import parse
from metaqnn.space.released_notation import with_dropout_marks

FORMATS = ("csv", "json", "parquet")
"""What a table can be written as."""

_EPISODES = """
    SELECT r.episode, r.epsilon, r.model, m.architecture, r.accuracy, e.best_epoch, e.last_accuracy,
           r.recorded_at, e.device,
           (SELECT c.epoch FROM learning_curves c WHERE c.evaluation = e.evaluation
            ORDER BY c.attempt DESC, c.epoch DESC LIMIT 1)
    FROM replay r JOIN models m USING (model) JOIN evaluations e USING (evaluation) ORDER BY r.episode"""


def export_released(reader: ReplayReader, target: Path) -> int:
    """Write the layout of the authors' released code: a row for each episode in order.

    Networks carry its dropout marks; iterations are epochs; nothing was measured on the test split, which is -1. A
    failed network has what it counted as in the reward, at iteration 0, as that code writes a network that never
    learned. A retried one has a row of its own without an epsilon, which an import takes for a repeat of the failure:
    the layout cannot say more. What stands there for a training that was stopped early is its prediction. Episodes that
    a search began with are among the rows. An imported database gives back the rows of its file as they were, refused
    ones included.

    Args:
        reader: the database.
        target: the file, which must not exist.

    Returns:
        how many rows were written.

    Raises:
        ReplayError: the target exists or cannot be written, or the database holds an enumerated table or what is no
            network.
    """
    if reader.is_table():
        raise ReplayError(
            f"{reader.path}: expected episodes, but this file holds every network of a space, from `metaqnn "
            "enumerate`; use --layout tables"
        )
    rows = _imported(reader) if reader.is_import() else _sampled(reader)
    with new_place(target) as part:
        return write_released(part, rows)


def _imported(reader: ReplayReader) -> list[dict[str, str]]:
    return [{"net": row.net, **row.content} for row in read_imported_rows(reader)]


def _sampled(reader: ReplayReader) -> list[dict[str, str]]:
    config = reader.config()
    failure = config["experiment"]["reward"]["failure"]
    failure = 1.0 / config["data"]["classes"] if failure == "chance" else failure
    rows = []
    _, found = reader.query(_EPISODES)
    for number, epsilon, model, architecture, accuracy, best_epoch, last, recorded_at, device, epochs in found:
        is_failure = accuracy is None
        best = failure if is_failure else accuracy
        # A predicted best accuracy has no epoch of its own: it is that of the whole training, known at its last epoch.
        best_at, last_at = (0, 0) if is_failure else (best_epoch or epochs, epochs)
        rows.append(
            {
                "net": _marked(reader, model, architecture),
                "accuracy_best_val": repr(best),
                "iter_best_val": str(best_at),
                "accuracy_last_val": repr(best if is_failure else last),
                "iter_last_val": str(last_at),
                "accuracy_best_test": NOT_MEASURED,
                "accuracy_last_test": NOT_MEASURED,
                "ix_q_value_update": str(number),
                "epsilon": NOT_MEASURED if epsilon is None else repr(epsilon),
                "time_finished": repr(datetime.fromisoformat(recorded_at).timestamp()),
                "machine_run_on": device or "unknown",
            }
        )
    return rows


def _marked(reader: ReplayReader, model: int, architecture: str) -> str:
    try:
        return with_dropout_marks(parse(architecture))
    except MetaqnnError as error:
        raise ReplayError(
            f"{reader.path}: model {model} is {architecture!r}, which is no network; restore a copy of it"
        ) from error


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
        try:
            import pyarrow  # noqa: F401 (pandas uses it)
        except ImportError as error:
            raise ReplayError(
                "--format parquet needs the package pyarrow, which is not installed; pip install 'metaqnn[parquet]'"
            ) from error
    write = {"csv": _write_csv, "json": _write_json, "parquet": _write_parquet}[style]
    counts = {}
    with new_place(target, "folder") as part, reader.snapshot():
        part.mkdir()
        for table in _tables(reader):
            columns, rows = reader.query(f"SELECT * FROM {table}")
            types = dict(reader.query(f"SELECT name, type FROM pragma_table_info('{table}')")[1])
            write(part / f"{table}.{style}", {column: types[column] for column in columns}, rows)
            counts[table] = len(rows)
    return counts


def _tables(reader: ReplayReader) -> list[str]:
    """The names of all tables, those included that a file of an older schema lacks."""
    _, rows = reader.query(
        """SELECT name FROM sqlite_master WHERE type = 'table'
           UNION SELECT name FROM sqlite_temp_master WHERE type = 'table' ORDER BY name"""
    )
    return [name for (name,) in rows if not name.startswith("sqlite_")]


def _write_csv(path: Path, types: dict[str, str], rows: list[tuple]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(types)
        writer.writerows(rows)


def _write_json(path: Path, types: dict[str, str], rows: list[tuple]) -> None:
    content = [dict(zip(types, row, strict=True)) for row in rows]
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_parquet(path: Path, types: dict[str, str], rows: list[tuple]) -> None:
    import pandas

    kinds = {"INTEGER": "Int64", "REAL": "Float64", "TEXT": "string"}  # the types that know NULL
    columns = zip(*rows, strict=True) if rows else ((),) * len(types)
    frame = pandas.DataFrame(
        {
            name: pandas.array(list(column), dtype=kinds[kind])
            for (name, kind), column in zip(types.items(), columns, strict=True)
        }
    )
    frame.to_parquet(path, index=False)
