"""The search behind a classifier: kept at a path, resumed, refused, interrupted."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from patience import is_within, patience
from sklearn.datasets import make_blobs

from metaqnn import open_replay
from metaqnn.errors import DataError, EvaluatorError, ReplayError
from metaqnn.estimators.search import pass_on
from metaqnn.estimators.training import _train_as_in_search
from metaqnn.networks.retraining.stored import StoredNetwork
from metaqnn.replay.leaderboard import Winner
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retrainings, weights_folder
from metaqnn.workflows import stored_experiment

# Keras saves a model in a way that NumPy will want otherwise one day.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(60, 4, cluster_std=0.5, random_state=3)


@pytest.fixture
def database(tmp_path):
    return tmp_path / "blobs.sqlite"


def num_runs_and_models(database):
    with ReplayReader(database) as reader:
        return reader.query("SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM models)")[1][0]


def test_a_path_is_kept_and_resumed(quick, blobs, database):
    model = quick(path=database, models=2).fit(*blobs)
    assert model.database_ == str(database)
    assert sorted(p.name for p in database.parent.iterdir()) == [
        *("blobs.sqlite", "blobs.sqlite.finals", "blobs.sqlite.npz")
    ]
    data = database.with_name("blobs.sqlite.npz")
    before = data.stat().st_mtime_ns
    again = quick(path=str(database), models=2).fit(*blobs)
    assert num_runs_and_models(database) == (2, 2)
    assert np.array_equal(again.predict_proba(blobs[0]), model.predict_proba(blobs[0])), "nothing was trained anew"
    assert data.stat().st_mtime_ns == before
    assert again.leaderboard().equals(model.leaderboard())
    # A larger budget goes on; a search whose seed nobody named keeps its own.
    more = quick(path=database, models=3, random_state=None).fit(*blobs)
    assert num_runs_and_models(database) == (3, 3)
    assert len(more.leaderboard()) == 3
    with open_replay(database) as replay:
        assert len(replay.models) == 3
        assert replay.episodes.iteration.max() == 3


def test_another_search_at_a_path_is_refused(quick, blobs, database):
    x, y = blobs
    quick(path=database).fit(x, y)

    def refused(message, x=x, y=y, **parameters):
        with pytest.raises(ReplayError, match=f"^{re.escape(str(database))}: {re.escape(message)}"):
            quick(path=database, **parameters).fit(x, y)

    refused(
        "the search there was started differently: space.max_depth was 2, now 3; training.epochs was 4, now 5; "
        "training.decay_epochs was 1, now 2. Undo that to resume it, or choose another path",
        max_depth=3,
        epochs=5,
    )
    refused("the search there was started differently: seed was 0, now 1", random_state=1)
    refused(
        "the search there was started on another X or y (60 images of 2x2x1, now 60 images of 2x2x1); fit the same "
        "data to resume it, or choose another path",
        x=x[::-1],
    )
    refused("the search there was started on another X or y (60 images", y=y[::-1])
    refused("the search there was started differently: dataset.validation_size was 12, now 10", x=x[:50], y=y[:50])
    database.with_name("blobs.sqlite.npz").unlink()
    refused("the search there was started on another X or y (60 images", x=x[::-1])
    quick(path=database).fit(x, y)  # the data are written anew
    assert num_runs_and_models(database)[1] == 1


def test_places_that_cannot_be(quick, blobs, tmp_path):
    (tmp_path / "file").write_text("hello")
    with pytest.raises(ReplayError, match="this file is no SQLite database"):
        quick(path=tmp_path / "file").fit(*blobs)
    with pytest.raises(DataError, match=r"x\.sqlite\.npz: the data cannot be kept there: .*; choose another path$"):
        quick(path=tmp_path / "file" / "x.sqlite").fit(*blobs)


def test_the_retraining_recipe_in_this_process(quick, blobs, database):
    model = quick(path=database, final={"epochs": 20, "learning_rate": 0.05}, verbose=1).fit(*blobs)
    assert model.score(*blobs) > 0.9  # by chance with a probability below 1e-13
    with ReplayReader(database) as reader:
        retraining = read_retrainings(reader)[0]
    assert (retraining.status, retraining.split, retraining.score) == ("ok", "train+validation", None)
    assert (retraining.recipe["name"], retraining.recipe["epochs"], retraining.recipe["batch_size"]) == (
        "one_cycle",
        20,
        64,
    )
    began = time.monotonic()
    again = quick(path=database, final={"epochs": 20, "learning_rate": 0.05}).fit(*blobs)
    assert is_within(began, 10)
    assert np.array_equal(again.predict_proba(blobs[0]), model.predict_proba(blobs[0]))
    # Another recipe is another retraining of the same search.
    quick(path=database, final={"epochs": 1}).fit(*blobs)
    with ReplayReader(database) as reader:
        assert [retraining.recipe["epochs"] for retraining in read_retrainings(reader)] == [20, 1]


def test_a_retraining_that_fails_falls_back_on_the_recipe_of_the_search(quick, blobs):
    with pytest.warns(UserWarning, match=r"^the retraining of .* failed \(the loss was not a number in epoch"):
        model = quick(final={"learning_rate": 1e30}).fit(*blobs)
    assert model.score(*blobs) > 0.9  # by chance with a probability below 1e-13


def test_in_processes_of_their_own_it_finds_the_same(quick, blobs, database, capfd):
    parameters = {"models": 2, "final": {"epochs": 1}}
    model = quick(**parameters, workers=1, verbose=1, path=database).fit(*blobs)
    shown = capfd.readouterr().err
    assert "Estimate: 2 networks" in shown
    assert "[2/2]" in shown.replace(" ", "")
    assert "[1/1] epochs of the best network on all data" in shown
    local = quick(**parameters).fit(*blobs)
    ours, theirs = model.leaderboard(), local.leaderboard()
    assert ours.architecture.tolist() == theirs.architecture.tolist()
    assert ours.accuracy.tolist() == pytest.approx(theirs.accuracy.tolist(), abs=0.1)  # one of twelve images
    assert model.predict_proba(blobs[0]) == pytest.approx(local.predict_proba(blobs[0]), abs=1e-3)
    with ReplayReader(database) as reader:
        assert reader.last_run()["workers"] == 1


def test_a_network_that_cannot_be_trained_on_all_data_is_an_error(quick, blobs, database, device):
    quick(path=database).fit(*blobs)
    with ReplayReader(database) as reader:
        experiment = stored_experiment(reader)
    winner = Winner(1, "[C(16,1,1), SM(3)]", 0.9, {"learning_rate": 1e30}, True)
    stored = StoredNetwork(str(database.with_name("network.weights.h5")), winner.architecture, (2, 2, 1), "none")
    with pytest.raises(EvaluatorError, match=r"its loss was not a number at any of 5 learning rates; set a lower"):
        _train_as_in_search(experiment, winner, stored, device)


def test_a_network_of_the_search_is_kept_inside_the_folder_of_retrainings(quick, blobs, database, tmp_path):
    model = quick(path=database, final=None).fit(*blobs)
    (kept,) = weights_folder(database).iterdir()
    assert quick(path=database, final=None).fit(*blobs).predict_proba(blobs[0]).tolist() == (
        model.predict_proba(blobs[0]).tolist()
    )
    kept.rename(tmp_path / "elsewhere")
    kept.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ReplayError, match=rf"cannot be '{kept.name}': expected the plain name of a file in "):
        quick(path=database, final=None).fit(*blobs)


def test_a_signal_does_what_it_does_elsewhere():
    heard = []
    previous = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        for number in (None, signal.SIGINT, signal.SIGTERM):
            with pytest.raises(KeyboardInterrupt):
                pass_on(number)
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert heard == [signal.SIGTERM]


SCRIPT = """
import sys
from sklearn.datasets import make_blobs
from estimator.conftest import QUICK
from metaqnn import MetaQNNClassifier
parameters = QUICK | {"models": 1000, "epochs": 1000, "workers": int(sys.argv[2]), "verbose": 1, "path": sys.argv[1]}
MetaQNNClassifier(**parameters).fit(*make_blobs(60, 4, random_state=3))
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_an_interrupted_fit_leaves_no_worker(database, workers):
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    command = [sys.executable, "-c", SCRIPT, str(database), str(workers)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as fit:
        for line in fit.stderr:
            if line.startswith("Training on"):
                break
        if workers == 0:
            time.sleep(1)
        children = psutil.Process(fit.pid).children(recursive=True)
        assert len(children) == workers
        fit.send_signal(signal.SIGINT)
        _, said = fit.communicate(timeout=patience(60))
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert fit.returncode == -signal.SIGINT
    assert not any(child.is_running() for child in children)
    with ReplayReader(database) as reader:
        assert reader.query("SELECT outcome FROM runs")[1] == [("interrupted",)]


def test_data_of_another_beside_a_new_search_is_moved_aside(quick, blobs, database):
    data = database.with_name("blobs.sqlite.npz")
    data.write_text("mine", encoding="utf-8")
    beside = database.with_name("blobs.sqlite.npz.part")
    beside.write_text("mine too", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"blobs\.sqlite\.npz is not of this search; it was moved to"):
        quick(path=database, models=1).fit(*blobs)
    (moved,) = database.parent.glob("blobs.sqlite.2*.npz")
    assert moved.read_text(encoding="utf-8") == "mine"
    assert beside.read_text(encoding="utf-8") == "mine too"
