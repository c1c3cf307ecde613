"""Searches that real faults of the machine stop, again and again, and what becomes of them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from databases import contents
from machine_faults import no_more_files
from workers import faulty

import metaqnn
from metaqnn.core import Observer
from metaqnn.errors import MachineError
from metaqnn.replay.reader import ReplayReader

STOPPING = ("no_space", "too_many_open_files", "a_failing_disk", "no_permission", "no_process", "bus_error")
"""Of the faults those that come in different ways through a worker; `test_machine` has them all."""


@pytest.fixture
def search(tmp_path, monkeypatch):
    """Searches in a folder, with the faults that are said; two are in flight."""
    monkeypatch.setenv("FAULTS", str(tmp_path / "faults.json"))

    def run(name: str, workers: int = 2, models: int = 12, faults=None, **options) -> Path:
        (tmp_path / "faults.json").unlink(missing_ok=True)
        if faults:
            (tmp_path / "faults.json").write_text(json.dumps(faults), encoding="utf-8")
        database = tmp_path / name / "search.sqlite"
        space = {"name": "chain", "choices": [3] * 4}
        metaqnn.search(
            space, faulty.ones, database, models, "random", lookahead=2, workers=workers, announce=print, **options
        )
        return database

    return run


def other(undisturbed: Path) -> Path:
    """The disturbed search beside an undisturbed one."""
    return undisturbed.parents[1] / "disturbed" / undisturbed.name


def architectures(database: Path) -> list[str]:
    """In the order of proposal."""
    with ReplayReader(database) as reader:
        return [model.architecture for model in reader.models()]


def evaluated(database: Path) -> dict[str, str]:
    """The architectures that have an evaluation, with how it ended."""
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute("SELECT architecture, status FROM evaluations JOIN models USING (model)"))


def in_flight(database: Path) -> list[str]:
    with ReplayReader(database) as reader:
        return [proposal.model.architecture for proposal in reader.proposals()]


def test_a_search_that_faults_stop_again_and_again_equals_an_undisturbed_one(search):
    undisturbed = search("undisturbed", workers=2)
    order = architectures(undisturbed)
    for number, name in enumerate(STOPPING, start=1):
        with pytest.raises(MachineError, match=r"^\S*( ?expected) .*, and run the same command again: nothing that"):
            search("disturbed", faults={order[2 * number - 1]: name})
        database = other(undisturbed)
        assert order[2 * number - 1] in in_flight(database)
        assert order[2 * number - 1] not in evaluated(database)
        assert set(evaluated(database).values()) <= {"ok"}
        with ReplayReader(database) as reader:
            assert reader.query("SELECT outcome FROM runs ORDER BY run DESC LIMIT 1")[1] == [("failed",)]
    assert contents(search("disturbed")) == contents(undisturbed)


@pytest.mark.parametrize("name", ["no_space", "no_thread", "a_read_only_database"])
def test_in_this_process(search, name):
    undisturbed = search("undisturbed", workers=0, models=4)
    faults = {architectures(undisturbed)[2]: name}
    with pytest.raises(MachineError):
        search("disturbed", workers=0, models=4, faults=faults)
    database = other(undisturbed)
    assert len(evaluated(database)) == 2
    assert in_flight(database)[0] in faults
    assert contents(search("disturbed", workers=0, models=4)) == contents(undisturbed)


def test_what_a_function_does_by_itself_is_a_failed_candidate(search):
    order = architectures(search("undisturbed", workers=0, models=4))
    database = search("own", workers=0, models=4, faults={order[0]: "absent", order[1]: "too_large_to_map"})
    assert list(evaluated(database).values()) == ["failed", "out_of_memory", "ok", "ok"]


class NoMoreFiles(Observer):
    """From the second proposal on no more files may be opened by this process."""

    def on_proposal(self, proposal):
        if proposal.episode == 2:
            self.limit = no_more_files()
            self.limit.__enter__()

    def on_end(self, status):
        self.limit.__exit__(None, None, None)


def test_a_worker_that_cannot_be_started_is_no_fault_of_its_candidate(search):
    with pytest.raises(MachineError, match="expected to open one more file, but Too many open files"):
        search("disturbed", observers=[NoMoreFiles()])
    undisturbed = search("undisturbed")
    assert not evaluated(other(undisturbed))
    assert len(in_flight(other(undisturbed))) == 2
    assert contents(search("disturbed")) == contents(undisturbed)
