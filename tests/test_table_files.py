"""Table files: a YAML that names a CSV and its space, or a replay database."""

import gzip
from dataclasses import asdict

import pytest
from contracts.searches import SmallSearch
from contracts.spaces import small

from metaqnn.config import as_mapping
from metaqnn.errors import ConfigError, EvaluatorError, IllegalArchitectureError, ReplayError
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.networks.targets.classes import accuracy
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.tables.chain import ChainSpace
from metaqnn.tables.listed import ListedSpace
from metaqnn.tables.table import Entry
from metaqnn.workflows.table_files import load_benchmark

CHAIN = """
name: squares
space: {name: chain, choices: [2, 3]}
table: {file: squares.csv, key: network, reward: valid, target: test, percent: true}
"""
CHAIN_CSV = """network,valid,test
00,50,25
12,75,100
"""
LAYERS = """
space:
  max_depth: 2
  convolution: {filters: [8], receptive_fields: [1]}
  pooling: [[2, 2]]
  fully_connected: {neurons: []}
table: {file: layers.csv, input_shape: [8, 8, 1], classes: 3}
"""
"""The tiny space of six networks, and the names of columns that need not be given."""
LAYERS_CSV = """architecture,reward,target
"[C(8,1,1), P(2,2), SM(3)]",0.5,0.625
[SM(3)],0.25,0.375
"""


@pytest.fixture
def write(tmp_path):
    """Writes a table file and its CSV; returns the path of the first."""
    (tmp_path / "squares.csv").write_text(CHAIN_CSV, encoding="utf-8")
    (tmp_path / "layers.csv").write_text(LAYERS_CSV, encoding="utf-8")

    def call(content, old="", new=""):
        assert old in content
        path = tmp_path / "table.yaml"
        path.write_text(content.replace(old, new) if old else content, encoding="utf-8")
        return path

    return call


def refusal(path) -> str:
    with pytest.raises(ConfigError) as error:
        load_benchmark(path)
    return str(error.value)


# What can be read


def test_a_table_over_a_chain(write, tmp_path):
    benchmark = load_benchmark(write(CHAIN))
    assert benchmark.name == "squares"
    assert isinstance(benchmark.space, ChainSpace)
    assert benchmark.space.config.choices == (2, 3)
    assert benchmark.table.entries == {"00": Entry(0.5, 0.25), "12": Entry(0.75, 1.0)}
    assert benchmark.table.source == str(tmp_path / "squares.csv")
    assert benchmark.table.best == 1.0


def test_a_table_over_layers(write):
    benchmark = load_benchmark(write(LAYERS))
    assert benchmark.name == "table"  # the file's, where none is given
    assert isinstance(benchmark.space, LayerSpace)
    assert (benchmark.space.input_shape, benchmark.space.classes) == ((8, 8, 1), 3)
    assert len(list(benchmark.space.architectures())) == 6
    assert benchmark.table.entries == {
        "[C(8,1,1), P(2,2), SM(3)]": Entry(0.5, 0.625),
        "[SM(3)]": Entry(0.25, 0.375),
    }


def test_a_packed_csv_in_another_folder(write, tmp_path):
    (tmp_path / "data").mkdir()
    packed = tmp_path / "data" / "squares.csv.gz"
    packed.write_bytes(gzip.compress(CHAIN_CSV.encode()))
    for place in ("data/squares.csv.gz", packed):
        benchmark = load_benchmark(write(CHAIN, "squares.csv", str(place)))
        assert list(benchmark.table.entries) == ["00", "12"]


def test_networks_outside_cannot_be_proposed_when_excluded(write):
    benchmark = load_benchmark(write(CHAIN, "percent: true", "percent: true, unlisted: exclude"))
    assert isinstance(benchmark.space, ListedSpace)
    assert list(benchmark.space.architectures()) == ["00", "12"]
    with pytest.raises(IllegalArchitectureError):
        benchmark.space.trajectory("01")


def test_names_of_before_are_read_and_the_new_ones_are_said(write):
    path, said = write(CHAIN.replace("target: test, percent: true", "judge: test, percent: true, outside: masked")), []
    before = load_benchmark(path, said.append)
    assert said == [
        f"{path}: table: what was 'outside: masked' is called 'unlisted: exclude' now.",
        f"{path}: table: what was the key 'judge' is called 'target' now.",
    ]
    after = load_benchmark(write(CHAIN, "percent: true", "percent: true, unlisted: exclude"))
    assert before.table.entries == after.table.entries
    assert list(before.space.architectures()) == list(after.space.architectures())


def test_a_column_judge_that_no_file_names_is_the_target(write, tmp_path):
    named = load_benchmark(write(LAYERS)).table.entries
    (tmp_path / "layers.csv").write_text(LAYERS_CSV.replace("target", "judge"), encoding="utf-8")
    assert load_benchmark(write(LAYERS)).table.entries == named


def test_networks_outside_are_an_error_unless_excluded(write):
    for path in (write(CHAIN), write(CHAIN, "percent: true", "percent: true, unlisted: error")):
        benchmark = load_benchmark(path)
        assert list(benchmark.space.architectures()) == ["00", "01", "02", "10", "11", "12"]
        with pytest.raises(EvaluatorError, match=r"expected a network of the table, but 01 is not among its 2;"):
            benchmark.table.entry("01")


# What cannot


@pytest.mark.parametrize(
    ("content", "old", "new", "sentence"),
    [
        (CHAIN, "space:", "spcae:", "spcae: there is no such section; a table file has name, space and table"),
        (CHAIN, "target:", "tagret:", "table.tagret: there is no such key; did you mean 'target'?"),
        (CHAIN, "choices:", "choice:", "space.choice: there is no such key; did you mean 'choices'?"),
        (CHAIN, ", choices: [2, 3]", "", "space.choices: this key must be given"),
        (CHAIN, "[2, 3]", "[2, 0]", "space.choices: expected counts from 1 to 10000, got (2, 0)"),
        (CHAIN, "file: squares.csv, ", "", "table.file: this key must be given"),
        (CHAIN, "percent: true", "percent: 100", "table.percent: expected true or false, got the number 100"),
        (
            CHAIN,
            "percent: true",
            "unlisted: exclud",
            "table.unlisted: 'exclud' is not one of its values; did you mean 'exclude'?",
        ),
        (LAYERS, "max_depth:", "maxdepth:", "space.maxdepth: there is no such key; did you mean 'max_depth'?"),
        (LAYERS, "classes: 3", "classes: 1", "table.classes: expected at least 2, or nothing, got 1"),
        (
            LAYERS,
            ", classes: 3",
            "",
            "table.input_shape and table.classes: a space of layers needs them; give both",
        ),
        (
            LAYERS,
            "input_shape: [8, 8, 1], ",
            "",
            "table.input_shape and table.classes: a space of layers needs them; give both",
        ),
        (CHAIN, CHAIN, "name: nothing else\n", "table.file: this key must be given"),
        (CHAIN, CHAIN, "[]\n", "expected sections such as 'dataset:' and 'space:', got a list []"),
    ],
)
def test_a_table_file_that_cannot_be_used(write, content, old, new, sentence):
    path = write(content, old, new)
    assert refusal(path) == f"{path}: {sentence}"


def test_a_csv_that_is_not_there_or_has_other_columns(write, tmp_path):
    assert refusal(write(CHAIN, "squares.csv", "circles.csv")) == (
        f"{tmp_path / 'circles.csv'}: expected a table that can be read, but No such file or directory"
    )
    assert refusal(write(CHAIN, "key: network, ")) == (
        f"{tmp_path / 'squares.csv'}: expected a column 'architecture', got network, valid, test"
    )


def test_a_table_file_that_is_not_there(tmp_path):
    assert refusal(tmp_path / "absent.yaml") == f"{tmp_path / 'absent.yaml'}: there is no such file"


# A database


@pytest.fixture
def searched(tmp_path):
    """The database of a small search over the tests' small space."""
    path = tmp_path / "search.sqlite"
    with SQLiteReplayMemory(path) as memory:
        experiment = {
            "name": "x",
            "dataset": {"name": "digits"},
            "space": {"name": "layers"} | as_mapping(small().options),
        }
        data = {"input_shape": [8, 8, 1], "classes": 3}
        memory.initialise({"seed": 1, "experiment": experiment, "data": data, "score": asdict(accuracy(3))})
    SmallSearch().run(path)
    return path


def test_a_database_is_a_table_of_its_networks_and_no_other_is_proposed(searched):
    benchmark = load_benchmark(searched)
    assert benchmark.name == "search"
    assert len(benchmark.table.entries) == 14
    assert isinstance(benchmark.space, ListedSpace)
    everything = list(small().architectures())
    assert list(benchmark.space.architectures()) == [text for text in everything if text in benchmark.table.entries]
    other = searched.rename(searched.with_suffix(".db"))
    assert load_benchmark(other).table.entries == benchmark.table.entries


def test_a_database_that_is_none(tmp_path):
    path = tmp_path / "table.sqlite"
    path.write_text(CHAIN * 20, encoding="utf-8")
    with pytest.raises(ReplayError, match="expected a replay database, but this file is no SQLite database"):
        load_benchmark(path)
    SQLiteReplayMemory(tmp_path / "blank.sqlite").close()
    assert refusal(tmp_path / "blank.sqlite").endswith(
        "expected a finished search or table, but nothing was trained yet"
    )
