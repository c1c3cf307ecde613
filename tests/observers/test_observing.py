"""Observers of real searches: told, killed, failing, hanging, with a full disk; the search's rows are the same."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from databases import contents
from patience import patience, wait_until

import metaqnn as package
from metaqnn.core import Observer
from metaqnn.errors import ConfigError
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows.observing import ObserverProcess, follow_to_the_end
from metaqnn.workflows.section import read_observer, read_observer_words

MODULE = '''
import os
import resource
import time
from pathlib import Path

from metaqnn.core import SearchObserver
from metaqnn.observers.rows import CSVRows


def ones(architecture):
    time.sleep(float(os.environ.get("SLOWLY", 0)))
    return architecture.text.count("1")


class Raises(SearchObserver):
    """Raises at its third episode."""

    def start(self):
        return 0

    def write(self, observed):
        if observed.episode.number == 3:
            raise ValueError("no more\\nof this")


class Hangs(Raises):
    """Never comes back."""

    def write(self, observed):
        time.sleep(1e6)


class Exits(Raises):
    """Takes its process along."""

    def write(self, observed):
        os._exit(7)


class Full(CSVRows):
    """Has no space for more than two rows or so."""

    def start(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
        return super().start()
'''
SPACE = {"name": "chain", "choices": [3] * 4}


@pytest.fixture
def judges(tmp_path, monkeypatch):
    """The module above, where this process and its children find it."""
    (tmp_path / "observed_judges.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    sys.modules.pop("observed_judges", None)
    import observed_judges

    yield observed_judges
    sys.modules.pop("observed_judges", None)


def search(judges, database, models=12, observers=(), said=None, **options):
    said = [] if said is None else said
    arguments = {"score": "ones", "workers": 0, "observers": observers, "announce": said.append, **options}
    package.search(SPACE, judges.ones, database, models, **arguments)
    return said


def episodes_in(path: Path) -> list[int]:
    with path.open(encoding="utf-8", newline="") as file:
        return [int(row["episode"]) for row in csv.DictReader(file)]


def episodes_of(database: Path) -> int:
    with ReplayReader(database) as reader:
        return reader.episode_count()


def test_rows_of_every_episode_and_on_resume_only_of_new_ones(judges, tmp_path):
    database = tmp_path / "seen.sqlite"
    for models in (5, 12):
        search(judges, database, models, ["csv", {"name": "jsonl", "path": "mine.jsonl"}])
        count = episodes_of(database)
        assert episodes_in(tmp_path / "seen.episodes.csv") == list(range(1, count + 1))
    lines = (tmp_path / "mine.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["episode"] for row in rows] == list(range(1, count + 1))
    assert all("".join(row["actions"]) == row["architecture"] for row in rows)
    assert rows[-1]["best_score"] == max(row["score"] for row in rows)
    for models in (5, 12):
        search(judges, tmp_path / "alone" / "seen.sqlite", models)
    assert contents(tmp_path / "alone" / "seen.sqlite") == contents(database)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Raises", "ValueError: no more of this"),
        ("Exits", "its process ended with code 7"),
        ("Full", "expected to write a file of this size"),
    ],
)
def test_one_that_fails_is_told_once_and_the_search_is_as_without_it(judges, tmp_path, name, problem):
    target = f"observed_judges:{name}"
    said = search(judges, tmp_path / "failing.sqlite", observers=[target, "jsonl"])
    dropped = [line for line in said if "dropped" in line]
    assert len(dropped) == 1
    assert f"The observer {target} is dropped ({problem}" in dropped[0]
    assert dropped[0].endswith(f"metaqnn observe {tmp_path / 'failing.sqlite'} {target}")
    lines = (tmp_path / "failing.episodes.jsonl").read_text().splitlines()
    assert len(lines) == episodes_of(tmp_path / "failing.sqlite"), "the other one goes on"
    search(judges, tmp_path / "alone" / "failing.sqlite")
    assert contents(tmp_path / "alone" / "failing.sqlite") == contents(tmp_path / "failing.sqlite")


def test_one_that_hangs_is_dropped_and_its_process_is_gone(judges, tmp_path):
    database, said = tmp_path / "hanging.sqlite", []
    search(judges, database)
    process = ObserverProcess(
        read_observer("observed_judges:Hangs", "a test"), database, (), said.append, hang_seconds=0.2, end_seconds=1e6
    )
    process.on_start(None)
    pid = process._process.pid
    with ReplayReader(database) as reader:
        last = list(reader.episodes())[-1]
    process.on_episode(last, None)
    process.on_end(None)  # would wait for days
    process.on_episode(last, None)
    assert len(said) == 1
    assert "it has kept nothing for" in said[0]
    assert not Path(f"/proc/{pid}").exists()


def test_the_end_does_not_wait_long_for_one_that_lags_and_not_at_all_where_the_user_stops(judges, tmp_path):
    database, said = tmp_path / "lagging.sqlite", []
    search(judges, database)
    section = read_observer("observed_judges:Hangs", "a test")
    for options in ({"end_seconds": 0.3}, {"stop_requested": lambda: True}):
        process = ObserverProcess(section, database, (), said.append, **options)
        process.on_start(None)
        process.on_end(None)
    assert ["it has kept 0 of 0 episodes" in line for line in said] == [True, True]


def test_a_live_observer_that_raises_is_dropped(judges, tmp_path):
    class Fails(Observer):
        calls = 0

        def on_proposal(self, proposal):
            self.calls += 1
            raise RuntimeError("not\nnow")

    fails = Fails()
    said = search(judges, tmp_path / "live.sqlite", observers=[fails])
    assert [line for line in said if "dropped" in line] == [
        "The observer Fails is dropped (RuntimeError: not now); the search is not touched."
    ]
    assert fails.calls == 1
    assert episodes_of(tmp_path / "live.sqlite") >= 12


EXPERIMENT = """
name: killed
space: {name: chain, choices: [3, 3, 3, 3, 3, 3, 3]}
strategy: {name: random}
evaluator: {name: function, function: "observed_judges:ones", score: ones}
search: {models: 400, lookahead: 2, workers: 1}
observers: [csv, {name: jsonl}]
"""


@pytest.mark.timeout(600)
def test_killed_at_any_moment_and_resumed_every_episode_stands_once(judges, tmp_path, monkeypatch):
    monkeypatch.setenv("SLOWLY", "0.002")
    (tmp_path / "killed.yaml").write_text(EXPERIMENT, encoding="utf-8")
    rows, database = tmp_path / "killed.episodes.csv", tmp_path / "killed.sqlite"
    command = [sys.executable, "-m", "metaqnn", "search", "killed.yaml", "--db", "killed.sqlite", "--models"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    for least in (3, 40):
        running = subprocess.Popen([*command, "400"], env=environment, stdout=subprocess.DEVNULL)
        wait_until(lambda least=least: rows.exists() and rows.read_bytes().count(b"\n") > least)
        running.send_signal(signal.SIGKILL)
        running.wait()
        observer_is_gone(rows)
    done = max(episodes_in(rows))
    ended = subprocess.run(
        [*command, str(done + 20)], env=environment, capture_output=True, text=True, check=True, timeout=patience(120)
    )
    assert "dropped" not in ended.stdout + ended.stderr
    count = episodes_of(database)
    assert episodes_in(rows) == list(range(1, count + 1))
    lines = (tmp_path / "killed.episodes.jsonl").read_text().splitlines()
    assert Counter(json.loads(line)["episode"] for line in lines) == Counter(range(1, count + 1))
    with ReplayReader(database) as reader:
        assert "observers" not in reader.config()["experiment"], "they are none of what the search is"


def observer_is_gone(rows: Path) -> None:
    """Wait until nobody has a file open."""

    def is_open() -> bool:
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if os.readlink(link) == str(rows):
                    return True
            except OSError:
                continue
        return False

    wait_until(lambda: not is_open())


def test_what_was_missed_is_completed_afterwards(judges, tmp_path):
    database = tmp_path / "after.sqlite"
    search(judges, database)
    with ReplayReader(database) as reader:
        count = reader.episode_count()
        assert follow_to_the_end(reader, read_observer_words("csv,path=there.csv")) == count
        assert follow_to_the_end(reader, read_observer_words("csv,path=there.csv")) == 0
    assert episodes_in(tmp_path / "there.csv") == list(range(1, count + 1))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("cvs", "--observe cvs: there is no observer 'cvs'; did you mean 'csv'?"),
        ("csv,file=x", "--observe csv,file=x: file: there is no such key; valid names are path"),
        ("csv,path=[1]", r"--observe csv,path=\[1\]: path: expected a text or nothing, got a list \[1\]"),
        ("csv,path", "--set path: expected KEY=VALUE"),
        ("observed_judges:ones", "expected a subclass of metaqnn.core.SearchObserver"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(judges, words, message):
    with pytest.raises(Exception, match=message):
        read_observer_words(words)


def test_a_package_that_is_absent_is_named(monkeypatch):
    from metaqnn.observers.mlflow import MLflow

    monkeypatch.setattr(MLflow, "needs", {"no_such_module": "metaqnn[mlflow]"})
    with pytest.raises(ConfigError, match=r"observer mlflow needs no_such_module, .* pip install 'metaqnn\[mlflow\]'"):
        read_observer("mlflow", "my.yaml: observers[0]")
