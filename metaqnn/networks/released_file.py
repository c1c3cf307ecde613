"""`replay_database.csv` of the authors' released code: one row for each network that its agent sampled.

Its columns are the network, accuracies in [0, 1], the iterations (batches, not epochs) after which they were measured,
the number of the sampling, epsilon, the time in seconds since 1970 and the machine; -1 stands for what was not
measured. A network that never learned stands there with the accuracy of chance at iteration 0.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from metaqnn.errors import ConfigError, brief, counted
from metaqnn.files import open_regular, text_lines

COLUMNS = (
    "net",
    "accuracy_best_val",
    "iter_best_val",
    "accuracy_last_val",
    "iter_last_val",
    "accuracy_best_test",
    "accuracy_last_test",
    "ix_q_value_update",
    "epsilon",
    "time_finished",
    "machine_run_on",
)
"""The columns of the file, in their order."""

NOT_MEASURED = "-1"
"""Stands where nothing was measured."""


def read_released(path: Path) -> list[dict[str, str]]:
    """Read such a file, every value as it is written.

    Returns:
        the rows in order, each a mapping from column to text.

    Raises:
        ConfigError: there is no such file, it is not UTF-8, has other columns or no row, or a row is not whole.
    """
    try:
        with open_regular(path) as file:
            lines = csv.reader(text_lines(file), strict=True)
            header = next(lines, None)
            if header is None:
                raise ConfigError(f"{path}: expected a CSV with the columns {', '.join(COLUMNS)}, got an empty file")
            _check_header(path, header)
            rows = []
            for line in lines:
                if len(line) != len(header):
                    raise ConfigError(
                        f"{path}, line {lines.line_num}: expected {counted(len(header), 'value')}, got {len(line)}; "
                        "is the file cut off?"
                    )
                rows.append(dict(zip(header, line, strict=True)))
    except OSError as error:
        raise ConfigError(f"{path}: expected a CSV that can be read, but {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: expected a whole CSV in UTF-8, but {error}") from error
    if not rows:
        raise ConfigError(f"{path}: expected at least one row below the names of the columns, but there is none")
    return rows


def _check_header(path: Path, header: Sequence[str]) -> None:
    missing = [column for column in COLUMNS if column not in header]
    others = [column for column in header if column not in COLUMNS]
    if missing:
        raise ConfigError(
            f"{path}: expected the columns of the released code ({', '.join(COLUMNS)}), but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing"
        )
    if others or len(header) != len(COLUMNS):
        others = others or [column for column in COLUMNS if header.count(column) > 1]
        raise ConfigError(
            f"{path}: expected each column of the released code once and no other, but there is also "
            f"{brief(', '.join(map(repr, others)))}; remove it"
        )


def write_released(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write such a file, each row with a text for every column."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def as_number(text: str) -> float | None:
    """A number of such a file; None where it is none."""
    try:
        return float(text)
    except ValueError:
        return None
