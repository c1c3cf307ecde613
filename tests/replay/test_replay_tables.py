"""What people ask of a database, as tables of known values."""

import sqlite3
from contextlib import closing

import pytest
from small_searches import difference, run_small

from metaqnn.errors import ReplayError
from metaqnn.replay import tables
from metaqnn.replay.reader import ReplayReader


@pytest.fixture
def reader(finished_once):
    with ReplayReader(finished_once) as reader:
        yield reader


def test_q_values_say_what_they_are_of(tmp_path, reader):
    assert tables.q_values(reader, None, 1).title == f"Q-values as of episode {reader.values_as_of()}"
    run_small(tmp_path / "shaped.sqlite", "strategy={name: q_learning, preset: block_qnn}", models=6)
    assert difference(tmp_path / "shaped.sqlite") is None
    with ReplayReader(tmp_path / "shaped.sqlite") as shaped:
        table = tables.q_values(shaped, None, 1)
        told = "of the part of the reward that a step and those after it earn"
        assert table.title == f"Q-values as of episode {shaped.values_as_of()}, {told}"


def test_top_lists_the_best_first(reader):
    table = tables.top(reader, 2)
    assert table.title == "The 2 best networks"
    assert table.columns == ("model", "accuracy", "epoch", "parameters", "flops", "architecture")
    assert table.rows == (
        (9, 0.875, 1, 3206, 83968, "[C(8,1,1), C(8,3,1), C(4,1,1), SM(10)]"),
        (7, 0.66015625, 1, 650, 1280, "[SM(10)]"),
    )


def test_top_shows_no_failed_network(reader):
    assert [row[0] for row in tables.top(reader, 100).rows] == [9, 7, 2, 1, 11, 10, 12, 5, 3]


def test_among_equals_the_smaller_network_is_first(finished):
    with closing(sqlite3.connect(finished)) as connection, connection:
        connection.execute("UPDATE evaluations SET score = 0.75 WHERE score IS NOT NULL")
    with ReplayReader(finished) as reader:
        sizes = [row[3] for row in tables.top(reader, 100).rows]
    assert sizes == sorted(sizes)
    assert sizes[0] == 650


def test_episodes_are_the_newest_with_the_oldest_of_them_first(reader):
    table = tables.episodes(reader, 3)
    assert [row[0] for row in table.rows] == [38, 39, 40]
    assert table.rows[-1] == (
        *(40, 12, 0.1, 12, 0.296875, "ok", 0.296875, 0, "sampled"),
        "[C(4,3,1), C(4,1,1), P(2,2), SM(10)]",
    )
    assert len(tables.episodes(reader, 1000).rows) == 40


def test_stages_are_the_bars_of_the_papers_figure(reader):
    table = tables.stages(reader)
    assert table.columns == ("epsilon", "episodes", "models", "mean_accuracy", "best_accuracy")
    assert [(row[0], row[1], row[2], row[4]) for row in table.rows] == [
        (1.0, 6, 6, 0.61328125),
        (0.5, 8, 3, 0.875),
        (0.1, 26, 3, 0.875),
    ]
    # The mean of the four of six that worked.
    assert table.rows[0][3] == (0.44140625 + 0.61328125 + 0.03125 + 0.07421875) / 4


def test_failures_are_named_with_their_reason(reader):
    assert [row[:3] for row in tables.failures(reader).rows] == [
        (4, "crashed", "this one crashed"),
        (6, "diverged", "the loss is not finite in epoch 1"),
        (8, "timed_out", "this one timed_out"),
    ]


def test_a_finished_search_has_nothing_in_flight(reader):
    assert tables.in_flight(reader).rows == ()


def test_one_model_with_its_evaluations_and_episodes(reader):
    facts = tables.model_facts(reader, 6)
    assert facts.title == "Model 6"
    assert [dict(zip(facts.columns, row, strict=True)) for row in facts.rows] == [
        {
            "evaluation": 6,
            "purpose": "search",
            "status": "diverged",
            "reason": "the loss is not finite in epoch 1",
            "accuracy": None,
            "epoch": None,
            "learning_rate": 0.001,
            "attempts": 1,
            "seconds": 0.75,
            "device": "a test",
        }
    ]
    episodes = tables.model_episodes(reader, 11)
    assert episodes.title == "Episodes of model 11"
    first, *repeats = episodes.rows
    assert first[1:] == (0.1, 0.390625, "ok", 0.390625, 0, "sampled")
    assert repeats
    assert {row[5] for row in repeats} == {1}


def test_curves_of_some_models_or_of_all(reader):
    table = tables.curves(reader, (7, 6))
    assert table.columns[:5] == ("model", "evaluation", "attempt", "epoch", "learning_rate")
    assert [(row[0], row[3], row[5], row[8]) for row in table.rows] == [
        (6, 1, None, 0.0625),  # the loss that was no number
        (7, 1, 1.33984375, 0.66015625),
        (7, 2, 1.5048828125, 0.4951171875),
    ]
    everything = tables.curves(reader, ())
    assert {row[0] for row in everything.rows} == {1, 2, 3, 5, 6, 7, 9, 10, 11, 12}


def test_q_values_by_updates_and_by_state(reader):
    table = tables.q_values(reader, None, 5)
    assert table.title == "Q-values as of episode 40"
    updates = [row[3] for row in table.rows]
    assert len(updates) == 5
    assert updates == sorted(updates, reverse=True)
    start = tables.q_values(reader, "0:", 100).rows
    assert {row[0] for row in start} == {"0:start:8+"}
    assert {row[1] for row in start} == {"C(4,1,1)", "C(4,3,1)", "C(8,1,1)", "C(8,3,1)", "GAP(10)", "SM(10)"}
    assert tables.q_values(reader, "9:", 100).rows == ()
    assert tables.q_values(reader, "%", 100).rows == ()


@pytest.mark.parametrize("ask", [tables.model_facts, tables.model_episodes])
@pytest.mark.parametrize("model", [0, 13, -1])
def test_a_model_that_is_not_there_is_named_with_the_range(reader, ask, model):
    with pytest.raises(ReplayError, match=rf"there is no model {model}; its models are numbered 1 to 12$"):
        ask(reader, model)


def test_curves_of_a_model_that_is_not_there_are_refused(reader):
    with pytest.raises(ReplayError, match=r"there is no model 13; its models are numbered 1 to 12$"):
        tables.curves(reader, (1, 13))
