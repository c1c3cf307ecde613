"""The soak: what it would notice, and a short one. An hour of it is `make soak`."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from patience import patience

from benchmarks.soak.subject import Command, Subject, ViolationError

TOP = Path(__file__).parents[1]
GOLDEN = TOP / "tests" / "golden" / "schema_v4.sqlite"


@pytest.fixture
def subject(tmp_path):
    """A search that recorded some episodes."""
    subject = Subject("guided", 0, tmp_path / "disk", tmp_path)
    shutil.copy(GOLDEN, subject.database)
    subject.check(GOLDEN)
    assert subject.recorded
    return subject


def change(subject, statement):
    with closing(sqlite3.connect(subject.database)) as connection:
        connection.execute(statement)
        connection.commit()


def test_nothing_is_noticed_where_nothing_happened(subject):
    subject.check(GOLDEN)
    subject.check_end(GOLDEN)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM replay WHERE episode = (SELECT max(episode) FROM replay)", "episodes were recorded, of which"),
        ("UPDATE replay SET reward = reward + 1e-9 WHERE episode = 3", "episodes were recorded, of which"),
        ("UPDATE models SET costs = '{}' WHERE model = 1", "does not verify"),
    ],
)
def test_an_episode_that_is_lost_or_changed_is_noticed(subject, statement, problem):
    change(subject, statement)
    with pytest.raises(ViolationError, match=problem):
        subject.check(GOLDEN)


def test_a_result_of_another_search_is_noticed(subject):
    change(subject, "UPDATE learning_curves SET figures = '{}' WHERE evaluation = 1")
    with pytest.raises(ViolationError, match="table learning_curves differs"):
        subject.check_end(GOLDEN)


@pytest.mark.parametrize("name", ["notes.txt", "folder.part/thesis.txt"])
def test_a_file_of_the_user_s_that_is_gone_or_new_is_noticed(subject, name):
    kept = (subject.disk / name).read_text()
    (subject.disk / name).unlink()
    with pytest.raises(ViolationError, match="a file of the user's"):
        subject.check(GOLDEN)
    (subject.disk / name).write_text(kept)  # the same, but of another time
    with pytest.raises(ViolationError, match="a file of the user's"):
        subject.check(GOLDEN)


def test_a_file_that_is_left_is_noticed(subject):
    Path(f"{subject.database}-wal").write_bytes(b"")
    with pytest.raises(ViolationError, match=r"left beside the database: search\.sqlite-wal$"):
        subject.check_end(GOLDEN)


def test_an_end_with_another_code_is_noticed(tmp_path):
    command = Command(["replay", "summary", tmp_path / "none.sqlite"], tmp_path)
    with pytest.raises(ViolationError, match="exit code 2, expected 0"):
        command.wait()
    assert Command(["replay", "summary", tmp_path / "none.sqlite"], tmp_path).wait((2,)) == 2


@pytest.mark.long
def test_a_minute_of_faults_violates_nothing(tmp_path):
    words = [sys.executable, "-m", "benchmarks.soak", "--minutes", "1", "--seed", "7", "--out", str(tmp_path)]
    run = subprocess.run(words, cwd=TOP, capture_output=True, text=True, timeout=patience(280), check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    summary = json.loads((tmp_path / "soak.json").read_text())
    assert summary["violations"] == []
    assert summary["rounds"] >= 1
    assert sum(summary["faults"].values()) >= 1
