"""The schema as it is stored, and the golden file that every later version must still read."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from small_searches import difference, run_small

from metaqnn.experiment import stored_experiment, stored_schedule
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.summary import Summary, summarise

GOLDEN = Path(__file__).parents[1] / "golden" / "schema_v1.sqlite"

TABLES = {
    "checkpoints",
    "config",
    "evaluations",
    "learning_curves",
    "models",
    "proposals",
    "q_values",
    "replay",
    "runs",
    "test_looks",
    "worker_events",
}


@pytest.fixture
def new_file(tmp_path):
    path = tmp_path / "new.sqlite"
    SQLiteReplayMemory(path).close()
    return path


def rows(path, sql):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_a_new_database_has_every_table_and_view(new_file):
    assert {name for (name,) in rows(new_file, "SELECT name FROM sqlite_master WHERE type = 'table'")} == TABLES
    views = {name for (name,) in rows(new_file, "SELECT name FROM sqlite_master WHERE type = 'view'")}
    assert views == {"best_so_far", "epsilon_stages", "failures", "leaderboard"}


def test_every_table_is_strict(new_file):
    strict = dict(rows(new_file, "SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main'"))
    assert {name for name, is_strict in strict.items() if is_strict} == TABLES


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_column_has_a_comment_in_the_stored_schema(new_file, table):
    ((sql,),) = rows(new_file, f"SELECT sql FROM sqlite_master WHERE name = '{table}'")
    columns = [name for (name,) in rows(new_file, f"SELECT name FROM pragma_table_info('{table}')")]
    comments = {}
    for line in sql.splitlines():
        declaration, _, comment = line.partition("--")
        words = declaration.split()
        if words and words[0] in columns:
            comments[words[0]] = comment.strip()
    assert list(comments) == columns
    assert [name for name, comment in comments.items() if not comment] == []


def test_every_view_says_what_it_shows(new_file):
    views = rows(new_file, "SELECT name, sql FROM sqlite_master WHERE type = 'view'")
    assert [name for name, sql in views if "--" not in sql.splitlines()[0]] == []


def test_a_new_database_carries_our_marks(new_file):
    assert rows(new_file, "PRAGMA application_id") == [(0x4D514E4E,)]
    assert rows(new_file, "PRAGMA user_version") == [(1,)]
    assert new_file.read_bytes()[68:72] == b"MQNN"


def test_foreign_keys_are_enforced_while_writing(tmp_path):
    with SQLiteReplayMemory(tmp_path / "new.sqlite") as memory:
        assert memory.query("PRAGMA foreign_keys")[1] == [(1,)]


def test_a_new_database_has_the_schema_of_the_golden_file(new_file):
    schema = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid"
    assert rows(new_file, schema) == rows(GOLDEN, schema)


def test_the_golden_file_is_small_and_of_schema_1():
    assert GOLDEN.stat().st_size < 100_000
    assert rows(GOLDEN, "PRAGMA user_version") == [(1,)]


def test_the_golden_file_verifies():
    before = GOLDEN.read_bytes()
    assert difference(GOLDEN) is None
    assert GOLDEN.read_bytes() == before
    assert sorted(path.name for path in GOLDEN.parent.glob(f"{GOLDEN.name}*")) == [GOLDEN.name]


def test_the_golden_file_has_the_recorded_summary():
    with ReplayReader(GOLDEN) as reader:
        experiment = stored_experiment(reader)
        summary = summarise(reader, stored_schedule(reader.config()))
    assert (experiment.name, experiment.seed, experiment.dataset.name) == ("small", 3, "digits")
    assert summary == Summary(
        episodes=40,
        models_done=12,
        models_total=12,
        in_flight=0,
        reused=28,
        saved_seconds=54.75,  # 27 repeats of 2 s and one of 0.75 s
        failed={"crashed": 1, "diverged": 1, "timed_out": 1},
        best=(9, 0.875, "[C(8,1,1), C(8,3,1), C(4,1,1), SM(10)]"),
        epsilon=0.1,
        exhausted=(),
        max_repeats=500,
        runs=1,
        elapsed_seconds=summary.elapsed_seconds,
        values_as_of=40,
    )
    assert 0 < summary.elapsed_seconds < 60


def test_a_search_goes_on_in_a_copy_of_the_golden_file(tmp_path):
    copy = shutil.copy(GOLDEN, tmp_path / "small.sqlite")
    run_small(copy, models=13)
    assert difference(copy) is None
    with ReplayReader(copy) as reader:
        assert len(reader.models()) == 13
