"""`metaqnn search` and `resume`: started, stopped, resumed, started anew; twice with real training."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from small_searches import contents, difference, interrupt_after, judge, judged

from metaqnn.replay.reader import ReplayReader


def runs(path):
    with ReplayReader(path) as reader:
        return reader.query("SELECT outcome, models, workers, changes FROM runs ORDER BY run")[1]


@pytest.mark.usefixtures("instant")
def test_a_search_from_start_to_end(metaqnn, small_yaml, tmp_path):
    result = metaqnn("search", small_yaml)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[:2] == [
        "small: digits, seed 3, database replay_db/small.sqlite",
        "Measuring how fast this machine trains ...",
    ]
    assert lines[2].startswith("Estimate: 12 networks of about 1 s (")
    assert lines[3] == "The search starts: 0 of 12 models done, best -."
    assert re.fullmatch(
        r"\[   1/12\] eps 1\.00    44\.14 %  best 44\.14 %  reused 0  [0-9,]+/h  left 0:0[0-9]", lines[4]
    )
    assert lines[5] == "           [C(8,3,1), SM(10)]"
    assert sum(line.startswith("[") for line in lines) == 12
    end = lines.index("The 5 best networks")
    assert lines[end + 3].split()[:5] == ["9", "87.50", "%", "1", "3,206"]
    assert re.fullmatch(
        r"The search is complete: 12 networks in 0:0[0-9] in 1 run, 28 repeats reused, 0:55 of training saved\.",
        lines[-3],
    )
    assert lines[-2:] == [
        "Look deeper: metaqnn replay summary replay_db/small.sqlite",
        "Retrain:     metaqnn train replay_db/small.sqlite --top 5",
    ]
    assert sorted(path.name for path in (tmp_path / "replay_db").iterdir()) == ["small.sqlite"]
    assert difference(tmp_path / "replay_db" / "small.sqlite") is None
    assert max(map(len, lines)) <= 120


@pytest.mark.usefixtures("instant")
def test_the_commands_that_the_last_lines_name_can_be_typed(metaqnn, small_yaml):
    deeper, retrain = metaqnn("search", small_yaml).out.splitlines()[-2:]
    assert metaqnn(*deeper.removeprefix("Look deeper: metaqnn ").split()).code == 0
    words = retrain.removeprefix("Retrain:     metaqnn ").split()
    assert metaqnn(*words, "--top", 1, "--set", "final.epochs=1").code == 0


@pytest.mark.usefixtures("instant")
def test_the_same_command_again_finds_the_search_complete(metaqnn, small_yaml, tmp_path):
    metaqnn("search", small_yaml)
    before = contents(tmp_path / "replay_db" / "small.sqlite")
    result = metaqnn("search", small_yaml)
    assert (result.code, result.err) == (0, "")
    assert "The search resumes: 12 of 12 models done, best 87.50 %." in result.out
    assert "Measuring" not in result.out
    assert "The search is complete: 12 networks in " in result.out
    assert contents(tmp_path / "replay_db" / "small.sqlite") == before


def test_a_stopped_search_says_what_was_kept_and_goes_on(metaqnn, small_yaml, tmp_path):
    path = tmp_path / "my search.sqlite"
    with judged(interrupt_after(5)):
        result = metaqnn("search", small_yaml, "--db", path)
    assert (result.code, result.err) == (128 + signal.SIGINT, "")
    assert result.out.splitlines()[-3:] == [
        f"Stopped: 4 of 12 networks are kept in {path}; what was in training will be trained again.",
        f"Go on:       metaqnn search {small_yaml} --db '{path}'",
        f"Look deeper: metaqnn replay summary '{path}'",
    ]
    with judged():
        again = metaqnn("resume", small_yaml, "--db", path)
    assert (again.code, again.err) == (0, "")
    assert "The search resumes: 4 of 12 models done, best 61.33 %." in again.out
    assert [run[0] for run in runs(path)] == ["interrupted", "completed"]
    with judged():
        metaqnn("search", small_yaml, "--db", tmp_path / "uninterrupted.sqlite")
    assert contents(path) == contents(tmp_path / "uninterrupted.sqlite")


def test_what_the_last_lines_say_leaves_fresh_away(metaqnn, small_yaml):
    with judged(interrupt_after(5)):
        result = metaqnn("search", small_yaml, "--fresh", "--models", 9)
    assert f"\nGo on:       metaqnn search {small_yaml} --models 9\n" in result.out


def test_time_is_up(metaqnn, small_yaml, tmp_path):
    def slow(candidate):
        time.sleep(0.15)
        return judge(candidate)

    with judged(slow):
        result = metaqnn("search", small_yaml, "--max-time", "0.4s")
    assert (result.code, result.err) == (0, "")
    assert re.search(r"\nTime is up: [0-9] of 12 networks are kept in replay_db/small\.sqlite; ", result.out)
    assert f"\nGo on:       metaqnn search {small_yaml} --max-time 0.4s  (with a larger" in result.out
    # The time is a total over all runs: nothing is left of it.
    with judged(slow):
        again = metaqnn("search", small_yaml, "--max-time", "0.4s")
    assert "\nTime is up: " in again.out
    assert [run[0] for run in runs(tmp_path / "replay_db" / "small.sqlite")] == ["out_of_time", "out_of_time"]
    assert difference(tmp_path / "replay_db" / "small.sqlite") is None


@pytest.mark.usefixtures("instant")
def test_the_budget_is_a_total_that_may_change(metaqnn, small_yaml, tmp_path):
    path = tmp_path / "replay_db" / "small.sqlite"
    assert "complete: 3 networks" in metaqnn("search", small_yaml, "--models", 3).out
    assert "complete: 3 networks" in metaqnn("search", small_yaml).out  # the budget of the run before is kept
    assert "complete: 8 networks" in metaqnn("search", small_yaml, "--models", 8).out
    smaller = metaqnn("search", small_yaml, "--models", 5)  # less than there is: nothing to do, nothing lost
    assert (smaller.code, smaller.err) == (0, "")
    assert "complete: 8 networks" in smaller.out
    assert [run[:3] for run in runs(path)] == [
        ("completed", 3, runs(path)[0][2]),
        ("completed", 3, runs(path)[0][2]),
        ("completed", 8, runs(path)[0][2]),
        ("completed", 5, runs(path)[0][2]),
    ]
    assert runs(path)[2][3] == '[["models", 3, 8]]'
    assert difference(path) is None


@pytest.mark.usefixtures("instant")
def test_the_number_of_workers_may_change(metaqnn, small_yaml, tmp_path):
    metaqnn("search", small_yaml, "--models", 3, "--workers", 1)
    assert metaqnn("search", small_yaml, "--models", 6, "--workers", 2).code == 0
    assert runs(tmp_path / "replay_db" / "small.sqlite")[1][3] == '[["models", 3, 6], ["workers", 1, 2]]'


@pytest.mark.usefixtures("instant")
def test_another_version_of_a_library_is_warned_of_and_recorded(metaqnn, small_yaml, finished):
    with closing(sqlite3.connect(finished)) as connection, connection:
        connection.execute("UPDATE runs SET versions = json_set(versions, '$.numpy', '1.0')")
    result = metaqnn("search", small_yaml, "--db", finished)
    assert (result.code, result.err) == (0, "")
    assert "\nWarning: numpy was 1.0 before and is " in result.out
    assert runs(finished)[1][3].startswith('[["numpy", "1.0", "')


@pytest.mark.usefixtures("instant")
def test_another_engine_is_warned_of_and_recorded(metaqnn, small_yaml, finished):
    with closing(sqlite3.connect(finished)) as connection, connection:
        connection.execute("UPDATE runs SET versions = json_set(versions, '$.engine', 'tensorflow 0')")
    result = metaqnn("search", small_yaml, "--db", finished)
    assert (result.code, result.err) == (0, "")
    expected = "\nWarning: engine was tensorflow 0 before and is tensorflow 2 now; new rewards may differ."
    assert expected in result.out
    assert runs(finished)[1][3].startswith('[["engine", "tensorflow 0", "tensorflow 2"]')


@pytest.mark.usefixtures("instant")
def test_fresh_moves_the_old_file_aside_and_deletes_nothing(metaqnn, small_yaml, finished):
    before = finished.read_bytes()
    for number in (1, 2):
        result = metaqnn("search", small_yaml, "--db", finished, "--fresh", "--set", f"seed={number}")
        assert (result.code, result.err) == (0, "")
        assert re.search(
            rf"\nThe earlier search was moved to {finished.parent}/small\.[0-9]{{8}}-[0-9]{{6}}(-2)?\.sqlite\.\n",
            result.out,
        )
        assert "The search starts: 0 of 12 models done" in result.out
    aside = sorted(finished.parent.glob("small.2*.sqlite"))
    assert len(aside) == 2
    assert sorted(path.read_bytes() == before for path in aside) == [False, True]
    assert [difference(path) for path in (*aside, finished)] == [None, None, None]


@pytest.mark.usefixtures("instant")
def test_fresh_where_there_is_nothing_just_starts(metaqnn, small_yaml):
    result = metaqnn("search", small_yaml, "--fresh", "--models", 2)
    assert (result.code, result.err) == (0, "")
    assert "moved" not in result.out


@pytest.mark.usefixtures("instant")
def test_names_in_any_script(metaqnn, small_yaml, tmp_path):
    folder = tmp_path / "поиск 検索"
    folder.mkdir()
    file = folder / "größe.yaml"
    file.write_text(small_yaml.read_text(encoding="utf-8").replace("name: small", "name: größe_検索"), encoding="utf-8")
    result = metaqnn("search", file, "--models", 2)
    assert (result.code, result.err) == (0, "")
    assert "größe_検索: digits, seed 3, database replay_db/größe_検索.sqlite" in result.out
    assert metaqnn("replay", "verify", "replay_db/größe_検索.sqlite").code == 0
    assert metaqnn("search", file, "--models", 2, "--db", folder / "база.sqlite").code == 0
    assert difference(folder / "база.sqlite") is None


@pytest.mark.usefixtures("instant")
def test_an_empty_file_is_a_place_for_a_new_search(metaqnn, small_yaml, tmp_path):
    path = tmp_path / "empty.sqlite"
    path.touch()
    result = metaqnn("search", small_yaml, "--db", path, "--models", 2)
    assert (result.code, result.err) == (0, "")
    assert difference(path) is None


@pytest.mark.usefixtures("instant")
def test_a_long_search_is_announced_with_a_shorter_one(metaqnn, small_yaml):
    long = ["--set", "training.epochs=100000000", "--models", 2, "--set", "strategy.schedule=[[1.0, 2]]"]
    result = metaqnn("search", small_yaml, *long)
    assert "Estimate: 2 networks of about " in result.out
    assert "days" in result.out
    assert "\nFor a shorter one, set a smaller budget with --models or --max-time.\n" in result.out


@pytest.mark.usefixtures("instant")
def test_ctrl_c_before_the_search_begins(metaqnn, small_yaml, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("small_searches.Judge.measure_speed", lambda *_: signal.raise_signal(signal.SIGINT))
        result = metaqnn("search", small_yaml)
    assert (result.code, result.err) == (130, "")
    assert "\nStopped: 0 of 12 networks are kept in replay_db/small.sqlite; " in result.out
    assert metaqnn("search", small_yaml).code == 0
    assert [run[0] for run in runs(tmp_path / "replay_db" / "small.sqlite")] == ["interrupted", "completed"]
    assert difference(tmp_path / "replay_db" / "small.sqlite") is None


# Real training, once: some ten seconds, most of it TensorFlow's start. (Killing and interrupting: tests/test_kill.py.)


@pytest.fixture(scope="module")
def real_search(tmp_path_factory):
    """A real search of two networks in a process of its own, run to its end: how it ended, and its database."""
    path = tmp_path_factory.mktemp("real") / "digits.sqlite"
    command = [sys.executable, "-m", "metaqnn", "search", "digits", "--models", "2", "--db", str(path)]
    command += ["--set", "training.epochs=1"]
    return subprocess.run(command, capture_output=True, text=True, check=False), path


def test_a_real_search(real_search):
    result, path = real_search
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert re.search(r"^Estimate: 2 networks of about [0-9]+ s \([0-9.]+ MFLOPs an image\) take about", lines[2])
    assert lines[3] == "The search starts: 0 of 2 models done, best -."
    assert "The 5 best networks" in lines
    assert re.match(r"The search is complete: 2 networks in [0-9]+:[0-9]{2} in 1 run, ", lines[-3])
    assert difference(path) is None
    assert [run[0] for run in runs(path)] == ["completed"]
    assert sorted(file.name for file in path.parent.iterdir()) == ["digits.sqlite"]
    with ReplayReader(path) as reader:
        epochs = reader.query("SELECT DISTINCT attempt, epoch FROM learning_curves ORDER BY 1, 2")[1]
        devices = reader.query("SELECT count(*) FROM evaluations WHERE device = ''")[1]
    assert epochs[0] == (1, 1)
    assert {epoch for _, epoch in epochs} == {1}
    assert devices == [(0,)]


def test_a_real_search_records_its_device_and_backend(real_search):
    _, path = real_search
    with ReplayReader(path) as reader:
        last = reader.last_run()
        ready = reader.query("SELECT count(*) FROM worker_events WHERE kind = 'ready'")[1][0][0]
    assert ready >= 1
    assert last["device"]
    assert last["versions"]["keras_backend"] == "tensorflow"
