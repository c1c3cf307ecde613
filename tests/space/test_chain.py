"""A chain of choices: its keys, its texts in both notations, and what is no network of it."""

import itertools
import math

import pytest
from contracts.spaces import chain
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.config import read_section
from metaqnn.core import Step
from metaqnn.errors import ConfigError, IllegalArchitectureError, NotationError
from metaqnn.tables.chain import ChainConfig, ChainKey

FEW = st.lists(st.integers(1, 4), min_size=1, max_size=4)
"""Chains whose networks can all be listed."""


@st.composite
def networks(draw):
    """The numbers of options at each position, and one choice at each."""
    counts = draw(st.lists(st.integers(1, 30), min_size=1, max_size=9))
    return counts, [draw(st.integers(0, count - 1)) for count in counts]


def refusal(space, text: str, error: type[Exception]) -> str:
    with pytest.raises(error) as caught:
        space.trajectory(text)
    return str(caught.value)


# Keys


def test_a_key_is_the_position_and_the_last_choice():
    assert chain(3, 2, 4).trajectory("201").steps == (
        Step("0:start", "2", ("0", "1", "2")),
        Step("1:2", "0", ("0", "1")),
        Step("2:0", "1", ("0", "1", "2", "3")),
    )


def test_a_key_forgets_all_but_the_last_choice():
    space = chain(3, 2, 4)
    assert space.key(()) == ChainKey(0, None)
    assert space.key((2, 0)) == space.key((1, 0)) == ChainKey(2, 0)
    assert space.key((2, 0)) != space.key((2, 1))
    assert str(space.key((2, 0, 3))) == "3:3"


def test_the_actions_are_the_options_of_the_position_with_most():
    space = chain(3, 2, 4)
    assert space.all_actions == (0, 1, 2, 3)
    assert space.max_steps == 3
    assert [space.actions(state) for state in ((), (1,), (1, 1))] == [(0, 1, 2), (0, 1), (0, 1, 2, 3)]
    assert [space.is_terminal(state) for state in ((), (1, 1), (1, 1, 3))] == [False, False, True]


def test_what_it_costs_is_the_number_of_choices():
    assert chain(3, 2, 4).costs((2, 0, 1)) == {}


# Texts


def test_up_to_ten_options_are_digits_in_a_row():
    assert chain(*[3] * 8).trajectory("01220110").architecture == "01220110"
    assert chain(10, 10).trajectory("90").architecture == "90"


def test_more_than_ten_options_are_numbers_with_hyphens():
    space = chain(4, 12, 1)
    trajectory = space.trajectory("3-11-0")
    assert trajectory.architecture == "3-11-0"
    assert [step.action for step in trajectory.steps] == ["3", "11", "0"]
    assert space.format((0, 1, 0)) == "0-1-0"


@pytest.mark.parametrize("text", ["2-0-1", "2,0,1", "2 0 1", "[2, 0, 1]", "(2;0;1)", "2|0|1", "2_0_1", "2:0:1"])
def test_numbers_may_have_anything_between_them(text):
    assert chain(3, 2, 4).trajectory(text).architecture == "201"
    assert chain(3, 2, 12).trajectory(text).architecture == "2-0-1"


@given(networks())
def test_a_canonical_text_is_read_as_it_was_written(network):
    counts, choices = network
    space = chain(*counts)
    text = ("" if max(counts) <= 10 else "-").join(str(choice) for choice in choices)
    assert space.format(choices) == text
    assert list(space.parse(text)) == choices
    assert space.trajectory(text).architecture == text


# What is refused


@pytest.mark.parametrize("text", ["", "  ", "--", "abc", "20a", "2.1", "[C(8,3,1), SM(10)]", "२०१"])
def test_a_text_without_choices_is_refused(text):
    assert refusal(chain(3, 2, 4), text, NotationError) == f"{text!r}: expected choices such as '000'"
    assert refusal(chain(4, 12, 1), text, NotationError) == f"{text!r}: expected choices such as '0-0-0'"


def test_a_choice_out_of_range_is_refused_with_what_is_legal():
    sentence = refusal(chain(3, 2, 4), "231", IllegalArchitectureError)
    assert sentence == "231: 3 is not legal in state 1:2; legal there: 0, 1"
    sentence = refusal(chain(3, 2, 12), "3-0-1", IllegalArchitectureError)
    assert sentence == "3-0-1: 3 is not legal in state 0:start; legal there: 0, 1, 2"


def test_digits_in_a_row_are_one_number_where_there_are_more_than_ten_options():
    sentence = refusal(chain(2, 12), "11", IllegalArchitectureError)
    assert sentence == "11: 11 is not legal in state 0:start; legal there: 0, 1"
    assert chain(12, 2).trajectory("11-1").architecture == "11-1"


def test_a_network_with_too_few_or_too_many_choices_is_refused():
    space = chain(3, 2, 4)
    assert refusal(space, "20", IllegalArchitectureError) == "20: the network is incomplete at 2:0"
    assert refusal(space, "2010", IllegalArchitectureError) == "2010: nothing may follow step 3"


# How many options there are


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ([], "t.yaml: space.choices: expected at least one position, got []"),
        ([3, 0], "t.yaml: space.choices: expected counts from 1 to 10000, got (3, 0)"),
        ([-1], "t.yaml: space.choices: expected counts from 1 to 10000, got (-1,)"),
        ([10_001], "t.yaml: space.choices: expected counts from 1 to 10000, got (10001,)"),
        (3, "t.yaml: space.choices: expected a list in which each item is a whole number, got the number 3"),
        ([3, "x"], "t.yaml: space.choices[1]: expected a whole number, got the text 'x'"),
    ],
)
def test_counts_of_options_that_cannot_be_used(choices, sentence):
    with pytest.raises(ConfigError) as error:
        read_section(ChainConfig, {"name": "chain", "choices": choices}, "space", "t.yaml")
    assert str(error.value) == sentence


@pytest.mark.parametrize("choices", [[1], [10_000], [1, 10_000, 1]])
def test_the_bounds_themselves_can_be_used(choices):
    config = read_section(ChainConfig, {"name": "chain", "choices": choices}, "space", "t.yaml")
    assert config == ChainConfig("chain", tuple(choices))


@given(FEW)
def test_its_networks_are_all_combinations_in_order(counts):
    texts = list(chain(*counts).architectures())
    assert texts == ["".join(map(str, choices)) for choices in itertools.product(*map(range, counts))]
    assert len(texts) == math.prod(counts)


def test_all_networks_of_a_chain_by_hand():
    assert list(chain(2, 1, 3).architectures()) == ["000", "001", "002", "100", "101", "102"]
    assert list(chain(1, 12).architectures())[9:] == ["0-9", "0-10", "0-11"]
