"""Databases with anything anywhere: a command that reads one ends in an answer or a sentence, and changes nothing."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from damages import ended, past_all_checks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GOLDEN = Path(__file__).parents[1] / "golden"
BASES = ("schema_v4.sqlite", "v3_finals.sqlite", "v3_imported.sqlite", "v3_guided_stopped.sqlite")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("name", "epsilon", "a")), inner, max_size=3)
    ),
    max_leaves=5,
)
VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.binary(max_size=8)
    | JSON.map(json.dumps)
)
COMMANDS = st.sampled_from(
    (
        *(
            ("summary",),
            ("summary", "--format", "json"),
            ("top",),
            ("show", 1),
            ("show", 2),
            ("episodes",),
            ("curves",),
        ),
        *(("q-values",), ("verify",), ("check",), ("rescue", "saved.sqlite"), ("copy", "copy.sqlite")),
        *(("export", "--layout", "tables", "--out", "tables"), ("export", "--layout", "metaqnn2017", "--out", "a.csv")),
    )
)


def columns() -> list[tuple[str, str, str]]:
    """Every stored column of the databases with rows, as base, table and column."""
    found = []
    for base in BASES:
        with closing(sqlite3.connect(f"file:{GOLDEN / base}?mode=ro", uri=True)) as connection:
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]:
                    names = connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE NOT hidden", (table,))
                    found += [(base, table, name) for (name,) in names]
    return found


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs_through(place: Path, damaged: Path, command: tuple) -> None:
    before = damaged.read_bytes()
    name, *others = command
    ended("replay", name, damaged, *others)
    assert damaged.read_bytes() == before
    for path in place.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.sampled_from(columns()), value=VALUES, is_one=st.booleans(), command=COMMANDS)
def test_any_value_in_any_column(place, where, value, is_one, command):
    base, table, column = where
    damaged = Path(shutil.copy(GOLDEN / base, place / "damaged.sqlite"))
    condition = f" WHERE {column} = (SELECT min({column}) FROM {table})" if is_one else ""
    past_all_checks(damaged, f"UPDATE {table} SET {column} = ?{condition}", value)
    runs_through(place, damaged, command)


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    base=st.sampled_from(BASES),
    share=st.floats(0, 1, exclude_max=True),
    content=st.binary(max_size=64) | st.just(bytes(4096)),
    is_cut=st.booleans(),
    command=COMMANDS,
)
def test_any_bytes_anywhere(place, base, share, content, is_cut, command):
    whole = (GOLDEN / base).read_bytes()
    at = int(share * len(whole))
    damaged = place / "damaged.sqlite"
    damaged.write_bytes(whole[:at] + content + (b"" if is_cut else whole[at + len(content) :]))
    runs_through(place, damaged, command)
