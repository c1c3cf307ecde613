"""Nothing outside an experiment changes its result: the same rows, bit for bit, whatever a user's machine has set."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import hostile
import numpy as np
import pytest
from databases import contents
from patience import patience

from metaqnn.core import Candidate, CandidateFinished, Setting
from metaqnn.networks.data import DatasetConfig
from metaqnn.networks.evaluator import NetworkEvaluator
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.workers.environment import worker_environment
from metaqnn.workers.evaluating import make_executor

EVERY = ("auto", "fit", "retrain", "classifier", "in_process")
OF_THE_PLACE = ("config", "finals", "hash_chains")
"""Tables that hold the path of a classifier's data."""


def run(folder, *parts, **variables):
    """Run parts of `hostile.py` in a fresh process; returns its databases and predictions by name."""
    databases = folder / "databases"
    databases.mkdir(parents=True, exist_ok=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS_", "TF_", "OMP_"))}
    home = {"HOME": str(folder / "home"), "METAQNN_CACHE": str(folder / "cache")}
    (folder / "home").mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, "-P", hostile.__file__, str(databases), *parts],
        env=clean | {"PYTHONPATH": str(Path(__file__).parent)} | home | variables,
        cwd=folder,
        check=True,
        timeout=patience(600),
    )
    rows = {}
    for file in databases.glob("*.sqlite"):
        is_classifier = file.stem in ("classifier", "in_process")
        rows[file.stem] = {
            table: rows for table, rows in contents(file).items() if not (is_classifier and table in OF_THE_PLACE)
        }
    return rows, {file.stem: np.load(file) for file in databases.glob("*.npy")}


def assert_same(found, expected):
    for name, tables in expected[0].items():
        for table, rows in tables.items():
            assert found[0][name][table] == rows, (name, table)
    assert expected[0].keys() == found[0].keys()
    for name, answers in expected[1].items():  # in this process, whose threads and instructions are the user's
        np.testing.assert_allclose(found[1][name], answers, atol=1e-5)


@pytest.mark.parametrize(("backend", "engine"), [("tensorflow", "fit"), ("torch", "auto"), ("jax", "auto")])
def test_a_worker_trains_the_same_in_a_hostile_environment(backend, engine, monkeypatch, tmp_path):
    if find_spec(backend) is None:
        pytest.skip(f"there is no package {backend} here; pip install 'metaqnn[{backend}]'")
    training = TrainingConfig(backend, engine, epochs=1, max_restarts=0, restart_accuracy=0.0)
    section = DatasetConfig("digits", train_limit=200, validation_size=100, preprocessing="standardize")

    def trained():
        executor = make_executor(NetworkEvaluator(training, Setting(0, None, section)), 1)
        try:
            executor.submit(Candidate(1, "[C(8,3,1), P(2,2), FC(16), SM(10)]", seed=1))
            while True:
                for event in executor.results(0.2):
                    if isinstance(event, CandidateFinished):
                        return [(point.score, dict(point.figures)) for point in event.evaluation.curve]
        finally:
            executor.stop()

    plain = trained()
    monkeypatch.setenv("KERAS_HOME", str(hostile.write_keras_json(tmp_path)))
    for name, value in hostile.VARIABLES.items():
        monkeypatch.setenv(name, value)
    assert plain == trained()
    assert len(plain) == 1


@pytest.mark.long
def test_every_kind_of_training_gives_the_same_rows_in_a_hostile_environment(tmp_path):
    plain = run(tmp_path / "plain", *EVERY)
    keras = hostile.write_keras_json(tmp_path / "hostile" / "home")
    for name in ("numpy", "keras", "random", "json"):  # what lies in the working directory is not a module
        (tmp_path / "hostile" / f"{name}.py").write_text("raise SystemExit(1)", encoding="utf-8")
    assert_same(run(tmp_path / "hostile", *EVERY, **hostile.VARIABLES, KERAS_HOME=str(keras)), plain)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The rows of a search with Keras's own loop, which reads the most, with nothing set."""
    return run(tmp_path_factory.mktemp("plain"), "fit")


@pytest.mark.long
@pytest.mark.parametrize("name", [*hostile.VARIABLES, "PYTHONWARNINGS"])
def test_no_variable_alone_changes_a_row(name, plain, tmp_path):
    value = hostile.VARIABLES.get(name, "error")
    assert_same(run(tmp_path, "fit", **{name: value}), plain)


@pytest.mark.long
def test_a_file_of_keras_in_the_home_folder_changes_no_row(plain, tmp_path):
    hostile.write_keras_json(tmp_path / "home")
    assert_same(run(tmp_path, "fit"), plain)


# What a worker inherits


def test_a_worker_has_its_gpu_and_one_thread():
    environment = worker_environment({"OMP_NUM_THREADS": "8", "CUDA_VISIBLE_DEVICES": "0,1"}, gpu="1")
    assert environment["OMP_NUM_THREADS"] == environment["TF_NUM_INTRAOP_THREADS"] == "1"
    assert environment["CUDA_VISIBLE_DEVICES"] == "1"
    assert "CUDA_VISIBLE_DEVICES" not in worker_environment({})


def test_what_says_where_things_lie_is_inherited():
    places = {
        "HOME": "/h",
        "PATH": "/bin",
        "LD_LIBRARY_PATH": "/cuda",
        "CUDA_HOME": "/cuda",
        "CUDA_VISIBLE_DEVICES": "3",
        "CUDA_DEVICE_ORDER": "FASTEST_FIRST",
        "https_proxy": "http://proxy:1",
        "SSL_CERT_FILE": "/certificates",
        "KERAS_HOME": "/k",
        "TORCH_HOME": "/t",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "0",
        "TF_GPU_ALLOCATOR": "cuda_malloc_async",
        "LC_ALL": "C",
        "METAQNN_DATA": "/data",
    }
    assert places.items() <= worker_environment(places).items()


def test_of_the_flags_of_xla_only_a_place_is_inherited():
    environment = worker_environment({"XLA_FLAGS": "--xla_gpu_cuda_data_dir=/cuda --xla_cpu_enable_fast_math=true"})
    assert environment["XLA_FLAGS"].startswith("--xla_gpu_cuda_data_dir=/cuda --xla_cpu_multi_thread_eigen=false")
    assert "fast_math" not in environment["XLA_FLAGS"]


OF_KERAS_OR_THE_PLACE = ("KERAS_", "LC_", "TZ", "PYTHONCOERCECLOCALE", "PYTHONUTF8")
"""What is seen to where Keras is imported, or changes nothing that is computed."""


@pytest.mark.parametrize("name", [name for name in hostile.VARIABLES if not name.startswith(OF_KERAS_OR_THE_PLACE)])
def test_what_changes_results_is_not_inherited(name):
    value = hostile.VARIABLES[name]
    assert worker_environment({name: value}).get(name) in (None, worker_environment({}).get(name))
