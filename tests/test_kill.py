"""Real searches in real processes: killed, interrupted, and resumed to the last bit."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from databases import contents
from patience import is_within, patience, wait_until

from metaqnn.errors import ReplayError
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows import verify_database

SEARCH = ("--set", "training.epochs=3", "--set", "dataset.train_limit=300", "--models", "8")


def command(database, verb="search", *options):
    return [sys.executable, "-m", "metaqnn", verb, "digits", "--db", str(database), *SEARCH, *options]


def run(database, verb="search", *options):
    return subprocess.run(
        command(database, verb, *options), capture_output=True, text=True, timeout=patience(200), check=False
    )


def workers_of(pid):
    """The living worker processes of a search."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return [int(row[0]) for row in rows if int(row[1]) == pid and "metaqnn.workers.process_main" in row[2]]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def recorded(database):
    """Episodes recorded so far, read as a user would while the search runs."""
    if not database.exists():
        return 0
    try:
        with ReplayReader(database) as reader:
            return len(list(reader.episodes()))
    except ReplayError:  # the file is just being made
        return 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    database = tmp_path_factory.mktemp("undisturbed") / "search.sqlite"
    assert run(database).returncode == 0
    return database


def search_and_kill(database, *options):
    """Three times, with its workers, and then to its end."""
    rng = random.Random(3)
    for episodes in (0, 2, 5):
        process = subprocess.Popen(command(database, "search", *options), stdout=subprocess.DEVNULL)
        wait_until(lambda n=episodes, pid=process.pid: recorded(database) >= n and workers_of(pid))
        time.sleep(rng.uniform(0.0, 1.0))
        victims = [process.pid, *workers_of(process.pid)]
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        process.wait()
    assert run(database, "search", *options).returncode == 0
    with ReplayReader(database) as reader:
        assert verify_database(reader).difference is None
    assert {path.suffix for path in database.parent.iterdir()} == {".sqlite"}


@pytest.mark.long
def test_a_search_killed_again_and_again_equals_an_undisturbed_one(undisturbed, tmp_path):
    search_and_kill(tmp_path / "search.sqlite")
    assert contents(tmp_path / "search.sqlite") == contents(undisturbed)


@pytest.mark.long
@pytest.mark.parametrize(
    "space",
    [
        pytest.param("{max_depth: 4, skip_connections: true}", id="skip_connections"),
        pytest.param("{name: blocks, max_layers: 4, filters: [8], stem: 8, repeats: 1}", id="blocks"),
    ],
)
def test_so_does_one_of_graphs_whatever_the_number_of_workers(space, tmp_path):
    options = ("--set", f"space={space}")
    search_and_kill(tmp_path / "search.sqlite", *options)
    for workers in ("1", "2"):
        undisturbed = tmp_path / f"workers_{workers}.sqlite"
        assert run(undisturbed, "search", *options, "--workers", workers).returncode == 0
        assert contents(tmp_path / "search.sqlite") == contents(undisturbed)


def test_no_worker_survives_the_search_that_was_killed(tmp_path):
    process = subprocess.Popen(command(tmp_path / "search.sqlite"), stdout=subprocess.DEVNULL)
    wait_until(lambda: recorded(tmp_path / "search.sqlite") >= 1)
    workers = workers_of(process.pid)
    process.kill()
    process.wait()
    assert workers
    wait_until(lambda: not any(is_running(worker) for worker in workers), seconds=5.0)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_a_request_to_stop_is_heeded_within_two_seconds_and_says_how_to_go_on(number, undisturbed, tmp_path):
    database = tmp_path / "search.sqlite"
    process = subprocess.Popen(command(database), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: recorded(database) >= 2)
    workers = workers_of(process.pid)
    began = time.monotonic()
    process.send_signal(number)
    output, errors = process.communicate(timeout=patience(60))
    assert is_within(began, 2.0)
    assert process.returncode == 128 + number
    assert errors == ""
    assert f"networks are kept in {database}; what was in training will be trained again" in output
    assert "Go on:       python -m metaqnn search digits --db" in output
    assert not any(is_running(worker) for worker in workers)
    resumed = run(database, "resume")
    assert resumed.returncode == 0
    assert "The search resumes" in resumed.stdout
    assert contents(database) == contents(undisturbed)


def test_a_search_whose_workers_are_killed_equals_an_undisturbed_one(undisturbed, tmp_path):
    database = tmp_path / "search.sqlite"
    process = subprocess.Popen(command(database), stdout=subprocess.PIPE, text=True)
    for episodes in (1, 3):
        wait_until(lambda n=episodes, pid=process.pid: recorded(database) >= n and workers_of(pid))
        os.kill(random.Random(episodes).choice(workers_of(process.pid)), signal.SIGKILL)
    output, _ = process.communicate(timeout=patience(200))
    assert process.returncode == 0
    assert "ended by SIGKILL" in output
    assert contents(database) == contents(undisturbed)


def test_the_number_of_workers_changes_nothing(undisturbed, tmp_path):
    database = tmp_path / "search.sqlite"
    assert run(database, "search", "--workers", "1").returncode == 0
    assert contents(database) == contents(undisturbed)


def test_ctrl_c_while_the_program_is_still_loading_ends_it_without_a_traceback():
    # A finder that is asked first sends the signal in the very moment in which the command line is imported.
    program = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.argv = ["metaqnn", "--help"]
from metaqnn.__main__ import main
main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=patience(60), check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
