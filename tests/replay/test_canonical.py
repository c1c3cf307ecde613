"""Values as bytes, against answers worked out by hand from the description."""

import math
from enum import IntEnum

import numpy as np
import pytest

from metaqnn.core import Status
from metaqnn.replay.canonical import encode


class Mark(IntEnum):
    GOOD = 1


ANSWERS = [
    (None, "6e"),
    (math.nan, "6e"),
    (True, "74"),
    (False, "66"),
    (0, "69 00000001 30"),
    (-12, "69 00000003 2d3132"),
    (2**64, "69 00000014 3138343436373434303733373039353531363136"),
    (1.0, "64 3ff0000000000000"),
    (0.1, "64 3fb999999999999a"),
    (0.0, "64 0000000000000000"),
    (-0.0, "64 0000000000000000"),
    (-math.inf, "64 fff0000000000000"),
    ("", "73 00000000"),
    ("C(4,\u00e9)", "73 00000007 43 28 34 2c c3 a9 29"),
    (b"\x00\xff", "62 00000002 00 ff"),
    ([], "6c 00000000"),
    ([1.0, 2.0], "44 00000002 3ff0000000000000 4000000000000000"),
    ([-0.0], "44 00000001 0000000000000000"),
    ([1.0, None], "6c 00000002 64 3ff0000000000000 6e"),
    ([1.0, math.nan], "6c 00000002 64 3ff0000000000000 6e"),
    ([1, 2.0], "6c 00000002 69 00000001 31 64 4000000000000000"),
    ([1, -2], "49 00000002 0000000000000001 fffffffffffffffe"),
    ([True], "6c 00000001 74"),
    ([2**63], "6c 00000001 69 00000013 39323233333732303336383534373735383038"),
    ([[], "a"], "6c 00000002 6c 00000000 73 00000001 61"),
    ({"a": 1, "": None}, "6d 00000002 73 00000000 6e 73 00000001 61 69 00000001 31"),
]


@pytest.mark.parametrize(("value", "expected"), ANSWERS, ids=lambda value: repr(value)[:20])
def test_a_known_answer(value, expected):
    assert encode(value).hex() == expected.replace(" ", "")


def test_no_two_answers_begin_alike():
    """What begins with another's bytes could be mistaken for it and more."""
    found = sorted({encode(value) for value, _ in ANSWERS})
    assert not any(b.startswith(a) for a in found for b in found if a != b)


def test_subclasses_count_as_what_they_are_of():
    assert encode(np.float64(0.5)) == encode(0.5)
    assert encode([np.float64(0.5)]) == encode([0.5])
    assert encode(Status.OK) == encode("ok")
    assert encode((1, 2)) == encode([1, 2])
    assert encode([Mark.GOOD, 2]) == encode([1, 2])


def test_the_order_of_names_does_not_matter():
    assert encode({"a": 1, "b": 2}) == encode({"b": 2, "a": 1})


def test_what_is_no_plain_value_is_refused():
    with pytest.raises(TypeError, match=r"^expected a plain value, got \{1\} of set$"):
        encode([{1}])
