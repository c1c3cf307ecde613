"""Texts that should be networks, in the paper's notation and as chains of choices."""

import re
from pathlib import Path

import pytest
from contracts.spaces import chain, paper
from fuzz.cases import fuzzed, only_sentences
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.networks.architecture import parse
from metaqnn.networks.costs import describe
from metaqnn.networks.dropout import dropout_rates

TOKENS = (
    *("C(", "P(", "FC(", "GAP(", "SM(", "D(", "[", "]", "(", ")", ",", ", ", " ", "\n", "-", "0", "1", "3", "10", "64"),
    *(
        "999999999",
        "9999999999",
        "\u0661",
        "C(64,3,1), ",
        "P(2,2), ",
        "FC(128), ",
        "GAP(10), ",
        "SM(10)",
        "]",
        "x",
        "\0",
    ),
)
numbers = st.integers(0, 5) | st.sampled_from([8, 64, 999_999_999])
layers = st.one_of(
    st.builds("C({},{},{})".format, numbers, numbers, numbers),
    st.builds("P({},{})".format, numbers, numbers),
    st.builds("FC({})".format, numbers),
    st.builds("GAP({})".format, numbers),
    st.builds("SM({})".format, numbers),
    st.builds("D({},{})".format, numbers, numbers),
)
texts = (
    st.lists(st.sampled_from(TOKENS), max_size=40).map("".join)
    | st.lists(layers, max_size=8).map(lambda each: f"[{', '.join([*each, 'SM(10)'])}]")
    | st.builds(
        "[{}{}SM(10)]".format,
        st.lists(st.sampled_from(["C(64,3,1), ", "C(128,5,1), ", "P(2,2), "]), max_size=7).map("".join),
        st.sampled_from(["", "FC(128), ", "FC(512), FC(256), ", "GAP(10), "]),
    )
    | st.lists(layers, max_size=3).flatmap(lambda each: st.integers(1, 300).map(lambda n: ",".join(each * n)))
    | st.text(max_size=20)
)
SPACE, CHAINS = paper(6, 8), (chain(2, 3, 4), chain(12, 11))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("networks")


@fuzzed(300)
@given(text=texts, shape=st.tuples(*[st.integers(1, 40)] * 3))
def test_a_network(folder, text, shape):
    for space in (SPACE, *CHAINS):
        with only_sentences(folder):
            canonical = space.trajectory(text).architecture
            assert space.trajectory(canonical).architecture == canonical
    with only_sentences(folder):
        architecture = parse(text)
        assert parse(str(architecture)) == architecture
        assert re.fullmatch(r"\[[A-Z0-9(), ]+\]", str(architecture))
        dropout_rates(architecture)
        described = describe(text, shape)
        assert described.parameters > 0
        assert described.flops > 0
