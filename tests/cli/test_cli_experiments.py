"""Experiments that are listed, begun for some data, and read back from a database; what an installation can do."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from databases import contents

from metaqnn.networks.data.search_data import load_search_data
from metaqnn.workflows import load_experiment, shipped_experiments

HILLS = '''
from metaqnn.core import Evaluation, Evaluator, Score, Status


class Hills(Evaluator):
    """A sum."""

    score = Score("height", "maximize", 0.0, 100.0)

    def evaluate(self, candidate, report):
        return Evaluation(Status.OK, float(sum(map(int, candidate.architecture))))
'''

EXPERIMENT = """
name: hills
space: {name: chain, choices: [3, 3, 3]}
evaluator: {name: "hills:Hills"}
search: {models: 6, lookahead: 2}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words, **environment):
    command = [sys.executable, "-m", "metaqnn", *words]
    ran = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_every_shipped_experiment_is_listed_with_a_purpose(metaqnn):
    rows = json.loads(metaqnn("experiments", "--json").out)
    assert {row["name"] for row in rows} == set(shipped_experiments())
    assert all(len(row["description"]) > 20 for row in rows)
    assert max(map(len, metaqnn("experiments").out.splitlines())) <= 80


def test_an_experiment_is_shown_as_it_is_shipped(metaqnn, refused):
    assert metaqnn("experiments", "show", "digits").out == shipped_experiments()["digits"].read_text(encoding="utf-8")
    assert refused("experiments", "show", "digit").endswith("did you mean 'digits'? (all: metaqnn experiments)")


@pytest.mark.parametrize(("number", "side"), [(6, 2), (40, 8), (60, 32)])
def test_a_begun_experiment_fits_its_data(metaqnn, refused, folder, number, side):
    images = np.random.default_rng(0).integers(0, 256, (number, side, side, 3), np.uint8)
    labels = np.arange(number) % 2
    np.savez(folder / "my data: 1.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    said = metaqnn("init", "my data: 1.npz").out
    assert said.startswith(f"Wrote my_data_1.yaml: {number} training images of {side}x{side}x3 in 2 classes.\n")
    experiment = load_experiment("my_data_1.yaml")
    data = load_search_data(experiment.dataset, experiment.seed)
    assert len(data.x_validation) == number // 5
    assert metaqnn("init", "my data: 1.npz", "--out", "-").out == (folder / "my_data_1.yaml").read_text("utf-8")
    assert "exists" in refused("init", "my data: 1.npz")


def test_a_begun_experiment_is_named_by_no_option(metaqnn, folder):
    images, labels = np.zeros((10, 4, 4), np.uint8), np.arange(10) % 2
    np.savez(folder / "-x.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert metaqnn("init", "./-x.npz").out.endswith("Run it: metaqnn search x.yaml\n")


def test_the_experiment_of_a_database_gives_the_same_rows(folder):
    (folder / "hills.py").write_text(HILLS, encoding="utf-8")
    (folder / "hills.yaml").write_text(EXPERIMENT, encoding="utf-8")
    chosen = ("--strategy", "regularized_evolution", "--seed", "3")
    assert "hills, seed 3" not in run("search", "hills.yaml", *chosen, "-q", "--db", "one.sqlite")
    run("search", "hills.yaml", *chosen, "--db", "one.sqlite", "--models", "9")
    text = run("config", "one.sqlite", "--allow", "hills:Hills")
    assert "then again with --models 9" in text
    (folder / "again.yaml").write_text(text, encoding="utf-8")
    run("search", "again.yaml", "--db", "two.sqlite")
    run("search", "again.yaml", "--db", "two.sqlite", "--models", "9")
    one, two = contents(folder / "one.sqlite"), contents(folder / "two.sqlite")
    assert one == two
    assert len(one["models"]) == 9


def test_doctor_fits_one_screen_and_works_where_tensorflow_is_broken(folder):
    (folder / "tensorflow.py").write_text("raise ImportError('no such symbol')", encoding="utf-8")
    for words in ((), ("--json",)):
        command = [sys.executable, "-m", "metaqnn", "doctor", *words]
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(folder), "METAQNN_DATA": "data"},
        )
        assert (ran.returncode, ran.stderr) == (1, "")
        if words:
            found = json.loads(ran.stdout)
            assert found["problem"] == "cannot be loaded: ImportError: no such symbol"
            assert found["places"]["data"] == "data"
        else:
            assert len(ran.stdout.splitlines()) <= 23
            assert max(map(len, ran.stdout.splitlines())) <= 79


@pytest.mark.parametrize("backend", ["jaks", ""])
def test_doctor_tells_a_backend_that_is_none_and_places_that_are_not_there(folder, backend):
    (folder / "cache").touch()
    places = {"METAQNN_DATA": "nowhere", "METAQNN_CACHE": "cache"}
    environment = os.environ | {"KERAS_BACKEND": backend, **places}
    ran = subprocess.run([sys.executable, "-m", "metaqnn", "doctor"], capture_output=True, text=True, env=environment)
    assert (ran.returncode, ran.stderr) == (1 if backend else 0, "")
    assert "TensorFlow:  works\n" in ran.stdout
    assert "Data:        nowhere (there is no such folder)\nCache:       cache (cannot be written)\n" in ran.stdout
    assert ("Backend:     KERAS_BACKEND: expected one of tensorflow, torch, jax, got 'jaks'" in ran.stdout) == bool(
        backend
    )
    assert ran.stdout.endswith("Next:        unset KERAS_BACKEND\n") == bool(backend)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("search dig", ["digits", "digits_table"]),
        ("experiments show cifar100", ["cifar100"]),
        ("search digits --strategy rand", ["random"]),
        ("replay summary replay_db/", ["replay_db/a.sqlite"]),
        ("doc", ["doctor"]),
        ("init cifar100", ["cifar100"]),
        ("datasets fash", ["fashion_mnist"]),
        ("train one.sqlite --dataset svh", ["svhn"]),
        ("observe one.sqlite tens", ["tensorboard"]),
    ],
)
def test_bash_completes(folder, words, offered):
    (folder / "replay_db").mkdir()
    (folder / "replay_db" / "a.sqlite").touch()
    (folder / "bin").mkdir()
    (folder / "bin" / "metaqnn").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m metaqnn "$@"\n', encoding="utf-8")
    (folder / "bin" / "metaqnn").chmod(0o755)
    script = (
        f"source <(metaqnn completion bash); COMP_WORDS=(metaqnn {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1));"
        ' _metaqnn_completion metaqnn; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=os.environ | {"PATH": path})
    assert ran.stdout.split() == offered, ran.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(metaqnn, shell):
    result = metaqnn("completion", shell)
    assert result.code == 0
    assert f"_METAQNN_COMPLETE={shell}_complete" in result.out
