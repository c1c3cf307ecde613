"""A search that cannot start or go on: one sentence, exit code 2, and whatever was there before is as it was."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager

import numpy as np
import pytest
from PIL import Image
from small_searches import SMALL_YAML, difference

from metaqnn.errors import ADVICE
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader

pytestmark = pytest.mark.usefixtures("instant")


@contextmanager
def mounted(folder, options):
    """A file system in memory; skipped where this user cannot make one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs more rights than this user has")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


# The experiment


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("epochs: 2", "epoch: 2", "training.epoch: there is no such key; did you mean 'epochs'?"),
        ("training:", "trainig:", "trainig: there is no such section; did you mean 'training'?"),
        ("epochs: 2", "epochs: many", "training.epochs: expected a whole number, got the text 'many'"),
        ("epochs: 2", "epochs: 2.5", "training.epochs: expected a whole number, got the number 2.5"),
        ("epochs: 2", "epochs: 0", "training.epochs: expected at least 1, got 0"),
        ("{epochs: 2}", "7", "training: expected keys and values, got the number 7"),
        ("[[1.0, 6]", "[[1.5, 6]", "strategy.schedule: expected every epsilon from 0 to 1, got 1.5"),
        ("[[1.0, 6]", "[[-0.5, 6]", "strategy.schedule: expected every epsilon from 0 to 1, got -0.5"),
        (
            "[[1.0, 6], [0.5, 3], [0.1, 3]]",
            "[]",
            "strategy.schedule: expected at least one stage [epsilon, models], got []",
        ),
        ("[[1.0, 6]", "[[1.0, 0]", "strategy.schedule: expected at least 1 model in every stage, got 0"),
        ("learning_rate: 0.1", "learning_rate: 0", "strategy.learning_rate: expected above 0 and at most 1, got 0.0"),
        ("lookahead: 2", "lookahead: 0", "search.lookahead: expected from 1 to 1000, got 0"),
        ("max_depth: 3", "max_depth: -1", "space.max_depth: expected at least 1 layer before SM, got -1"),
        ("name: small", "name: a/b", "name: expected letters, digits, '-', '_' and '.', got 'a/b'"),
        ("name: small\n", "", "name: this key must be given"),
        ("seed: 3", "seed: -1", "seed: expected a whole number from 0 to 9223372036854775807, got -1"),
        ("seed: 3", "seed: 3\nseed: 4", "the key 'seed' stands twice; keep one of the two"),
        ("name: small", "name: [", "this is not YAML: "),
    ],
)
def test_an_experiment_that_cannot_be_used(refused, small_yaml, tmp_path, old, new, sentence):
    assert old in SMALL_YAML
    small_yaml.write_text(SMALL_YAML.replace(old, new), encoding="utf-8")
    said = refused("search", small_yaml)
    assert said.startswith(f"{small_yaml}: ")
    assert sentence in said
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_a_file_that_is_no_mapping(refused, small_yaml):
    small_yaml.write_text("- a list", encoding="utf-8")
    assert refused("search", small_yaml).startswith(
        f"{small_yaml}: expected sections such as 'dataset:' and 'space:', got a list"
    )


def test_an_experiment_that_is_not_there(refused, tmp_path):
    assert refused("search", tmp_path / "absent.yaml") == f"{tmp_path / 'absent.yaml'}: there is no such file"
    sentence = "there is no experiment 'digitz' (a file would end in .yaml); did you mean 'digits'?"
    assert refused("search", "digitz").startswith(sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "training.epoch=3"], "training.epoch: there is no such key; did you mean 'epochs'?"),
        (["--set", "training.epochs"], "--set training.epochs: expected KEY=VALUE with a dotted key"),
        (["--set", "training.epochs=[1"], "--set training.epochs=[1: the value after '=' is not YAML"),
        (["--set", "seed.x=1"], "--set seed.x=1: the keys above 'x' hold a value, not a section"),
        (["--models", "0"], "--models: expected from 1 to 10000000, got 0"),
        (["--models", "-3"], "--models: expected from 1 to 10000000, got -3"),
        (["--workers", "3"], "--workers: expected at most search.lookahead (2), got 3; so many are in flight when"),
    ],
)
def test_an_option_that_cannot_be_used(refused, small_yaml, finished, words, sentence):
    assert sentence in refused("search", small_yaml, "--db", finished, *words)
    assert difference(finished) is None


# The data


def test_an_unknown_data_set(refused, small_yaml, tmp_path):
    sentence = refused("search", small_yaml, "--set", "dataset.name=digitz")
    assert sentence.startswith("'digitz' is neither a data set nor a path to an .npz file or a folder of images; ")
    assert sentence.endswith("did you mean 'digits'?")
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_a_data_file_that_is_not_there(refused, small_yaml):
    assert "absent.npz" in refused("search", small_yaml, "--set", "dataset.name=absent.npz")


def test_a_data_file_with_labels_missing(refused, small_yaml, tmp_path):
    images = np.zeros((40, 6, 6, 1), np.uint8)
    np.savez(tmp_path / "own.npz", x_train=images)
    sentence = refused("search", small_yaml, "--set", "dataset.name=own.npz")
    assert sentence.startswith("own.npz: ")
    assert "y_train" in sentence
    np.savez(tmp_path / "own.npz", x_train=images, y_train=np.arange(30) % 10)
    assert refused("search", small_yaml, "--set", "dataset.name=own.npz") == (
        "own.npz: expected one label an image, got 40 images and 30 labels"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"small.yaml", "own.npz"}


@pytest.mark.parametrize(("sides", "store"), [((1, 30), ""), ((30, 1), "store them as (number, 1, length) and ")])
def test_signals_in_a_space_of_two_sides(sides, store, refused, small_yaml, tmp_path):
    labels = np.arange(40) % 2
    images = np.stack([np.full((*sides, 1), 50 + 100 * label, np.uint8) for label in labels])
    images[:, 0, 0, 0] = np.arange(40)
    np.savez(tmp_path / "own.npz", x_train=images, y_train=labels)
    words = ("search", small_yaml, "--set", "dataset.name=own.npz", "--set", "dataset.validation_size=10")
    assert refused(*words) == (
        f"space.one_dimensional: expected true for data of {sides[0]}x{sides[1]}, which are signals, got false; {store}"
        "set it to true"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"small.yaml", "own.npz"}


def test_images_of_different_sizes(refused, small_yaml, tmp_path):
    for kind in ("cat", "dog"):
        (tmp_path / "pets" / kind).mkdir(parents=True)
        for number in range(10):
            size = (6, 7) if (kind, number) == ("dog", 7) else (6, 6)
            Image.new("RGB", size, number).save(tmp_path / "pets" / kind / f"{number}.png")
    sentence = refused("search", small_yaml, "--set", "dataset.name=./pets", "--set", "dataset.validation_size=4")
    assert "dog/7.png" in sentence
    assert "6" in sentence
    assert "7" in sentence
    assert {path.name for path in tmp_path.iterdir()} == {"small.yaml", "pets"}


def test_more_validation_images_than_there_are(refused, small_yaml):
    assert refused("search", small_yaml, "--set", "dataset.validation_size=2000") == (
        "dataset.validation_size: expected fewer than the 1347 images of the training part of digits, got 2000"
    )


def test_a_limit_that_no_network_keeps(refused, small_yaml, tmp_path):
    sentence = refused("search", small_yaml, "--set", "space.limits={parameters: 100}")
    assert sentence == (
        "space.limits: [SM(10)] alone has 650 parameters and 1,280 FLOPs, over the limit; raise space.limits"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


# The database


def test_a_file_that_is_no_database(refused, small_yaml, tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("Dear diary, today I searched. " * 20, encoding="utf-8")
    assert refused("search", small_yaml, "--db", notes) == (
        f"{notes}: expected a replay database, but this file is no SQLite database; check the path"
    )


def test_a_database_of_another_program(refused, small_yaml, tmp_path):
    other = tmp_path / "optuna.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE trials (trial_id INTEGER)")
    for command in (["search", small_yaml, "--db", other], ["replay", "summary", other]):
        assert refused(*command) == (
            f"{other}: expected a replay database of metaqnn, but this is another program's database; "
            "choose another path"
        )


def test_a_newer_schema(refused, small_yaml, finished):
    with closing(sqlite3.connect(finished)) as connection:
        connection.execute("PRAGMA user_version = 9")
    for command in (["search", small_yaml, "--db", finished], ["replay", "summary", finished]):
        assert refused(*command) == (
            f"{finished}: a newer metaqnn wrote this database (schema 9, known here: up to 8); upgrade metaqnn"
        )


def test_a_truncated_database(refused, small_yaml, finished):
    finished.write_bytes(finished.read_bytes()[:50_000])
    for command in (["search", small_yaml, "--db", finished], ["replay", "summary", finished]):
        assert refused(*command) == (
            f"{finished}: this database is cut off (50,000 of 118,784 bytes are left); {ADVICE}"
        )


def test_a_damaged_database(refused, small_yaml, finished):
    content = bytearray(finished.read_bytes())
    content[8 * 4096 : 9 * 4096] = b"\xff" * 4096
    finished.write_bytes(content)
    sentence = refused("search", small_yaml, "--db", finished)
    assert sentence.startswith(f"{finished}: expected a whole database, but this file is damaged (")
    assert sentence.endswith(f"; {ADVICE}")


def test_a_folder_given_as_database(refused, small_yaml, tmp_path):
    (tmp_path / "folder").mkdir()
    assert refused("search", small_yaml, "--db", tmp_path / "folder") == (
        f"{tmp_path / 'folder'}: expected a regular file, but this is a folder; choose another path"
    )


def test_a_place_below_a_file(refused, small_yaml, finished):
    assert refused("search", small_yaml, "--db", finished / "new.sqlite") == (
        f"{finished / 'new.sqlite'}: expected a place in a folder, but {finished} is a file; choose another with --db"
    )


def test_a_read_only_place(refused, metaqnn, small_yaml, finished, tmp_path):
    with mounted(tmp_path / "mount", "size=1m"):
        path = shutil.copy(finished, tmp_path / "mount" / "small.sqlite")
        subprocess.run(["mount", "-o", "remount,ro", tmp_path / "mount"], check=True)
        for name in ("small.sqlite", "new.sqlite"):
            assert refused("search", small_yaml, "--db", tmp_path / "mount" / name) == (
                f"{tmp_path / 'mount' / name}: expected a place that can be written, but Read-only file system; "
                "choose another with --db"
            )
        assert metaqnn("replay", "summary", path).code == 0
        assert metaqnn("replay", "verify", path).code == 0
        assert "Read-only file system" in refused("replay", "retry", path)
        assert "choose another" in refused("replay", "copy", path, tmp_path / "mount" / "copy.sqlite")


def test_a_full_disk_in_the_middle_of_a_search(metaqnn, small_yaml, tmp_path):
    explore = ["--set", "strategy.schedule=[[1.0, 200]]"]
    with mounted(tmp_path / "mount", "size=600k"):
        path = tmp_path / "mount" / "small.sqlite"
        result = metaqnn("search", small_yaml, "--db", path, *explore)
        assert result.code == 2
        assert result.err == (
            f"metaqnn: {path}: the disk is full; everything recorded before is safe: free some space and run the same "
            "command again\n"
        )
        kept = result.out.count("\n[")
        assert kept > 5
        with ReplayReader(path) as reader:
            episodes = list(reader.episodes())
        assert sum(not episode.reused for episode in episodes) >= kept
        assert difference(path) is None
        subprocess.run(["mount", "-o", "remount,size=8m", tmp_path / "mount"], check=True)
        again = metaqnn("search", small_yaml, "--db", path, *explore, "--models", len(episodes) + 20)
        assert (again.code, again.err) == (0, "")
        assert f"The search resumes: {kept} of {len(episodes) + 20} models done" in again.out
        assert difference(path) is None
        with ReplayReader(path) as reader:
            assert list(reader.episodes())[: len(episodes)] == episodes


def test_two_searches_on_one_file(small_yaml, finished):
    command = [sys.executable, "-m", "metaqnn", "search", small_yaml, "--db", finished]
    before = finished.read_bytes()
    with SQLiteReplayMemory(finished):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.read_bytes() == before
    assert result.returncode == 2
    assert result.stderr == (
        f"metaqnn: {finished}: another search or training is running on this file; wait for it, stop it, or "
        "choose another file\n"
    )


# A search that is there already


@pytest.mark.parametrize(
    ("assignment", "shown"),
    [
        ("training.epochs=3", "training.epochs was 2, now 3"),
        ("seed=4", "seed was 3, now 4"),
        ("name=other", "name was 'small', now 'other'"),
        ("search.lookahead=3", "search.lookahead was 2, now 3"),
        ("strategy.schedule=[[1.0, 12]]", "strategy.schedule was [[1.0, 6], [0.5, 3], [0.1, 3]], now [[1.0, 12]]"),
        ("space.convolution.filters=[4]", "space.convolution.filters was [4, 8], now [4]"),
        ("dataset.validation_size=200", "dataset.validation_size was 300, now 200"),
        ("reward.failure=0.5", "reward.failure was 'declared', now 0.5"),
    ],
)
def test_a_changed_configuration(refused, small_yaml, finished, assignment, shown):
    assert refused("search", small_yaml, "--db", finished, "--set", assignment) == (
        f"{finished}: this search was started differently: {shown}. Undo that to resume it, choose another file with "
        "--db, or start anew with --fresh, which moves this file aside"
    )
    assert difference(finished) is None


def test_every_changed_key_is_shown(refused, small_yaml, finished):
    sentence = refused(
        "search", small_yaml, "--db", finished, "--set", "training.epochs=3", "--set", "dataset.mirror=true"
    )
    assert "training.epochs was 2, now 3" in sentence
    assert "dataset.mirror was False, now True" in sentence


def test_other_images_under_the_same_name(refused, metaqnn, small_yaml, tmp_path):
    numbers = np.arange(60 * 36).reshape(60, 6, 6, 1) % 251
    data = {"x_train": numbers.astype(np.uint8), "y_train": np.arange(60) % 3}
    options = ["--set", "dataset.name=own.npz", "--set", "dataset.validation_size=15", "--models", "3"]
    np.savez(tmp_path / "own.npz", **data)
    assert metaqnn("search", small_yaml, *options).code == 0
    np.savez(tmp_path / "own.npz", **data | {"x_train": data["x_train"][::-1]})
    sentence = refused("search", small_yaml, *options)
    assert sentence.startswith(
        "replay_db/small.sqlite: this search was started differently: the data set 'own.npz' holds other images "
        "(data_hash was '"
    )
    assert sentence.endswith("start anew with --fresh, which moves this file aside")


def test_nothing_to_resume(refused, small_yaml, tmp_path):
    assert refused("resume", small_yaml) == (
        "replay_db/small.sqlite: there is nothing to resume; `metaqnn search` with the same arguments starts it"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_fresh_while_the_search_runs(refused, small_yaml, finished):
    with SQLiteReplayMemory(finished):
        sentence = refused("search", small_yaml, "--db", finished, "--fresh")
    assert sentence.startswith(f"{finished}: another search or training is running on this file; wait for it")
    assert difference(finished) is None


def test_nothing_is_moved_aside_for_an_experiment_that_cannot_be_read(refused, small_yaml, finished):
    sentence = refused("search", small_yaml, "--db", finished, "--fresh", "--set", "training.epoch=3")
    assert "did you mean 'epochs'?" in sentence


@pytest.mark.parametrize(
    "words",
    [
        ["--workers", "3"],
        ["--set", "dataset.name=digitz"],
        ["--set", "space.limits={parameters: 100}"],
    ],
    ids=lambda words: words[-1],
)
def test_nothing_is_moved_aside_for_a_search_that_cannot_start(refused, small_yaml, finished, words):
    assert refused("search", small_yaml, "--db", finished, "--fresh", *words)


def test_fresh_moves_no_folder(refused, small_yaml, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("...", encoding="utf-8")
    assert refused("search", small_yaml, "--db", tmp_path / "precious", "--fresh")


def test_a_refused_search_leaves_no_database(refused, small_yaml, tmp_path):
    assert refused("search", small_yaml, "--workers", "3")
    assert not (tmp_path / "replay_db" / "small.sqlite").exists()


def test_a_database_without_a_search_is_nothing_to_resume(refused, small_yaml, tmp_path):
    path = tmp_path / "blank.sqlite"
    SQLiteReplayMemory(path).close()
    assert "there is nothing to resume" in refused("resume", small_yaml, "--db", path)


def test_a_seed_beyond_the_databases_range(refused, small_yaml):
    assert "seed: expected a whole number" in refused("search", small_yaml, "--set", f"seed={2**63}")


@pytest.mark.parametrize("key", ["name", "seed"])
def test_an_experiment_that_lost_what_every_one_has_is_damage(metaqnn, finished, key):
    with closing(sqlite3.connect(finished)) as connection, connection:
        (text,) = connection.execute("SELECT value FROM config WHERE key = 'experiment'").fetchone()
        whole = json.loads(text)
        del whole[key]
        connection.execute("UPDATE config SET value = ? WHERE key = 'experiment'", (json.dumps(whole),))
    ended = metaqnn("report", finished, "--out", "there")
    assert (ended.code, ended.out) == (2, "")
    assert "table config, row 'experiment'" in ended.err


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("UPDATE models SET architecture = '0.5' WHERE model = 2", "table models, row 2, column architecture"),
        (
            "UPDATE config SET value = json_set(value, '$.training.batch_size', json('[]')) WHERE key = 'experiment'",
            "table config, row 'experiment', column value",
        ),
        (
            "UPDATE config SET value = json_set(value, '$.train_images', json('[]')) WHERE key = 'data'",
            "table config, row 'data'",
        ),
    ],
)
def test_what_a_report_cannot_show_for_damage_is_told_as_that(metaqnn, finished, change, place):
    with closing(sqlite3.connect(finished)) as connection, connection:
        connection.execute(change)
    ended = metaqnn("report", finished, "--out", "there")
    assert (ended.code, ended.out) == (2, "")
    assert f"{finished}: {place}" in ended.err


def test_what_cannot_be_trained_for_damage_is_told_as_that(metaqnn, finished):
    with closing(sqlite3.connect(finished)) as connection, connection:
        connection.execute("UPDATE models SET architecture = model + 0.5")
    ended = metaqnn("train", finished, "--workers", 1)
    assert (ended.code, ended.out) == (2, "")
    assert f"{finished}: table models, row 1, column architecture" in ended.err
