"""`metaqnn train`, `evaluate` and `ensemble`: what they print, what they leave, and what they refuse."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from patience import patience, wait_until
from small_searches import SMALL_YAML, judged

from metaqnn.replay.retrainings import weights_folder

GOLDEN = Path(__file__).parents[1] / "golden" / "schema_v3.sqlite"
ONE = ["--workers", "1"]  # a second one would start its framework, too
QUICK = ["--set", "final.epochs=2", "--set", "final.batch_size=256", *ONE]


@pytest.fixture
def searched(tmp_path):
    """A finished small search over digits: 12 models, of which three failed."""
    return Path(shutil.copy(GOLDEN, tmp_path / "small.sqlite"))


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    path = Path(shutil.copy(GOLDEN, tmp_path_factory.mktemp("trained") / "small.sqlite"))
    command = [sys.executable, "-m", "metaqnn", "train", str(path), "--top", "2", *QUICK]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.fixture
def trained(trained_once, tmp_path):
    """The same with its two best networks trained."""
    shutil.copytree(trained_once.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "small.sqlite"


def rows(path, sql):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def narrow(text: str) -> bool:
    return max(map(len, text.splitlines())) <= 80


# What they print and leave


def test_a_training_and_the_same_again(metaqnn, searched):
    result = metaqnn("train", searched, "--model", 9, "--model", 7, *QUICK)
    assert result.code == 0, result.err
    assert result.out.startswith("Trained on digits (train) by one_cycle; accuracy on validation images\n")
    assert "metaqnn evaluate small.sqlite" in result.out.replace(str(searched), "small.sqlite")
    retrainings = rows(searched, "SELECT final, model, seed, part, status, weights FROM finals")
    assert retrainings == [
        (1, 9, 3, "train", "ok", "final-1.weights.h5"),
        (2, 7, 3, "train", "ok", "final-2.weights.h5"),
    ]
    assert rows(searched, "SELECT final, count(*) FROM final_curves GROUP BY final") == [(1, 2), (2, 2)]
    assert sorted(path.name for path in weights_folder(searched).iterdir()) == [
        retraining[-1] for retraining in retrainings
    ]
    assert rows(searched, "SELECT count(*) FROM test_looks") == [(0,)]
    before = rows(searched, "SELECT * FROM finals")
    again = metaqnn("train", searched, "--model", 9, "--model", 7, *QUICK)
    assert again.out == result.out
    assert rows(searched, "SELECT * FROM finals") == before


def test_a_lost_network_is_trained_again_to_the_same_bits(metaqnn, trained):
    curves = "SELECT final, epoch, score, figures FROM final_curves ORDER BY final, epoch"
    before = rows(trained, curves)
    (weights_folder(trained) / "final-1.weights.h5").unlink()
    assert metaqnn("train", trained, "--top", 2, *QUICK).code == 0
    assert rows(trained, curves) == before
    assert (weights_folder(trained) / "final-1.weights.h5").is_file()


def test_looks(metaqnn, trained):
    first = metaqnn("evaluate", trained)
    assert first.code == 0, first.err
    assert first.err == "Opening the test split of digits (0 earlier looks).\n"
    assert first.out.startswith("Test split of digits, 450 images; low and high: 95 % interval of the error\n")
    assert first.out.endswith(f"Looks at a test split so far: 1, all recorded in {trained} (table test_looks).\n")
    both = metaqnn("evaluate", trained, "--all", "--format", "json")
    assert [row["look"] for row in json.loads(both.out)] == [4, 5]  # each command checks the images first
    together = metaqnn("ensemble", trained, "--greedy", "--format", "json")
    (row,) = json.loads(together.out)
    assert row["kind"] == "greedy"
    assert row["test_error"] == pytest.approx(row["wrong"] / 450)
    looks = rows(trained, "SELECT kind, command FROM test_looks WHERE kind != 'checked'")
    assert looks == [
        ("network", f"metaqnn evaluate {trained}"),
        *[("network", f"metaqnn evaluate {trained} --all --format json")] * 2,
        ("greedy", f"metaqnn ensemble {trained} --greedy --format json"),
    ]
    checks = rows(trained, "SELECT look, finals, score, examples, found FROM test_looks WHERE kind = 'checked'")
    assert checks == [(look, "[]", None, 450, "[]") for look in (1, 3, 6)]


@pytest.mark.long
def test_another_data_set_from_scratch_and_from_weights(metaqnn, trained, tmp_path):
    images = np.random.Generator(np.random.Philox(0)).integers(0, 256, (120, 8, 8, 3), dtype=np.uint8)
    labels = np.arange(120) % 3
    np.savez(tmp_path / "colours.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    other = ["--dataset", "./colours.npz", "--set", "dataset.validation_size=30"]
    for finetuned in ([], ["--finetune"]):
        result = metaqnn("train", trained, "--model", 9, *other, *QUICK, *finetuned)
        assert result.code == 0, result.err
        assert "metaqnn evaluate" in result.out
    retrainings = rows(trained, "SELECT final, architecture, finetuned_from, status FROM finals WHERE final > 2")
    assert retrainings == [
        (3, "[C(8,1,1), C(8,3,1), C(4,1,1), SM(3)]", None, "ok"),
        (4, "[C(8,1,1), C(8,3,1), C(4,1,1), SM(3)]", 1, "ok"),
    ]
    asked = ("evaluate", trained, "--dataset", "./colours.npz", "--retraining", 4, "--format", "json")
    refused = metaqnn(*asked)
    doubt = "120 of 120 test images are training images, too, so that the test accuracy would be too good"
    advice = "take them out of one of the parts, or say --allow-duplicates to test all the same"
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.endswith(f"metaqnn: ./colours.npz: {doubt}; {advice}\n")
    looked = metaqnn(*asked, "--allow-duplicates")
    assert looked.err.endswith(f"Doubt: {doubt}.\n")
    assert [row["finals"] for row in json.loads(looked.out)] == ["4"]
    looks = rows(trained, "SELECT kind, dataset, images, found FROM test_looks")
    check = ("checked", "./colours.npz", 120, json.dumps([doubt]))
    assert looks == [check, check, ("network", "./colours.npz", 120, "[]")]


def test_the_papers_recipe(metaqnn, searched):
    result = metaqnn(
        "train", searched, "--model", 7, "--recipe", "paper", "--set", "final.stages=[[0.05, 1], [0.01, 1]]"
    )
    assert result.code == 0, result.err
    assert rows(searched, "SELECT learning_rate FROM final_curves") == [(0.05000000074505806,), (0.009999999776482582,)]
    ((recipe,),) = rows(searched, "SELECT recipe FROM finals")
    assert json.loads(recipe)["preprocessing"] == "global_contrast"


def test_a_fresh_search_takes_the_place_of_no_trained_network(metaqnn, trained, tmp_path):
    kept = {path.name: path.read_bytes() for path in weights_folder(trained).iterdir()}
    (tmp_path / "small.yaml").write_text(SMALL_YAML, encoding="utf-8")
    with judged():
        assert metaqnn("search", tmp_path / "small.yaml", "--db", trained, "--fresh").code == 0
    assert not weights_folder(trained).exists()
    (aside,) = tmp_path.glob("small.2*.sqlite")
    assert {path.name: path.read_bytes() for path in weights_folder(aside).iterdir()} == kept
    assert metaqnn("evaluate", aside).code == 0
    assert "expected a trained network, but there is none yet" in metaqnn("evaluate", trained).err


# Killed and interrupted


def start(path, *words):
    command = [sys.executable, "-m", "metaqnn", "train", str(path), "--model", "9", "--set", "final.epochs=8", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_epochs(path, count):
    wait_until(lambda: rows(path, "SELECT count(*) FROM final_curves")[0][0] >= count, 200)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The curve of a training that nobody stopped."""
    path = Path(shutil.copy(GOLDEN, tmp_path_factory.mktemp("undisturbed") / "small.sqlite"))
    process = start(path)
    _, err = process.communicate(timeout=patience(200))
    assert process.returncode == 0, err
    return rows(path, CURVE)


CURVE = "SELECT epoch, train_loss, train_accuracy, validation_loss, validation_accuracy FROM final_curves"


@pytest.mark.parametrize("name", ["SIGKILL", pytest.param("SIGINT", marks=pytest.mark.long)])
def test_a_stopped_training_goes_on_to_the_same_bits(searched, undisturbed, name):
    stopped = start(searched)
    wait_for_epochs(searched, 2)
    os.kill(stopped.pid, getattr(signal, name))
    out, _ = stopped.communicate(timeout=patience(60))
    if name == "SIGINT":
        assert stopped.returncode == 130
        assert out == f"Stopped; the same command goes on from the last whole epochs. Everything is in {searched}.\n"
        assert rows(searched, "SELECT status FROM finals") == [("training",)]
    again = start(searched)
    _, err = again.communicate(timeout=patience(200))
    assert again.returncode == 0, err
    assert rows(searched, CURVE) == undisturbed
    assert len(undisturbed) == 8
    assert [path.name for path in weights_folder(searched).iterdir()] == ["final-1.weights.h5"]


# The test split


@pytest.fixture
def without_test(tmp_path):
    """A data set whose test split raises when opened, and a search over it."""
    images = (np.arange(120)[:, None, None, None] % 4 * 60 + np.zeros((1, 8, 8, 1))).astype(np.uint8)
    np.savez(tmp_path / "train_only.npz", x_train=images, y_train=np.arange(120) % 4)
    path = tmp_path / "blind.yaml"
    path.write_text(
        """
name: blind
dataset: {name: ./train_only.npz, validation_size: 30}
space: {max_depth: 1, convolution: {filters: [4], receptive_fields: [1]}, fully_connected: {neurons: []}}
training: {epochs: 2, max_restarts: 0, restart_accuracy: 0.0}
search: {models: 2}
final: {epochs: 2}
""",
        encoding="utf-8",
    )
    return path


def test_searching_training_and_reporting_do_not_read_the_test_split(metaqnn, without_test, tmp_path):
    database = tmp_path / "blind.sqlite"
    assert metaqnn("search", without_test, "--db", database, *ONE).code == 0
    assert metaqnn("train", database, "--top", 2, "--split", "train+validation", *ONE).code == 0
    assert rows(database, "SELECT status FROM finals") == [("ok",), ("ok",)]
    assert metaqnn("report", database, "--out", tmp_path / "page").code == 0
    refused = metaqnn("evaluate", database)
    assert refused.code == 2
    assert "x_test" in refused.err
    assert rows(database, "SELECT count(*) FROM test_looks") == [(0,)]


# What they refuse


def test_what_training_refuses(refused, searched, tmp_path):
    assert refused("train", "absent.sqlite") == (
        "absent.sqlite: there is no such replay database; start a search first, or check the path"
    )
    assert refused("train", searched, "--model", 99) == (
        f"{searched}: there is no model 99; its models are numbered 1 to 12"
    )
    assert refused("train", searched, "--recipe", "papr") == (
        "the retraining recipe: final.name: there is no recipe 'papr'; did you mean 'paper'?"
    )
    assert refused("train", searched, "--set", "training.epochs=3").startswith(
        "--set training.epochs=3: expected a key of the section final, such as final.epochs=20;"
    )
    assert refused("train", searched, "--dataset", "nothing").startswith("'nothing' is neither a data set nor a path")
    assert refused("train", searched, "--finetune", "--model", 9) == (
        f"{searched}: --finetune begins with the weights of a trained network, but model 9 has none on digits yet; "
        f"train it first: metaqnn train {searched} --model 9"
    )
    weights_folder(searched).write_text("in the way", encoding="utf-8")
    assert refused("train", searched, "--top", 1, *QUICK).startswith(
        f"{weights_folder(searched)}: expected a folder that can be written, but"
    )


@pytest.mark.parametrize("kind", ["relative", "absolute", "link"])
def test_a_network_outside_the_folder_of_finals_is_nobodys(metaqnn, refused, trained, tmp_path, kind):
    folder, outside = weights_folder(trained), tmp_path / "outside.weights.h5"
    shutil.copy(folder / "final-1.weights.h5", outside)
    name = {"relative": f"../{outside.name}", "absolute": str(outside), "link": "link.weights.h5"}[kind]
    (folder / "link.weights.h5").symlink_to(outside)
    with closing(sqlite3.connect(trained)) as connection, connection:
        connection.execute("UPDATE finals SET weights = ?", (name,))
    clause = (
        f"cannot be {name!r}: expected the plain name of a file in {folder}, and no link that leads out of it; put the "
        "file there, or use `metaqnn train --retrain`"
    )
    target, retraining = tmp_path / "out.keras", f"{trained}: the weights of retraining 1 {clause}"
    every = f"the weights of retraining 1 {clause}; the weights of retraining 2 {clause}"
    none = f"{trained}: expected a trained network, but {every}"
    assert refused("export", trained, "--to", target) == none
    assert refused("export", trained, "--retraining", 1, "--to", target) == retraining
    assert refused("evaluate", trained) == none
    looked = metaqnn("evaluate", trained, "--retraining", 1)
    assert (looked.code, looked.err.splitlines()[1:]) == (2, [f"metaqnn: {retraining}"])
    assert refused("ensemble", trained) == none
    assert refused("train", trained, "--model", 9, "--finetune", *QUICK) == retraining
    said = metaqnn("replay", "verify", trained)
    assert (said.code, said.out) == (1, f"{trained}: NOT as it should be. retraining 1: its weights {clause}.\n")
    assert not target.exists()
    assert rows(trained, "SELECT count(*) FROM finals") == [(2,)]
    if kind == "relative":  # what is trained again has a file of its own
        assert metaqnn("train", trained, "--model", 9, *QUICK).code == 0
        assert rows(trained, "SELECT weights FROM finals WHERE final = 1") == [("final-1.weights.h5",)]


def test_a_checkpoint_outside_the_folder_of_finals_is_not_taken_up(metaqnn, trained, tmp_path):
    (weights_folder(trained) / "final-3.checkpoint.npz").symlink_to(tmp_path / "outside.npz")
    said = metaqnn("train", trained, "--model", 9, "--seeds", 2, *QUICK)
    name = "final-3.checkpoint.npz"
    assert said.code == 2
    assert said.err.startswith(
        f"metaqnn: {trained}: the checkpoint of retraining 3 cannot be '{name}': expected the plain "
    )
    assert said.err.count("\n") == 1


def test_a_search_without_a_finished_network(refused, searched):
    with closing(sqlite3.connect(searched)) as connection:
        connection.execute("UPDATE evaluations SET status = 'crashed'")
        connection.commit()
    assert refused("train", searched) == (
        f"{searched}: expected a search with a finished network, but no network was trained to the end yet; let the "
        "search go on"
    )


def test_images_of_another_shape(refused, searched, tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (60, 1, 1, 1), np.uint8)
    np.savez(tmp_path / "tiny.npz", x_train=images, y_train=np.arange(60) % 2)
    sentence = refused(
        "train", searched, "--model", 10, "--dataset", "./tiny.npz", "--set", "dataset.validation_size=20"
    )
    assert sentence == (
        "[C(8,1,1), P(2,2), C(4,3,1), SM(2)] cannot be trained on the 1x1x1 images of ./tiny.npz: P(2,2) does not fit "
        "on an image of 1x1; choose another model or data set"
    )


def test_what_looking_refuses(refused, searched, trained):
    assert refused("evaluate", trained, "--retraining", 9) == (
        f"{trained}: there is no retraining 9; its retrainings are numbered 1 to 2"
    )
    assert refused("evaluate", trained, "--retraining", 1, "--all").startswith(
        "expected one of --model, --retraining and --all, got several"
    )
    assert refused("evaluate", trained, "--model", 3) == (
        f"{trained}: expected a trained network of model 3, but there is none yet; train it with `metaqnn train "
        f"{trained} --model 3`"
    )


def test_an_ensemble_of_one_is_refused(refused, trained):
    with closing(sqlite3.connect(trained)) as connection:
        connection.execute("UPDATE finals SET status = 'diverged' WHERE final = 2")
        connection.commit()
    assert refused("ensemble", trained).startswith(
        f"expected at least two trained networks, got 1; train more: metaqnn train {trained} --top 5"
    )


def test_options_that_have_another_name_go_on_working_and_say_so(metaqnn, trained):
    before = rows(trained, "SELECT final, ended_at FROM finals")
    again = metaqnn("train", trained, "--model", 9, "--again", *QUICK)
    assert again.code == 0, again.err
    assert again.err.splitlines()[0] == "--again is called --retrain now."
    after = rows(trained, "SELECT final, ended_at FROM finals")
    assert (after[0] != before[0], after[1]) == (True, before[1])
    both = ["--final is called --retraining now.", "--part is called --split now."]
    looked = metaqnn("evaluate", trained, "--final", 1, "--part", "train", "--format", "json")
    assert looked.err.splitlines()[:2] == both
    assert [row["finals"] for row in json.loads(looked.out)] == ["1"]
    assert metaqnn("evaluate", trained, "--final=1", "--part", "half").err.splitlines()[:2] == both
    for command in ("train", "evaluate", "ensemble"):
        refused = metaqnn(command, trained, "--part", "half")
        assert (refused.code, refused.err.splitlines()[0]) == (2, "--part is called --split now.")
        assert "--part" not in metaqnn(command, "--help").out
    assert "--again" not in metaqnn("train", "--help").out
