"""Every network of a small space, really trained: killed, interrupted and extended to the last bit."""

import csv
import gzip
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from statistics import fmean

import pytest
from contracts.searches import SmallSearch
from databases import contents
from patience import patience, wait_until

from metaqnn.errors import ConfigError, ReplayError
from metaqnn.replay.evaluations import read_evaluations
from metaqnn.replay.reader import ReplayReader
from metaqnn.tables.table import read_database
from metaqnn.workflows import SearchOptions, load_experiment, run_search
from metaqnn.workflows.enumerate import run_enumeration
from metaqnn.workflows.table_files import load_benchmark, write_table

SETTINGS = (
    "space.max_depth=1",
    "space.convolution.filters=[4]",
    "space.convolution.receptive_fields=[1,3,5]",
    "space.convolution.strides=[1]",
    "training.epochs=1",
    "dataset.validation_size=1247",
    "dataset.train_limit=100",
    "seed=5",
)
NETWORKS = ["[C(4,1,1), SM(10)]", "[C(4,3,1), SM(10)]", "[C(4,5,1), SM(10)]", "[SM(10)]"]
"""All of that space: a convolution or none, and then SM."""


def experiment(*more: str):
    return load_experiment("digits_table", [*SETTINGS, *more])


def trainings(database) -> list[tuple]:
    """Of each training its number, network, seed and time of end, read as a user would while the command runs."""
    if not database.exists():
        return []
    try:
        with ReplayReader(database) as reader:
            return reader.query(
                "SELECT evaluation, architecture, seed, recorded_at FROM evaluations JOIN models USING (model)"
                " ORDER BY evaluation"
            )[1]
    except ReplayError:  # the file is just being made
        return []


def outcomes(database) -> list[str]:
    with ReplayReader(database) as reader:
        return [outcome for (outcome,) in reader.query("SELECT outcome FROM runs ORDER BY run")[1]]


def start(database, *options) -> subprocess.Popen:
    words = [word for setting in SETTINGS for word in ("--set", setting)]
    command = [sys.executable, "-m", "metaqnn", "enumerate", "digits_table", "--db", database, *words, *options]
    command = list(map(str, command))
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A table of two seeds from one worker, and what its progress was."""
    database = tmp_path_factory.mktemp("undisturbed") / "table.sqlite"
    told = []
    report = run_enumeration(experiment(), database, 2, workers=1, gpus=(), on_progress=told.append)
    assert (report.is_complete, report.signal) == (True, None)
    return database, told


@pytest.fixture(scope="module")
def one_seed(tmp_path_factory):
    """A table of one seed from two workers, not to be changed."""
    database = tmp_path_factory.mktemp("one_seed") / "table.sqlite"
    assert run_enumeration(experiment(), database, 1, workers=2, gpus=()).is_complete
    return database


def test_every_network_is_trained_once_with_every_seed(undisturbed):
    database, told = undisturbed
    expected = [(text, seed) for seed in (5, 6) for text in NETWORKS]
    assert [row[:3] for row in trainings(database)] == [(n, *both) for n, both in enumerate(expected, start=1)]
    assert [(progress.done, progress.total, progress.networks) for progress in told] == [(n, 8, 4) for n in range(9)]
    assert outcomes(database) == ["completed"]
    with ReplayReader(database) as reader:
        assert reader.is_table()
        assert [model.architecture for model in reader.models()] == NETWORKS
        best = max(training.score for training in read_evaluations(reader, "table"))
        assert reader.query("SELECT count(*) FROM replay")[1] == [(0,)]
    assert told[-1].best_score == best
    assert told[-1].words == f"of 4 networks, best {100 * best:.2f} %, 0 failed"
    assert told[0].words == "of 4 networks, best -, 0 failed"


def test_the_number_of_workers_changes_no_training(undisturbed, one_seed):
    one, two = contents(undisturbed[0]), contents(one_seed)
    for table in ("config", "models"):
        assert two[table] == one[table]
    for table in ("evaluations", "learning_curves"):
        first_seed = [row for row in one[table] if dict(row)["evaluation"] <= 4]
        assert two[table] == first_seed
        assert len({dict(row)["evaluation"] for row in first_seed}) == 4


def test_seeds_differ_and_so_do_networks(undisturbed):
    with ReplayReader(undisturbed[0]) as reader:
        losses = [reader.evaluation(n).attempts[0].points[0].figures["validation_loss"] for n in range(1, 9)]
    assert len(set(losses)) == 8


def test_a_search_sees_the_first_seed_and_the_mean_judges(undisturbed):
    with ReplayReader(undisturbed[0]) as reader:
        table = read_database(reader)
        rows = reader.query("SELECT evaluation, max(validation_accuracy) FROM learning_curves GROUP BY evaluation")[1]
    accuracies = dict(rows)
    assert list(table.entries) == NETWORKS
    for index, entry in enumerate(table.entries.values(), start=1):
        assert entry.scores == (accuracies[index], accuracies[index + 4])
        assert entry.reward == entry.evaluation.score == accuracies[index]
        assert entry.target == fmean((accuracies[index], accuracies[index + 4]))
        assert (entry.reward * 1247) == pytest.approx(round(entry.reward * 1247))  # of so many images


@pytest.mark.long
def test_interrupted_and_killed_while_a_seed_is_added_it_equals_an_undisturbed_one(undisturbed, one_seed, tmp_path):
    database = shutil.copy(one_seed, tmp_path / "table.sqlite")
    before = trainings(database)
    assert len(before) == 4

    process = start(database, "--seeds", 2, "--workers", 1)
    wait_until(lambda: len(trainings(database)) >= 5)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=patience(20))
    assert process.returncode == 130, errors
    assert out.splitlines() == [
        f"digits_table: digits, seed 5, database {database}",
        f"Stopped; run the same command again, and it goes on. Everything trained is in {database}.",
    ]
    assert errors.startswith("[4/8] trainings of 4 networks, best -, 0 failed, left ")
    assert "Traceback" not in errors
    stopped = trainings(database)
    assert 5 <= len(stopped) < 8
    assert stopped[:4] == before

    process = start(database, "--seeds", 2, "--workers", 1)
    wait_until(lambda: len(trainings(database)) > len(stopped))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    killed = trainings(database)
    assert len(stopped) < len(killed)
    assert killed[: len(stopped)] == stopped

    description = tmp_path / "table.yaml"
    process = start(database, "--seeds", 2, "--workers", 1, "--table", description)
    out, errors = process.communicate(timeout=patience(200))
    assert process.returncode == 0, errors
    assert out.splitlines()[1:] == [
        f"The table of 4 networks: {description}",
        f"Compare strategies on it: metaqnn compare {description}",
    ]
    assert trainings(database)[: len(killed)] == killed  # what was there was not trained again
    assert contents(database) == contents(undisturbed[0])
    assert outcomes(database) == ["completed", "interrupted", None, "completed"]
    write_table(undisturbed[0], tmp_path / "undisturbed" / "table.yaml", "digits_table")
    for name in ("table.yaml", "table.csv.gz"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()


def test_a_finished_table_is_found_complete(one_seed, tmp_path):
    database = shutil.copy(one_seed, tmp_path / "table.sqlite")
    told = []
    report = run_enumeration(experiment(), database, 1, workers=1, gpus=(), on_progress=told.append)
    assert report.is_complete
    assert [(progress.done, progress.total) for progress in told] == [(4, 4)]
    assert trainings(database) == trainings(one_seed)


# What is refused


def test_a_table_of_something_else_is_refused(one_seed, tmp_path):
    database = shutil.copy(one_seed, tmp_path / "table.sqlite")
    with pytest.raises(ReplayError) as error:
        run_enumeration(experiment("training.epochs=2"), database, 1, workers=1, gpus=())
    assert "training.epochs was 1, now 2" in str(error.value)
    assert trainings(database) == trainings(one_seed)
    assert outcomes(database) == ["completed"]


def test_what_a_table_does_not_follow_from_may_change(one_seed, tmp_path):
    database = shutil.copy(one_seed, tmp_path / "table.sqlite")
    other = experiment("reward.failure=0.5", "strategy.name=random", "search.models=7")
    assert run_enumeration(other, database, 1, workers=1, gpus=()).is_complete
    assert trainings(database) == trainings(one_seed)


def test_a_search_refuses_a_table(one_seed, tmp_path):
    database = shutil.copy(one_seed, tmp_path / "table.sqlite")
    for must_exist in (False, True):
        with pytest.raises(ReplayError) as error:
            run_search(experiment(), database, SearchOptions(models=2, workers=1, must_exist=must_exist))
        assert str(error.value).startswith(f"{database}: ")
        assert "table" in str(error.value).removeprefix(f"{database}")
    assert contents(database) == contents(one_seed)


def test_an_enumeration_refuses_a_search(tmp_path):
    database = tmp_path / "search.sqlite"
    SmallSearch().run(database)
    before = contents(database)
    with pytest.raises(ReplayError) as error:
        run_enumeration(experiment(), database, 1, workers=1, gpus=())
    assert str(error.value) == f"{database}: this file holds a search; choose another for the table with --db"
    assert contents(database) == before


def test_a_space_that_is_too_large_is_refused_before_a_file_is_made(tmp_path):
    with pytest.raises(ConfigError) as error:
        run_enumeration(load_experiment("digits"), tmp_path / "table.sqlite", 1, workers=1, gpus=())
    assert str(error.value) == (
        "space: expected at most 100,000 networks to train every one of them, but there are more; "
        "make it smaller, for example with a smaller space.max_depth or space.limits"
    )
    assert list(tmp_path.iterdir()) == []


# The table as a file


def test_a_table_is_written_with_the_same_bytes_every_time(undisturbed, tmp_path):
    database, _ = undisturbed
    for folder in ("first", "second"):
        write_table(database, tmp_path / folder / "small.yaml", "small")
    for name in ("small.yaml", "small.csv.gz"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == ["small.csv.gz", "small.yaml"]


def test_a_written_table_is_the_table_of_its_database(undisturbed, tmp_path):
    database, _ = undisturbed
    written = write_table(database, tmp_path / "small.yaml", "a small table")
    from_file, from_database = load_benchmark(tmp_path / "small.yaml"), load_benchmark(database)
    assert from_file.name == "a small table"
    assert written.entries == from_database.table.entries
    assert list(from_file.table.entries) == list(written.entries) == NETWORKS
    for text, entry in from_file.table.entries.items():
        assert entry.reward == pytest.approx(written.entries[text].reward, abs=1e-6)
        assert entry.target == pytest.approx(written.entries[text].target, abs=1e-6)
    assert list(from_file.space.architectures()) == list(from_database.space.architectures()) == NETWORKS


def test_a_written_table_tells_every_training_and_what_a_network_costs(undisturbed, tmp_path):
    database, _ = undisturbed
    table = write_table(database, tmp_path / "small.yaml", "small")
    rows = list(csv.DictReader(gzip.decompress((tmp_path / "small.csv.gz").read_bytes()).decode().splitlines()))
    columns = ["architecture", "reward", "target", "accuracy_1", "accuracy_2", "parameters", "flops"]
    assert list(rows[0]) == columns
    for row, entry in zip(rows, table.entries.values(), strict=True):
        accuracies = [float(row["accuracy_1"]), float(row["accuracy_2"])]
        assert accuracies == pytest.approx(entry.scores, abs=1e-6)
    # C(4,1,1) on 8x8: 1 * 4 + 4; SM behind it: 256 * 10 + 10. SM alone: 64 * 10 + 10, and 2 * 640 FLOPs.
    assert int(rows[0]["parameters"]) == 8 + 2570
    assert (int(rows[3]["parameters"]), int(rows[3]["flops"])) == (650, 1280)


def test_no_table_is_written_before_every_network_is_trained(one_seed, tmp_path):
    database = shutil.copy(one_seed, tmp_path / "table.sqlite")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM learning_curves WHERE evaluation = 3")
        connection.execute("DELETE FROM evaluations WHERE evaluation = 3")
    with pytest.raises(ConfigError, match="expected every one of its 4 networks trained at least once, but 3 are;"):
        write_table(database, tmp_path / "small.yaml", "small")
    assert not (tmp_path / "small.yaml").exists()
