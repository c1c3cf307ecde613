"""`metaqnn replay check` and `rescue`: everything that is wrong is listed, and what can be saved goes on."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from damages import VALUES, past_all_checks
from small_searches import contents, difference, run_small

from metaqnn.errors import DamageError, ReplayError
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows.check import check_database
from metaqnn.workflows.rescue import rescue_database

GOLDEN = Path(__file__).parents[1] / "golden"
OLDER = sorted(path.name for path in GOLDEN.glob("*.sqlite") if path.name != "digits_seed0.sqlite")


def found(path: Path) -> list[str]:
    return check_database(path)[0]


# What is whole


@pytest.mark.parametrize("name", OLDER)
def test_nothing_is_wrong_with_any_database_of_an_older_version(name):
    expected = ["retraining 1", "retraining 2"] if name == "v3_finals.sqlite" else []  # whose weights are not kept here
    assert [fault.split(" are missing")[0].split("weights of ")[-1] for fault in found(GOLDEN / name)] == expected


def test_a_whole_database_is_saved_whole(finished, tmp_path):
    rescue = rescue_database(finished, tmp_path / "new.sqlite")
    assert (rescue.episodes, rescue.problem, rescue.is_search) == (40, None, True)
    assert contents(tmp_path / "new.sqlite") == contents(finished)
    assert found(tmp_path / "new.sqlite") == []


# What is wrong with a value


@pytest.mark.parametrize("table_column", ["evaluations.score", "replay.recorded", "models.architecture", "runs.models"])
def test_a_wrong_value_is_told_with_its_place_by_check_and_by_whoever_reads_it(finished, table_column):
    table, column = table_column.split(".")
    for what in ("NULL", "text", "bytes that are no text", "infinity", "a list"):
        value = VALUES[what]
        path = Path(shutil.copy(finished, finished.with_name("damaged.sqlite")))
        past_all_checks(path, f"UPDATE {table} SET {column} = {value} WHERE rowid = 1")
        place = f"table {table}, row 1, column {column}: "
        allowed = {
            "evaluations.score": ("NULL", "a negative number", "a fraction", "a huge number"),
            "replay.recorded": (),
            "models.architecture": [
                name for name in VALUES if name not in ("NULL", "a blob", "bytes that are no text")
            ],
            "runs.models": ("a huge number",),
        }[table_column]
        if what in allowed:
            continue
        assert [fault for fault in found(path) if fault.startswith(place)], what
        with ReplayReader(path) as reader, pytest.raises(DamageError, match=place):
            reader.query(f"SELECT count(*) FROM {table}")


ROWS = {
    "UPDATE config SET value = '{' WHERE key = 'data'": "table config, row 'data', column value: expected a value in",
    "UPDATE config SET value = json_remove(value, '$.experiment') WHERE key = 'experiment'": None,
    "DELETE FROM config WHERE key = 'data'": "table config, row 'data': expected this row, but it is missing",
    "DELETE FROM replay WHERE episode = 8": "table replay, row 8: episodes have no gap, but it is missing",
    "DELETE FROM models WHERE model = 7": "table evaluations, row 7, column model: expected a row of models, but ",
    "UPDATE models SET architecture = 'C(64' WHERE model = 2": "table models, row 2, column architecture: expected ",
    "UPDATE evaluations SET score = 7 WHERE evaluation = 3": "table evaluations, row 3, column score: expected a acc",
    "DROP TABLE test_looks": "table test_looks: expected this table, but there is none of that name",
    "ALTER TABLE runs RENAME COLUMN pid TO process": "table runs: expected the columns pid, too, but there is none",
    "PRAGMA user_version = -3": "expected a schema from 1 to 8, but this file says -3",
}


@pytest.mark.parametrize("sql", ROWS)
def test_what_is_wrong_is_listed(finished, sql):
    past_all_checks(finished, sql)
    faults, expected = found(finished), ROWS[sql]
    assert (faults == []) if expected is None else any(fault.startswith(expected) for fault in faults), faults


def test_everything_is_listed_and_not_only_the_first(finished):
    for sql in ("UPDATE replay SET recorded = '7' WHERE episode < 4", "UPDATE models SET costs = '' WHERE model = 5"):
        past_all_checks(finished, sql)
    assert [fault.split(":")[0] for fault in found(finished)] == [
        "table models, row 5, column costs",
        *(f"table replay, row {number}, column recorded" for number in (1, 2, 3)),
    ]


# What can be saved


@pytest.mark.parametrize(
    ("sql", "episodes"),
    [
        ("DELETE FROM replay WHERE episode = 20", 19),
        ("UPDATE evaluations SET status = 'word' WHERE evaluation = 5", None),
        ("UPDATE models SET costs = '{' WHERE model = 4", 40),
        ("UPDATE models SET architecture = '[SM(10)]x' WHERE model = 9", None),
        ("UPDATE replay SET reward = 0.5 WHERE episode = 30", 29),
        ("UPDATE evaluations SET device = CAST(x'ff' AS TEXT), train_seconds = -1", 40),
        ("DELETE FROM learning_curves WHERE evaluation = 10", None),
        ("DELETE FROM q_values", 40),
        ("UPDATE q_values SET value = 'word' WHERE state = '0:start:8+'", 40),
    ],
)
def test_a_saved_search_goes_on_to_the_same_end(finished, tmp_path, sql, episodes):
    whole = contents(finished)
    past_all_checks(finished, sql)
    before = finished.read_bytes()
    new = tmp_path / "new.sqlite"
    rescue = rescue_database(finished, new)
    assert rescue.problem is None
    assert episodes is None or rescue.episodes == episodes
    assert 0 < rescue.episodes <= 40
    assert finished.read_bytes() == before
    assert any(table.lost or table.mended for table in rescue.tables)
    assert found(new) == []
    assert difference(new) is None
    run_small(new)
    assert contents(new) == whole


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8, 0.95])
def test_what_a_cut_file_still_holds_is_saved(finished, tmp_path, share):
    whole = finished.read_bytes()
    finished.write_bytes(whole[: int(share * len(whole))])
    assert any("cut off" in fault for fault in found(finished))
    rescue = rescue_database(finished, tmp_path / "new.sqlite")
    assert sum(table.kept for table in rescue.tables) > 0
    with closing(sqlite3.connect(tmp_path / "new.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_file_whose_first_page_is_lost_is_read_page_by_page(finished, tmp_path):
    content = finished.read_bytes()
    finished.write_bytes(content[:100] + bytes(4096 - 100) + content[4096:])
    rescue = rescue_database(finished, tmp_path / "new.sqlite")
    assert (rescue.episodes, rescue.problem) == (40, None)
    assert difference(tmp_path / "new.sqlite") is None


def test_nothing_is_saved_of_what_is_no_database(tmp_path):
    (tmp_path / "a.sqlite").write_bytes(b"no database at all" * 1000)
    with pytest.raises(ReplayError, match=r"none can be read; restore a copy of it, or check the path$"):
        rescue_database(tmp_path / "a.sqlite", tmp_path / "new.sqlite")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sqlite"]


def test_nothing_that_exists_is_written_over(finished, tmp_path):
    (tmp_path / "new.sqlite").write_text("mine")
    with pytest.raises(ReplayError, match="expected a new file"):
        rescue_database(finished, tmp_path / "new.sqlite")
    assert (tmp_path / "new.sqlite").read_text() == "mine"
