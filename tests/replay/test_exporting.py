"""Databases written for other programs, and read back."""

import csv
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import databases
import pytest
from contracts.curves import trained
from hypothesis import given, settings
from hypothesis import strategies as st
from small_searches import run_small, small_experiment

from metaqnn.core import EpisodeOrigin
from metaqnn.errors import ReplayError
from metaqnn.networks.export.released import export_released
from metaqnn.networks.released_file import COLUMNS
from metaqnn.replay.exporting import FORMATS, export_tables
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows.import_released import import_released

GOLDEN = Path(__file__).parents[1] / "golden"
TABLES = tuple(sorted(databases.TABLES - {"writer"}))  # in which somebody stands only while writing


def exported(database: Path, target: Path) -> list[dict]:
    """The rows of the released layout."""
    with ReplayReader(database) as reader:
        count = export_released(reader, target)
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == count
    return rows


# The released layout


def test_there_is_a_row_for_each_episode_in_order(finished, tmp_path):
    rows = exported(finished, tmp_path / "a.csv")
    with ReplayReader(finished) as reader:
        episodes = list(reader.episodes())
        evaluations, score = [reader.evaluation(episode.evaluation) for episode in episodes], reader.score()
        _, times = reader.query("SELECT recorded_at FROM replay ORDER BY episode")
    assert len(rows) == len(episodes)
    for row, episode, evaluation, (time,) in zip(rows, episodes, evaluations, times, strict=True):
        assert tuple(row) == COLUMNS
        assert row["ix_q_value_update"] == str(episode.number)
        assert float(row["epsilon"]) == episode.epsilon
        assert float(row["accuracy_best_val"]) == episode.reward
        assert (row["accuracy_best_test"], row["accuracy_last_test"]) == ("-1", "-1")
        assert datetime.fromtimestamp(float(row["time_finished"])) == datetime.fromisoformat(time).replace(
            tzinfo=None
        ) + (datetime.fromtimestamp(0) - datetime(1970, 1, 1))
        assert row["machine_run_on"] == "a test"
        if episode.score is None:
            assert (row["iter_best_val"], row["iter_last_val"], row["accuracy_last_val"]) == ("0", "0", "0.1")
        else:
            assert float(row["accuracy_last_val"]) == evaluation.last_score
            assert (row["iter_best_val"], row["iter_last_val"]) == (str(evaluation.best_step(score)), "2")


def test_networks_carry_the_marks(finished, tmp_path):
    nets = {row["net"] for row in exported(finished, tmp_path / "a.csv")}
    assert "[C(8,1,1), C(8,3,1), D(1,2), C(4,1,1), SM(10)]" in nets


def same(episodes) -> list:
    """What an import gives back of sampled episodes; a failure comes back as the accuracy that it counts as."""
    return [
        (e.number, e.iteration, e.epsilon, e.model, e.architecture, e.evaluation, e.reward, e.reused) for e in episodes
    ]


def there_and_back(database: Path, experiment) -> None:
    folder = database.parent
    exported(database, folder / "there.csv")
    import_released(folder / "there.csv", folder / "back.sqlite", experiment)
    exported(folder / "back.sqlite", folder / "again.csv")
    assert (folder / "there.csv").read_bytes() == (folder / "again.csv").read_bytes()
    with ReplayReader(database) as there, ReplayReader(folder / "back.sqlite") as back:
        assert same(back.episodes()) == same(there.episodes())
        assert back.models() == there.models()
        assert {e.origin for e in back.episodes()} == {EpisodeOrigin.IMPORTED}
        for episode in there.episodes():
            theirs, ours = there.evaluation(episode.evaluation), back.evaluation(episode.evaluation)
            if theirs.score is not None:
                assert (ours.measured, ours.last_score) == (theirs.measured, theirs.last_score)


def test_a_search_goes_there_and_back(finished, tmp_path):
    there_and_back(finished, small_experiment(tmp_path))


@given(st.integers(0, 1000), st.sampled_from(["linear_ucb", "random"]))
@settings(max_examples=4, deadline=None)
def test_a_search_in_the_papers_space_goes_there_and_back(seed, strategy):
    overrides = (
        f"seed={seed}",
        "space={max_depth: 12}",
        f"strategy={{name: {strategy}, schedule: [[1.0, 6], [0.2, 2]]}}",
        "reward={name: cost_aware, flops_weight: 0.01}",
    )
    with TemporaryDirectory() as folder:
        database = Path(folder) / "a.sqlite"
        run_small(database, *overrides, models=8)
        there_and_back(database, small_experiment(database.parent, *overrides))


def test_a_prediction_stands_for_a_training_that_was_stopped(tmp_path):
    path = tmp_path / "a.sqlite"
    training = "training={epochs: 10, restart_accuracy: 0.3, early_stopping: {min_networks: 10, control_share: 0.2}}"
    run_small(path, training, "strategy.schedule=[[1.0, 32]]", function=trained())
    rows = exported(path, tmp_path / "a.csv")
    with ReplayReader(path) as reader:
        episodes = [e for e in reader.episodes() if e.is_predicted]
        epochs = {e.number: reader.evaluation(e.evaluation).prediction.step for e in episodes}
    assert episodes
    for episode in episodes:
        row = rows[episode.number - 1]
        assert float(row["accuracy_best_val"]) == episode.score
        assert row["iter_best_val"] == row["iter_last_val"] == str(epochs[episode.number])


def test_a_retried_episode_has_no_epsilon(finished, tmp_path):
    with SQLiteReplayMemory(finished) as memory:
        retried = memory.retry_failed()
    run_small(finished)
    rows = exported(finished, tmp_path / "a.csv")
    assert [row["epsilon"] for row in rows[-len(retried) :]] == ["-1"] * len(retried)
    report = import_released(tmp_path / "a.csv", tmp_path / "back.sqlite", small_experiment(tmp_path))
    assert report.taken == len(rows)


# Tables


@pytest.mark.parametrize("style", FORMATS)
def test_every_table_comes_back_with_the_same_values(finished, tmp_path, style):
    with ReplayReader(finished) as reader:
        counts = export_tables(reader, style, tmp_path / "out")
    assert tuple(counts) == TABLES
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [f"{table}.{style}" for table in TABLES]
    with closing(sqlite3.connect(finished)) as connection:
        for table in TABLES:
            info = connection.execute(f"SELECT name, type, \"notnull\" FROM pragma_table_xinfo('{table}')").fetchall()
            expected = connection.execute(f"SELECT * FROM {table}").fetchall()
            found = read_back(tmp_path / "out" / f"{table}.{style}", info)
            assert found == expected
            assert [list(map(type, row)) for row in found] == [list(map(type, row)) for row in expected]
            assert counts[table] == len(expected)
        assert connection.execute("SELECT count(*) FROM evaluations WHERE best_accuracy IS NULL").fetchone()[0] == 3


def read_back(file: Path, info: list[tuple]) -> list[tuple]:
    """The rows of a file, by what its format says, and in a CSV by the documented rule about empty fields."""
    names = [name for name, *_ in info]
    if file.suffix == ".json":
        content = json.loads(file.read_text(encoding="utf-8"))
        assert all(list(row) == names for row in content)
        return [tuple(row.values()) for row in content]
    if file.suffix == ".parquet":
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(file)
        assert table.column_names == names
        return [tuple(row.values()) for row in table.to_pylist()]
    kinds = {"INTEGER": int, "REAL": float, "TEXT": str}
    with file.open(newline="", encoding="utf-8") as lines:
        header, *rows = csv.reader(lines)
    assert header == names
    return [
        tuple(
            None if text == "" and not is_needed else kinds[kind](text)
            for text, (_, kind, is_needed) in zip(row, info, strict=True)
        )
        for row in rows
    ]


def test_pandas_reads_whole_numbers_as_such(finished, tmp_path):
    import pandas

    with ReplayReader(finished) as reader:
        export_tables(reader, "parquet", tmp_path / "out")
    frame = pandas.read_parquet(tmp_path / "out" / "evaluations.parquet")
    assert frame["best_epoch"].dtype == "Int64"
    assert frame["best_epoch"].isna().sum() == 3


def test_an_imported_database_and_a_table_have_their_tables_too(tmp_path):
    from metaqnn.workflows import load_experiment

    path = tmp_path / "a.sqlite"
    import_released(GOLDEN / "replay_database.csv", path, load_experiment("svhn"))
    with ReplayReader(path) as reader:
        counts = export_tables(reader, "json", tmp_path / "out")
    assert (counts["imported_rows"], counts["replay"], counts["models"]) == (12, 6, 4)
    rows = json.loads((tmp_path / "out" / "imported_rows.json").read_text())
    assert [row["problem"] for row in rows if row["episode"] is None] == [
        *("accuracy", "unparsed", "illegal", "illegal", "accuracy", "accuracy"),
    ]


@pytest.mark.parametrize("version", [1, 2])
def test_a_database_of_an_older_schema_has_all_tables(tmp_path, version):
    path = shutil.copy(GOLDEN / f"schema_v{version}.sqlite", tmp_path / "old.sqlite")
    before = path.read_bytes()
    with ReplayReader(path) as reader:
        counts = export_tables(reader, "csv", tmp_path / "out")
    assert tuple(counts) == TABLES
    assert counts["finals"] == 0
    assert counts["replay"] > 0
    assert path.read_bytes() == before
    header = (tmp_path / "out" / "evaluations.csv").read_text().splitlines()[0]
    assert header.endswith(
        "predicted_epoch,predicted_score,predicted_low,predicted_high,node,phase_seconds,"
        "best_accuracy,last_accuracy,learning_rate,predicted_accuracy,"
        "waiting_seconds,building_seconds,tracing_seconds,training_seconds,validation_seconds,messages_seconds,"
        "garbage_seconds,bookkeeping_seconds"
    )


# What is refused, with nothing left behind


def test_an_existing_target_is_refused(finished, tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    (tmp_path / "out").mkdir()
    with ReplayReader(finished) as reader:
        with pytest.raises(ReplayError) as error:
            export_released(reader, tmp_path / "a.csv")
        assert str(error.value) == f"{tmp_path}/a.csv: expected a new file, but it exists; choose another name"
        with pytest.raises(ReplayError) as error:
            export_tables(reader, "csv", tmp_path / "out")
        assert str(error.value) == f"{tmp_path}/out: expected a new folder, but it exists; choose another name"
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(finished, tmp_path):
    (tmp_path / "file").write_text("")
    with ReplayReader(finished) as reader:
        for export in (lambda to: export_released(reader, to), lambda to: export_tables(reader, "csv", to)):
            with pytest.raises(ReplayError) as error:
                export(tmp_path / "file" / "out")
            assert str(error.value) == (
                f"{tmp_path}/file/out: expected a place that can be written, but File exists; choose another"
            )


def test_an_export_that_fails_leaves_nothing_and_takes_nothing_of_the_users(finished, tmp_path):
    with closing(sqlite3.connect(finished)) as connection, connection:
        connection.execute("UPDATE models SET architecture = 'no network' WHERE model = 5")
    (tmp_path / "a.csv.part").write_text("mine")
    (tmp_path / "out.part").mkdir()
    (tmp_path / "out.part" / "old.csv").write_text("mine")
    with ReplayReader(finished) as reader:
        with pytest.raises(ReplayError) as error:
            export_released(reader, tmp_path / "a.csv")
        place = f"{finished}: table models, row 5, column architecture"
        assert str(error.value).startswith(f"{place}: expected a ")
        export_tables(reader, "csv", tmp_path / "out")
    assert not (tmp_path / "out" / "old.csv").exists()
    assert (tmp_path / "out.part" / "old.csv").read_text() == (tmp_path / "a.csv.part").read_text() == "mine"
    assert not (tmp_path / "a.csv").exists()


def test_a_table_has_no_episodes(finished, tmp_path):
    with closing(sqlite3.connect(finished)) as connection, connection:
        connection.execute("""INSERT INTO config VALUES ('purpose', '"table"')""")
    with ReplayReader(finished) as reader, pytest.raises(ReplayError) as error:
        export_released(reader, tmp_path / "a.csv")
    assert str(error.value) == (
        f"{finished}: expected episodes, but this file holds every network of a space, from `metaqnn enumerate`; "
        "use --layout tables"
    )


def test_parquet_without_its_package_names_the_extra(finished, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as Python has it where an import is to fail
    with ReplayReader(finished) as reader, pytest.raises(ReplayError) as error:
        export_tables(reader, "parquet", tmp_path / "out")
    assert str(error.value) == (
        "--format parquet needs the package pyarrow, which is not installed; pip install 'metaqnn[parquet]'"
    )
    assert not (tmp_path / "out").exists()
