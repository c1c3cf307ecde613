"""A file of the released code as a replay database."""

import csv
import json
import shutil
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from contracts.spaces import paper
from databases import contents
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.core import EpisodeOrigin
from metaqnn.errors import ConfigError, ReplayError
from metaqnn.networks.architecture import parse
from metaqnn.networks.export.released import export_released
from metaqnn.networks.released_file import COLUMNS, write_released
from metaqnn.networks.released_notation import with_dropout_marks
from metaqnn.networks.targets.classes import accuracy
from metaqnn.replay.importing import ImportedRow, create_imported, read_imported_rows
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.seeding import Stream
from metaqnn.strategies.walks import random_walk
from metaqnn.tables.table import read_database
from metaqnn.workflows import load_experiment, stored_components, verify_database
from metaqnn.workflows.import_released import import_released

GOLDEN = Path(__file__).parent / "golden" / "replay_database.csv"
DEEP = "[C(64,3,1), C(128,3,1), C(256,3,1), P(2,2), C(64,1,1), SM(10)]"

LAYER = "a layer (C, SC, P, AP, BN, B, FC, GAP, GP, SM, D)"


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    """The golden file as a database, and what the import said."""
    path = tmp_path_factory.mktemp("import") / "golden.sqlite"
    return path, import_released(GOLDEN, path, load_experiment("svhn"))


def written(path: Path, *rows: dict) -> Path:
    """A file of the released code with some values changed from those of a fine row."""
    fine = dict(
        zip(COLUMNS, ("[SM(10)]", "0.9", "5", "0.8", "9", "-1", "-1", "1", "0.5", "1480000000", "m"), strict=True)
    )
    write_released(path, [fine | row for row in rows])
    return path


def imported(folder: Path, *rows: dict, overrides=(), experiment="svhn"):
    """The database of such a file, and the report."""
    target = folder / "imported.sqlite"
    return target, import_released(written(folder / "a.csv", *rows), target, load_experiment(experiment, overrides))


# What is taken


def test_the_golden_file_becomes_episodes_in_its_order(golden):
    path, report = golden
    with ReplayReader(path) as reader:
        episodes = [
            (e.number, e.iteration, e.epsilon, e.model, e.architecture, e.evaluation, e.score, e.reward, e.reused)
            for e in reader.episodes()
        ]
        assert {e.origin for e in reader.episodes()} == {EpisodeOrigin.IMPORTED}
        assert reader.is_import()
        assert reader.query("SELECT outcome, models, workers FROM runs")[1] == [("completed", 4, 0)]
    gap = "[C(64,3,1), GAP(10), SM(10)]"
    assert episodes == [
        (1, 1, 1.0, 1, DEEP, 1, 0.8914, 0.8914, False),
        (2, 2, 1.0, 2, "[SM(10)]", 2, 0.1, 0.1, False),
        (3, 3, 1.0, 3, gap, 3, 0.4212, 0.4212, False),  # the row before it was not measured
        (4, 3, 0.9, 1, DEEP, 1, 0.8914, 0.8914, True),  # other marks, another accuracy: the first counts
        (5, 3, 0.1, 2, "[SM(10)]", 2, 0.1, 0.1, True),
        (6, 4, None, 4, "[C(128,5,1), SM(10)]", 4, 0.7178, 0.7178, False),
    ]
    assert (report.rows, report.taken, report.networks, report.repeats) == (12, 6, 4, 2)
    assert report.problems == {"accuracy": 3, "illegal": 2, "unparsed": 1}


def test_what_was_refused_is_kept_with_its_reason(golden):
    path, report = golden
    with ReplayReader(path) as reader:
        rows = read_imported_rows(reader)
    assert tuple(row for row in rows if row.problem) == report.refused
    assert [(row.row, row.problem, row.reason.split("; legal there")[0]) for row in report.refused] == [
        (3, "accuracy", "accuracy_best_val is -1.0: the network was not measured"),
        (6, "unparsed", f"expected {LAYER} at character 13, got 'N'"),
        (7, "illegal", "P(2,2) is not legal in state 0:start:8+"),
        (8, "illegal", "a network must end with SM(classes); add it"),
        (10, "accuracy", "accuracy_best_val: expected a number from 0 to 1, got '72.28'"),
        (11, "accuracy", "accuracy_best_val: expected a number from 0 to 1, got ''"),
    ]
    with GOLDEN.open(newline="") as file:
        assert [{"net": row.net, **row.content} for row in rows] == list(csv.DictReader(file))


def test_the_curve_has_the_two_points_that_the_file_names(golden):
    path, _ = golden
    with ReplayReader(path) as reader:
        evaluations = [reader.evaluation(number) for number in (1, 2, 3, 4)]
        columns, rows = reader.query("SELECT * FROM evaluations ORDER BY evaluation")
        stored = [dict(zip(columns, row, strict=True)) for row in rows]
    points = [[m.score for m in evaluation.attempts[0].points] for evaluation in evaluations]
    assert points == [[0.8914, 0.8902], [0.1], [0.4212, 0.3984], [0.7178]]
    for evaluation, row in zip(evaluations, stored, strict=True):
        assert row["status"] == "ok"
        assert row["purpose"] == "search"
        assert row["best_accuracy"] == evaluation.measured
        assert row["best_epoch"] == evaluation.best_step(accuracy(10)) == 1
        assert row["last_accuracy"] == evaluation.last_score
        assert np.isnan(evaluation.attempts[0].points[0].figures["train_loss"])
    assert [row["device"] for row in stored] == ["gpu-a", "gpu-b", "gpu-a", "gpu-a"]


@pytest.mark.parametrize(
    ("row", "points"),
    [
        ({"accuracy_last_val": "0.9"}, [0.9, 0.9]),  # reached twice
        ({"accuracy_last_val": "0.9", "iter_last_val": "5"}, [0.9]),  # the best was the last
        ({"accuracy_last_val": "-1"}, [0.9]),  # not measured
        ({"accuracy_last_val": "0.95"}, [0.9]),  # contradicts the best
        ({"accuracy_last_val": "nan"}, [0.9]),
        ({"accuracy_last_val": "-"}, [0.9]),
    ],
)
def test_a_last_accuracy_counts_where_it_can_be_one(tmp_path, row, points):
    path, _ = imported(tmp_path, row)
    with ReplayReader(path) as reader:
        assert [m.score for m in reader.evaluation(1).attempts[0].points] == points


@pytest.mark.parametrize(
    ("row", "problem", "reason"),
    [
        ({"accuracy_best_val": "nan"}, "accuracy", "accuracy_best_val: expected a number from 0 to 1, got 'nan'"),
        ({"accuracy_best_val": "-1"}, "accuracy", "accuracy_best_val is -1: the network was not measured"),
        ({"accuracy_best_val": "-0.1"}, "accuracy", "accuracy_best_val: expected a number from 0 to 1, got '-0.1'"),
        ({"accuracy_best_val": "one"}, "accuracy", "accuracy_best_val: expected a number from 0 to 1, got 'one'"),
        ({"net": ""}, "unparsed", f"expected {LAYER} at character 1, got the end"),
        ({"net": "[C(64,3,1), D(2,1), SM(10)]"}, "unparsed", "expected a dropout mark D(i,n) with i at most n at"),
        ({"net": "[SM(100)]"}, "illegal", "SM(100) is not legal in state 0:start:8+; legal there: C(64,1,1), "),
        ({"net": "[C(64,3,1), FC(128), SM(10)]"}, "illegal", "FC(128) is not legal in state 1:C(64,3,1):8+; legal"),
        ({"net": "[FC(128), C(64,3,1), SM(10)]"}, "illegal", "C(64,3,1) cannot follow FC(128), which leaves no image"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(tmp_path, row, problem, reason):
    path, report = imported(tmp_path, row, {})
    assert report.taken == 1
    assert [(refused.row, refused.problem) for refused in report.refused] == [(1, problem)]
    assert report.refused[0].reason.startswith(reason)
    assert "\n" not in report.refused[0].reason
    with ReplayReader(path) as reader:
        assert [e.number for e in reader.episodes()] == [1]
        assert [row.episode for row in read_imported_rows(reader)] == [None, 1]


@pytest.mark.parametrize("text", ["", "-1", "1.5", "nan", "greedy"])
def test_an_epsilon_that_is_none_is_left_out(tmp_path, text):
    path, _ = imported(tmp_path, {"epsilon": text})
    with ReplayReader(path) as reader:
        assert [e.epsilon for e in reader.episodes()] == [None]


def test_rewards_are_those_of_the_experiment(tmp_path):
    overrides = ("reward={name: cost_aware, parameters_weight: 0.01}",)
    path, _ = imported(tmp_path, {}, overrides=overrides)
    with ReplayReader(path) as reader:
        parameters = 32 * 32 * 3 * 10 + 10
        assert next(reader.episodes()).reward == pytest.approx(0.9 - 0.01 * np.log(parameters))


# What an agent learns from it


def test_the_values_are_those_of_an_agent_that_is_told_the_episodes(tmp_path):
    overrides = ("strategy.replay_episodes=1", "strategy.learning_rate=0.5")
    path, _ = imported(tmp_path, {}, {"net": "[GAP(10), SM(10)]", "accuracy_best_val": "0.7"}, {}, overrides=overrides)
    with ReplayReader(path) as reader:
        as_of, values = reader.values()
    assert as_of == 3
    # 0.5 + 0.5 (0.9 - 0.5); then GAP -> SM: 0.5 + 0.5 (0.7 - 0.5), and start -> GAP: 0.5 + 0.5 (0.6 - 0.5).
    assert {(v.state, v.action): (v.value, v.updates) for v in values} == {
        ("0:start:8+", "SM(10)"): (pytest.approx(0.7), 1),  # the repeat is followed by no replay
        ("1:GAP(10)x1", "SM(10)"): (pytest.approx(0.6), 1),
        ("0:start:8+", "GAP(10)"): (pytest.approx(0.55), 1),
    }


@pytest.mark.parametrize(
    "strategy", ["linear_ucb", "q_learning, preset: paper", "random", "regularized_evolution", "reinforce"]
)
def test_every_strategy_is_told(tmp_path, strategy):
    path, _ = imported(tmp_path, {}, {"net": "[GAP(10), SM(10)]"}, overrides=(f"strategy={{name: {strategy}}}",))
    with ReplayReader(path) as reader:
        as_of, values = reader.values()
        agent = stored_components(reader).make_strategy()
        for episode in reader.episodes():
            agent.tell(episode)
        assert as_of == 2
        assert sorted(map(str, values)) == sorted(map(str, agent.values()))
        assert bool(values) == (strategy in ("linear_ucb", "q_learning, preset: paper"))
        assert verify_database(reader).difference is None


def test_a_row_costs_as_much_in_a_long_file_as_in_a_short_one(tmp_path):
    def calls(folder, rows):
        count = 0

        def counted(frame, event, argument):
            nonlocal count
            count += event in ("call", "c_call")

        folder.mkdir()
        sys.setprofile(counted)
        try:
            imported(folder, *rows, overrides=("strategy.replay_episodes=10",))
        finally:
            sys.setprofile(None)
        return count

    networks = [random_walk(paper(), Stream(0, "rows", n)).architecture for n in range(400)]
    rows = [{"net": net, "accuracy_best_val": f"0.{n}"} for n, net in enumerate(networks, start=1)]
    imported(tmp_path, *rows)  # so that no module is imported, and no layer read, in what is counted
    nothing, short, long = (calls(tmp_path / str(n), rows[:n]) for n in (1, 100, 400))
    assert long - nothing < 4.4 * (short - nothing)


def test_one_file_gives_one_database(tmp_path, golden):
    again = tmp_path / "again.sqlite"
    import_released(GOLDEN, again, load_experiment("svhn"))
    assert contents(again) == contents(golden[0])


def test_it_is_a_table_for_comparisons(golden):
    with ReplayReader(golden[0]) as reader:
        table = read_database(reader)
    assert {text: entry.reward for text, entry in table.entries.items()} == {
        DEEP: 0.8914,
        "[SM(10)]": 0.1,
        "[C(64,3,1), GAP(10), SM(10)]": 0.4212,
        "[C(128,5,1), SM(10)]": 0.7178,
    }


# There and back


def test_the_file_comes_back_byte_for_byte(tmp_path, golden):
    with ReplayReader(golden[0]) as reader:
        assert export_released(reader, tmp_path / "back.csv") == 12
    assert (tmp_path / "back.csv").read_bytes() == GOLDEN.read_bytes()


ROWS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.one_of(st.floats(0.0, 1.0), st.sampled_from([-1.0, 1.5])),
        st.floats(0.0, 1.0),
        st.sampled_from([1.0, 0.5, 0.1]),
    ),
    min_size=1,
    max_size=12,
)


@given(ROWS)
@settings(max_examples=25, deadline=None)
def test_random_networks_of_the_papers_space_go_there_and_back(rows):
    space = paper(max_depth=12)
    networks = [random_walk(space, Stream(seed, "network")).architecture for seed, *_ in rows]
    with TemporaryDirectory() as name:
        folder = Path(name)
        file, database = folder / "a.csv", folder / "a.sqlite"
        written(
            file,
            *(
                {
                    "net": with_dropout_marks(parse(network)),
                    "accuracy_best_val": repr(accuracy),
                    "accuracy_last_val": repr(last),
                    "epsilon": repr(epsilon),
                }
                for network, (_, accuracy, last, epsilon) in zip(networks, rows, strict=True)
            ),
        )
        import_released(file, database, load_experiment("svhn"))
        first: dict[str, float] = {}
        expected = []
        for network, (_, accuracy, _, epsilon) in zip(networks, rows, strict=True):
            if 0.0 <= accuracy <= 1.0:
                reused = network in first
                first.setdefault(network, accuracy)
                expected.append((network, list(first).index(network) + 1, first[network], epsilon, reused))
        with ReplayReader(database) as reader:
            found = [(e.architecture, e.model, e.reward, e.epsilon, e.reused) for e in reader.episodes()]
            assert verify_database(reader).difference is None
            export_released(reader, folder / "b.csv")
        assert found == expected
        assert (folder / "b.csv").read_bytes() == file.read_bytes()


# What verify finds


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("UPDATE replay SET reward = 0.5 WHERE episode = 4", "episode 4: reward is 0.5 in the database, but 0.8914"),
        ("UPDATE replay SET score = 0.5 WHERE episode = 4", "episode 4: its accuracy is 0.5 in the database, but"),
        (
            "UPDATE imported_rows SET content = '{}' WHERE row = 1",
            "episode 1: its accuracy is 0.8914 in the database, but",
        ),
        ("UPDATE replay SET iteration = 1 WHERE episode = 2", "episode 2: iteration is 1 in the database, but 2"),
        (
            "UPDATE replay SET model = 3 WHERE episode = 2",
            "episode 2: its architecture is '[C(64,3,1), GAP(10), SM(10)]",
        ),
        (
            "UPDATE q_values SET value = 1 WHERE state = '1:C(64,3,1):8+'",
            "Q-value of C(128,3,1) in state 1:C(64,3,1):8+",
        ),
        (
            "UPDATE imported_rows SET net = '[P(2,2), SM(10)]' WHERE row = 1",
            "episode 1: row 1 has no network of the space: [P(2,2), SM(10)]: P(2,2) is not legal in state 0:start:8+",
        ),
        (
            "UPDATE imported_rows SET episode = NULL WHERE row = 12",
            "imported rows: 5 of them became episodes, but there",
        ),
        (
            "UPDATE replay SET reused = 1 WHERE episode = 1",
            "episode 1: it reuses a result of model 1, but there is none",
        ),
        ("UPDATE learning_curves SET score = 0.4 WHERE evaluation = 2", "evaluation 2: best_accuracy is"),
    ],
)
def test_verify_finds_what_does_not_follow_from_the_rows(tmp_path, golden, statement, difference):
    path = shutil.copy(golden[0], tmp_path / "changed.sqlite")
    with SQLiteReplayMemory(path) as memory, memory._transaction() as connection:
        connection.execute(statement)
    with closing(ReplayReader(path)) as reader:
        assert verify_database(reader).difference.startswith(difference)


# The data set


def test_a_named_data_set_need_not_be_there(tmp_path, monkeypatch):
    monkeypatch.setenv("METAQNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("METAQNN_DATA", raising=False)
    path, _ = imported(tmp_path, {"net": "[SM(100)]"}, experiment="cifar100")
    with ReplayReader(path) as reader:
        assert reader.config()["data"] == {"input_shape": [32, 32, 3], "classes": 100}
        assert reader.config()["purpose"] == "import"


def test_the_images_of_a_path_say_their_shape_and_classes(tmp_path):
    images = np.zeros((6, 5, 4, 1), np.uint8)
    np.savez(tmp_path / "own.npz", x_train=images, y_train=[0, 1, 2] * 2)
    path, report = imported(tmp_path, {"net": "[SM(3)]"}, overrides=(f"dataset.name={tmp_path}/own.npz",))
    with ReplayReader(path) as reader:
        assert reader.config()["data"] == {"input_shape": [5, 4, 1], "classes": 3}
    assert report.taken == 1


# What is refused, and leaves no file behind


def refusal(folder: Path, file: Path, target: str = "a.sqlite", kind: type = ConfigError) -> str:
    before = sorted(folder.rglob("*"))
    with pytest.raises(kind) as error:
        import_released(file, folder / target, load_experiment("svhn"))
    assert sorted(folder.rglob("*")) == before
    return str(error.value).replace(str(folder), "FOLDER")


HEADER = ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", f"FOLDER/a.csv: expected a CSV with the columns {', '.join(COLUMNS)}, got an empty file"),
        (
            HEADER.encode() + b"\n",
            "FOLDER/a.csv: expected at least one row below the names of the columns, but there is none",
        ),
        (
            b"net,epsilon\n[SM(10)],1.0\n",
            f"FOLDER/a.csv: expected the columns of the released code ({', '.join(COLUMNS)}), but "
            f"{', '.join(c for c in COLUMNS if c not in ('net', 'epsilon'))} are missing",
        ),
        (
            HEADER.replace("net,", "network,").encode() + b"\n",
            f"FOLDER/a.csv: expected the columns of the released code ({', '.join(COLUMNS)}), but net is missing",
        ),
        (
            f",{HEADER},note\n".encode(),
            "FOLDER/a.csv: expected each column of the released code once and no other, but there is also '', 'note'; "
            "remove it",
        ),
        (
            f"{HEADER},net\n".encode(),
            "FOLDER/a.csv: expected each column of the released code once and no other, but there is also 'net'; "
            "remove it",
        ),
        (
            f"{HEADER}\n[SM(10)],0.5,1\n".encode(),
            "FOLDER/a.csv, line 2: expected 11 values, got 3; is the file cut off?",
        ),
        (
            f'{HEADER}\n"[SM(10)],0.5,1'.encode(),
            "FOLDER/a.csv: expected a whole CSV in UTF-8, but unexpected end of data",
        ),
        (
            HEADER.encode("utf-16"),
            "FOLDER/a.csv: expected a whole CSV in UTF-8, but 'utf-8' codec can't decode byte 0xff in position 0: "
            "invalid start byte",
        ),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, content, sentence):
    (tmp_path / "a.csv").write_bytes(content)
    assert refusal(tmp_path, tmp_path / "a.csv") == sentence


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert refusal(tmp_path, tmp_path / "no.csv") == (
        "FOLDER/no.csv: expected a CSV that can be read, but No such file or directory"
    )
    assert refusal(tmp_path, tmp_path) == "FOLDER: expected a CSV that can be read, but Is a directory"


def test_a_target_that_exists_or_cannot_be_is_refused(tmp_path):
    (tmp_path / "a.sqlite").write_text("mine")
    assert refusal(tmp_path, GOLDEN, kind=ReplayError) == (
        "FOLDER/a.sqlite: expected a new file, but it exists; choose another name"
    )
    assert refusal(tmp_path, GOLDEN, "a.sqlite/b.sqlite", ReplayError) == (
        "FOLDER/a.sqlite/b.sqlite: expected a place that can be written, but File exists; choose another"
    )
    assert (tmp_path / "a.sqlite").read_text() == "mine"


def test_an_import_that_fails_half_way_leaves_nothing(tmp_path):
    """The rows refer to an episode that is not written: SQLite refuses the whole transaction."""
    for ending in (".part", ".part-journal"):
        (tmp_path / f"a.sqlite{ending}").write_text("mine")
    with pytest.raises(ReplayError) as error:
        create_imported(
            tmp_path / "a.sqlite",
            {"seed": 0, "score": asdict(accuracy(10))},
            {},
            [],
            [ImportedRow(1, "[SM(10)]", {}, episode=7)],
            [],
            ("then", 1.0),
        )
    assert str(error.value).endswith("a.sqlite: the database could not be used: FOREIGN KEY constraint failed")
    assert sorted((path.name, path.read_text()) for path in tmp_path.iterdir()) == [
        ("a.sqlite.part", "mine"),
        ("a.sqlite.part-journal", "mine"),
    ]


def test_a_byte_order_mark_and_columns_in_another_order_are_fine(tmp_path):
    with GOLDEN.open(newline="") as file:
        rows = list(csv.reader(file))
    with (tmp_path / "a.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(row[::-1] for row in rows)
    report = import_released(tmp_path / "a.csv", tmp_path / "a.sqlite", load_experiment("svhn"))
    assert (report.taken, report.networks) == (6, 4)


def test_the_content_of_a_row_is_plain_json(golden):
    with ReplayReader(golden[0]) as reader:
        _, rows = reader.query("SELECT content FROM imported_rows WHERE row = 1")
    assert json.loads(rows[0][0])["iter_best_val"] == "10127.0"
