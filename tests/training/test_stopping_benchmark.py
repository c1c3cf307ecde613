"""What `python -m benchmarks.prediction` says of a recorded search: it stops what a search would have stopped."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.prediction import Replayed, main, replay, table

RECORDED = Path(__file__).parents[2] / "tests" / "golden" / "digits_seed0.sqlite"
"""Forty networks, trained to the end."""


def test_one_command_prints_all_rules_in_one_table():
    result = CliRunner().invoke(main, [str(RECORDED), "--seeds", "0", "--set", "regression.min_networks=10"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split()[1] for line in lines[2:5]] == ["regression", "successive_halving", "extrapolation"]
    assert max(map(len, lines)) <= 80


def test_nothing_is_saved_before_enough_networks_were_trained():
    assert replay(RECORDED, {"name": "extrapolation", "min_networks": 40}).saved == 0


def test_where_all_are_controls_all_is_kept_and_the_errors_are_known():
    result = replay(RECORDED, {"name": "extrapolation", "control_share": 1.0})
    assert (result.saved, result.stopped_after, result.kept) == (0, (), result.best)
    assert len(result.errors) >= result.controls > 10


def test_what_is_saved_is_what_was_not_trained():
    # The rung after epoch 4 alone, at which one of a hundred goes on: all but those that equal the best stop there.
    section = {"name": "successive_halving", "first_rung": 4, "reduction_factor": 100, "control_share": 0.0}
    result = replay(RECORDED, section)
    assert set(result.stopped_after) == {4}
    assert result.saved == 16 * len(result.stopped_after) > 0


@pytest.mark.parametrize("seeds", [{}, {("a", "x"): [0.9, 0.8], ("a", "y"): [0.85, 0.83]}])
def test_a_line_by_hand(seeds):
    replayed = Replayed(40, (1, 2, 6), 1, 800, 51, (0.01, -0.03), (0.95, "x"), (0.945, "y"))
    line = table([("a", "extrapolation", replayed)], seeds).splitlines()[2]
    words = ["a", "extrapolation", "40", "3", "3.0", "1", "6.4", "%", "2.00", "0.50", "-1.00" if seeds else "-"]
    assert line.split() == words
    best = table([("a", "extrapolation", replace(replayed, kept=replayed.best))], seeds).splitlines()[2]
    assert best.split()[-1] == ("+0.00" if seeds else "-")
