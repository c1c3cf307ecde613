"""`metaqnn replay check` and `metaqnn replay rescue`."""

import sqlite3
from contextlib import closing

import pytest
from damages import past_all_checks


def test_a_whole_database(metaqnn, finished):
    result = metaqnn("replay", "check", finished)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"{finished}: whole. ")


def test_a_damaged_database_is_told_and_saved(metaqnn, refused, finished, tmp_path):
    past_all_checks(finished, "UPDATE replay SET reward = 'word' WHERE episode IN (21, 22)")
    before = finished.read_bytes()
    place = "table replay, row 21, column reward: expected a finite number, but it is 'word'"
    assert refused("replay", "episodes", finished).startswith(f"{finished}: {place}; restore a copy of it; ")
    result = metaqnn("replay", "check", finished)
    assert (result.code, result.err) == (1, "")
    assert result.out.splitlines() == [
        place,
        place.replace("21", "22"),
        f"{finished}: damaged, 2 faults. What can be saved: metaqnn replay rescue {finished} NEW",
    ]
    assert refused("replay", "verify", finished).startswith(f"{finished}: {place}; ")
    new = tmp_path / "new.sqlite"
    result = metaqnn("replay", "rescue", finished, new)
    assert (result.code, result.err) == (0, "")
    assert "replay, lost: row 21: column reward: expected a finite number, but it is 'word'" in result.out
    assert f"20 episodes are kept and verify; the search goes on from there: metaqnn resume {new}" in result.out
    assert finished.read_bytes() == before
    assert metaqnn("replay", "check", new).code == metaqnn("replay", "verify", new).code == 0


def test_no_database_is_neither_checked_nor_saved(refused, tmp_path):
    for words in (("check", tmp_path / "a.sqlite"), ("rescue", tmp_path / "a.sqlite", tmp_path / "new.sqlite")):
        assert refused("replay", *words) == f"{tmp_path}/a.sqlite: there is no such replay database; check the path"


@pytest.mark.parametrize("verb", ["check", "rescue"])
@pytest.mark.parametrize(
    ("statements", "words"),
    [
        ((), "this file is empty: no search has written to it yet; check the path"),
        (("CREATE TABLE friends (name TEXT)",), "this is another program's database; choose another path"),
        (
            ("CREATE TABLE replay (episode)", "PRAGMA application_id = 0x4D514E4E", "PRAGMA user_version = 99"),
            "a newer metaqnn wrote this database (schema 99, known here: up to 8); upgrade metaqnn",
        ),
    ],
)
def test_what_is_no_damaged_database_is_refused_without_advice_to_rescue_it(refused, tmp_path, verb, statements, words):
    path = tmp_path / "other.sqlite"
    path.touch()
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    before = path.read_bytes()
    said = refused("replay", verb, path, *([tmp_path / "new.sqlite"] if verb == "rescue" else []))
    assert said.startswith(f"{path}: ")
    assert said.endswith(words)
    assert path.read_bytes() == before
    assert not (tmp_path / "new.sqlite").exists()
