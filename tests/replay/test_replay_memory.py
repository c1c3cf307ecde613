"""The writer's side: all or nothing, one writer, one plain file at the end, and nothing lost when it is killed."""

import math
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import pytest
from contracts.records import ACCURACY, evaluation, model
from small_searches import (
    ENDLESS,
    contents,
    difference,
    go_on,
    interrupt_after,
    judge,
    run_small,
    start_endless,
)

from metaqnn.core import (
    Candidate,
    Episode,
    Prediction,
    Proposal,
    QValue,
    Status,
    WorkerLost,
    WorkerReady,
)
from metaqnn.errors import DamageError, ReplayError
from metaqnn.replay import log
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.loop import Ending

EXPLORE = "strategy.schedule=[[1.0, 60]]"
"""Repeats are rare where all choices are random."""

SOFTMAX = model(1, "[SM(10)]", 1, 650, 1280)


def beside(path):
    """The names of the database's files."""
    return sorted(file.name for file in path.parent.glob(f"{path.name}*"))


def episode(number=1, **changes):
    facts = {
        "number": number,
        "iteration": 1,
        "recorded": {"epsilon": 1.0},
        "model": 1,
        "architecture": "[SM(10)]",
        "evaluation": 1,
        "score": 0.5,
        "reward": 0.5,
        "reused": number > 1,
    }
    return Episode(**(facts | changes))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "small.sqlite"


@pytest.fixture
def memory(path):
    with SQLiteReplayMemory(path) as memory:
        memory.initialise({"seed": 0, "name": "größe", "score": asdict(ACCURACY)})
        memory.begin_run(models=4, workers=1, versions={"numpy": "2"}, changes=[("models", 3, 4)])
        yield memory


# What goes in comes out


def test_what_is_recorded_is_read_back(memory):
    evaluation = judge(Candidate(1, "[SM(10)]", 0))
    proposal = Proposal(1, 1, {"epsilon": 1.0}, SOFTMAX, 1)
    memory.add_proposal(proposal)
    assert memory.proposals() == [proposal]
    memory.record(episode(), evaluation)
    assert memory.proposals() == []
    assert list(memory.episodes()) == [episode()]
    assert memory.evaluation(1) == evaluation
    assert memory.models() == [SOFTMAX]
    assert memory.known_model("[SM(10)]") == SOFTMAX
    assert memory.config() == {"seed": 0, "name": "größe", "score": asdict(ACCURACY)}
    assert memory.score() == ACCURACY
    assert memory.last_run() == {"models": 4, "workers": 1, "device": None, "versions": {"numpy": "2"}}


def test_what_is_not_recorded_is_not_found(memory):
    assert memory.evaluation(1) is None
    assert memory.evaluation(None) is None
    assert memory.known_model("[SM(10)]") is None
    assert memory.last_episode_of(1) is None
    assert memory.values() == (0, [])
    assert memory.next_numbers() == (1, 1, 1)


def test_numbers_go_on_after_what_is_in_flight(memory):
    memory.add_proposal(Proposal(1, 1, {"epsilon": 1.0}, SOFTMAX, 1))
    assert memory.next_numbers() == (2, 2, 2)


def test_a_loss_that_is_no_number_is_stored_as_null_and_read_as_nan(memory):
    memory.add_proposal(Proposal(1, 1, {"epsilon": 1.0}, SOFTMAX, 1))
    memory.record(episode(score=None, reward=0.1), judge(Candidate(1, "[SM(10)]", 0), {1: Status.DIVERGED}))
    stored = memory.query("SELECT train_loss, validation_loss, validation_accuracy FROM learning_curves")[1]
    assert stored == [(None, None, 0.0625)]
    (metrics,) = memory.evaluation(1).attempts[0].points
    assert math.isnan(metrics.figures["train_loss"])
    assert math.isnan(metrics.figures["validation_loss"])


def test_an_evaluation_that_is_recorded_early_is_not_recorded_twice(memory):
    evaluation = judge(Candidate(1, "[SM(10)]", 0))
    proposal = Proposal(1, 1, {"epsilon": 1.0}, SOFTMAX, 1)
    memory.add_proposal(proposal)
    memory.record_evaluations([(proposal, evaluation)])
    assert memory.evaluation(1) == evaluation
    memory.record(episode(), evaluation)
    assert memory.query("SELECT count(*) FROM evaluations")[1] == [(1,)]


def test_workers_are_recorded_with_their_device(memory):
    memory.record_worker(WorkerReady(1, 4711, "a device", {"keras": "3"}))
    memory.record_worker(WorkerLost(1, 7, "the worker process was ended by SIGKILL"))
    assert memory.query("SELECT run, worker, kind, pid, episode, reason FROM worker_events")[1] == [
        (1, 1, "ready", 4711, None, ""),
        (1, 1, "lost", None, 7, "the worker process was ended by SIGKILL"),
    ]
    assert memory.last_run()["device"] == "a device"
    assert memory.last_run()["versions"] == {"numpy": "2", "keras": "3"}


def test_a_checkpoint_changes_what_is_given_or_replaces_everything(memory):
    memory.checkpoint(1, [QValue("a", "x", 0.5, 1), QValue("a", "y", 0.25, 1)])
    memory.checkpoint(2, [QValue("a", "x", 0.75, 2)])
    assert memory.values() == (2, [QValue("a", "x", 0.75, 2), QValue("a", "y", 0.25, 1)])
    memory.checkpoint(3, [QValue("b", "x", 1.0, 1)], replace=True)
    assert memory.values() == (3, [QValue("b", "x", 1.0, 1)])


# All or nothing


def test_an_episode_that_cannot_be_recorded_leaves_nothing_of_its_evaluation(memory):
    memory.add_proposal(Proposal(1, 1, {"epsilon": 1.0}, SOFTMAX, 1))
    with pytest.raises(ReplayError, match=r"small.sqlite: the database could not be used: NOT NULL constraint failed"):
        memory.record(episode(reward=math.nan), judge(Candidate(1, "[SM(10)]", 0)))
    for table in ("evaluations", "learning_curves", "replay"):
        assert memory.query(f"SELECT count(*) FROM {table}")[1] == [(0,)]
    assert [proposal.episode for proposal in memory.proposals()] == [1]
    memory.record(episode(), judge(Candidate(1, "[SM(10)]", 0)))  # and the same connection can go on
    assert list(memory.episodes()) == [episode()]


def test_a_proposal_that_cannot_be_recorded_leaves_no_model(memory):
    memory.add_proposal(Proposal(1, 1, {"epsilon": 1.0}, SOFTMAX, 1))
    with pytest.raises(ReplayError, match=r"UNIQUE constraint failed: proposals.episode"):
        memory.add_proposal(Proposal(1, 2, {"epsilon": 1.0}, model(2, "[GAP(10), SM(10)]", 2, 130, 1480), 2))
    assert memory.models() == [SOFTMAX]
    assert memory.query("PRAGMA synchronous")[1] == [(2,)]  # FULL again


@pytest.mark.parametrize("is_early", [False, True])
def test_a_result_is_on_the_disk_before_its_episode_is_told(memory, is_early):
    """A commit waits for the disk unless all that it holds follows from what is there."""
    proposal, evaluation = Proposal(1, 1, {"epsilon": 1.0}, SOFTMAX, 1), judge(Candidate(1, "[SM(10)]", 0))
    memory.add_proposal(proposal)
    statements: list[str] = []
    memory._connection.set_trace_callback(statements.append)
    if is_early:
        memory.record_evaluations([(proposal, evaluation)])
    memory.record(episode(), evaluation)
    memory._connection.set_trace_callback(None)
    found = [text for text in statements if text == "COMMIT" or "synchronous" in text]
    repeatable = ["PRAGMA synchronous = NORMAL", "COMMIT", "PRAGMA synchronous = FULL"]
    assert found == (["COMMIT", *repeatable] if is_early else ["COMMIT"])
    assert list(memory.episodes()) == [episode()]


@pytest.mark.parametrize("spare", [0, 1, 3])
def test_a_full_disk_loses_nothing_that_was_recorded(tmp_path, spare):
    path, uninterrupted = tmp_path / "small.sqlite", tmp_path / "uninterrupted.sqlite"
    run_small(path, EXPLORE, models=3)
    before = contents(path)["replay"]
    with closing(sqlite3.connect(path)) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    with SQLiteReplayMemory(path, max_pages=pages + spare) as memory:
        memory.begin_run(1000, 1, {}, [])
        with pytest.raises(ReplayError, match=r"small.sqlite: the disk is full; everything recorded before is safe"):
            go_on(memory, models=1000)
        # The same connection still answers, and sees whole episodes alone.
        after = [e.number for e in memory.episodes()]
        halves = "SELECT count(*) FROM evaluations WHERE evaluation NOT IN (SELECT evaluation FROM replay)"
        early = memory.query(halves)[1][0][0]
        models = len(memory.models())
    assert early <= 1  # with a lookahead of 2 one training may be recorded ahead of its episode
    assert after == list(range(1, len(after) + 1))
    assert contents(path)["replay"][: len(before)] == before
    assert difference(path) is None
    run_small(path, EXPLORE, models=models + 5)
    run_small(uninterrupted, EXPLORE, models=3)
    run_small(uninterrupted, EXPLORE, models=models + 5)
    assert contents(path) == contents(uninterrupted)


def test_a_disk_too_full_for_the_schema_leaves_an_empty_file_that_can_be_used_later(path):
    with pytest.raises(ReplayError, match=r"the disk is full"):
        SQLiteReplayMemory(path, max_pages=5)
    assert path.stat().st_size == 0
    assert beside(path) == ["small.sqlite"]
    run_small(path, models=3)
    assert difference(path) is None


def test_a_number_too_large_for_sqlite_is_refused_in_one_sentence(memory):
    with pytest.raises(ReplayError, match=r"expected numbers up to 9,223,372,036,854,775,807, but one is larger"):
        memory.begin_run(models=2**63, workers=1, versions={}, changes=[])
    assert memory.query("SELECT count(*) FROM runs")[1] == [(1,)]


# One plain file


def test_while_writing_there_is_a_log_and_afterwards_one_plain_file(path):
    memory = SQLiteReplayMemory(path)
    memory.initialise({"seed": 0})
    assert beside(path) == ["small.sqlite", "small.sqlite-shm", "small.sqlite-wal"]
    assert memory.query("PRAGMA journal_mode")[1] == [("wal",)]
    assert memory.query("PRAGMA synchronous")[1] == [(2,)]
    memory.close()
    assert beside(path) == ["small.sqlite"]
    with ReplayReader(path) as reader:
        assert reader.query("PRAGMA journal_mode")[1] == [("delete",)]
        assert reader.config() == {"seed": 0}


def test_closing_twice_is_harmless(path):
    memory = SQLiteReplayMemory(path)
    memory.close()
    memory.close()
    with SQLiteReplayMemory(path) as again:
        assert again.config() == {}


def test_opening_for_writing_alone_changes_nothing(finished):
    before = finished.read_bytes()
    with SQLiteReplayMemory(finished) as memory:
        assert len(memory.models()) == 12
    assert finished.read_bytes() == before


def test_the_folder_of_a_new_database_is_made(tmp_path):
    path = tmp_path / "a" / "b" / "new.sqlite"
    SQLiteReplayMemory(path).close()
    assert beside(path) == ["new.sqlite"]


def test_a_log_that_somebody_still_looks_at_is_folded_by_the_next_writer(path):
    memory = SQLiteReplayMemory(path)
    memory.initialise({"seed": 0})
    with ReplayReader(path) as reader, reader.snapshot():
        assert reader.config() == {"seed": 0}
        memory.begin_run(4, 1, {}, [])
        memory.close()
        assert reader.last_run() is None  # it still sees the state in which it began
    assert "small.sqlite-wal" in beside(path)
    with ReplayReader(path) as reader:
        assert reader.last_run()["models"] == 4
    with SQLiteReplayMemory(path) as memory:
        memory.end_run("interrupted")
    assert beside(path) == ["small.sqlite"]


# Looking while it writes


def test_a_reader_sees_whole_states_while_a_search_writes(path):
    run_small(path, models=2)
    counts = "SELECT (SELECT count(*) FROM replay), (SELECT count(*) FROM models), (SELECT max(iteration) FROM replay)"
    with SQLiteReplayMemory(path) as memory, ReplayReader(path) as reader:
        memory.begin_run(6, 1, {}, [])
        with reader.snapshot():
            first = reader.query(counts)[1]
            assert first == [(2, 2, 2)]
            go_on(memory, models=6)
            assert reader.query(counts)[1] == first
        ((_, models, iteration),) = reader.query(counts)[1]
        assert (models, iteration) == (6, 6)


def test_every_state_that_a_reader_meets_verifies(path):
    seen = []

    def look_and_judge(candidate):
        if path.exists() and candidate.number % 2:
            assert difference(path) is None
            with ReplayReader(path) as reader:
                seen.append(len(list(reader.episodes())))
        return judge(candidate)

    run_small(path, function=look_and_judge)
    assert len(seen) >= 5
    assert seen == sorted(seen)


# One writer


def test_a_second_writer_is_refused(path):
    with SQLiteReplayMemory(path) as memory:
        sentence = "another search or training is running on this file; wait for it, stop it, or choose another file$"
        with pytest.raises(ReplayError, match=sentence):
            SQLiteReplayMemory(path)
        memory.initialise({"seed": 0})  # the first one is not disturbed
    with SQLiteReplayMemory(path) as memory:
        assert memory.config() == {"seed": 0}


def test_a_file_that_cannot_be_opened_is_not_left_locked(path):
    path.write_text("no database", encoding="utf-8")
    with pytest.raises(ReplayError, match=r"no SQLite database"):
        SQLiteReplayMemory(path)
    path.unlink()
    with SQLiteReplayMemory(path) as memory:
        assert memory.models() == []


def test_a_place_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ReplayError, match=r"expected a place in a folder, but .*file is a file; choose another"):
        SQLiteReplayMemory(tmp_path / "file" / "new.sqlite")
    with pytest.raises(ReplayError, match=r"expected a place that can be written, but Not a directory; choose another"):
        SQLiteReplayMemory(tmp_path / "file" / "folder" / "new.sqlite")


# Killed


def test_a_search_killed_at_any_instant_goes_on_as_if_it_never_stopped(tmp_path):
    path, uninterrupted = tmp_path / "small.sqlite", tmp_path / "uninterrupted.sqlite"
    for episodes, pause in ((7, 0.0), (11, 0.0013)):
        with start_endless(path) as process:
            printed = [int(process.stdout.readline()) for _ in range(episodes)]
            time.sleep(pause)  # some instant between two episodes
            process.kill()
            printed += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        assert process.returncode == -signal.SIGKILL
        assert "small.sqlite-wal" in beside(path)
        with ReplayReader(path) as reader:
            assert [e.number for e in reader.episodes()][: printed[-1]] == list(range(1, printed[-1] + 1))
        assert difference(path) is None
    # Opening for writing takes over from the dead process, and closing folds its log.
    with SQLiteReplayMemory(path) as memory:
        models = len(memory.models()) + 5
    assert beside(path) == ["small.sqlite"]
    assert difference(path) is None
    run_small(path, *ENDLESS, models=models)
    run_small(uninterrupted, *ENDLESS, models=5000, function=interrupt_after(1))  # the same schedule is stored
    run_small(uninterrupted, *ENDLESS, models=models)
    assert difference(path) is None
    assert contents(path) == contents(uninterrupted)


def test_a_search_interrupted_and_resumed_equals_an_uninterrupted_one(path, finished):
    report = run_small(path.with_name("stopped.sqlite"), function=interrupt_after(5))
    assert (report.ending, report.signal) == (Ending.INTERRUPTED, signal.SIGINT)
    assert beside(path.with_name("stopped.sqlite")) == ["stopped.sqlite"]
    run_small(path.with_name("stopped.sqlite"))
    assert contents(path.with_name("stopped.sqlite")) == contents(finished)
    with ReplayReader(path.with_name("stopped.sqlite")) as reader:
        outcomes = reader.query("SELECT outcome, pid FROM runs ORDER BY run")[1]
    assert outcomes == [("interrupted", os.getpid()), ("completed", os.getpid())]


def test_an_evaluation_keeps_its_status_and_reason(path):
    with SQLiteReplayMemory(path) as memory:
        memory.initialise({"seed": 0, "score": asdict(ACCURACY)})
        for number, status in enumerate(Status, start=1):
            found = model(number, f"[network {number}]", 1, 1, 1)
            attempts = judge(Candidate(1, "[SM(10)]", 0)).attempts
            prediction = Prediction(2, 0.75, 0.625, 0.875) if status is Status.EARLY_STOPPED else None
            result = evaluation(status, f"why {number}", attempts, 1.0, "a device", prediction)
            memory.add_proposal(Proposal(number, number, {"epsilon": 1.0}, found, number))
            memory.record(episode(number, model=number, evaluation=number, score=result.score), result)
            assert memory.evaluation(number) == result
        assert Path(memory.path) == path


def test_a_control_keeps_its_prediction_and_its_accuracy(memory):
    control = replace(judge(Candidate(1, "[SM(10)]", 0)), prediction=Prediction(1, 0.25, 0.125, 0.375))
    memory.add_proposal(Proposal(1, 1, {"epsilon": 1.0}, SOFTMAX, 1))
    memory.record(episode(score=control.score), control)
    assert memory.evaluation(1) == control
    columns = "best_accuracy, predicted_epoch, predicted_accuracy, predicted_low, predicted_high"
    assert memory.query(f"SELECT {columns} FROM evaluations")[1] == [(control.score, 1, 0.25, 0.125, 0.375)]


def test_a_status_that_says_predicted_without_a_prediction_is_refused(finished):
    with closing(sqlite3.connect(finished)) as connection, connection:
        connection.execute("UPDATE evaluations SET status = 'predicted' WHERE evaluation = 2")
    with (
        ReplayReader(finished) as reader,
        pytest.raises(DamageError, match=r": table evaluations, row 2, column predicted_epoch: expected "),
    ):
        reader.evaluation(2)


@pytest.mark.parametrize("lock", ["BEGIN", "BEGIN IMMEDIATE"])
def test_a_writer_waits_until_others_are_done(finished, lock):
    with closing(sqlite3.connect(finished, isolation_level=None, check_same_thread=False)) as other:
        other.execute(lock)
        other.execute("SELECT count(*) FROM replay").fetchone()
        done = threading.Timer(0.3, other.execute, ["COMMIT"])
        done.start()
        with SQLiteReplayMemory(finished) as memory:
            memory.begin_run(20, 1, {}, [])
            done.join()
            assert memory.last_run()["models"] == 20


@contextmanager
def looking_again_and_again(path):
    """Somebody who looks anew before the look before has ended, so that the log is always read from."""
    is_over, looks = threading.Event(), []

    def look():
        connections = [sqlite3.connect(path, isolation_level=None) for _ in range(2)]
        while not is_over.is_set():
            for connection in connections:
                if connection.in_transaction:
                    connection.execute("COMMIT")
                connection.execute("BEGIN")
                looks.append(connection.execute("SELECT count(*) FROM replay").fetchone()[0])
        for connection in connections:
            connection.close()

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield looks
    finally:
        is_over.set()
        looker.join()


def test_the_log_stays_short_while_others_look_again_and_again(memory, path, monkeypatch):
    monkeypatch.setattr(log, "BYTES", 2**17)
    sizes = []
    with looking_again_and_again(path) as looks:
        for number in range(1, 201):
            one = model(number, f"[C({number},1,1), SM(10)]", 2, 650, 1280)
            memory.add_proposal(Proposal(number, number, {}, one, number))
            memory.record(episode(number, model=number, evaluation=number), evaluation(0.5))
            sizes.append(Path(f"{path}-wal").stat().st_size)
    assert looks
    assert looks == sorted(looks)
    assert len(list(memory.episodes())) == 200
    assert sum(later < earlier for earlier, later in pairwise(sizes)) >= 2  # it was begun anew
    assert max(sizes) < 2 * 2**17


def test_a_log_that_a_reader_holds_is_begun_anew_when_it_ends(memory, path, monkeypatch):
    monkeypatch.setattr(log, "BYTES", 2**16)
    monkeypatch.setattr(log, "PATIENCE", 1)
    memory.begin_run(5, 1, {}, [])
    with ReplayReader(path) as reader, reader.snapshot():
        assert reader.last_run()["workers"] == 1
        for workers in range(50):
            memory.begin_run(5, workers, {}, [])
        assert reader.last_run()["workers"] == 1
        assert Path(f"{path}-wal").stat().st_size > 2 * 2**16
    for workers in range(50):
        memory.begin_run(5, workers, {}, [])
    assert Path(f"{path}-wal").stat().st_size <= 2 * 2**16


def test_a_long_look_at_a_running_search_does_not_hold_the_log(memory, path, monkeypatch):
    monkeypatch.setattr(log, "BYTES", 2**16)
    memory.begin_run(5, 1, {}, [])
    with ReplayReader(path) as reader:
        with reader.snapshot(is_long=True):
            for workers in range(50):
                memory.begin_run(5, workers, {}, [])
            assert reader.last_run()["workers"] == 1
            assert Path(f"{path}-wal").stat().st_size <= 2 * 2**16
        assert reader.last_run()["workers"] == 49
