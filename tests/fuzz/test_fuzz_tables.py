"""CSV: files of the released code to import, and tables of benchmarks with the YAML files that describe them."""

import gzip
from pathlib import Path

import pytest
from fuzz.cases import fuzzed, mutated, only_sentences
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.networks.released_file import COLUMNS, read_released
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows import load_experiment
from metaqnn.workflows.import_released import import_released
from metaqnn.workflows.table_files import load_benchmark

GOLDEN = (Path(__file__).parents[1] / "golden" / "replay_database.csv").read_bytes()
TOKENS = tuple(b"\"|,|\n|\r|\x00|nan|inf|-1|1e999|1_0|0x1|[SM(10)]|01|\xef\xbb\xbf|\xd9\xa1| |;|'".split(b"|"))
CSV = b"architecture,reward,target\n00,0.1,0.1\n01,0.2,0.2\n10,0.3,0.3\n11,0.4,0.4\n"
YAML = b"name: cubes\nspace: {name: chain, choices: [2, 2]}\ntable: {file: a.csv, unlisted: exclude, percent: false}\n"
cells = st.sampled_from(["[SM(10)]", "[C(64,3,1), SM(10)]", "0.5", "-1", "nan", "1e400", "", "x", "\u0661", "0.1_0"])
released = st.lists(st.tuples(*[cells] * len(COLUMNS)), max_size=3).map(
    lambda rows: "\n".join(",".join(f'"{cell}"' for cell in row) for row in (COLUMNS, *rows)).encode()
)
tables = mutated(CSV, TOKENS) | st.lists(
    st.sampled_from(TOKENS) | st.text(max_size=4).map(str.encode), max_size=20
).map(b"".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("imported") / "new.sqlite"


@pytest.fixture(scope="module")
def experiment():
    return load_experiment("svhn")


@fuzzed(250)
@given(
    content=mutated(GOLDEN, TOKENS) | mutated(GOLDEN[:200]) | released, imports=st.integers(0, 7).map(lambda n: not n)
)
def test_a_file_to_import(folder, elsewhere, experiment, content, imports):
    path = folder / "a.csv"
    path.write_bytes(content)
    elsewhere.unlink(missing_ok=True)
    with only_sentences(folder):
        rows = read_released(path)
        assert all(set(row) == set(COLUMNS) for row in rows)
        if imports:  # seldom, as a database takes its time
            report = import_released(path, elsewhere, experiment)
            with ReplayReader(elsewhere) as reader:
                assert len(list(reader.episodes())) == report.taken
    assert [each.name for each in elsewhere.parent.iterdir()] in ([], [elsewhere.name])


@fuzzed(250)
@given(
    content=tables,
    description=st.just(YAML) | mutated(YAML, (*TOKENS, b"yes", b"010", b"{", b": ")),
    packed=st.booleans(),
)
def test_a_table(folder, content, description, packed):
    name = b"a.csv.gz" if packed else b"a.csv"
    (folder / name.decode()).write_bytes(gzip.compress(content, 1) if packed else content)
    (folder / "a.yaml").write_bytes(description.replace(b"a.csv", name))
    with only_sentences(folder):
        benchmark = load_benchmark(folder / "a.yaml")
        assert benchmark.space.trajectory(next(iter(benchmark.table.entries)))
        assert 0.0 <= benchmark.table.best <= 1.0


@fuzzed(100)
@given(content=mutated(gzip.compress(CSV * 9, mtime=0)))
def test_a_packed_table(folder, content):
    (folder / "a.csv.gz").write_bytes(content)
    (folder / "a.yaml").write_bytes(YAML.replace(b"a.csv", b"a.csv.gz"))
    with only_sentences(folder):
        load_benchmark(folder / "a.yaml")
