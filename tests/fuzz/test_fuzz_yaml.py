"""Experiments: shipped ones with mistakes in them, sections of anything, and bytes that are no YAML; with `--set`."""

import json
from pathlib import Path

import pytest
from fuzz.cases import fuzzed, mutated, only_sentences
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.networks.evaluator import accuracy
from metaqnn.workflows import build_components, load_experiment, read_experiment, shipped_experiments

TOKENS = (
    *(b"010", b"0o10", b"1:30", b"1_000", b"yes", b"no", b"1e3", b"2020-01-01", b".nan", b".inf", b"-.inf", b"null"),
    *(b"~", b"true", b"-1", b"0", b"1e999", b"1e-999", b"9" * 20, b"'", b'"', b"[", b"]", b"{", b"}", b": ", b"- "),
    *(b", ", b"&a ", b"*a ", b"!!int ", b"!!set ", b"!x ", b"<<: ", b"? ", b"|\n", b"\n", b"\n  ", b"\t", b"#", b"%"),
    *(b"@", b"`", b"\\", b"\x00", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b"---\n", b"...\n"),
)
ORIGINALS = [path.read_bytes() for path in shipped_experiments().values()]
WORDS = sorted(
    {word.strip(" []{},#") for text in ORIGINALS for line in text.decode().split("\n") for word in line.split(":")[:1]}
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["010", "1:30", "yes", "1e3", "2020-01-01", "q_learning", "paper", "digits", "a:b", "./x", "\0", ""]
    )
    | st.text(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=8,
)
sections = (
    "name",
    "seed",
    "dataset",
    "space",
    "strategy",
    "evaluator",
    "reward",
    "training",
    "search",
    "final",
    "warm_start",
)
keys = st.sampled_from([f"{section}.{word}" for section in sections for word in WORDS] + list(sections))
assignments = st.builds(
    lambda key, value: f"{key}={value}",
    keys | st.text(max_size=6),
    values.map(json.dumps) | st.sampled_from(TOKENS).map(repr),
)
files = (
    st.sampled_from(ORIGINALS).flatmap(lambda original: mutated(original, TOKENS))
    | st.dictionaries(st.sampled_from(sections), values, max_size=4).map(lambda content: json.dumps(content).encode())
    | st.lists(st.sampled_from(TOKENS) | st.binary(max_size=3), max_size=30).map(b"".join)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("yaml")


@fuzzed(600)
@given(content=files, overrides=st.lists(assignments, max_size=2))
def test_an_experiment(folder, content, overrides):
    path = folder / "a.yaml"
    path.write_bytes(content)
    with only_sentences(folder):
        experiment = load_experiment(path, overrides, lambda line: None)
        stored = experiment.as_mapping()
        assert read_experiment(json.loads(json.dumps(stored)), "stored").as_mapping() == stored
        if experiment.strategy.name not in ("smac", "tpe"):  # seconds to import
            parts = build_components(experiment, {"input_shape": (8, 8, 1), "classes": 10}, accuracy(10))
            parts.make_strategy()
