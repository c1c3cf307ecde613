"""The dropout marks of the released code."""

import pytest
from contracts.spaces import paper
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.networks.architecture import parse
from metaqnn.networks.released_notation import with_dropout_marks
from metaqnn.seeding import Stream
from metaqnn.strategies.walks import random_walk


@pytest.mark.parametrize(
    "text",
    [
        # Read off what the released code wrote on SVHN, with other filters: marks depend on the kinds of layers alone.
        "[SM(10)]",
        "[GAP(10), SM(10)]",
        "[C(64,5,1), SM(10)]",
        "[C(64,1,1), GAP(10), SM(10)]",
        "[C(64,3,1), P(2,2), D(1,1), SM(10)]",
        "[C(64,1,1), C(64,5,1), D(1,1), P(3,2), GAP(10), SM(10)]",
        "[C(64,1,1), C(64,5,1), D(1,2), P(5,3), SM(10)]",  # n counts the softmax: two, of which one is placed
        "[C(64,1,1), C(64,1,1), D(1,3), C(64,1,1), C(64,1,1), D(2,3), C(64,3,1), SM(10)]",
        "[C(64,5,1), C(64,3,1), D(1,4), P(2,2), C(64,5,1), D(2,4), C(64,3,1), C(64,3,1), D(3,4), C(64,5,1), C(64,1,1), "
        "D(4,4), GAP(10), SM(10)]",
        "[C(64,5,1), P(5,3), D(1,5), C(64,5,1), P(3,2), D(2,5), C(64,3,1), P(3,2), D(3,5), FC(128), D(4,5), SM(10)]",
        "[C(64,1,1), P(2,2), D(1,5), C(64,3,1), C(64,1,1), D(2,5), P(5,3), C(64,3,1), D(3,5), C(64,1,1), FC(256), "
        "D(4,5), SM(10)]",  # one mark where a fully connected layer is also a second one
        "[C(64,3,1), P(5,3), D(1,7), C(64,1,1), C(64,3,1), D(2,7), C(64,1,1), C(64,1,1), D(3,7), C(64,1,1), P(3,2), "
        "D(4,7), FC(256), D(5,7), FC(256), D(6,7), SM(10)]",
        "[C(64,5,1), C(64,3,1), D(1,6), P(5,3), C(64,3,1), D(2,6), P(3,2), C(64,1,1), D(3,6), C(64,1,1), FC(128), "
        "D(4,6), FC(128), D(5,6), SM(10)]",
    ],
)
def test_the_marks_are_those_of_the_released_code(text):
    assert with_dropout_marks(parse(text)) == text


@given(st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_marks_are_counted_from_one_and_read_as_nothing(seed):
    network = random_walk(paper(), Stream(seed, "marks")).architecture
    text = with_dropout_marks(parse(network))
    assert str(parse(text)) == network
    marks = [
        part.split("(")[1].rstrip("]),").split(",") for part in text.split(" ") if part.lstrip("[").startswith("D")
    ]
    assert [int(i) for i, _ in marks] == list(range(1, len(marks) + 1))
    assert len({n for _, n in marks}) <= 1
    assert all(int(n) >= len(marks) for _, n in marks)
