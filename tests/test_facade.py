"""`metaqnn.search(...)`: functions and classes of a user's module, searched as a user's program would."""

import os
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from databases import contents

import metaqnn
from metaqnn.core import Strategy
from metaqnn.errors import ConfigError, MetaqnnError, ReplayError
from metaqnn.networks.spaces.config import SpaceConfig
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.loop import Ending
from metaqnn.workflows import load_experiment, stored_experiment

MODULE = """
import os

from metaqnn.core import Space, Step

def ones(architecture):
    return architecture.text.count("1")

def picky(architecture, seed):
    if architecture.actions[0] == "2":
        raise ValueError("it starts with a two")
    return float("nan") if architecture.actions[0] == "1" else seed + len(architecture.actions)

def elsewhere(architecture):
    return os.getpid() != int(os.environ["DRIVER"])
"""
SCRIPT = """
import os, sys
os.environ["DRIVER"] = str(os.getpid())
import metaqnn
import judges
SPACE = {{"name": "chain", "choices": [3] * 4}}
if __name__ == "__main__":
    {body}
"""


@pytest.fixture
def run(tmp_path):
    """Runs lines of a program beside the module `judges`, each in an interpreter of its own."""

    def runs(body: str, module: str = MODULE) -> subprocess.CompletedProcess:
        (tmp_path / "judges.py").write_text(module, encoding="utf-8")
        body = textwrap.indent(textwrap.dedent(body).strip(), "    ").strip()
        (tmp_path / "program.py").write_text(SCRIPT.format(body=body), encoding="utf-8")
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # a module changed within a second is read anew
        return subprocess.run(
            [sys.executable, "program.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return runs


def test_a_function_of_a_module_runs_in_worker_processes_and_gives_the_same_rows_in_this_one(run, tmp_path):
    ran = run(
        """
        arguments = {"models": 12, "score": "ones", "lookahead": 2}
        result = metaqnn.search(SPACE, judges.ones, "two/ones.sqlite", workers=2, **arguments)
        metaqnn.search(SPACE, judges.ones, "here/ones.sqlite", workers=0, **arguments)
        print(result.best.score, result.best.architecture, result.ending, len(result.models), len(result.episodes))
        print(metaqnn.search(SPACE, judges.elsewhere, "elsewhere.sqlite", 2).best.score)
        print(metaqnn.search(SPACE, judges.elsewhere, "not_elsewhere.sqlite", 2, workers=0).best.score)
        """
    )
    assert ran.returncode == 0, ran.stderr
    first, *others = ran.stdout.splitlines()
    score, architecture, *rest = first.split()
    assert float(score) == architecture.count("1")
    assert rest[0] == "completed"
    assert rest[1] == "12"
    assert others == ["1.0", "0.0"]
    assert "in this process" not in ran.stderr
    two, here = contents(tmp_path / "two/ones.sqlite"), contents(tmp_path / "here/ones.sqlite")
    assert {table for table in two if two[table] != here[table]} == {"config"}  # where the workers are written


def test_a_search_is_resumed_by_the_same_call_and_refused_with_a_changed_function(run, tmp_path):
    def search(models: int, database: str = "search.sqlite", module: str = MODULE):
        return run(f"print(metaqnn.search(SPACE, judges.ones, {database!r}, {models}, workers=1).ending)", module)

    for models, database in ((5, "search.sqlite"), (12, "search.sqlite"), (12, "at_once.sqlite")):
        assert search(models, database).stdout == "completed\n"
    with (
        metaqnn.open_replay(tmp_path / "search.sqlite") as search_db,
        metaqnn.open_replay(tmp_path / "at_once.sqlite") as at_once,
    ):
        columns = ["architecture", "score", "reward", "episode"]
        whole = at_once.episodes[columns]
        assert search_db.episodes[columns].equals(whole)
    before = contents(tmp_path / "search.sqlite")
    refused = search(20, module=MODULE.replace('count("1")', 'count("2")'))
    assert refused.returncode == 1
    assert "source_hash" in refused.stderr.splitlines()[-1]
    assert contents(tmp_path / "search.sqlite") == before


def test_what_raises_or_is_not_a_number_is_a_failed_candidate(run):
    ran = run(
        """
        result = metaqnn.search(SPACE, judges.picky, "picky.sqlite", 20, strategy="random", seed=3, workers=1)
        for row in result.models.itertuples():
            print(row.architecture[0], row.status, row.score, row.reason)
        """
    )
    assert ran.returncode == 0, ran.stderr
    rows = [line.split(" ", 3) for line in ran.stdout.splitlines()]
    assert len(rows) == 20
    assert {row[0] for row in rows} == {"0", "1", "2"}
    for first, status, score, reason in rows:
        if first == "0":
            assert (status, score, reason) == ("ok", "7.0", "")
        else:
            assert (status, score) == ("failed" if first == "2" else "diverged", "nan")
            assert ("it starts with a two" if first == "2" else "nan") in reason.casefold()


def test_what_cannot_be_imported_runs_in_this_process_which_is_said(tmp_path):
    lines = []
    length = len
    result = metaqnn.search(
        {"name": "chain", "choices": [2, 2]},
        lambda architecture: length(architecture.text),
        tmp_path / "lambda.sqlite",
        4,
        "random",
        announce=lines.append,
    )
    assert result.ending is Ending.COMPLETED
    assert result.best.score == 2.0
    assert any("in this process" in line and "lambda" in line for line in lines)


def test_a_space_whose_facts_are_tuples_is_resumed(tmp_path):
    def search(models):
        facts = {"input_shape": (8, 8, 1), "classes": 3}
        space = LayerSpace(SpaceConfig(max_depth=2), facts)
        return metaqnn.search(
            space, lambda one: len(one.actions), tmp_path / "t.sqlite", models, "random", announce=lambda line: None
        )

    assert search(3).ending is Ending.COMPLETED
    assert len(search(5).models) == 5


def test_less_can_be_better(tmp_path):
    result = metaqnn.search(
        {"name": "chain", "choices": [3, 3]},
        lambda architecture: sum(map(int, architecture.actions)),
        tmp_path / "least.sqlite",
        9,
        "random",
        score="cost",
        direction="minimize",
        failure=10.0,
        announce=lambda line: None,
    )
    assert (result.best.score, result.best.architecture) == (0.0, "00")
    assert (result.episodes.reward == -result.episodes.cost).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"workers": 1}, "expected an evaluator that worker processes can import"),
        ({"strategy": "q_lerning"}, "q_learning"),
        ({"space": "chian"}, "chain"),
        ({"space": {"name": "chain", "choises": [2]}}, "choices"),
        ({"direction": "up"}, "maximize"),
        ({"models": 0}, "models: expected from 1 to"),
        ({"models": "five"}, "models: expected a whole number or nothing, got the text 'five'"),
        ({"models": 2.5}, "models: expected a whole number or nothing, got the number 2.5"),
        ({"seed": "x"}, "seed: expected a whole number, got the text 'x'"),
        ({"seed": -1}, "seed: expected a whole number from 0 to"),
        ({"max_seconds": -1}, "max_seconds: expected more than 0, or None"),
        ({"hang_seconds": 0.5}, "hang_seconds: expected at least 1, or nothing, got 0.5"),
        ({"hang_seconds": "long"}, "hang_seconds: expected a number or nothing, got the text 'long'"),
        ({"score": 5}, "score: expected a text"),
        ({"space": 7}, "space: expected its space, a class, a name or a section, got 7"),
        ({"lookahead": 0}, "lookahead"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(tmp_path, changes, words):
    arguments = {"space": {"name": "chain", "choices": [2, 2]}, "models": 4, "announce": lambda line: None} | changes
    database = tmp_path / "none.sqlite"
    with pytest.raises(MetaqnnError, match=words) as caught:
        metaqnn.search(evaluator=lambda architecture: 1.0, database=database, **arguments)
    assert "\n" not in str(caught.value)
    assert not database.exists()


def test_numbers_of_numpy_are_numbers(tmp_path):
    space = {"name": "chain", "choices": [2, 2]}

    def search(folder, models, seed):
        result = metaqnn.search(
            space, lambda _: np.float64(0.5), tmp_path / folder / "n.sqlite", models, seed=seed, announce=lambda _: None
        )
        assert result.best.score == 0.5
        return contents(result.database)

    assert search("numpy", np.int64(3), np.int32(4)) == search("plain", 3, 4)


def test_a_class_inside_a_function_is_refused(tmp_path):
    class Mine(Strategy):
        pass

    with pytest.raises(ConfigError, match="stands inside a function"):
        metaqnn.search({"name": "chain", "choices": [2]}, len, tmp_path / "none.sqlite", 1, Mine)


def test_how_long_a_worker_may_give_no_sign_of_life_is_recorded_like_in_a_file(tmp_path):
    result = metaqnn.search(
        {"name": "chain", "choices": [2, 2]}, lambda architecture: 1.0, tmp_path / "a.sqlite", 1, hang_seconds=7
    )
    with ReplayReader(result.database) as reader:
        assert reader.config()["experiment"]["search"]["hang_seconds"] == 7


def test_networks_are_searched_as_from_a_file(tmp_path):
    """The parts of a search over networks, in Python and in YAML, are the same experiment."""
    file = tmp_path / "digits.yaml"
    file.write_text(
        "name: digits\ndataset: {name: digits, validation_size: 300, train_limit: 100}\n"
        "space: {name: layers, max_depth: 2}\n"
        "strategy: {name: random}\ntraining: {epochs: 1}\nsearch: {models: 1, lookahead: 1}\n",
        encoding="utf-8",
    )
    result = metaqnn.search(
        {"name": "layers", "max_depth": 2},
        {"name": "network", "epochs": 1},
        tmp_path / "digits.sqlite",
        models=1,
        strategy="random",
        dataset={"name": "digits", "validation_size": 300, "train_limit": 100},
        workers=0,
    )
    with ReplayReader(result.database) as reader:
        begun = load_experiment(file).begun({}, result.database).with_backend(lambda: "tensorflow")
        assert stored_experiment(reader) == begun.understood({})  # of classes


def test_a_result_shows_itself_in_a_notebook(tmp_path):
    result = metaqnn.search({"name": "chain", "choices": [3, 3]}, lambda a: len(a.text), tmp_path / "<a>.sqlite", 5)
    shown = result._repr_html_()
    assert f"model {result.best.model}" in shown
    assert result.best.architecture in shown
    assert "&lt;a&gt;.sqlite" in shown
    assert "<a>" not in shown
    assert "trace" in result.figure_names
    assert result.figure("trace")._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(MetaqnnError, match=r"'trance' is no figure of .*; did you mean 'trace'"):
        result.figure("trance")


class _Scans:
    """The protocol of a PyTorch Dataset."""

    def __len__(self):
        return 60

    def __getitem__(self, row):
        return np.full((8, 8), 20 + row + 150 * (row % 2), np.uint8), row % 2


@pytest.mark.long
def test_a_search_on_an_object_is_resumed_with_it_or_without(tmp_path, monkeypatch):
    monkeypatch.setenv("METAQNN_CACHE", str(tmp_path / "cache"))

    def search(models, dataset=None):
        return metaqnn.search(
            {"name": "layers", "max_depth": 2, "convolution": {"filters": [16], "receptive_fields": [3]}},
            {"name": "network", "epochs": 2, "batch_size": 8},
            tmp_path / "scans.sqlite",
            models,
            "random",
            dataset={"name": dataset or _Scans(), "validation_size": 10},
            workers=0,
            announce=lambda line: None,
        )

    assert search(1).ending is Ending.COMPLETED
    rows = [_Scans()[row] for row in range(60)]
    assert len(search(2, iter(rows[::-1])).models) == 2  # the same images in another order
    with pytest.raises(ReplayError, match="hash"):
        search(3, iter(rows[:50]))
    shutil.rmtree(tmp_path / "cache" / "copies")
    search(2)
    assert len(list((tmp_path / "cache" / "copies").iterdir())) == 1


def test_what_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"dataset: expected a name, a path, a section, or a tf\.data.* got 3$"):
        metaqnn.search("layers", "network", tmp_path / "a.sqlite", 1, dataset=3)
