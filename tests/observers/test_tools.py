"""The tools themselves: servers started for real, fed by a search, and opened in a browser where there is one.

What cannot live beside this package (MLflow's server) gets an environment of its own. Where the variable SCREENSHOTS
names a folder, pictures of the pages are left there.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from patience import patience, wait_until
from small_searches import run_small

from metaqnn.observers.mlflow import MLflow, MLflowOptions
from metaqnn.replay.observed import observed_search
from metaqnn.replay.reader import ReplayReader
from metaqnn.testing import ObserverContract
from metaqnn.workflows.export_optuna import export_optuna
from metaqnn.workflows.observing import follow_to_the_end
from metaqnn.workflows.section import read_observer, read_observer_words

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("search") / "small.sqlite"
    run_small(path)
    return path


@contextmanager
def served(command: list, port: int, folder: Path):
    """A server that answers, as a URL; its process ends with the block."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(list(map(str, command)), cwd=folder, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (folder / "server.log").read_text()
        try:
            return urllib.request.urlopen(url, timeout=5).status == 200
        except OSError:
            return False

    try:
        wait_until(answers, 120)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=patience(60))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def asked(url: str):
    """What a server answers."""
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def page(url: str, name: str, tmp_path: Path) -> str:
    """What a browser makes of a page, as text."""
    if CHROMIUM is None:
        pytest.skip("there is no browser")
    browser = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    browser += ["--window-size=1500,1100", "--virtual-time-budget=20000"]
    if folder := os.environ.get("SCREENSHOTS"):
        picture = Path(folder).resolve() / f"{name}.png"
        subprocess.run([*browser, f"--screenshot={picture}", url], check=True, capture_output=True)
    return subprocess.run([*browser, "--dump-dom", url], check=True, capture_output=True, text=True).stdout


def test_tensorboard_shows_curves_and_hyperparameters(database, tmp_path):
    with ReplayReader(database) as reader:
        follow_to_the_end(reader, read_observer_words(f"tensorboard,logdir={tmp_path / 'runs'}"))
    port = free_port()
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", tmp_path / "runs", "--port", port]
    with served(command, port, tmp_path) as url:
        # The search, and all models but two that have failed before they had a curve.
        wait_until(lambda: len(asked(f"{url}/data/plugin/scalars/tags")) == 11, 120)
        tags = {run.rpartition("/")[2]: set(found) for run, found in asked(f"{url}/data/plugin/scalars/tags").items()}
        assert {"curve/accuracy", "curve/validation_loss", "evaluation/score"} <= tags["model-0009"]
        for name in ("scalars", "hparams"):  # what they draw is hidden from a dump of the page
            assert "<title>TensorBoard</title>" in page(f"{url}/#{name}", f"tensorboard-{name}", tmp_path)


def test_optuna_dashboard_shows_the_study(database, tmp_path):
    with ReplayReader(database) as reader:
        export_optuna(reader, tmp_path / "study.sqlite")
    port = free_port()
    command = [sys.executable, "-m", "optuna_dashboard._cli", "sqlite:///study.sqlite", "--port", port]
    with served(command, port, tmp_path) as url:
        assert len(asked(f"{url}/api/studies/1")["trials"]) == 12
        assert "Hyperparameter Importance" in page(f"{url}/dashboard/studies/1", "optuna", tmp_path)
        trial = page(f"{url}/dashboard/studies/1/trials?numbers=8", "optuna-trial", tmp_path)
        assert "C(8,3,1)" in trial


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory):
    """MLflow's server, from an environment of its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    environment = Path(os.environ.get("MLFLOW_ENVIRONMENT", folder / "env"))  # one that is there, or a new one
    if not environment.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([environment / "bin" / "pip", "install", "-q", "mlflow>=3.6"], check=True, capture_output=True)
    port = free_port()
    command = [environment / "bin" / "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", 1]
    with served(command, port, folder) as url:
        yield url


class TestMLflow(ObserverContract):
    @pytest.fixture
    def make_observer(self, mlflow_server, request):
        return lambda search: MLflow(MLflowOptions(mlflow_server, request.node.name), search)

    @pytest.fixture
    def read_back(self, mlflow_server, request):
        from mlflow import MlflowClient

        client = MlflowClient(mlflow_server)

        def read(search):
            experiment = client.get_experiment_by_name(request.node.name).experiment_id
            (run,) = client.search_runs([experiment], f"tags.`metaqnn.search` = '{search.identity}'")
            below = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
            numbers = [int(one.data.tags["metaqnn.episode"]) for one in below]
            steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "reward")]
            assert sorted(numbers) == [step for step in steps if step % 3], "repeats have no run"
            assert {one.info.status for one in (run, *below)} <= {"FINISHED", "FAILED"}
            return steps

        return read


def test_mlflow_is_fed_by_a_running_search_and_shows_its_runs(mlflow_server, tmp_path):
    section = read_observer({"name": "mlflow", "uri": mlflow_server, "experiment": "shown"}, "a test")
    run_small(tmp_path / "small.sqlite", observe=(section,))
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_server)
    experiment = client.get_experiment_by_name("shown").experiment_id
    runs = client.search_runs([experiment], order_by=["metrics.score DESC"])
    assert len(runs) == 13
    models = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert models[0].data.metrics["score"] == 0.875
    assert models[0].data.params["step 02"] == "C(8,3,1)"
    assert [m.value for m in client.get_metric_history(models[0].info.run_id, "accuracy")] == [0.875, 0.65625]
    shown = page(f"{mlflow_server}/#/experiments/{experiment}/runs", "mlflow-runs", tmp_path)
    assert "small" in shown
    run = page(f"{mlflow_server}/#/experiments/{experiment}/runs/{models[0].info.run_id}", "mlflow-run", tmp_path)
    assert "step 02" in run


def test_wandb_keeps_a_run_for_the_search_and_for_each_evaluation_once(database, tmp_path):
    pytest.importorskip("wandb")
    command = [sys.executable, "-m", "metaqnn", "observe", database, f"wandb,mode=offline,folder={tmp_path}"]
    said = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    with ReplayReader(database) as reader:
        assert said[0] == f"wandb: {reader.episode_count()} new episodes.\n"
        identity = observed_search(reader).identity
        trained = {f"{identity}-{episode.number}" for episode in reader.episodes() if not episode.reused}
    assert said[1] == "wandb: 0 new episodes.\n"
    kept = [path.stem.removeprefix("run-") for path in tmp_path.glob("wandb/offline-run-*/run-*.wandb")]
    assert sorted(name for name in kept if name != identity) == sorted(trained)
