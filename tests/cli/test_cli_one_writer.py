"""Every command that writes goes through the one writer, and a folder that may not be entered is told as what it is."""

import os
import sqlite3
from contextlib import closing, contextmanager

import pytest
from small_searches import difference, judge

import metaqnn as package
from metaqnn.errors import ReplayError
from metaqnn.replay.memory import SQLiteReplayMemory

WRITING = {
    "search": ["search", "small.yaml", "--db", "link.sqlite"],
    "fresh": ["search", "small.yaml", "--db", "link.sqlite", "--fresh"],
    "resume": ["resume", "link.sqlite"],
    "train": ["train", "link.sqlite", "--top", 1],
    "evaluate": ["evaluate", "link.sqlite"],
    "ensemble": ["ensemble", "link.sqlite"],
    "retry": ["replay", "retry", "link.sqlite"],
    "enumerate": ["enumerate", "small.yaml", "--db", "link.sqlite", "--set", "space.max_depth=1"],
}


def refused(metaqnn, path, command) -> str:
    """The sentence in which it ends; readers alone share what lies in the log's index."""
    before = [path.with_name(f"{path.name}{ending}").read_bytes() for ending in ("", "-wal")]
    result = metaqnn(*WRITING[command])
    assert result.code == 2, result
    assert result.err.count("\n") == 1, result
    assert [path.with_name(f"{path.name}{ending}").read_bytes() for ending in ("", "-wal")] == before
    return result.err.removeprefix("metaqnn: ")


@contextmanager
def written_elsewhere(path):
    """A file to which a process of another machine writes."""
    with SQLiteReplayMemory(path) as memory:
        memory.begin_run(20, 1, {}, [])
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE writer SET host = 'node7 0123', boot = 'of another machine', process = 4711")
        yield


@pytest.fixture
def link(small_yaml, finished):
    finished.with_name("link.sqlite").symlink_to(finished.name)
    return finished.with_name("link.sqlite")


@pytest.mark.parametrize("command", WRITING)
def test_a_command_that_writes_is_refused_while_another_writes(metaqnn, link, command):
    with SQLiteReplayMemory(link.resolve()) as memory:
        memory.begin_run(20, 1, {}, [])
        words = f"link.sqlite: another search or training is running on this file (process {os.getpid()}, since 20"
        assert refused(metaqnn, link.resolve(), command).startswith(words)


@pytest.mark.parametrize("command", WRITING)
def test_another_machine_is_named_with_what_to_do(metaqnn, link, command):
    with written_elsewhere(link.resolve()):
        words = refused(metaqnn, link.resolve(), command)
        assert words.startswith("link.sqlite: process 4711 on node7 (since 20")
        assert "run the same command with --break-lock (in Python: break_lock=True), which takes" in words
    group = WRITING[command][: 2 if command == "retry" else 1]
    assert "--break-lock" in metaqnn(*group, "--help").out


@pytest.mark.parametrize("command", ["search", "fresh", "retry"])
def test_a_lock_that_is_broken(metaqnn, link, instant, command):
    with written_elsewhere(link.resolve()):
        result = metaqnn(*WRITING[command], "--break-lock")
        assert (result.code, result.err) == (0, "")
    assert difference(link) is None


def test_a_search_from_python_goes_through_it_too(link, small_yaml):
    space = {"name": "chain", "choices": [2, 2]}
    with written_elsewhere(link.resolve()), pytest.raises(ReplayError, match=r"process 4711 on node7 .+ --break-lock"):
        package.search(space, judge, link, 2, "random")


@pytest.fixture
def locked_folder(link):
    """A folder with a database that may not be entered, by a user who is not root."""
    folder = link.parent / "locked"
    folder.mkdir()
    link.resolve().rename(folder / "small.sqlite")
    folder.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(user)
    folder.chmod(0o700)


@pytest.mark.parametrize("command", [*WRITING, "summary", "copy", "export", "report"])
def test_a_folder_that_may_not_be_entered(metaqnn, locked_folder, command):
    commands = WRITING | {
        "summary": ["replay", "summary", "link.sqlite"],
        "copy": ["replay", "copy", "link.sqlite", "copy.sqlite"],
        "export": ["replay", "export", "link.sqlite", "--layout", "tables", "--out", "tables"],
        "report": ["report", "link.sqlite", "--out", "page"],
    }
    place = str(locked_folder / "small.sqlite")
    named = {"link.sqlite": place, "small.yaml": "digits"}
    result = metaqnn(*(named.get(word, word) for word in commands[command]))
    assert result.code == 2, result
    words = result.err.splitlines()[-1]
    assert words.startswith(f"metaqnn: {place}: expected "), words
    assert "Permission denied" in words
    ways = (
        "choose another place, or have somebody give you the right to enter and use this one",
        "choose another with --db",
        "give the permission back, and run the same command again: nothing that was recorded is lost",
    )
    assert words.endswith(ways), words
