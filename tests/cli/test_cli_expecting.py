"""What the agent planned and expects, asked of a database."""

import json
import re
import sys

import pytest

from metaqnn.__main__ import main

PLANNING = ("--strategy", "q_learning", "--set", "strategy.preset=default", "--set", "strategy.planning.random_first=4")


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The file of a search that planned."""
    from small_searches import SMALL_YAML, judged

    folder = tmp_path_factory.mktemp("planned")
    (folder / "small.yaml").write_text(SMALL_YAML, encoding="utf-8")
    words = ["search", folder / "small.yaml", "--db", folder / "planned.sqlite", *PLANNING, "--models", 14]
    with judged(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["metaqnn", *map(str, words)])
        main()
    return folder / "planned.sqlite"


def test_what_was_planned_is_what_the_proposal_followed(metaqnn, planned):
    assert json.loads(metaqnn("replay", "q-values", planned, "--planned", 12, "-n", 10_000, "--json").out)
    told = metaqnn("replay", "q-values", planned, "--planned", 12, "-n", 3).out
    assert told.startswith("Q-values planned for episode 12\n  state")
    first = [float(line.split()[-1]) for line in told.splitlines()[3:6]]
    assert first == sorted(first, reverse=True)
    assert metaqnn("replay", "q-values", planned, "--planned", 12, "-n", 3).out == told


def test_what_is_expected_of_networks(metaqnn, planned):
    told = metaqnn("replay", "expect", planned, "[C(4,3,1), SM(10)]", "[SM(10)]").out
    assert re.match(r"Expected rewards\n  architecture +expected +from +to +measured\n", told)
    low, mean, high = (float(re.search(r"\[SM\(10\)\] +(\S+) +(\S+) +(\S+)", told)[i]) for i in (2, 1, 3))
    assert low < mean < high
    assert "What matters\n" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("q-values", "--planned", 2),
            "nothing was planned for episode 2: its strategy plans nothing, or knew too little",
        ),
        (("q-values", "--planned", 99), "expected an episode from 1 to"),
        (("expect", "[C(4,3,1)"), "expected"),
        (("expect", "[C(999,3,1), SM(10)]"), "C(999,3,1) is not legal in state 0:start"),
    ],
)
def test_what_cannot_be_answered(metaqnn, planned, words, said):
    command, *others = words
    ended = metaqnn("replay", command, planned, *others)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_a_strategy_without_expectations(metaqnn, finished):
    ended = metaqnn("replay", "expect", finished, "[SM(10)]")
    assert ended.code == 2
    assert "its strategy expects nothing of a network" in ended.err
    assert "nothing was planned" in metaqnn("replay", "q-values", finished, "--planned", 3).err
