"""A copy is whole and of one instant, or it is not there at all."""

import sqlite3
import subprocess
from contextlib import closing

import pytest
from small_searches import contents, difference, start_endless

from metaqnn.errors import ReplayError
from metaqnn.replay import copying
from metaqnn.replay.copying import copy_database, move_aside
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader


def test_a_copy_holds_the_same_and_verifies(finished, tmp_path):
    before = finished.read_bytes()
    copy_database(finished, tmp_path / "copy.sqlite")
    assert contents(tmp_path / "copy.sqlite") == contents(finished)
    assert difference(tmp_path / "copy.sqlite") is None
    assert finished.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.sqlite", "small.sqlite"]
    with SQLiteReplayMemory(tmp_path / "copy.sqlite") as memory:
        assert len(memory.models()) == 12


def test_a_copy_of_a_running_search_is_of_one_instant(tmp_path):
    path = tmp_path / "small.sqlite"
    sizes = []
    with start_endless(path) as process:
        for number in range(6):
            committed = int(process.stdout.readline())
            copy = tmp_path / f"copy{number}.sqlite"
            copy_database(path, copy)
            with closing(sqlite3.connect(copy)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert connection.execute("PRAGMA journal_mode").fetchall() == [("delete",)]
            assert difference(copy) is None
            with ReplayReader(copy) as reader:
                sizes.append(len(list(reader.episodes())))
            assert sizes[-1] >= committed
        process.kill()
    assert sizes == sorted(sizes)
    left = {f.name for f in tmp_path.iterdir()}
    assert left == {f"copy{n}.sqlite" for n in range(6)} | {
        "small.sqlite",
        "small.sqlite-shm",
        "small.sqlite-wal",
        "small.yaml",
    }


def test_a_copy_may_be_made_while_this_process_writes(tmp_path, finished):
    with SQLiteReplayMemory(finished) as memory:
        memory.begin_run(20, 1, {}, [])
        copy_database(finished, tmp_path / "copy.sqlite")
    with ReplayReader(tmp_path / "copy.sqlite") as reader:
        assert reader.last_run()["models"] == 20


def test_a_target_that_exists_is_refused_and_kept(finished, tmp_path):
    target = tmp_path / "copy.sqlite"
    target.write_text("precious", encoding="utf-8")
    with pytest.raises(ReplayError, match=r"copy.sqlite: expected a new file, but it exists; choose another name$"):
        copy_database(finished, target)
    assert target.read_text(encoding="utf-8") == "precious"


def test_a_database_is_not_copied_over_itself(finished):
    before = finished.read_bytes()
    with pytest.raises(ReplayError, match=r"expected a new file, but it exists"):
        copy_database(finished, finished)
    assert finished.read_bytes() == before


def test_a_source_that_is_no_database_is_refused(tmp_path):
    source = tmp_path / "notes.txt"
    with pytest.raises(ReplayError, match=r"notes.txt: there is no such replay database"):
        copy_database(source, tmp_path / "copy.sqlite")
    source.write_text("no database", encoding="utf-8")
    with pytest.raises(ReplayError, match=r"notes.txt: expected a replay database, but this file is no SQLite"):
        copy_database(source, tmp_path / "copy.sqlite")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_place_that_cannot_be_written_is_refused(finished, tmp_path):
    with pytest.raises(ReplayError, match=r"absent/copy.sqlite: expected a place that can be written, but"):
        copy_database(finished, tmp_path / "absent" / "copy.sqlite")
    with pytest.raises(
        ReplayError,
        match=r"small.sqlite/copy.sqlite: expected a place that can be written, but Not a directory; choose another$",
    ):
        copy_database(finished, finished / "copy.sqlite")
    assert [path.name for path in tmp_path.iterdir()] == ["small.sqlite"]


def test_a_copy_that_does_not_fit_leaves_nothing(finished, tmp_path):
    folder = tmp_path / "mount"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs more rights than this user has")
    try:
        with pytest.raises(ReplayError, match=r"copy.sqlite: the disk is full"):
            copy_database(finished, folder / "copy.sqlite")
        assert list(folder.iterdir()) == []
    finally:
        subprocess.run(["umount", folder], check=True)


def test_names_beside_a_copy_are_the_users(finished, tmp_path):
    for ending in (".part", ".part-journal"):
        (tmp_path / f"copy.sqlite{ending}").write_text("mine", encoding="utf-8")
    copy_database(finished, tmp_path / "copy.sqlite")
    assert difference(tmp_path / "copy.sqlite") is None
    for ending in (".part", ".part-journal"):
        assert (tmp_path / f"copy.sqlite{ending}").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("ending", [".finals", "-wal", "-shm", "-journal"])
def test_a_database_is_moved_aside_onto_no_name_of_the_users(finished, tmp_path, monkeypatch, ending):
    names = [tmp_path / "small.1.sqlite", tmp_path / "small.2.sqlite"]
    monkeypatch.setattr(copying, "aside_names", lambda path: iter(names))
    (tmp_path / f"small.1.sqlite{ending}").write_text("mine", encoding="utf-8")
    assert move_aside(finished) == names[1]
    assert not names[0].exists()
    assert (tmp_path / f"small.1.sqlite{ending}").read_text(encoding="utf-8") == "mine"
