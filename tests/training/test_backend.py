"""The backend of Keras: named, recorded, or that of a new search; and Keras's own settings, whatever was set before."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from metaqnn.core import Setting
from metaqnn.errors import ConfigError, ReplayError
from metaqnn.networks.data import DatasetConfig
from metaqnn.networks.evaluator import NetworkEvaluator
from metaqnn.networks.training.backend import (
    default_backend,
    import_keras,
    plain_keras,
    recorded_backend,
    require_backend,
)
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.engines import engine_name
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows import SearchOptions, run_search, stored_experiment
from metaqnn.workflows.experiment import read_experiment
from metaqnn.workflows.resume import changes_since
from metaqnn.workflows.retraining_plan import TrainOptions, plan_retrainings

GOLDEN = Path(__file__).parents[1] / "golden"
MISSING = "jax"
"""A backend that is taken as not installed, whether it is or not."""


@pytest.fixture
def searched(tmp_path):
    """A search of an older version, of whose experiment the backend is no key."""
    return Path(shutil.copy(GOLDEN / "schema_v5.sqlite", tmp_path / "small.sqlite"))


def execute(file, statement, *values):
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement, values)


def record(file, backend):
    execute(file, "UPDATE runs SET versions = json_set(versions, '$.keras_backend', ?)", backend)


def backend_of(file):
    with ReplayReader(file) as reader:
        assert recorded_backend(reader) == stored_experiment(reader).training.backend
        return recorded_backend(reader)


def test_a_new_search_has_what_the_variable_says_or_tensorflow(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert default_backend() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert default_backend() == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    message = (
        "KERAS_BACKEND: expected one of tensorflow, torch, jax, got 'numpy'; set it to one of them, or set training."
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        default_backend()


def test_an_older_database_has_what_its_runs_say_or_tensorflow(searched, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")  # of new searches alone
    assert backend_of(searched) == "tensorflow"
    record(searched, "torch")
    assert backend_of(searched) == "torch"
    record(searched, "no_such_backend")  # a run that could not begin
    assert backend_of(searched) == "tensorflow"
    record(searched, "torch")
    execute(searched, "UPDATE runs SET outcome = 'failed'")
    assert backend_of(searched) == "tensorflow"


def test_the_key_of_a_database_wins_over_its_runs(searched):
    record(searched, "torch")
    execute(
        searched,
        "UPDATE config SET value = json_set(value, '$.training.backend', 'jax') WHERE key = 'experiment'",
    )
    assert backend_of(searched) == "jax"


def test_another_backend_is_another_search(searched):
    with ReplayReader(searched) as reader:
        content = reader.config()["experiment"]
    content = json.loads(json.dumps(content))
    content["training"]["backend"] = next((name for name in ("torch", "jax") if find_spec(name)), None)
    if content["training"]["backend"] is None:
        pytest.skip("needs a second backend; pip install 'metaqnn[jax]'")
    with pytest.raises(ReplayError, match=r"started differently: training.backend was 'tensorflow', now '"):
        run_search(read_experiment(content, "here"), searched, SearchOptions(models=1, workers=1))


def test_a_backend_that_is_not_installed_is_one_sentence(searched, monkeypatch):
    monkeypatch.setitem(sys.modules, MISSING, None)  # by which Python knows a package that it cannot find
    message = (
        f"training.backend: expected a backend that is installed, but there is no package {MISSING} here; install it "
        f"with `pip install {MISSING}`, or let a new search have another one of tensorflow, torch, jax"
    )
    expected = f"^{re.escape(message)}$"
    with pytest.raises(ConfigError, match=expected):
        require_backend(MISSING)
    monkeypatch.setenv("KERAS_BACKEND", MISSING)
    with pytest.raises(ConfigError, match=expected):
        NetworkEvaluator(TrainingConfig(), Setting(0, None, DatasetConfig("digits", validation_size=100)))
    record(searched, MISSING)
    with ReplayReader(searched) as reader, pytest.raises(ConfigError, match=expected):
        plan_retrainings(reader, TrainOptions(), print)
    with ReplayReader(searched) as reader:
        experiment = stored_experiment(reader)
    before = searched.read_bytes()
    with pytest.raises(ConfigError, match=expected):
        run_search(experiment, searched, SearchOptions(models=100, workers=1))
    assert searched.read_bytes() == before


def test_a_run_from_before_engines_were_recorded_was_trained_by_the_engine_of_then():
    config = TrainingConfig()
    for backend, then in (("torch", "fit"), ("jax", "fit"), ("tensorflow", "tensorflow 1")):
        now = engine_name(config, backend)
        assert now.startswith(f"{backend} ")
        last = {"models": 3, "workers": 1, "versions": {"keras_backend": backend}}
        changes = changes_since(last, 3, 1, {"keras_backend": backend, "engine": now})
        assert changes == ([] if then == now else [("engine", then, now)])
        by_fit = engine_name(replace(config, engine="fit"), backend)
        changes = changes_since(last, 3, 1, {"keras_backend": backend, "engine": by_fit})
        assert changes == ([] if by_fit == "fit" else [("engine", "fit", by_fit)])


def test_an_engine_is_recorded_only_where_networks_are_trained():
    last = {"models": 3, "workers": 1, "versions": {"numpy": "2.0"}}
    assert changes_since(last, 3, 1, {"numpy": "2.0"}) == []


def test_keras_with_another_backend_is_refused_but_for_predictions(device):
    with pytest.raises(ConfigError, match="but this program has imported it with tensorflow; set KERAS_BACKEND=jax"):
        import_keras("jax")
    assert import_keras("jax", may_be_another=True).backend.backend() == "tensorflow"


def test_keras_has_its_own_settings_for_a_while(device, monkeypatch):
    from keras import config

    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    set_before = {"floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first", "max_epochs": 1}
    plain = {name: getattr(config, name)() for name in set_before}
    try:
        for name, value in set_before.items():
            getattr(config, f"set_{name}")(value)
        config.set_dtype_policy("mixed_float16")
        with plain_keras(is_users_process=True):
            assert {name: getattr(config, name)() for name in set_before} == plain
            assert config.dtype_policy().name == "float32"
            assert "TF_ENABLE_ONEDNN_OPTS" not in os.environ
        assert {name: getattr(config, name)() for name in set_before} == set_before
        assert config.dtype_policy().name == "mixed_float16"
        assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"
    finally:
        for name, value in plain.items():
            getattr(config, f"set_{name}")(value)
        config.set_dtype_policy("float32")


def test_a_file_of_keras_that_is_nonsense_is_one_sentence(tmp_path):
    (tmp_path / "keras.json").write_text('{"floatx": "float8"}', encoding="utf-8")
    program = "from metaqnn.networks.training.backend import import_keras\nimport_keras('tensorflow')"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    expected = r"ConfigError: Keras cannot be imported: Invalid `floatx` .*; mend or delete its file keras.json$"
    assert re.search(expected, ended.stderr.strip())
