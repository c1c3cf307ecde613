"""The first screen: what was found, whether it can be trusted, what to do now."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from metaqnn.reports.conclusions import Step, conclusions_of
from metaqnn.reports.domain import Check

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def read(find, tmp_path):
    """The report data of a golden database, as if it stood in the working folder."""

    def call(name: str):
        path = shutil.copy(GOLDEN / f"{name}.sqlite", tmp_path / f"{name}.sqlite")
        data = find(path)
        return replace(data, provenance=replace(data.provenance, database=Path(path.name)))

    return call


def test_a_search_that_was_no_better_than_chance(read):
    said = conclusions_of(read("digits_seed0"))
    # 296 of 300 validation images; the interval is Wilson's, computed by hand.
    assert said.found[0] == (
        "Model 5 is the best of 36 networks: validation accuracy 98.67 % (95 % interval: 96.62 % to 99.48 %)."
    )
    assert said.found[1] == "The best of its 22 random networks has 98.67 %: a difference of +0.00 points."
    assert said.checks[0] == Check("good", "The search ran to its end.")
    assert said.checks[1] == Check(
        "doubt",
        "0 of 18 chosen networks beat every random one: it is not shown that the search was better than chance.",
    )
    assert said.checks[2].state == "open"
    assert said.checks[2].text.endswith("which is hence too good; nobody looked at the test split.")
    assert said.checks[3] == Check("doubt", "4 of 40 trainings failed.")
    assert said.steps[0] == Step("Train the best networks to the end.", "metaqnn train digits_seed0.sqlite --top 5")
    assert said.steps[-1].command == "metaqnn replay verify digits_seed0.sqlite"


def test_after_the_looks_a_network_is_taken_away(read):
    said = conclusions_of(read("v3_finals"))
    assert said.found[-1] == "A retrained network has a test error of 10.22 % (95 %: 7.75 % to 13.37 %)."
    assert Check("good", "The test split was looked at twice.") in said.checks
    assert said.steps[0].command == "metaqnn export v3_finals.sqlite --to network.keras"


def test_many_looks_are_a_doubt(read):
    data = read("v3_finals")
    data = replace(data, own=replace(data.own, looks=data.own.looks * 2))
    assert Check("doubt", "The test split was looked at 4 times: report the first look.") in conclusions_of(data).checks


def test_a_search_that_was_interrupted_goes_on(read):
    data = read("digits_seed0")
    stopped = replace(data.provenance.runs[-1], outcome="interrupted")
    data = replace(data, provenance=replace(data.provenance, runs=(stopped,)))
    assert conclusions_of(data).steps[0] == Step("Go on with the search.", "metaqnn resume digits_seed0.sqlite")
    crashed = replace(data.failures[0], status="crashed")
    done = replace(read("digits_seed0"), failures=(crashed,))
    assert "metaqnn replay retry digits_seed0.sqlite" in [step.command for step in conclusions_of(done).steps]


def test_an_import_and_a_table(read):
    said = conclusions_of(read("v3_enumerated"))
    assert said.steps == (Step("Compare strategies on what was measured.", "metaqnn compare v3_enumerated.sqlite"),)
    assert said.checks[0] == Check("good", "The enumeration ran to its end.")
    imported = conclusions_of(read("v3_imported"))
    assert imported.found == ("Model 1 is the best of 4 networks: validation accuracy 89.14 %.",)
    assert imported.checks[0] == Check("open", "All of it was imported: nobody here saw how it was measured.")
    assert imported.steps[-1].command == "metaqnn replay verify v3_imported.sqlite"


def test_nothing_yet(read):
    data = read("digits_seed0")
    data = replace(data, ranking=(), failures=(), baseline="none")
    assert conclusions_of(data).found == ("Nothing yet: no network has been trained to the end.",)
