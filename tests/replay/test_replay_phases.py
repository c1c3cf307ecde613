"""The time of the workers, read from a database."""

import json
import sqlite3
from contextlib import closing

import pytest
from small_searches import run_small

from metaqnn.replay.phases import PhaseTime, profile, read_phases
from metaqnn.replay.reader import ReplayReader


@pytest.fixture
def searched(tmp_path):
    """A search of three networks, of which two say where their time went."""
    path = tmp_path / "small.sqlite"
    run_small(path, models=3)
    told = {1: {"waiting": 1.0, "training": 2.0}, 2: {"waiting": 0.0, "training": 4.0, "garbage": 1.0}}
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE evaluations SET phase_seconds = '{}'")
        connection.executemany(
            "UPDATE evaluations SET phase_seconds = ? WHERE evaluation = ?",
            [(json.dumps(phases), number) for number, phases in told.items()],
        )
    return path


def test_the_phases_of_all_evaluations_together(searched):
    with ReplayReader(searched) as reader:
        assert read_phases(reader) == (
            PhaseTime("training", 6.0, 0.75, 3.0, 4.0, 2),
            PhaseTime("waiting", 1.0, 0.125, 0.5, 1.0, 2),
            PhaseTime("garbage", 1.0, 0.125, 0.5, 1.0, 2),
        )


def test_a_table_of_them_that_adds_up(searched):
    with ReplayReader(searched) as reader:
        table = profile(reader)
    assert table.title.endswith("n = 2")
    assert table.rows[0] == ("training", 3.0, 4.0, 0.75)
    assert table.rows[-1] == ("all", 4.0, None, 1.0)


def test_each_phase_of_networks_is_a_column_of_the_table(searched):
    with closing(sqlite3.connect(searched)) as connection:
        rows = connection.execute("SELECT training_seconds, garbage_seconds, tracing_seconds FROM evaluations")
        assert rows.fetchall() == [(2.0, None, None), (4.0, 1.0, None), (None, None, None)]


def test_a_search_that_measured_nothing_has_none(searched):
    with closing(sqlite3.connect(searched)) as connection, connection:
        connection.execute("UPDATE evaluations SET phase_seconds = '{}'")
    with ReplayReader(searched) as reader:
        assert read_phases(reader) == ()
        assert profile(reader).rows == ()
