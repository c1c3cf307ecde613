"""Experiments: shipped ones with mistakes in them, sections of anything, and bytes that are no YAML; with `--set`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fuzz.cases import fuzzed, mutated, only_sentences
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.networks.targets.classes import accuracy
from metaqnn.workflows import build_components, load_experiment, read_experiment, shipped_experiments

TOKENS = (
    *(b"010", b"0o10", b"1:30", b"1_000", b"yes", b"no", b"1e3", b"2020-01-01", b".nan", b".inf", b"-.inf", b"null"),
    *(b"~", b"true", b"-1", b"0", b"1e999", b"1e-999", b"9" * 20, b"'", b'"', b"[", b"]", b"{", b"}", b": ", b"- "),
    *(b", ", b"&a ", b"*a ", b"!!int ", b"!!set ", b"!x ", b"<<: ", b"? ", b"|\n", b"\n", b"\n  ", b"\t", b"#", b"%"),
    *(b"@", b"`", b"\\", b"\x00", b"\xc3\xa9", b"\xef\xbb\xbf", b"---\n", b"...\n"),
)
ORIGINALS = [path.read_bytes() for path in shipped_experiments().values()]
EXPERIMENTS = [load_experiment(name).as_mapping() for name in shipped_experiments()]


def keys_of(content: Any, path: str = "") -> Iterator[str]:
    """Every dotted key of a mapping."""
    for key, value in content.items() if isinstance(content, dict) else ():
        yield f"{path}{key}"
        yield from keys_of(value, f"{path}{key}.")


KEYS = sorted(
    {*(key for each in EXPERIMENTS for key in keys_of(each)), "evaluator", "evaluator.name", "training.max_memory"}
)
WORDS = sorted({word for key in KEYS for word in key.split(".")})

numbers = st.sampled_from([0, 1, -1, 2, 10**3, 10**6, 10**9, 2**63 - 1, 2**63, 10**30, 0.0, 0.5, 1.0, 1e-9, 1e300])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    numbers,
    st.floats(),
    st.sampled_from(
        ["010", "1:30", "yes", "1e3", "2020-01-01", "q_learning", "paper", "digits", "a:b", "./x", "\0", ""]
    ),
    st.sampled_from(
        ["chain", "random", "reinforce", "regularized_evolution", "cost_aware", "score", "function", "sgd"]
    ),
    st.text(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=8,
)
tokens = st.sampled_from(TOKENS).map(lambda token: token.decode(errors="replace"))
assignments = st.builds(
    lambda key, value: f"{key}={value}",
    st.one_of(*[st.sampled_from(KEYS)] * 19, st.text(max_size=6)),
    st.one_of(
        *[numbers.map(str)] * 9, *[values.map(json.dumps)] * 9, tokens, st.lists(tokens, max_size=4).map("".join)
    ),
)
whole = st.sampled_from(ORIGINALS)
files = st.one_of(
    whole.flatmap(lambda original: mutated(original, TOKENS)),
    st.dictionaries(st.sampled_from(KEYS), values, max_size=4).map(lambda content: json.dumps(content).encode()),
    st.lists(st.sampled_from(TOKENS) | st.text(max_size=3).map(str.encode), max_size=30).map(b"".join),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("yaml")


def read(folder: Path, where: str | Path, overrides: list[str]) -> None:
    """Read an experiment, store it and read it again, and make what it names."""
    with only_sentences(folder):
        experiment = load_experiment(where, overrides, lambda line: None)
        stored = experiment.as_mapping()
        assert read_experiment(json.loads(json.dumps(stored)), "stored").as_mapping() == stored
        if experiment.strategy.name not in ("smac", "tpe"):  # seconds to import
            parts = build_components(experiment, {"input_shape": (8, 8, 1), "classes": 10}, accuracy(10))
            parts.make_strategy()


@fuzzed(350)
@given(name=st.sampled_from(sorted(shipped_experiments())), overrides=st.lists(assignments, min_size=1, max_size=3))
def test_options(folder, name, overrides):
    read(folder, name, overrides)


@fuzzed(250)
@given(content=files)
def test_a_file(folder, content):
    path = folder / "a.yaml"
    path.write_bytes(content)
    read(folder, path, [])
