"""Real searches whose workers are stopped or deadlock: nothing waits for ever, and no row differs."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from databases import contents
from patience import patience, wait_until
from test_kill import command, is_running, recorded, workers_of

from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retrainings
from metaqnn.workflows import verify_database

FUNCTION = """
import ctypes
import os
import signal


def score(architecture):
    if architecture.text == "11" and is_first("stopped"):
        os.kill(os.getpid(), signal.SIGSTOP)
    if architecture.text == "00" and not os.path.exists("healed"):
        ctypes.PyDLL(None).pause()
    return int(architecture.text)


def is_first(file):
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
"""

EXPERIMENT = """
name: hanging
space: {name: chain, choices: [2, 2]}
strategy: {name: random}
evaluator: {name: function, function: "hanging:score"}
search: {models: 4, hang_seconds: 1, workers: 1}
"""
LOST = "worker 1 shows no sign of life"


@pytest.fixture
def here(tmp_path):
    """Run the program beside an experiment whose function is stopped at one architecture and deadlocks at another."""
    (tmp_path / "hanging.py").write_text(FUNCTION, encoding="utf-8")
    (tmp_path / "hanging.yaml").write_text(EXPERIMENT, encoding="utf-8")

    def run(*words):
        ran = subprocess.run(
            [sys.executable, "-m", "metaqnn", *words, "--db", "search.sqlite"]
            if words[0] != "replay"
            else [sys.executable, "-m", "metaqnn", *words, "search.sqlite"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=patience(100),
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def asked(database, sql):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def losses(database):
    """Why workers were lost, as far as the first colon."""
    return [row[0] for row in asked(database, "SELECT reason FROM worker_events WHERE kind = 'lost'")]


RESULTS = "SELECT architecture, status, score FROM evaluations JOIN models USING (model) ORDER BY evaluation"


def test_a_function_that_is_stopped_and_one_that_deadlocks(here, tmp_path):
    shown = here("search", "hanging.yaml")
    database = tmp_path / "search.sqlite"
    assert f"{LOST}: it was stopped, and has not gone on for 1 s; it is replaced" in shown
    assert "failed (hung): worker 1 shows no sign of life: for 1 s it neither answered nor used a processor" in shown
    found = {text: (status, score) for text, status, score in asked(database, RESULTS)}
    assert found == {"00": ("hung", None), "01": ("ok", 1.0), "10": ("ok", 10.0), "11": ("ok", 11.0)}
    assert len(losses(database)) == 3
    assert all(reason.startswith(LOST) for reason in losses(database))
    (tmp_path / "healed").touch()
    assert "1 proposed anew" in here("replay", "retry")
    here("search", "hanging.yaml")
    assert asked(database, RESULTS)[-1] == ("00", "ok", 0.0)
    with ReplayReader(database) as reader:
        assert verify_database(reader).difference is None


def test_an_enumeration_goes_on_too_and_says_so(here, tmp_path):
    (tmp_path / "healed").touch()
    shown = here("enumerate", "hanging.yaml", "--seeds", "1")
    assert " shows no sign of life: it was stopped, and has not gone on for 1 s; it is replaced" in shown
    assert [row[1] for row in asked(tmp_path / "search.sqlite", RESULTS)] == ["ok"] * 4
    assert len(losses(tmp_path / "search.sqlite")) == 1


# Networks

QUICK = ("--set", "search.hang_seconds=5", "--set", "training.epochs=1", "--workers", "1", "--models", "3")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    database = tmp_path_factory.mktemp("undisturbed") / "search.sqlite"
    assert subprocess.run(command(database, "search", *QUICK), check=False, capture_output=True).returncode == 0
    return database


def stopped_at(process, is_time):
    """Stop the worker of a search once it is time; its number."""
    wait_until(lambda: workers_of(process.pid) and is_time())
    (worker,) = workers_of(process.pid)
    os.kill(worker, signal.SIGSTOP)
    return worker


@pytest.mark.long
@pytest.mark.parametrize("episodes", [None, 0, 1], ids=["before it is ready", "calibration", "training"])
def test_a_search_whose_worker_is_stopped_equals_an_undisturbed_one(episodes, undisturbed, tmp_path):
    database = tmp_path / "search.sqlite"
    process = subprocess.Popen(command(database, "search", *QUICK), stdout=subprocess.PIPE, text=True)

    def is_time():
        if not episodes:  # its framework takes seconds to start, and then it measures for some
            return episodes is None or cpu_seconds(workers_of(process.pid)[0]) > 8.0
        return recorded(database) >= episodes

    stopped = stopped_at(process, is_time)
    output, _ = process.communicate(timeout=patience(250))
    assert process.returncode == 0
    assert "worker 1 shows no sign of life: it was stopped, and has not gone on for 5 s; it is replaced" in output
    assert not is_running(stopped)
    assert contents(database) == contents(undisturbed)
    assert [reason.partition(":")[0] for reason in losses(database)] == [LOST]


def cpu_seconds(pid):
    import psutil

    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a stopped worker ends once it goes on")
def test_a_stopped_worker_of_a_killed_search_ends(tmp_path):
    database = tmp_path / "search.sqlite"
    process = subprocess.Popen(command(database, "search", *QUICK), stdout=subprocess.DEVNULL)
    worker = stopped_at(process, lambda: recorded(database) >= 1)
    process.kill()
    process.wait()
    wait_until(lambda: not is_running(worker))


@pytest.mark.long
def test_a_retraining_whose_worker_is_stopped_goes_on_from_its_last_epoch(undisturbed, tmp_path):
    database = Path(shutil.copy(undisturbed, tmp_path))
    train = [sys.executable, "-m", "metaqnn", "train", str(database), "--top", "1", "--set", "final.epochs=20"]
    process = subprocess.Popen([*train, "--workers", "1"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def epochs():
        return asked(database, "SELECT count(*) FROM final_curves")[0][0]

    stopped_at(process, lambda: epochs() >= 2)
    output, errors = process.communicate(timeout=patience(250))
    assert process.returncode == 0, output + errors
    assert "worker 1 shows no sign of life: it was stopped, and has not gone on for 5 s; it is replaced" in errors
    with ReplayReader(database) as reader:
        assert [retraining.status for retraining in read_retrainings(reader)] == ["ok"]
    assert epochs() == 20
