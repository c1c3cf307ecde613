"""Files that are no database of ours, or not whole: each is refused in one sentence, and not touched."""

import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest

from metaqnn.errors import ReplayError
from metaqnn.replay import database
from metaqnn.replay.copying import copy_database
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader


def text_file(path):
    path.write_text("Dear diary, today I searched for networks. " * 9, encoding="utf-8")


def short_text_file(path):
    path.write_bytes(b"SQLx")


def other_program(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE trials (trial_id INTEGER)")


def newer_schema(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {database.SCHEMA_VERSION + 1}")


def truncated(path):
    path.write_bytes(path.read_bytes()[:40_000])


def cut_in_its_header(path):
    path.write_bytes(path.read_bytes()[:60])


REFUSALS = [
    (text_file, r"expected a replay database, but this file is no SQLite database; check the path$"),
    (short_text_file, r"expected a replay database, but this file is no SQLite database; check the path$"),
    (
        other_program,
        r"expected a replay database of metaqnn, but this is another program's database; choose another path$",
    ),
    (
        newer_schema,
        r"a newer metaqnn wrote this database \(schema 9, known here: up to 8\); upgrade metaqnn$",
    ),
    (truncated, r"this database is cut off \(40,000 of 118,784 bytes are left\); restore a copy of it; "),
    (cut_in_its_header, r"this database is cut off \(60 bytes are left\); restore a copy of it; "),
]


@pytest.mark.parametrize("opening", [SQLiteReplayMemory, ReplayReader])
@pytest.mark.parametrize(("spoil", "sentence"), REFUSALS, ids=[spoil.__name__ for spoil, _ in REFUSALS])
def test_what_is_no_whole_database_of_ours_is_refused_and_left_alone(finished, tmp_path, opening, spoil, sentence):
    path = finished
    if spoil is other_program:
        path = tmp_path / "other.sqlite"
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(ReplayError, match=sentence) as caught:
        opening(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert path.read_bytes() == before


def test_the_program_id_counts_even_where_the_tables_look_like_ours(finished):
    with closing(sqlite3.connect(finished)) as connection:
        connection.execute("PRAGMA application_id = 1")
    with pytest.raises(ReplayError, match=r"this is another program's database"):
        ReplayReader(finished)


def test_a_damaged_page_is_found_before_anything_is_written(finished):
    content = bytearray(finished.read_bytes())
    content[8 * 4096 : 9 * 4096] = b"\xff" * 4096
    finished.write_bytes(content)
    with pytest.raises(ReplayError, match=r"expected a whole database, but this file is damaged \(.+\); restore a cop"):
        SQLiteReplayMemory(finished)
    assert finished.read_bytes() == bytes(content)


def test_a_damaged_page_is_reported_by_whoever_reads_it(finished):
    content = bytearray(finished.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : (page + 1) * 4096] = b"\xff" * 4096
    finished.write_bytes(content)
    with (
        ReplayReader(finished) as reader,
        pytest.raises(ReplayError, match=r"this file is damaged \(database disk image is malformed\)"),
    ):
        list(reader.episodes())


def test_an_empty_file_is_a_new_database_to_a_writer_and_nothing_to_a_reader(tmp_path):
    path = tmp_path / "empty.sqlite"
    path.touch()
    with pytest.raises(ReplayError, match=r"this file is empty: no search has written to it yet; check the path$"):
        ReplayReader(path)
    with SQLiteReplayMemory(path) as memory:
        assert memory.models() == []


def test_an_absent_file_cannot_be_looked_at(tmp_path):
    with pytest.raises(ReplayError, match=r"there is no such replay database; start a search first, or check the path"):
        ReplayReader(tmp_path / "absent.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_database(tmp_path):
    with pytest.raises(ReplayError, match=r"expected a regular file, but this is a folder"):
        SQLiteReplayMemory(tmp_path / "..")
    with pytest.raises(ReplayError, match=r"there is no such replay database"):
        ReplayReader(tmp_path)


def test_a_path_with_signs_that_mean_something_in_an_address_is_opened(finished):
    strange = finished.with_name("a?b#c%41 ü.sqlite")
    shutil.move(finished, strange)
    with ReplayReader(strange) as reader:
        assert len(reader.models()) == 12


def test_a_database_that_another_program_holds_locked_is_named(finished, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(finished, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ReplayError, match=r"another process holds the database locked; end it and run the same"):
            SQLiteReplayMemory(finished)
        other.execute("ROLLBACK")
    with SQLiteReplayMemory(finished) as memory:
        assert len(memory.models()) == 12


def test_a_reader_cannot_write(finished):
    with (
        ReplayReader(finished) as reader,
        pytest.raises(
            ReplayError, match=r"but attempt to write a readonly database; everything .* choose another place$"
        ),
    ):
        reader.query("DELETE FROM replay")


def test_a_query_that_is_wrong_is_said_so(finished):
    with (
        ReplayReader(finished) as reader,
        pytest.raises(ReplayError, match=r"expected every table and column .* no such column: nonsense; "),
    ):
        reader.query("SELECT nonsense")


def test_looking_leaves_nothing_beside_the_file(finished):
    before = sorted(path.name for path in finished.parent.iterdir())
    with ReplayReader(finished) as reader:
        assert len(list(reader.episodes())) == 40
        assert sorted(path.name for path in finished.parent.iterdir()) == before
    assert sorted(path.name for path in finished.parent.iterdir()) == before


def test_closing_a_reader_twice_is_harmless(finished):
    reader = ReplayReader(finished)
    reader.close()
    reader.close()
    assert reader.path == finished


@pytest.fixture
def read_only_place(finished, tmp_path):
    """A folder on a read-only mount that holds a finished database."""
    folder = tmp_path / "mount"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs more rights than this user has")
    try:
        shutil.copy(finished, folder / "small.sqlite")
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_on_a_read_only_mount_one_can_look_but_not_write(read_only_place, tmp_path):
    path = read_only_place / "small.sqlite"
    with ReplayReader(path) as reader:
        assert len(reader.models()) == 12
    sentence = "expected a place that can be written, but Read-only file system; choose another with --db$"
    with pytest.raises(ReplayError, match=sentence):
        SQLiteReplayMemory(path)
    with pytest.raises(ReplayError, match=sentence):
        SQLiteReplayMemory(read_only_place / "new.sqlite")
    with pytest.raises(ReplayError, match=r"expected a place that can be "):
        copy_database(path, read_only_place / "copy.sqlite")
    copy_database(path, tmp_path / "copy.sqlite")
    assert [file.name for file in read_only_place.iterdir()] == ["small.sqlite"]
