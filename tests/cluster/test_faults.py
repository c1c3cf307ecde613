"""What may die on a cluster while it searches, and what is refused there."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress

import numpy as np
import psutil
import pytest
from databases import contents
from patience import patience, wait_until
from ray_nodes import Nodes
from test_two_nodes import DIGITS, OURS, metaqnn, nodes_of

from metaqnn.errors import ClusterError, ReplayError
from metaqnn.replay.reader import ReplayReader
from metaqnn.workers.cluster.connection import Cluster

SLOW = """
import pathlib
import time

def score(architecture):
    time.sleep(float(pathlib.Path({pause!r}).read_text()))
    return sum(map(ord, architecture.text))
"""


@pytest.fixture
def nodes():
    nodes = Nodes()
    nodes.do("add 1")
    nodes.do("add 1")
    yield nodes
    nodes.close()


@pytest.fixture
def slow(tmp_path):
    """A folder with a search of networks that take their time, and its database without a cluster."""
    (tmp_path / "scores_of_ours.py").write_text(SLOW.format(pause=str(tmp_path / "pause")), encoding="utf-8")
    (tmp_path / "pause").write_text("0.3")
    (tmp_path / "ours.yaml").write_text(OURS.replace("models: 20", "models: 40"), encoding="utf-8")
    metaqnn("search", "ours.yaml", "--db", "here.sqlite", folder=tmp_path, PYTHONPATH=str(tmp_path))
    return tmp_path


def begun(folder, address, *words):
    """A search that has begun, or goes on."""
    before = episodes(folder)
    command = [sys.executable, "-m", "metaqnn", "search", "ours.yaml", "--db", "there.sqlite", "--cluster", address]
    process = subprocess.Popen(
        [*command, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_until(lambda: episodes(folder) >= before + 4, patience(120))
    return process


def episodes(folder):
    try:
        with ReplayReader(folder / "there.sqlite") as reader:
            return reader.query("SELECT count(*) FROM replay")[1][0][0]
    except ReplayError:
        return 0


def ended(process, code=0):
    out = process.communicate(timeout=patience(240))[0]
    assert process.returncode == code, out
    return out


def events(folder, kind):
    with ReplayReader(folder / "there.sqlite") as reader:
        return reader.query("SELECT episode, reason, node FROM worker_events WHERE kind = ?", (kind,))[1]


def hosts(nodes):
    """Actors that keep workers on some nodes, and the workers themselves."""
    found = []
    for process in psutil.Process(nodes.pid).children(recursive=True):
        with suppress(psutil.Error):
            words = " ".join(process.cmdline())
            if "ray::WorkerHost" in words or "metaqnn.workers.process_main" in words:
                found.append(process)
    return found


def are_gone(processes):
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


@pytest.mark.long
def test_a_node_that_dies_changes_no_row(nodes, slow):
    process = begun(slow, nodes.address)
    nodes.do("kill")
    nodes.do("add 1")
    out = ended(process)
    assert contents(slow / "there.sqlite") == contents(slow / "here.sqlite")
    assert "was lost; it is replaced" in out
    assert "(raylet)" not in out
    assert len(events(slow, "lost")) >= 1
    assert (
        "verified" in metaqnn("replay", "verify", "there.sqlite", "--allow", "scores_of_ours:score", folder=slow).stdout
    )


@pytest.mark.long
def test_an_actor_that_dies_changes_no_row(nodes, slow):
    process = begun(slow, nodes.address)
    next(host for host in hosts(nodes) if "ray::WorkerHost" in " ".join(host.cmdline())).kill()
    ended(process)
    assert contents(slow / "there.sqlite") == contents(slow / "here.sqlite")
    assert any("the actor on" in reason for _, reason, _ in events(slow, "lost"))


@pytest.mark.long
def test_a_worker_that_is_stopped_on_its_node_is_replaced(nodes, slow):
    process = begun(slow, nodes.address, "--set", "search.hang_seconds=3")
    worker = next(host for host in hosts(nodes) if "process_main" in " ".join(host.cmdline()))
    worker.send_signal(signal.SIGSTOP)
    ended(process)
    (lost,) = events(slow, "lost")
    assert "shows no sign of life: it was stopped" in lost[1]
    assert lost[2]
    with ReplayReader(slow / "there.sqlite") as there, ReplayReader(slow / "here.sqlite") as here:
        rows = "SELECT episode, model, reward FROM replay ORDER BY episode"
        assert there.query(rows) == here.query(rows)


@pytest.mark.long
def test_a_cluster_is_reached_by_rays_client(tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    nodes = Nodes(str(port))
    try:
        nodes.do("add 1")
        (tmp_path / "digits.yaml").write_text(DIGITS, encoding="utf-8")
        metaqnn("search", "digits.yaml", "--db", "here.sqlite", "--workers", "1", folder=tmp_path)
        host = nodes.address.rpartition(":")[0]
        command = ["search", "digits.yaml", "--db", "there.sqlite", "--cluster", f"ray://{host}:{port}"]
        metaqnn(*command, folder=tmp_path)
        assert contents(tmp_path / "there.sqlite") == contents(tmp_path / "here.sqlite")
    finally:
        nodes.close()


@pytest.mark.long
def test_no_actor_outlives_its_search_and_the_search_goes_on(nodes, slow):
    for _ in range(2):
        process = begun(slow, nodes.address)
        there = hosts(nodes)
        assert there
        process.kill()
        process.communicate()
        wait_until(lambda there=there: are_gone(there), 10.0 + patience(5.0))
    ended(begun(slow, nodes.address))
    assert contents(slow / "there.sqlite") == contents(slow / "here.sqlite")


@pytest.mark.long
def test_an_actor_that_hears_nothing_ends_itself(nodes, slow):
    process = begun(slow, nodes.address)
    there = hosts(nodes)
    assert there
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: are_gone(there), 10.0 + patience(10.0))
    process.send_signal(signal.SIGCONT)
    ended(process)
    assert contents(slow / "there.sqlite") == contents(slow / "here.sqlite")
    with ReplayReader(slow / "there.sqlite") as reader:
        assert reader.query("SELECT DISTINCT status FROM evaluations")[1] == [("ok",)]


@pytest.mark.long
def test_the_head_may_die(nodes, slow):
    (slow / "pause").write_text("2.0")
    process = begun(slow, nodes.address)
    nodes.do("kill head")
    out = ended(process, code=2)
    assert "expected the head of the cluster to answer" in out
    (slow / "pause").write_text("0")
    metaqnn("resume", "ours.yaml", "--db", "there.sqlite", folder=slow, PYTHONPATH=str(slow))
    assert contents(slow / "there.sqlite") == contents(slow / "here.sqlite")


@pytest.mark.long
def test_any_number_of_workers_makes_the_same_database(nodes, tmp_path):
    nodes.do("add 2")
    (tmp_path / "digits.yaml").write_text(DIGITS.replace("lookahead: 2", "lookahead: 4"), encoding="utf-8")
    metaqnn("search", "digits.yaml", "--db", "here.sqlite", "--workers", "2", folder=tmp_path)
    for workers in (1, 2, 4):
        database = tmp_path / f"by_{workers}.sqlite"
        command = ["search", "digits.yaml", "--db", database.name, "--cluster", nodes.address]
        metaqnn(*command, "--workers", workers, folder=tmp_path)
        assert contents(database) == contents(tmp_path / "here.sqlite")
        assert 1 <= len(nodes_of(database)) <= 3


def refused(*words, folder, left=False):
    began = time.monotonic()
    command = [sys.executable, "-m", "metaqnn", *map(str, words)]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert run.returncode == 2, run.stdout + run.stderr
    assert run.stderr.startswith("metaqnn: ")
    assert run.stderr.count("\n") == 1, run.stderr
    assert left or not list(folder.glob("*.sqlite"))
    assert time.monotonic() - began < patience(30)
    return run.stderr.removeprefix("metaqnn: ").rstrip("\n")


@pytest.fixture
def ours(tmp_path):
    (tmp_path / "digits.yaml").write_text(DIGITS, encoding="utf-8")
    return tmp_path


def test_an_address_where_nothing_answers(ours):
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    assert refused(
        "search", "digits.yaml", "--db", "x.sqlite", "--cluster", f"ray://127.0.0.1:{port}", folder=ours
    ) == (
        f"--cluster ray://127.0.0.1:{port}: expected a Ray cluster there, but nothing answers (Connection refused); "
        "start one with `ray start --head`, or check host, port and firewall"
    )


@pytest.mark.parametrize("address", ["somewhere", ""])
def test_what_is_no_address(ours, address):
    assert refused("search", "digits.yaml", "--db", "x.sqlite", "--cluster", address, folder=ours) == (
        f"--cluster: expected auto, local, ray://host:port or host:port, got {address!r}"
    )


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    with pytest.raises(ClusterError, match=r"^--cluster: expected Ray, .* install it: pip install 'metaqnn\[ray\]'$"):
        Cluster("local")


def test_more_workers_than_lookahead(ours):
    words = ("search", "digits.yaml", "--db", "x.sqlite", "--cluster", "auto", "--workers", "4")
    assert refused(*words, folder=ours) == (
        "--workers: expected at most search.lookahead (2), got 4; so many are in flight when the next is proposed, and "
        "a larger lookahead is another search, with other rows"
    )


def test_a_cluster_without_room_for_a_candidate(two_nodes, ours):
    words = ("search", "digits.yaml", "--db", "x.sqlite", "--cluster", two_nodes.address)
    said = refused(*words, "--set", f"search.cluster={{address: {two_nodes.address}, cpus: 3}}", folder=ours)
    assert "expected a machine with 3 CPUs" in said
    assert "for one candidate, but the cluster has" in said


@pytest.mark.long
def test_data_that_only_the_driver_has_are_sent_or_refused(two_nodes, tmp_path):
    """The nodes run in another folder, so that a relative path leads nowhere there."""
    stream = np.random.default_rng(0)
    images, labels = stream.integers(0, 256, (60, 8, 8, 1), dtype=np.uint8), np.arange(60) % 2
    np.savez(tmp_path / "mine.npz", x_train=images, y_train=labels, x_test=images[:10], y_test=labels[:10])
    (tmp_path / "mine.yaml").write_text(
        "name: mine\ndataset: {name: mine.npz, validation_size: 20}\n"
        "space: {name: layers, max_depth: 2, convolution: {filters: [4], receptive_fields: [1, 3]}}\n"
        "strategy: {name: random}\ntraining: {epochs: 1}\nsearch: {models: 2, lookahead: 1}\n",
        encoding="utf-8",
    )
    words = ("search", "mine.yaml", "--db", "mine.sqlite", "--set")
    said = refused(*words, f"search.cluster={{address: {two_nodes.address}, data: path}}", folder=tmp_path, left=True)
    assert re.match("expected a worker process that can train, but it failed on [^ ]+: DataError: .*mine.npz", said)
    metaqnn(*words, f"search.cluster={{address: {two_nodes.address}}}", folder=tmp_path)
