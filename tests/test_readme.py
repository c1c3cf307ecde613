"""Every snippet of the README runs, in the order of the page, in one folder."""

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from patience import patience

from metaqnn.networks.retraining.config import OneCycleConfig, read_recipe
from metaqnn.tables.table import Entry
from metaqnn.workflows.table_files import load_benchmark

pytestmark = pytest.mark.random_order(disabled=True)  # a reader types them one after another

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


COMMANDS = [line.split("  #")[0].strip() for block in blocks("sh") for line in block.splitlines() if line.strip()]

LONG = re.compile(
    r"cifar10|mnist_quick|my_experiment|name=random|early_stopping|compare replay_db|enumerate"
    r"|\.keras|_saved_model|warm_start"
)
"""Commands that take ten seconds and on which no other depends."""

SMALL_SPACE = """
name: my_small_space
dataset: {name: digits, validation_size: 300, preprocessing: standardize}
space: {max_depth: 1, convolution: {filters: [4], receptive_fields: [1]}, fully_connected: {neurons: []}}
"""

# What keeps the test short, and changes nothing of what a command says.
SHORT = "--set training.epochs=1 --set training.max_restarts=0"


def shortened(command):
    """The same command over fewer epochs; a search of the paper's size stops after a second."""
    is_large = "cifar10" in command or "mnist_quick" in command
    options = "--max-time 1s" if is_large else SHORT
    if command.startswith(("make search", "make resume")):
        models = "" if "MODELS=" in command or is_large else " MODELS=2"
        command = re.sub(r"MODELS=60", "MODELS=3", command)
        return f'{command}{models} ARGS="{options}"'
    if command.startswith("make compare"):
        return f'{command} ARGS="--seeds 2 --evaluations 10"'
    if command.startswith(("metaqnn train", "metaqnn enumerate")):
        key = "final.epochs" if "train" in command else "training.epochs"
        return f"{command} --set {key}=1"
    if command.startswith("metaqnn resume"):
        return command
    if command.startswith("metaqnn search"):
        models = "" if "--models" in command else " --models 2"
        if "early_stopping" in command:  # the shares of the epochs must leave one to look at
            return f"{command.replace('--models 150', '--models 2')} {SHORT.replace('epochs=1', 'epochs=8')}"
        return f"{command}{models} {options if 'my_exp' not in command else ''}"
    return command


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which a user could stand: the Makefile, the environment, the files that the README names."""
    folder = tmp_path_factory.mktemp("readme")
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv" / ".installed").touch()
    (folder / "build").mkdir()
    (folder / "my_experiment.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    (folder / "my_small_space.yaml").write_text(SMALL_SPACE, encoding="utf-8")
    (folder / "benchmarks").mkdir()
    for name in ("digits.yaml", "digits.csv.gz"):
        shutil.copy2(ROOT / "benchmarks" / name, folder / "benchmarks" / name)
    rng = np.random.Generator(np.random.Philox(0))

    def archive(path, count, shape):
        path.parent.mkdir(parents=True, exist_ok=True)
        labels = np.arange(count) % 10
        brightness = (labels * 25).reshape(-1, 1, 1, 1)
        images = (brightness + rng.integers(0, 20, (count, *shape))).astype(np.uint8)
        np.savez(path, x_train=images, y_train=labels, x_test=images[:10], y_test=labels[:10])

    archive(folder / "path" / "to" / "images.npz", 200, (8, 8, 1))
    archive(folder / "data" / "cifar10.npz", 5200, (32, 32, 3))
    archive(folder / "data" / "mnist.npz", 14200, (28, 28, 1))
    return folder


_OF_MAKE = ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
"""What `make test ARGS=...` hands down to every make below it."""


@pytest.fixture(scope="module")
def environment(folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = {name: value for name, value in os.environ.items() if name not in _OF_MAKE}
    return given | {"PATH": path, "METAQNN_DATA": str(folder / "data")}


def test_the_readme_has_the_snippets_that_this_file_runs():
    assert len(COMMANDS) >= 20
    assert "@@" not in README, "a placeholder was left"
    assert [len(blocks(language)) for language in ("sql", "yaml", "python")] == [1, 3, 4]


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, id=text, marks=[pytest.mark.long] * bool(LONG.search(text))) for n, text in enumerate(COMMANDS)],
)
def test_a_command_runs(number, folder, environment):
    command = shortened(COMMANDS[number])
    if "--set strategy.learning_rate" in command:
        command = command.replace("--set training.epochs=5", "")
    result = subprocess.run(
        shlex.split(command),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=patience(200),
        check=False,
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    assert result.stdout
    assert "Installing" not in result.stdout, "the test must not install into the environment"


def test_the_queries_answer(folder):
    connection = sqlite3.connect(f"file:{folder / 'replay_db' / 'digits.sqlite'}?mode=ro", uri=True)
    queries = [query for query in blocks("sql")[0].split(";") if query.strip()]
    assert len(queries) == 3
    for query in queries:
        assert connection.execute(query).fetchall(), query
    connection.close()


def python(snippet, folder, environment):
    ran = subprocess.run(
        [sys.executable, "-c", snippet], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.long
def test_the_classifier_of_the_readme_runs(folder, environment):
    classifier = blocks("python")[0]
    short = classifier.replace("models=30", 'models=2, epochs=1, settings={"final.epochs": 1}')
    assert short != classifier
    accuracy, _, leaderboard = python(short, folder, environment).partition("\n")
    assert 0.0 <= float(accuracy) <= 1.0
    assert "architecture" in leaderboard


def test_the_other_python_snippets_run(folder, environment):
    _, research, number, function = blocks("python")
    assert "epsilon" in python(research, folder, environment)
    assert python(number, folder, environment) == "165642\n"
    assert len(function.strip().splitlines()) <= 10
    best, _, frame = python(function, folder, environment).partition("\n")
    architecture, score = best.split()
    assert float(score) == sum(int(action) ** 2 for action in architecture)
    assert "reward" in frame


def test_the_final_recipe_is_the_default_but_for_what_follows_from_the_data():
    recipe = read_recipe(yaml.safe_load(blocks("yaml")[2])["final"], "README.md")
    assert replace(recipe, shift=None, mirror=None) == OneCycleConfig()


def test_the_table_file_is_read(tmp_path):
    (tmp_path / "benchmark.yaml").write_text(blocks("yaml")[1], encoding="utf-8")
    rows = "arch,test_acc_1,mean_acc\n00000000,90.5,90.25\n01220110,91.0,91.5\n"
    (tmp_path / "nas_bench_macro_cifar10.csv").write_text(rows, encoding="utf-8")
    benchmark = load_benchmark(tmp_path / "benchmark.yaml")
    assert benchmark.name == "NAS-Bench-Macro"
    assert benchmark.table.entry("01220110") == Entry(0.91, 0.915)


def test_what_the_readme_names_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
    for path in re.findall(r"`((?:metaqnn|tests|benchmarks)/[\w/.]+)`", README):
        assert (ROOT / path).exists(), path
