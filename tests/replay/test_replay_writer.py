"""One process writes to a file, by whatever name it is reached; who is gone is followed by the next."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from small_searches import difference

from metaqnn.errors import ReplayError
from metaqnn.replay.copying import copy_database, move_aside
from metaqnn.replay.exporting import export_tables
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import RetrainingMemory, weights_folder
from metaqnn.replay.writer import ReplayWriter
from metaqnn.workflows.check import check_database
from metaqnn.workflows.rescue import rescue_database

OLD = Path(__file__).parents[1] / "golden" / "schema_v4.sqlite"

HOLDER = """
import sys
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader

with SQLiteReplayMemory(sys.argv[1]) as memory:
    if sys.argv[2] == "recording":
        memory.begin_run(50, 1, {}, [])
    with ReplayReader(sys.argv[1]) as reader:  # to open and close the file elsewhere in the process changes nothing
        reader.config()
    print("held", flush=True)
    sys.stdin.read()
"""

MIGRATOR = """
import os, signal, sys
from metaqnn.replay import writer
from metaqnn.replay.memory import SQLiteReplayMemory

def half(connection, version, current):
    connection.execute("PRAGMA cache_size = 1")  # so that what is half done stands in the file
    whole(connection, version, current)
    os.kill(os.getpid(), signal.SIGKILL)

whole, writer.bring_up_to_date = writer.bring_up_to_date, half
SQLiteReplayMemory(sys.argv[1]).begin_run(13, 1, {}, [])
"""

RUNNING = "another search or training is running on this file"


@contextmanager
def held(path, how="recording"):
    """A process that has opened the file for writing, and has recorded something or not."""
    command = [sys.executable, "-c", HOLDER, str(path), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()


def entries(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM writer").fetchall()


def alter(path, **values):
    with closing(sqlite3.connect(path)) as connection, connection:
        for column, value in values.items():
            connection.execute(f"UPDATE writer SET {column} = ?", (value,))


def runs(path):
    with ReplayReader(path) as reader:
        return reader.query("SELECT count(*) FROM runs")[1][0][0]


@pytest.mark.parametrize("how", ["opened", "recording"])
def test_a_second_writer_is_refused_by_every_link_while_others_look(finished, tmp_path, how):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (tmp_path / "beside.sqlite").symlink_to("small.sqlite")
    (folder / "far.sqlite").symlink_to("../beside.sqlite")
    (tmp_path / "folder").symlink_to(tmp_path)
    before = runs(finished)
    with held(folder / "far.sqlite", how) as process:
        names = ("small.sqlite", "beside.sqlite", "elsewhere/far.sqlite", "folder/small.sqlite")
        ways = (SQLiteReplayMemory, RetrainingMemory, move_aside)
        for number, name in enumerate(names):
            for opening in ways if how == "recording" else ways[number % 3 : number % 3 + 1]:
                with pytest.raises(ReplayError) as error:
                    opening(tmp_path / name)
                who = f" (process {process.pid}, since " if how == "recording" else "; wait for it"
                assert str(error.value).startswith(f"{tmp_path / name}: {RUNNING}{who}")
            with ReplayReader(tmp_path / name) as reader:
                assert len(reader.models()) == 12
    assert process.returncode == 0
    assert entries(finished) == []
    assert runs(finished) == before + (how == "recording")
    with SQLiteReplayMemory(tmp_path / "beside.sqlite") as memory:
        memory.begin_run(13, 1, {}, [])
        assert [Path(name).name for name in tmp_path.glob("*-wal")] == ["small.sqlite-wal"]
    assert difference(finished) is None


def test_what_belongs_to_a_database_is_the_same_by_every_link(finished, tmp_path):
    (tmp_path / "link.sqlite").symlink_to("small.sqlite")
    assert weights_folder(tmp_path / "link.sqlite").resolve() == weights_folder(finished).resolve()
    moved = move_aside(tmp_path / "link.sqlite")
    assert moved.name.startswith("small.")
    assert (tmp_path / "link.sqlite").is_symlink()
    with SQLiteReplayMemory(tmp_path / "link.sqlite") as memory:  # a new one, where the link leads
        assert memory.models() == []
    assert finished.is_file()
    assert difference(moved) is None


def test_what_stands_in_the_log_is_found_by_every_link(finished, tmp_path):
    link = tmp_path / "elsewhere" / "link.sqlite"
    link.parent.mkdir()
    link.symlink_to(finished)
    with held(finished) as process:
        process.kill()
    log = Path(f"{finished}-wal")
    assert [note.split(":")[0] for note in check_database(link)[1]] == [str(log)]
    rescue = rescue_database(link, tmp_path / "new.sqlite")
    assert runs(tmp_path / "new.sqlite") == runs(finished) == {t.table: t.kept for t in rescue.tables}["runs"]
    with ReplayReader(link) as reader, reader.snapshot(is_long=True):
        assert reader.episode_count() == 40
        with closing(sqlite3.connect(finished)) as other:  # a long look has its copy: nobody waits for its end
            assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)


@pytest.mark.parametrize("place", ["hard.sqlite", "elsewhere/hard.sqlite"])
def test_a_file_of_several_names_is_not_written_to(finished, tmp_path, place):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / place).hardlink_to(finished)
    before = finished.read_bytes()
    for path in (finished, tmp_path / place):
        with pytest.raises(ReplayError) as error:
            SQLiteReplayMemory(path)
        assert str(error.value) == (
            f"{path}: expected a file of one name, but this one has 2 (hard links), and each name would have a "
            "write-ahead log of its own; write to a copy, from `metaqnn replay copy`, or remove the other names"
        )
        with pytest.raises(ReplayError, match="hard links"):
            move_aside(path)
        with ReplayReader(path) as reader:
            assert len(reader.models()) == 12
    assert finished.read_bytes() == before
    (tmp_path / place).unlink()
    SQLiteReplayMemory(finished).close()


@pytest.mark.parametrize("place", ["hard.sqlite", "elsewhere/hard.sqlite"])
def test_a_name_that_comes_while_somebody_writes_is_refused(finished, tmp_path, place):
    (tmp_path / "elsewhere").mkdir()
    with held(finished):
        (tmp_path / place).hardlink_to(finished)
        for opening in (SQLiteReplayMemory, RetrainingMemory, move_aside, ReplayReader):
            with pytest.raises(ReplayError, match="hard links"):
                opening(tmp_path / place)
        assert [path.name for path in tmp_path.rglob("hard.sqlite*")] == ["hard.sqlite"]  # no log of its own
        with ReplayReader(finished) as reader:
            assert len(reader.models()) == 12
        finished.unlink()
        with pytest.raises(ReplayError, match=RUNNING):  # the entry stands in the file itself, not in a log
            SQLiteReplayMemory(tmp_path / place)


@pytest.mark.parametrize("how", ["opened", "recording"])
def test_who_was_killed_is_followed_by_the_next(finished, how):
    before = runs(finished)
    with held(finished, how) as process:
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has read its exit code
        assert len(entries(finished)) == (how == "recording")
        with SQLiteReplayMemory(finished) as memory:
            memory.begin_run(13, 1, {}, [])
            ((_, *entry),) = memory.query("SELECT * FROM writer")[1]
            assert entry[3] == os.getpid()
    assert entries(finished) == []
    assert runs(finished) == before + 1 + (how == "recording")
    assert difference(finished) is None


@pytest.mark.parametrize("by_link", [False, True])
def test_a_file_whose_writer_was_killed_amid_bringing_it_up_to_date_is_as_before(tmp_path, by_link):
    path = Path(shutil.copy(OLD, tmp_path))
    killed = subprocess.run([sys.executable, "-c", MIGRATOR, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() != OLD.read_bytes()
    name = tmp_path / "link.sqlite"
    name.symlink_to(path)
    name = name if by_link else path
    rescue = rescue_database(name, tmp_path / "new.sqlite")
    assert (rescue.episodes, rescue.problem, sum(len(table.lost) for table in rescue.tables)) == (40, None, 0)
    assert Path(f"{path}-journal").exists()
    assert check_database(name) == ([], [])
    assert path.read_bytes() == OLD.read_bytes()
    assert difference(name) is None


@pytest.mark.parametrize("gone", [{"boot": "an earlier start"}, {"start": "1"}, {"process": 999_999_999}])
def test_who_cannot_be_running_any_more_is_followed(finished, gone):
    with held(finished):
        alter(finished, **gone)
        SQLiteReplayMemory(finished).close()


UNSEEN = [{"host": "node7 0123", "boot": "of another machine"}, {"space": "of a container"}]


@pytest.mark.parametrize("values", UNSEEN)
def test_who_cannot_be_seen_from_here_is_followed_only_by_order(finished, values):
    with held(finished) as process:
        alter(finished, **values)
        before = finished.read_bytes()
        for opening in (SQLiteReplayMemory, RetrainingMemory, move_aside):
            with pytest.raises(ReplayError) as error:
                opening(finished)
            words = str(error.value)
            assert words.startswith(f"{finished}: process {process.pid} on ")
            assert ("on node7 (since 20" in words) == ("host" in values)
            assert words.endswith(
                "is writing to this file, and whether it still runs cannot be seen from here; wait for it, or make "
                "sure that it has ended and run the same command with --break-lock (in Python: break_lock=True), which "
                "takes the file from it"
            )
        assert finished.read_bytes() == before
        with SQLiteReplayMemory(finished, break_lock=True) as memory:
            memory.begin_run(13, 1, {}, [])
    assert entries(finished) == []
    assert difference(finished) is None


def test_the_lock_of_a_process_that_is_seen_to_run_is_not_broken(finished):
    with held(finished), pytest.raises(ReplayError, match=RUNNING):
        SQLiteReplayMemory(finished, break_lock=True)


def test_who_lost_the_file_records_nothing_more(finished):
    with ReplayWriter(finished) as writer, SQLiteReplayMemory(finished.with_name("new.sqlite")) as memory:
        writer.close()
        memory.initialise({"seed": 0})
        alter(memory.path, host="node7 0123", boot="of another machine", process=4711)
        with pytest.raises(ReplayError, match=r"process 4711 on node7 \(since .+\) has taken this file; what was rec"):
            memory.begin_run(13, 1, {}, [])
    with ReplayReader(memory.path) as reader:
        assert reader.config() == {"seed": 0}
    assert len(entries(memory.path)) == 1  # it removes its own entry alone


def test_an_entry_of_this_process_that_could_not_be_removed_is_no_others(finished):
    with SQLiteReplayMemory(finished) as memory:
        memory.begin_run(13, 1, {}, [])
        ((*left,),) = memory.query("SELECT * FROM writer")[1]
        with pytest.raises(ReplayError, match=RUNNING):
            SQLiteReplayMemory(finished)
    with closing(sqlite3.connect(finished)) as connection, connection:
        connection.execute("INSERT INTO writer VALUES (?, ?, ?, ?, ?, ?, ?, ?)", left)
    SQLiteReplayMemory(finished).close()


def test_a_copy_of_a_file_in_use_has_no_writer(finished, tmp_path):
    with held(finished):
        shutil.copy(finished, tmp_path / "plain.sqlite")
        copy_database(finished, tmp_path / "copy.sqlite")
        assert len(entries(tmp_path / "plain.sqlite")) == 1
        assert entries(tmp_path / "copy.sqlite") == []
        for name in ("plain.sqlite", "copy.sqlite"):
            with SQLiteReplayMemory(tmp_path / name) as memory:
                memory.begin_run(13, 1, {}, [])
        with ReplayReader(finished) as reader:
            assert "writer" not in export_tables(reader, "json", tmp_path / "tables")


def test_a_file_of_an_older_schema_is_held_too_and_stays_as_it_is(tmp_path):
    path = Path(shutil.copy(OLD, tmp_path / "small.sqlite"))
    with held(path, "opened"), pytest.raises(ReplayError, match=RUNNING):
        SQLiteReplayMemory(path)
    assert path.read_bytes() == OLD.read_bytes()


def test_a_writer_of_an_earlier_version_has_no_entry_and_is_not_disturbed(tmp_path):
    path = Path(shutil.copy(OLD, tmp_path / "small.sqlite"))
    with closing(sqlite3.connect(path)) as earlier:
        earlier.execute("PRAGMA journal_mode = WAL")
        earlier.execute("CREATE TABLE mine (name)")
        with pytest.raises(ReplayError, match="another process holds the database locked; end it"):
            SQLiteReplayMemory(path)
        earlier.execute("PRAGMA journal_mode = DELETE")


def test_a_users_own_table_of_that_name_is_not_dropped(tmp_path):
    path = Path(shutil.copy(OLD, tmp_path / "small.sqlite"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE writer (name)")
        connection.execute("INSERT INTO writer VALUES ('Tolstoy')")
    with SQLiteReplayMemory(path) as memory, pytest.raises(ReplayError, match="table writer already exists"):
        memory.begin_run(13, 1, {}, [])
    assert entries(path) == [("Tolstoy",)]
