"""The tools themselves: servers started for real, fed by a search, and opened in a browser where there is one.

What cannot live beside this package (MLflow's server) gets an environment of its own. Where the variable SCREENSHOTS
names a folder, pictures of the pages are left there.
"""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from browser import opened
from databases import contents
from patience import patience, wait_until
from small_searches import run_small

from metaqnn.errors import MetaqnnError
from metaqnn.observers.mlflow import MLflow, MLflowOptions
from metaqnn.observers.wandb import WandbOptions, WeightsAndBiases
from metaqnn.replay.observed import observed_search
from metaqnn.replay.reader import ReplayReader
from metaqnn.testing import ObserverContract
from metaqnn.workflows.export_optuna import export_optuna
from metaqnn.workflows.observing import follow_to_the_end
from metaqnn.workflows.section import read_observer, read_observer_words

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


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
        with opened(f"{url}/#scalars", tmp_path) as page:
            page.wait_for("curve/accuracy", "curve/validation_loss", "evaluation/score", "model-0009")
            page.wait_for_elements("path.line[d*=L]", 9)  # models with two epochs
            wait_until(lambda: page.colours("vz-line-chart2") >= 5, 60)
            page.take_picture("tensorboard-scalars")
        with opened(f"{url}/#hparams", tmp_path) as page:
            page.wait_for_elements("vaadin-grid-cell-content", 12)
            page.wait_for("model-0002 [C(4,1,1), C(4,3,1), C(4,1,1), SM(10)] 26112", "0.61328", "timed_out")
            page.take_picture("tensorboard-hparams")
            page.click("paper-tab", 1)
            page.wait_for_elements(".foreground path[d*=L]", 9)
            page.take_picture("tensorboard-parallel-coordinates")
        with opened(f"{url}/#timeseries", tmp_path) as page:
            page.wait_for("curve /accuracy", "model-0009 0.7383 0.6563 2")  # smoothed, and the last epoch
            wait_until(lambda: page.colours("line-chart canvas") >= 5, 60)
            page.take_picture("tensorboard-curves")


def test_optuna_dashboard_shows_the_study(database, tmp_path):
    pytest.importorskip("optuna_dashboard", reason="pip install optuna-dashboard")
    with ReplayReader(database) as reader:
        export_optuna(reader, tmp_path / "study.sqlite")
    port = free_port()
    command = [sys.executable, "-m", "optuna_dashboard._cli", "sqlite:///study.sqlite", "--port", port]
    with served(command, port, tmp_path) as url:
        assert len(asked(f"{url}/api/studies/1")["trials"]) == 12
        with opened(f"{url}/dashboard/studies/1", tmp_path) as page:
            page.wait_for("Hyperparameter Importance")
            page.wait_for_elements(".js-plotly-plot .scatterlayer path", 10)
            page.take_picture("optuna")
        with opened(f"{url}/dashboard/studies/1/trials?numbers=8", tmp_path) as page:
            page.wait_for("C(8,3,1)")
            page.take_picture("optuna-trial")


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory):
    """MLflow's server, from an environment of its own: installing it takes minutes, so it is kept."""
    folder = tmp_path_factory.mktemp("mlflow")
    environment = Path(__file__).parents[2] / ".venv-mlflow"
    if not (environment / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        subprocess.run([environment / "bin" / "pip", "install", "-q", "mlflow>=3.6"], check=True, capture_output=True)
        (environment / ".installed").touch()
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
    with opened(f"{mlflow_server}/#/experiments/{experiment}/runs", tmp_path) as page:
        page.wait_for("13 matching runs", "small")
        page.take_picture("mlflow-runs")
    with opened(f"{mlflow_server}/#/experiments/{experiment}/runs/{models[0].info.run_id}", tmp_path) as page:
        page.wait_for("step 02", "C(8,3,1)")
        page.take_picture("mlflow-run")


def wandb_records(path: Path):
    """The records of an offline run: LevelDB's log format, in blocks of 32 kB."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, content = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if at % 32768 > 32768 - 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        content += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(content)
            content = b""


def wandb_runs(folder: Path) -> dict[str, list[int]]:
    """The steps of each run, in all of its files in order of time."""
    runs: dict[str, list[int]] = {}
    for path in sorted(folder.glob("wandb/offline-run-*/run-*.wandb")):
        steps = [record.history.step.num for record in wandb_records(path) if record.HasField("history")]
        runs.setdefault(path.stem.removeprefix("run-"), []).extend(steps)
    return runs


class TestWandb(ObserverContract):
    @pytest.fixture
    def make_observer(self):
        wandb = pytest.importorskip("wandb")
        yield lambda search: WeightsAndBiases(WandbOptions(mode="offline"), search)
        wandb.teardown()  # its service would hold the run, which another test has, too

    @pytest.fixture
    def read_back(self):
        def read(search):
            runs = wandb_runs(search.database.parent)
            steps = runs[search.identity]
            of_models = [number for number in steps if number % 3]
            assert {name for name in runs if name.startswith(search.identity)} == {
                search.identity,
                *(f"{search.identity}-{number}" for number in of_models),
            }
            assert all(runs[f"{search.identity}-{number}"] == [1, 2] for number in of_models)
            return steps

        return read

    def test_it_goes_on_behind_one_that_was_killed(self, make_observer, read_back, search):
        code = f"""
import os, signal
from pathlib import Path
from metaqnn.observers.wandb import WandbOptions, WeightsAndBiases
from metaqnn.testing import ObserverContract
search = ObserverContract.made_up_search(Path({str(search.database.parent)!r}), {search.identity!r})
observer = WeightsAndBiases(WandbOptions(mode="offline"), search)
observer.start()
ObserverContract.tell(observer, 1, 5)
os.kill(os.getpid(), signal.SIGKILL)
"""
        killed = subprocess.run([sys.executable, "-c", code], check=False)  # within one process a run is open once
        assert killed.returncode == -signal.SIGKILL
        observer = make_observer(search)
        kept = observer.start()
        assert 0 <= kept <= 5
        self.tell(observer, kept + 1, self.length)
        observer.stop()
        assert read_back(search) == list(range(1, self.length + 1))


def wandb_kept(folder: Path, identity: str) -> list[int]:
    runs = wandb_runs(folder / "kept")
    assert all(len(steps) == len(set(steps)) for steps in runs.values())
    return runs[identity]


def tensorboard_kept(folder: Path, identity: str) -> list[int]:
    command = [sys.executable, "-c", READS_TENSORBOARD, next((folder / "kept").glob(f"*-{identity}"))]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


READS_TENSORBOARD = """
import sys, types
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
print([event.step for event in EventAccumulator(sys.argv[1], {"scalars": 0}).Reload().Scalars("search/reward")])
"""


def mlflow_kept(folder: Path, identity: str) -> list[int]:
    from mlflow import MlflowClient

    client = MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name(str(folder)).experiment_id
    (run,) = client.search_runs([experiment], f"tags.`metaqnn.search` = '{identity}'")
    below = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'", max_results=1000)
    episodes = [one.data.tags["metaqnn.episode"] for one in below]
    assert len(episodes) == len(set(episodes))
    return [metric.step for metric in client.get_metric_history(run.info.run_id, "reward")]


KILLED = """
name: killed
space: {name: chain, choices: [3, 3, 3, 3, 3]}
strategy: {name: random}
evaluator: {name: function, function: "slow_ones:ones", score: ones}
search: {lookahead: 2, workers: 1}
"""


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_killed_with_its_search_and_alone_it_keeps_every_episode_once(name, tmp_path, monkeypatch, request):
    pytest.importorskip(name)
    if name == "mlflow":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", request.getfixturevalue("mlflow_server"))
    options = {
        "tensorboard": f"logdir={tmp_path / 'kept'}",
        "mlflow": f"experiment={tmp_path}",
        "wandb": f"mode=offline,folder={tmp_path / 'kept'}",
    }
    kept = {"tensorboard": tensorboard_kept, "mlflow": mlflow_kept, "wandb": wandb_kept}[name]
    slowly = "import time\n\n\ndef ones(architecture):\n    time.sleep(0.3)\n    return architecture.text.count('1')\n"
    (tmp_path / "slow_ones.py").write_text(slowly, encoding="utf-8")
    (tmp_path / "killed.yaml").write_text(KILLED, encoding="utf-8")
    database, word = tmp_path / "killed.sqlite", f"{name},{options[name]}"
    search = [sys.executable, "-m", "metaqnn", "search", "killed.yaml", "--models", "40", "--db"]
    observed = [*search, str(database), "--observe", word]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    common = {"env": environment, "cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}

    def observers(search: int) -> list[psutil.Process]:
        below = psutil.Process(search).children()
        return [one for one in below if "metaqnn.workflows.observing_process" in one.cmdline()]

    def episodes() -> int:
        if not database.exists():
            return 0
        with suppress(MetaqnnError), ReplayReader(database) as reader:
            return reader.episode_count()
        return 0

    for least in (10, 25):
        running = subprocess.Popen(observed, **common)
        wait_until(lambda least=least: episodes() >= least, 120)
        wait_until(lambda running=running: observers(running.pid), 60)
        (observer,) = observers(running.pid)
        if least == 25:  # alone, and then the search, which goes on meanwhile
            observer.kill()
            wait_until(lambda: episodes() >= 30, 120)
        running.kill()
        said = running.communicate()[0]
        assert ("is dropped" in said) == (least == 25)
        wait_until(lambda observer=observer: not observer.is_running(), 60)
    subprocess.run(observed, check=True, timeout=patience(300), **common)
    # A search waits a minute for what is left, which a slow machine may not do; the rest comes as it says.
    afterwards = [sys.executable, "-m", "metaqnn", "observe", str(database), word]
    subprocess.run(afterwards, check=True, timeout=patience(300), **common)
    with ReplayReader(database) as reader:
        count, identity = reader.episode_count(), observed_search(reader).identity
    assert kept(tmp_path, identity) == list(range(1, count + 1))
    (tmp_path / "alone").mkdir()
    subprocess.run([*search, str(tmp_path / "alone" / "killed.sqlite")], check=True, **common)
    assert contents(tmp_path / "alone" / "killed.sqlite") == contents(database)


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
