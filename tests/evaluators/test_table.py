"""Evaluations from a table: a CSV of a benchmark, a finished search, and an enumerated space."""

import gzip
from dataclasses import asdict
from pathlib import Path

import pytest
from contracts.curves import does_crash
from contracts.records import epoch, evaluation, model
from contracts.searches import SmallSearch, evaluate
from contracts.spaces import chain

from metaqnn.core import Attempt, Candidate, Evaluation, Score, Status
from metaqnn.errors import ConfigError, EvaluatorError, MetaqnnError
from metaqnn.networks.targets.classes import accuracy
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.tables.table import Entry, EvaluationTable, read_csv, read_database

FOUR = """network,noise,valid,test
00,x,0.5,0.25
01,x,0.75,0.5
10,x,0,1
11,x,1.0,0
"""
"""The networks of the chain 2 x 2."""

ACCURACY = Score("accuracy", "maximize", 0.0, 1.0, is_share=True)

ENTRIES = {"00": Entry(0.5, 0.25), "01": Entry(0.75, 0.5), "10": Entry(0.0, 1.0), "11": Entry(1.0, 0.0)}


def read(path: Path, content: str | None = None, key="network", reward="valid", target="test", percent=False):
    if content is not None:
        path.write_text(content, encoding="utf-8")
    return read_csv(path, chain(2, 2), key, reward, target, percent)


def refusal(path: Path, content: str | None, **columns) -> str:
    with pytest.raises(ConfigError) as error:
        read(path, content, **columns)
    return str(error.value)


# A CSV


def test_a_table_is_read_by_the_names_of_its_columns(tmp_path):
    table = read(tmp_path / "t.csv", FOUR)
    assert table == EvaluationTable(ENTRIES, str(tmp_path / "t.csv"), ACCURACY)
    assert list(table.entries) == ["00", "01", "10", "11"]
    same = read(tmp_path / "t.csv", FOUR, reward="test", target="test")
    assert {text: entry.reward for text, entry in same.entries.items()} == {"00": 0.25, "01": 0.5, "10": 1.0, "11": 0.0}


def test_the_order_of_columns_does_not_matter(tmp_path):
    turned = "\n".join(",".join(reversed(line.split(","))) for line in FOUR.splitlines())
    assert read(tmp_path / "t.csv", turned).entries == ENTRIES


def test_a_packed_table(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(FOUR.encode()))
    assert read(path).entries == ENTRIES


def test_accuracies_in_percent(tmp_path):
    table = read(tmp_path / "t.csv", "network,valid,test\n00,93.75,50\n01,0,100\n", percent=True)
    assert table.entries == {"00": Entry(0.9375, 0.5), "01": Entry(0.0, 1.0)}


def test_networks_are_known_by_their_canonical_text(tmp_path):
    assert list(read(tmp_path / "t.csv", "network,valid,test\n0-1,0.5,0.5\n").entries) == ["01"]


def test_a_column_that_is_missing(tmp_path):
    path = tmp_path / "t.csv"
    for column in ("key", "reward", "target"):
        assert refusal(path, FOUR, **{column: "tset"}) == (
            f"{path}: expected a column 'tset', got network, noise, valid, test"
        )


def test_a_file_that_cannot_be_read(tmp_path):
    path = tmp_path / "t.csv"
    assert refusal(path, None) == f"{path}: expected a table that can be read, but No such file or directory"
    assert refusal(tmp_path, None) == f"{tmp_path}: expected a table that can be read, but Is a directory"
    sentence = refusal(tmp_path / "t.csv.gz", FOUR)
    assert sentence.startswith(f"{tmp_path / 't.csv.gz'}: expected a table that can be read, but Not a gzipped file")


def test_a_figure_that_is_no_number(tmp_path):
    path = tmp_path / "t.csv"
    sentence = refusal(path, "network,valid,test\n00,0.5,0.5\n01,0.5,high\n")
    assert sentence == f"{path}, line 3, test: expected a number, got 'high'"
    assert refusal(path, "network,valid,test\n00,,0.5\n") == f"{path}, line 2, valid: expected a number, got 'nothing'"
    sentence = refusal(path, "network,valid,test\n00,0.5\n")
    assert sentence == f"{path}, line 2, test: expected a number, got 'nothing'"


@pytest.mark.parametrize("figure", ["93.37", "1.0001", "-0.1", "nan", "inf"])
def test_a_figure_that_is_no_accuracy_may_be_percent(tmp_path, figure):
    path = tmp_path / "t.csv"
    assert refusal(path, f"network,valid,test\n00,{figure},0.5\n") == (
        f"{path}, line 2, valid: expected an accuracy, got {figure}; set 'percent' to fit the table"
    )


def test_a_percentage_above_a_hundred(tmp_path):
    path = tmp_path / "t.csv"
    assert refusal(path, "network,valid,test\n00,50,100.5\n", percent=True) == (
        f"{path}, line 2, test: expected an accuracy, got 100.5; set 'percent' to fit the table"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("02", "02: 2 is not legal in state 1:0; legal there: 0, 1"),
        ("0", "0: the network is incomplete at 1:0"),
        ("SM", "'SM': expected choices such as '00'"),
        ("", "'': expected choices such as '00'"),
    ],
)
def test_a_network_that_is_none_of_the_space(tmp_path, text, sentence):
    with pytest.raises(MetaqnnError) as error:
        read(tmp_path / "t.csv", f"network,valid,test\n00,0.5,0.5\n{text},0.5,0.5\n")
    assert str(error.value).endswith(sentence)


def test_a_network_that_stands_twice(tmp_path):
    path = tmp_path / "t.csv"
    sentence = refusal(path, "network,valid,test\n01,0.5,0.5\n0-1,0.25,0.5\n")
    assert sentence == f"{path}, line 3: expected each network once, but 01 stands before it"


def test_a_file_that_is_not_whole_or_no_text(tmp_path):
    packed = gzip.compress(FOUR.encode())
    for name, content in (("t.csv.gz", packed[:-9]), ("t.csv", b"network,valid,test\n\xff\xfe,0.5,0.5\n")):
        (tmp_path / name).write_bytes(content)
        sentence = refusal(tmp_path / name, None)
        assert sentence.startswith(
            f"{tmp_path / name}: expected a whole CSV in UTF-8 (packed, if it ends in .gz), but "
        )


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufeffnetwork,valid,test\n01,0.5,0.25\n".encode())
    assert dict(read(tmp_path / "t.csv", None).entries) == {"01": Entry(0.5, 0.25)}


def test_a_table_without_networks(tmp_path):
    path = tmp_path / "t.csv"
    assert refusal(path, "network,valid,test\n") == f"{path}: expected at least one network, but there is none"
    assert refusal(path, "") == f"{path}: expected a column 'network', got an empty file"


# What is looked up


def test_an_entry_and_the_best_one(tmp_path):
    table = read(tmp_path / "t.csv", FOUR)
    assert table.entry("01") == Entry(0.75, 0.5)
    assert table.best == 1.0  # the largest target, which is that of the smallest reward


def test_a_network_that_is_not_in_the_table(tmp_path):
    path = tmp_path / "t.csv"
    table = read(path, "network,valid,test\n00,0.5,0.5\n")
    sentence = (
        f"{path}: expected a network of the table, but 11 is not among its 1; "
        "'unlisted: exclude' keeps strategies from proposing it"
    )
    for look in (table.entry, lambda text: table.evaluate(Candidate(1, text, 0))):
        with pytest.raises(EvaluatorError) as error:
            look("11")
        assert str(error.value) == sentence


def test_an_evaluation_has_the_reward_as_its_score(tmp_path):
    answer = read(tmp_path / "t.csv", FOUR).evaluate(Candidate(7, "01", 3))
    assert answer.status is Status.OK
    assert answer.score == answer.measured == 0.75
    assert answer.seconds == 0.0
    assert answer.attempts == ()


def test_a_recorded_evaluation_is_answered_as_it_was():
    recorded = evaluation(Status.CRASHED, "the machine is on fire", (), 3.0, "here")
    table = EvaluationTable({"00": Entry(0.25, 0.5, (0.25, 0.75), recorded)}, "a test", ACCURACY)
    assert table.evaluate(Candidate(1, "00", 0)) is recorded


# The database of a search


def start(path: Path, classes: int = 3, **config) -> Path:
    """A database with a configuration, as a search over so many classes would leave it."""
    with SQLiteReplayMemory(path) as memory:
        memory.initialise({"seed": 1, "data": {"classes": classes}, "score": asdict(accuracy(classes)), **config})
    return path


def table_of(path: Path) -> EvaluationTable:
    with ReplayReader(path) as reader:
        return read_database(reader)


def test_the_networks_of_a_search_with_what_training_gave(tmp_path):
    path = start(tmp_path / "search.sqlite")
    SmallSearch(models=20).run(path)
    table = table_of(path)
    with ReplayReader(path) as reader:
        assert list(table.entries) == [model.architecture for model in reader.models()]
    assert len(table.entries) == 20
    assert table.source == str(path)
    expected = {text: evaluate(Candidate(0, text, 0)) for text in table.entries}
    failures = {text for text, found in expected.items() if found.score is None}
    assert 1 <= len(failures) <= 15
    for text, found in expected.items():
        counted = 1 / 3 if text in failures else found.score
        entry = table.entry(text)
        assert (entry.reward, entry.target, entry.scores) == (counted, counted, (counted,))
        answer = table.evaluate(Candidate(1, text, 0))
        assert (answer.status, answer.reason, answer.score) == (
            found.status,
            found.reason,
            found.score,
        )
        assert len(answer.attempts) == len(found.attempts)
    assert table.best == max(entry.target for entry in table.entries.values())


def ok(score: float) -> Evaluation:
    return evaluation(Status.OK, "", (Attempt((epoch(1, 0.001, 1, 0.5, 1, score, 0.5),)),), 1.0, "x")


def test_the_last_evaluation_of_a_network_counts(tmp_path):
    def sometimes(candidate):
        crashes = does_crash(candidate.architecture)
        return evaluation(Status.CRASHED, "the machine is on fire") if crashes else ok(0.5)

    path = start(tmp_path / "search.sqlite")
    SmallSearch(evaluate=sometimes).run(path)
    crashed = {text for text, entry in table_of(path).entries.items() if entry.reward == 1 / 3}
    assert crashed == {text for text in table_of(path).entries if does_crash(text)} != set()
    with SQLiteReplayMemory(path) as memory:
        assert len(memory.retry_failed()) == len(crashed)
    SmallSearch(evaluate=lambda candidate: ok(0.75)).run(path)
    table = table_of(path)
    for text, entry in table.entries.items():
        assert (entry.reward, entry.target) == ((0.75, 0.75) if text in crashed else (0.5, 0.5))
        assert table.evaluate(Candidate(1, text, 0)).score == entry.reward


def test_a_database_in_which_nothing_was_trained(tmp_path):
    blank = tmp_path / "blank.sqlite"
    SQLiteReplayMemory(blank).close()
    for path in (blank, start(tmp_path / "started.sqlite")):
        with pytest.raises(ConfigError) as error:
            table_of(path)
        assert str(error.value) == f"{path}: expected a finished search or table, but nothing was trained yet"


# An enumerated space


@pytest.fixture
def two_networks(tmp_path):
    """A table of two networks, and a function that records trainings (number, model, seed, evaluation)."""
    path = start(tmp_path / "table.sqlite", 4, purpose="table")

    def record(*trainings):
        with SQLiteReplayMemory(path) as memory:
            memory.begin_run(2, 1, {}, [])
            memory.add_models([model(1, "[SM(4)]", 1, 10, 20), model(2, "[GAP(4), SM(4)]", 2, 5, 9)])
            for training in trainings:
                memory.record_table_evaluation(*training)
        return path

    return record


CRASHED = evaluation(Status.CRASHED, "the machine is on fire")


def test_a_search_sees_the_first_seed_and_all_of_them_judge(two_networks):
    table = table_of(two_networks((1, 1, 7, ok(0.5)), (2, 2, 7, ok(0.25)), (3, 1, 8, ok(0.75)), (4, 2, 8, CRASHED)))
    first, second = table.entry("[SM(4)]"), table.entry("[GAP(4), SM(4)]")
    assert (first.reward, first.target, first.scores) == (0.5, 0.625, (0.5, 0.75))
    assert (second.reward, second.target, second.scores) == (0.25, 0.25, (0.25, 0.25))  # a crash counts as 1/4
    assert first.evaluation == ok(0.5)
    assert table.best == 0.625


def test_a_first_training_that_failed_counts_as_chance_and_is_answered_as_it_was(two_networks):
    table = table_of(two_networks((1, 1, 7, CRASHED), (2, 2, 7, ok(0.75)), (3, 1, 8, ok(1.0)), (4, 2, 8, ok(0.25))))
    entry = table.entry("[SM(4)]")
    assert (entry.reward, entry.target) == (0.25, 0.625)
    assert table.evaluate(Candidate(1, "[SM(4)]", 0)).status is Status.CRASHED


def test_a_seed_counts_when_all_networks_were_trained_with_it(two_networks):
    table = table_of(two_networks((1, 1, 7, ok(0.5)), (2, 2, 7, ok(0.25)), (3, 1, 8, ok(0.75))))
    assert [entry.scores for entry in table.entries.values()] == [(0.5,), (0.25,)]
    assert [entry.target for entry in table.entries.values()] == [0.5, 0.25]


def test_a_table_that_is_not_finished(two_networks):
    path = two_networks((1, 1, 7, ok(0.5)))
    with pytest.raises(ConfigError) as error:
        table_of(path)
    assert str(error.value) == (
        f"{path}: expected every one of its 2 networks trained at least once, but 1 are; "
        "run `metaqnn enumerate` again, it goes on"
    )
