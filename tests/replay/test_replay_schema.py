"""The schema as it is stored, and the golden files that every later version must still read and bring up to date."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from databases import TABLES
from small_searches import contents, difference, go_on, run_small

from metaqnn.errors import ReplayError
from metaqnn.replay import database, migrations, tables
from metaqnn.replay.copying import copy_database
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.predictions import PredictionSummary, summarise_predictions
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.summary import Summary
from metaqnn.workflows import stored_experiment
from metaqnn.workflows.summary import summarise

GOLDEN = {
    version: Path(__file__).parents[1] / "golden" / f"schema_v{version}.sqlite" for version in (1, 2, 3, 4, 5, 6, 7, 8)
}
"""The same search, as each version of the schema holds it."""

OLD = GOLDEN[1]

OLDER = [
    *(path for version, path in GOLDEN.items() if version < 8),
    *sorted(OLD.parent.glob("v3_*.sqlite")),
    OLD.with_name("digits_seed0.sqlite"),
]
"""Every golden file of an older schema: searches of each kind, a table, an import."""

VIEWS = ("best_so_far", "epsilon_stages", "failures", "final_networks", "leaderboard", "predictions")


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
    assert views == {*VIEWS, "score_sign"}


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
    assert rows(new_file, "PRAGMA user_version") == [(8,)]
    assert new_file.read_bytes()[68:72] == b"MQNN"


def test_foreign_keys_are_enforced_while_writing(tmp_path):
    with SQLiteReplayMemory(tmp_path / "new.sqlite") as memory:
        memory.initialise({"seed": 0})
        assert memory.query("PRAGMA foreign_keys")[1] == [(1,)]


def test_a_new_database_has_the_schema_of_its_golden_file(new_file):
    def schema(file):  # what comments say may have been added to since
        found = rows(file, "SELECT type, name, tbl_name, ifnull(sql, '') FROM sqlite_master ORDER BY rowid")
        return [(*names, re.sub(r" *--.*", "", sql)) for *names, sql in found]

    assert schema(new_file) == schema(GOLDEN[database.SCHEMA_VERSION])


@pytest.mark.parametrize("version", GOLDEN)
def test_a_golden_file_is_small_and_of_its_schema(version):
    assert GOLDEN[version].stat().st_size < (100_000 if version < 4 else 120_000)
    assert rows(GOLDEN[version], "PRAGMA user_version") == [(version,)]


@pytest.mark.parametrize("golden", GOLDEN.values(), ids=lambda path: path.stem)
def test_a_golden_file_verifies(golden):
    before = golden.read_bytes()
    assert difference(golden) is None
    assert golden.read_bytes() == before
    assert sorted(path.name for path in golden.parent.glob(f"{golden.name}*")) == [golden.name]


@pytest.mark.parametrize("golden", GOLDEN.values(), ids=lambda path: path.stem)
def test_a_golden_file_has_the_recorded_summary(golden):
    with ReplayReader(golden) as reader:
        experiment = stored_experiment(reader)
        summary = summarise(reader)
        assert summarise_predictions(reader, 2) == PredictionSummary(0, 20, 0, 0, None, None)
    assert (experiment.name, experiment.seed, experiment.dataset.name) == ("small", 3, "digits")
    assert experiment.training.early_stopping is None
    best = summary.best
    assert (best.model, best.score, best.architecture) == (9, 0.875, "[C(8,1,1), C(8,3,1), C(4,1,1), SM(10)]")
    assert (best.costs, best.epoch, best.seconds) == ({"parameters": 3206, "flops": 83968, "layers": 4}, 1, 2.0)
    assert summary == Summary(
        episodes=40,
        models_done=12,
        models_total=12,
        in_flight=0,
        reused=28,
        saved_seconds=54.75,  # 27 repeats of 2 s and one of 0.75 s
        failed={"crashed": 1, "diverged": 1, "timed_out": 1},
        best=best,
        epsilon=0.1,
        exhausted=(),
        max_repeats=500,
        runs=1,
        elapsed_seconds=summary.elapsed_seconds,
        values_as_of=40,
    )
    assert 0 < summary.elapsed_seconds < 60


@pytest.mark.parametrize("golden", GOLDEN.values(), ids=lambda path: path.stem)
def test_a_search_goes_on_in_a_copy_of_a_golden_file(golden, tmp_path):
    copy = shutil.copy(golden, tmp_path / "small.sqlite")
    run_small(copy, models=13)
    assert difference(copy) is None
    with ReplayReader(copy) as reader:
        assert len(reader.models()) == 13


# An old file, looked at


def looked_at(path):
    """What the tables for people show of a file."""
    with ReplayReader(path) as reader:
        views = [reader.query(f"SELECT * FROM {view}") for view in ("predictions", "leaderboard", "best_so_far")]
        shown = [tables.top(reader, 3), tables.failures(reader), tables.model_facts(reader, 6), tables.stages(reader)]
        return views, shown, [repr(reader.evaluation(number)) for number in range(1, 13)]


def test_an_old_file_shows_the_same_and_stays_as_it_is():
    before = OLD.read_bytes()
    views, shown, evaluations = looked_at(OLD)
    assert (views, shown, evaluations) == looked_at(GOLDEN[2])
    assert OLD.read_bytes() == before
    assert [path.name for path in OLD.parent.glob(f"{OLD.name}*")] == [OLD.name]
    columns, predictions = views[0]
    assert (columns[:4], predictions) == (("model", "evaluation", "status", "predicted_epoch"), [])
    assert [row[:2] for row in shown[1].rows] == [(4, "crashed"), (6, "diverged"), (8, "timed_out")]
    assert shown[0].rows[0][:2] == (9, 0.875)


def test_an_old_file_opened_by_a_writer_that_writes_nothing_stays_as_it_is(tmp_path):
    copy = shutil.copy(OLD, tmp_path / "small.sqlite")
    with SQLiteReplayMemory(copy) as memory:
        assert len(list(memory.episodes())) == 40
        assert memory.evaluation(1).prediction is None
    assert copy.read_bytes() == OLD.read_bytes()


def test_a_copy_of_an_old_file_is_as_old(tmp_path):
    copy_database(OLD, tmp_path / "copy.sqlite")
    assert rows(tmp_path / "copy.sqlite", "PRAGMA user_version") == [(1,)]
    assert difference(tmp_path / "copy.sqlite") is None


# An old file, brought up to date


def test_failures_of_an_old_file_can_be_retried(tmp_path):
    copy = shutil.copy(OLD, tmp_path / "small.sqlite")
    with SQLiteReplayMemory(copy) as memory:
        assert [proposal.model.model for proposal in memory.retry_failed()] == [4, 8]
    assert rows(copy, "PRAGMA user_version") == [(8,)]
    run_small(copy)
    assert difference(copy) is None


def schema(path):
    """The whole schema, comments included, in the order in which it was made."""
    return (
        rows(path, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid"),
        rows(path, "SELECT name, strict, wr FROM pragma_table_list WHERE schema = 'main' ORDER BY name"),
        rows(path, "PRAGMA user_version"),
        rows(path, "PRAGMA application_id"),
    )


def brought_up_to_date(golden, folder):
    copy = shutil.copy(golden, folder / golden.name)
    with SQLiteReplayMemory(copy) as memory:
        memory.begin_run(12, 1, {}, [])
    return copy


@pytest.mark.parametrize("golden", OLDER, ids=lambda path: path.stem)
def test_a_file_brought_up_to_date_has_the_schema_of_a_new_one(new_file, tmp_path, golden):
    assert schema(golden) != schema(new_file)
    copy = brought_up_to_date(golden, tmp_path)
    assert schema(copy) == schema(new_file)
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
    assert rows(copy, "PRAGMA foreign_key_check") == []


def columns_of(path, table):
    return [name for (name,) in rows(path, f"SELECT name FROM pragma_table_info('{table}')")]


@pytest.mark.parametrize("golden", OLDER, ids=lambda path: path.stem)
def test_what_an_old_file_held_has_the_same_names_and_values_looked_at_and_brought_up_to_date(tmp_path, golden):
    """Queries of then go on working: every column of every table and view, to the last bit and in the same order."""
    kept = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
    copy, values = brought_up_to_date(golden, tmp_path), 0
    with ReplayReader(golden) as reader:
        for (name,) in rows(golden, kept):
            if name == "runs" or (name == "test_looks" and golden in (GOLDEN[1], GOLDEN[2])):
                continue  # the writer added its own; nothing was ever written to it then
            columns = columns_of(golden, name)
            where = " WHERE key != 'score'" if name == "config" else ""
            selected = f"SELECT {', '.join(columns)} FROM {name}{where}"
            before = rows(golden, selected)
            for now in (reader.query(selected)[1], rows(copy, selected)):
                assert list(map(repr, now)) == list(map(repr, before)), name
            if name in VIEWS:
                assert reader.query(f"SELECT * FROM {name}")[0] == tuple(columns) == tuple(columns_of(copy, name))
            values += len(before) * len(columns)
    assert values > 400
    if "enumerated" not in golden.stem:  # nothing was proposed there
        assert difference(copy) is None


def test_a_users_own_indexes_and_triggers_stay(tmp_path):
    copy = shutil.copy(OLD, tmp_path / "small.sqlite")
    own = (
        "CREATE INDEX mine ON replay (accuracy)",
        "CREATE TRIGGER told AFTER INSERT ON replay BEGIN INSERT INTO heard VALUES (new.episode); END",
    )
    with closing(sqlite3.connect(copy)) as connection, connection:
        for statement in ("CREATE TABLE heard (episode)", *own):
            connection.execute(statement)
    run_small(copy, models=13)
    assert [sql for (sql,) in rows(copy, "SELECT sql FROM sqlite_master WHERE name IN ('mine', 'told')")] == list(own)
    assert [number for (number,) in rows(copy, "SELECT episode FROM heard")] == [
        number for (number,) in rows(copy, "SELECT episode FROM replay WHERE episode > 40 ORDER BY episode")
    ]
    assert difference(copy) is None


def test_a_search_that_goes_on_in_an_old_file_equals_one_in_a_new_file(tmp_path):
    content = {}
    for version, golden in GOLDEN.items():
        path = shutil.copy(golden, tmp_path / f"{version}.sqlite")
        run_small(path, models=13)
        content[version] = contents(path)
        del content[version]["config"]  # the older one was started before some of its settings had names
    assert content[1] == content[2] == content[3] == content[4] == content[5]
    assert len(content[1]["models"]) == 13


def test_who_looks_while_a_file_is_brought_up_to_date_sees_it_grow(tmp_path):
    copy = shutil.copy(OLD, tmp_path / "small.sqlite")
    with ReplayReader(copy) as reader:
        assert len(reader.models()) == 12
        with SQLiteReplayMemory(copy) as memory:
            memory.begin_run(13, 1, {}, [])
            go_on(memory, 13)
        assert len(reader.models()) == 13
        assert repr(reader.evaluation(6)) == looked_at(OLD)[2][5]
        assert reader.evaluation(13).status == "ok"
        assert reader.query("SELECT * FROM predictions")[1] == []
        assert len(tables.top(reader, 20).rows) == 10


def test_bringing_up_to_date_is_all_or_nothing(tmp_path, monkeypatch):
    copy = shutil.copy(OLD, tmp_path / "small.sqlite")
    impossible = {**migrations.NEW_COLUMNS[4], "replay": ("no_such_column AS recorded",)}
    monkeypatch.setattr(migrations, "NEW_COLUMNS", {**migrations.NEW_COLUMNS, 4: impossible})
    with SQLiteReplayMemory(copy) as memory:
        with pytest.raises(ReplayError, match="no such column: no_such_column"):
            memory.begin_run(13, 1, {}, [])
        assert memory.evaluation(1).prediction is None  # it can still be looked at
    assert copy.read_bytes() == OLD.read_bytes()
    monkeypatch.undo()
    run_small(copy, models=13)
    assert difference(copy) is None


def test_a_users_own_views_stay(tmp_path):
    copy = shutil.copy(OLD, tmp_path / "small.sqlite")
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute('CREATE VIEW "my view" AS SELECT count(*) AS n FROM replay')
    run_small(copy, models=13)
    assert rows(copy, "PRAGMA user_version") == [(8,)]
    assert rows(copy, 'SELECT n FROM "my view"') == rows(copy, "SELECT count(*) FROM replay")


def test_a_users_view_that_stands_in_the_way_is_named_and_kept(tmp_path):
    copy = shutil.copy(OLD, tmp_path / "small.sqlite")
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("CREATE VIEW predictions AS SELECT 7 AS mine")
    before = rows(copy, "SELECT name, sql FROM sqlite_master ORDER BY rowid")
    with pytest.raises(ReplayError, match="predictions already exists"):
        run_small(copy, models=13)
    assert rows(copy, "SELECT name, sql FROM sqlite_master ORDER BY rowid") == before
    assert rows(copy, "PRAGMA user_version") == [(1,)]
