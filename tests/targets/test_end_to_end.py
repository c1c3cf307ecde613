"""From images to an exported network, by the command line: search, training, a look, an ensemble, exports, a report."""

import csv
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import onnxruntime
import pytest
from sklearn import metrics as reference
from targets.shapes import write

YAML = """
name: small
dataset: {name: data.npz, validation_size: 70, preprocessing: standardize}
space:
  max_depth: 2
  convolution: {filters: [16], receptive_fields: [3]}
  pooling: [[2, 2]]
  fully_connected: {neurons: [32], max_in_row: 1}
  global_average_pooling: false
strategy: {name: linear_ucb}
training: {epochs: 6, batch_size: 16, learning_rate: 0.005, dropout: false, restart_epoch: 3}
final: {epochs: 6, batch_size: 16}
search: {models: 3, lookahead: 1, workers: 1}
"""
SCORES = {"labels": "exact_match", "numbers": "r2"}


@pytest.fixture(scope="module", params=["labels", "numbers"])
def searched(request, tmp_path_factory):
    """A folder with a finished search and its two best networks retrained, and what was printed."""
    folder = tmp_path_factory.mktemp(request.param)
    write(folder / "data.npz", request.param)
    (folder / "small.yaml").write_text(YAML)
    said = [run(folder, "search", "small.yaml", "--db", "a.sqlite"), run(folder, "train", "a.sqlite", "--top", "2")]
    return request.param, folder, said


def run(folder, *words):
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "metaqnn", *map(str, words)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(folder, sql):
    with closing(sqlite3.connect(folder / "a.sqlite")) as connection:
        return connection.execute(sql).fetchall()


def measured(kind, said, wanted):
    """The score of predictions, as scikit-learn computes it."""
    if kind == "labels":
        return reference.accuracy_score(wanted, said > 0.5)
    return reference.r2_score(wanted, said)


@pytest.mark.long
def test_what_a_search_says_and_keeps(searched):
    kind, folder, (search, train) = searched
    words = SCORES[kind].replace("_", " ") + " (higher is better)"
    assert f"best networks; {words}" in " ".join(search.split())
    assert words in " ".join(train.split())
    score = json.loads(rows(folder, "SELECT value FROM config WHERE key = 'score'")[0][0])
    assert (score["name"], score["direction"]) == (SCORES[kind], "maximize")
    best, failure = rows(folder, "SELECT max(score) FROM evaluations")[0][0], score["failure"]
    assert best > failure + 0.3
    summary = json.loads(run(folder, "replay", "summary", "a.sqlite", "--format", "json"))["Summary"][0]
    assert (summary["score"], summary["direction"]) == (SCORES[kind], "maximize")
    assert summary[f"best_{SCORES[kind]}"] == best
    assert "differ" not in run(folder, "replay", "verify", "a.sqlite")


@pytest.mark.long
def test_a_look_at_the_test_split_is_what_the_exported_networks_reach(searched):
    import keras

    kind, folder, _ = searched
    look = json.loads(run(folder, "evaluate", "a.sqlite", "--format", "json"))[0]
    verified = run(folder, "replay", "verify", "a.sqlite")
    assert f"networks, data set and {'share' if kind == 'labels' else 'range of the score'}" in verified
    data = np.load(folder / "data.npz")
    output = {"labels": "probabilities", "numbers": "numbers"}[kind]
    answers = {}
    for name in ("a.onnx", "a.keras"):
        said = run(folder, "export", "a.sqlite", "--to", name)
        assert re.search(rf"\(validation {SCORES[kind].replace('_', ' ')} \S+( %)?, higher is better\)", said)
    session = onnxruntime.InferenceSession(folder / "a.onnx", providers=["CPUExecutionProvider"])
    answers["onnx"] = session.run([output], {"images": data["x_test"]})[0]
    answers["keras"] = keras.models.load_model(folder / "a.keras").predict(data["x_test"], verbose=0)
    np.testing.assert_allclose(answers["keras"], answers["onnx"], rtol=1e-4, atol=1e-4)
    for said in answers.values():
        assert measured(kind, said, data["y_test"]) == pytest.approx(look[f"test_{SCORES[kind]}"], abs=1e-4)
    if kind == "labels":
        expected = reference.average_precision_score(data["y_test"], answers["onnx"], average="macro")
        assert look["mean_average_precision"] == pytest.approx(expected, abs=1e-3)
    else:
        expected = -reference.root_mean_squared_error(data["y_test"], answers["onnx"])
        assert look["negative_rmse"] == pytest.approx(expected, abs=1e-4)
    card = (folder / "README.md").read_text()
    assert SCORES[kind].replace("_", " ") + " (higher is better)" in card
    described = json.loads((folder / "a.onnx.json").read_text())
    assert (described["target"]["kind"], described["score"]) == (kind, SCORES[kind])


@pytest.mark.long
def test_an_ensemble_and_the_report(searched):
    kind, folder, _ = searched
    look = json.loads(run(folder, "ensemble", "a.sqlite", "--greedy", "--format", "json"))[0]
    assert look[f"test_{SCORES[kind]}"] > 0.3
    run(folder, "report", "a.sqlite", "--out", "page")
    page = (folder / "page" / "report.html").read_text()
    name = {"labels": "exact match", "numbers": "R²"}[kind]
    assert f"Best {name} (higher is better)" in page
    assert f"Test {name}, last look" in page
    assert "accuracy" not in page.replace("restart_accuracy", "")
    with (folder / "page" / "figures" / "errors.csv").open() as file:
        assert f"validation_{SCORES[kind]}" in next(csv.reader(file))


@pytest.mark.long
def test_a_network_moves_to_other_data_of_its_kind(searched, tmp_path):
    kind, folder, _ = searched
    write(folder / "other.npz", kind)
    said = run(folder, "train", "a.sqlite", "--dataset", "other.npz", "--finetune", "--top", "1", "--format", "json")
    assert json.loads(said)[0]["status"] == "ok"
    if kind == "numbers":
        return  # as which 0 and 1 may be read, too
    other = write(folder / "wrong.npz", "numbers")
    command = [sys.executable, "-m", "metaqnn", "train", "a.sqlite", "--dataset", str(other), "--top", "1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "labels" in done.stderr
