"""What a cluster needs, without one: what is sent, which machines fit, and what is shown of them."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from metaqnn.core import (
    CandidateFinished,
    CandidateStarted,
    Evaluation,
    Notice,
    Status,
    WorkerLost,
    WorkerReady,
    WorkerSaid,
)
from metaqnn.errors import ConfigError
from metaqnn.replay.nodes import read_nodes
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.config import ClusterConfig, SearchConfig
from metaqnn.workers.cluster.connection import Resources, _OurStdout, words
from metaqnn.workers.cluster.facts import MachineFacts, differences, machine_facts
from metaqnn.workers.cluster.shipment import kept_folder, shipment, unpacked, users_modules
from metaqnn.workers.memory import GIBIBYTE
from metaqnn.workflows.display.log import LogFile

GOLDEN = Path(__file__).parents[1] / "golden" / "schema_v7.sqlite"


def test_a_shipment_is_named_by_what_is_in_it():
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    named = shipment({"x.npy": array, "a.py": b"text"}).hash
    assert shipment({"a.py": b"text", "x.npy": array.copy()}).hash == named
    others = [{"a.py": b"text"}, {"a.py": b"texT", "x.npy": array}, {"a.py": b"text", "x.npy": array.reshape(3, 2)}]
    others += [{"a.py": b"text", "x.npy": array.astype(np.int8)}, {"b.py": b"text", "x.npy": array}]
    assert len({named, *(shipment(other).hash for other in others)}) == 6


def test_workers_of_one_machine_share_one_copy(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content = {"x.npy": np.arange(1000), "package/a.py": b"A = 1\n"}
    sent, fetched = shipment(content), []

    def fetch():
        fetched.append(1)
        return content

    with kept_folder() as one:
        first = unpacked(sent.hash, fetch, one)
        with kept_folder() as another:
            second = unpacked(sent.hash, fetch, another)
            assert first != second
            assert os.path.samefile(first / "x.npy", second / "x.npy")
            assert (second / "package" / "a.py").read_bytes() == b"A = 1\n"
        mapped = np.load(first / "x.npy", mmap_mode="r")
        assert (mapped == np.arange(1000)).all()
    assert fetched == [1]
    assert [path.name for path in (tmp_path / f"metaqnn-cluster-{os.getuid()}").iterdir()] == ["lock"]


def test_what_a_killed_worker_left_goes_with_the_next(tmp_path):
    program = (
        "import os, signal, sys, tempfile\n"
        "tempfile.tempdir = sys.argv[1]\n"
        "from metaqnn.workers.cluster.shipment import kept_folder\n"
        "with kept_folder() as folder:\n"
        "    (folder / 'x').write_bytes(b'1')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    place = tmp_path / f"metaqnn-cluster-{os.getuid()}"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
        assert len(list(place.iterdir())) == 1


def test_a_folder_of_somebody_elses_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "theirs").mkdir()
    (tmp_path / f"metaqnn-cluster-{os.getuid()}").symlink_to(tmp_path / "theirs")
    with pytest.raises(PermissionError, match="is somebody else's"), kept_folder():
        pass
    assert list((tmp_path / "theirs").iterdir()) == []


def test_modules_of_the_users_are_found_and_no_others(tmp_path, monkeypatch):
    package = tmp_path / "package_of_mine"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "never_imported.py").write_text("B = 2\n", encoding="utf-8")
    (tmp_path / "module_of_mine.py").write_text("A = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("package_of_mine")
    __import__("module_of_mine")
    found = users_modules()
    assert found["module_of_mine.py"] == b"A = 1\n"
    assert found["package_of_mine/never_imported.py"] == b"B = 2\n"
    assert not [path for path in found if path.startswith(("metaqnn/", "numpy", "json", "pytest"))]
    for name in ("package_of_mine", "module_of_mine"):
        monkeypatch.delitem(sys.modules, name)


HERE = MachineFacts("here", {"Python": "3.11", "metaqnn": "0.1.0"}, {"processor": "A", "numpy": "2.4"}, GIBIBYTE)


def test_a_machine_with_other_code_does_not_fit():
    assert HERE.why_unfit(HERE) is None
    more = MachineFacts("b", {**HERE.code, "another": "1"}, {}, 1)
    assert more.why_unfit(HERE) is None
    other = MachineFacts("c", {"Python": "3.12"}, HERE.kind, 1)
    assert other.why_unfit(HERE) == "it has Python 3.12 rather than 3.11, metaqnn not at all rather than 0.1.0"


def test_kinds_differ_by_processor_and_versions():
    assert differences(HERE.kind, HERE.kind) == ""
    assert differences({"processor": "B", "numpy": "2.4"}, HERE.kind) == "processor B rather than A"


def test_this_machine_describes_itself():
    found = machine_facts(["numpy", "no-such-package"])
    assert found.kind["numpy"] == np.__version__
    assert set(found.kind) == {"processor", "numpy"}
    assert found.code["metaqnn"]
    assert found.memory_bytes > GIBIBYTE


@pytest.mark.parametrize(
    ("needs", "has", "room"),
    [
        (Resources(), {"CPU": 8.0}, 8),
        (Resources(), {}, 0),
        (Resources(2.0, 0.5), {"CPU": 8.0, "GPU": 1.0}, 2),
        (Resources(1.0, 1.0), {"CPU": 8.0}, 0),
        (Resources(0.1), {"CPU": 0.3}, 3),
        (Resources(1.0, 0.0, 4 * GIBIBYTE), {"CPU": 8.0, "memory": 9.0 * GIBIBYTE}, 2),
    ],
)
def test_as_many_candidates_as_fit(needs, has, room):
    assert needs.fit_into(has) == room


def test_resources_in_words():
    assert str(Resources(1.0, 0.5, 3 * GIBIBYTE)) == "1 CPU, 0.5 GPU, 3.0 GiB"
    assert words({"CPU": 8.0, "GPU": 2.0}) == "8 CPUs, 2 GPUs"


def test_an_address_is_short_for_a_section():
    assert SearchConfig(cluster="auto").cluster == ClusterConfig("auto")
    for wrong in ({"cpus": 0.0}, {"gpus": 1.5}, {"gpus": -1.0}, {"memory": 0.0}, {"address": " "}):
        with pytest.raises(ConfigError):
            ClusterConfig(**{"address": "auto", **wrong})


def test_threads_of_rays_do_not_print_into_a_search():
    shown = StringIO()
    with redirect_stdout(_OurStdout(shown)):
        noise = threading.Thread(target=print, args=("noise",), name="ray_listen_error_messages")
        noise.start()
        noise.join()
        print("ours")
    assert shown.getvalue() == "ours\n"


@pytest.fixture
def on_two_nodes(tmp_path):
    """A database whose evaluations say that they were on two machines."""
    path = shutil.copy(GOLDEN, tmp_path / "nodes.sqlite")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE evaluations SET node = iif(evaluation % 3, 'a', 'b'), train_seconds = 1800")
        machine = '{"processor": "P", "numpy": "2.4"}'
        for worker, node, kind in ((1, "a", "ready"), (2, "b", "ready"), (2, "b", "lost")):
            connection.execute(
                "INSERT INTO worker_events VALUES (NULL, 1, ?, ?, 1, NULL, '', '2026-01-01T00:00:00+00:00', ?, ?)",
                (worker, kind, node, machine if kind == "ready" else "{}"),
            )
    return path


def test_what_each_machine_did(on_two_nodes):
    with ReplayReader(on_two_nodes) as reader:
        _, counts = reader.query(
            "SELECT node, count(*), sum(status NOT IN ('ok', 'predicted')) FROM evaluations GROUP BY node ORDER BY node"
        )
        found = {use.node: use for use in read_nodes(reader) if use.node}
        assert [(use.node, use.candidates, use.failed) for use in found.values()] == counts
        assert found["a"].hours == counts[0][1] / 2
        assert (found["b"].workers, found["b"].lost) == (1, 1)
        assert found["b"].kind == {"processor": "P", "numpy": "2.4"}
        assert reader.first_machine() == {"processor": "P", "numpy": "2.4"}


def test_a_search_on_one_machine_has_no_nodes():
    with ReplayReader(GOLDEN) as reader:
        assert read_nodes(reader) == ()


def test_the_log_has_everything_with_its_time_and_its_machine(tmp_path):
    log = LogFile(tmp_path / "search.log")
    log.on_event(WorkerReady(2, 4711, "a GPU", node="b"))
    log.on_event(CandidateStarted(3, "b"))
    log.on_event(WorkerSaid(2, 3, "a warning of a framework", "b"))
    log.on_event(WorkerSaid(1, None, "another"))
    log.on_event(Notice("c is not used: it has Python 3.12 rather than 3.11."))
    log.on_event(CandidateFinished(3, Evaluation(Status.OK, 0.5, node="b")))
    log.on_event(WorkerLost(2, 4, "the machine b was lost", "b"))
    lines = (tmp_path / "search.log").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("20") and line[10] == "T" and "+00:00 " in line for line in lines)
    assert [line.split("+00:00 ")[1].strip() for line in lines] == [
        "worker 2 is ready: process 4711 on b, a GPU",
        "episode 3: evaluation begins",
        "worker 2 on b, episode 3: a warning of a framework",
        "worker 1: another",
        "c is not used: it has Python 3.12 rather than 3.11.",
        "episode 3: 0.5 after 0 attempts, 0:00",
        "the machine b was lost; it is replaced",
    ]
