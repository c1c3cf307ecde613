"""`metaqnn replay import` and `export`, and searches that begin with what was imported."""

import csv
import io
import json
from pathlib import Path

import pytest

from metaqnn.networks.released_file import COLUMNS, write_released
from metaqnn.replay.chain_check import read_chains
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader

GOLDEN = Path(__file__).parents[1] / "golden" / "replay_database.csv"


@pytest.fixture
def imported(metaqnn, tmp_path):
    """The golden file as a database."""
    path = tmp_path / "imported.sqlite"
    assert metaqnn("replay", "import", GOLDEN, path, "--experiment", "svhn").code == 0
    return path


@pytest.fixture
def small_import(metaqnn, tmp_path, small_yaml):
    """Three networks of the small experiment's space as an imported database."""
    values = ("0.75", "5", "0.5", "9", "-1", "-1", "1", "0.5", "0", "m")
    nets = ("[C(8,3,1), SM(10)]", "[SM(10)]", "[C(8,3,1), C(4,1,1), SM(10)]", "[SM(10)]")
    write_released(tmp_path / "own.csv", [dict(zip(COLUMNS, (net, *values), strict=True)) for net in nets])
    path = tmp_path / "own.sqlite"
    assert metaqnn("replay", "import", tmp_path / "own.csv", path, "--experiment", small_yaml).code == 0
    return path


# Import


def head_of(path):
    """Where the chain of episodes stands."""
    with ReplayReader(path) as reader:
        return read_chains(reader)[0].head


def test_an_import_says_what_it_took_and_what_it_refused(metaqnn, tmp_path):
    result = metaqnn("replay", "import", GOLDEN, "a.sqlite", "--experiment", "svhn")
    assert (result.code, result.err) == (0, "")
    assert max(map(len, result.out.splitlines())) <= 80
    assert result.out.startswith(
        "a.sqlite\n"
        "  fact        value\n"
        "  ------------------------------------------------------------------------------\n"
        "  experiment  svhn: svhn, seed 0\n"
        "  rows        12, of which 6 became episodes\n"
        "  models      4 distinct networks\n"
        "  reused      2 repeats of them, worth what the first was\n"
        "  refused     1 not in the notation, 3 without an accuracy from 0 to 1, 2 not\n"
        "              legal in the space\n"
        "  best        89.14 % (model 1) [C(64,3,1), C(128,3,1), C(256,3,1), P(2,2),\n"
        "              C(64,1,1), SM(10)]\n"
        "  q_values    as of episode 6\n"
        f"  chain       {head_of('a.sqlite')}\n"
        "              (6 episodes)\n\n"
        "Refused rows\n"
        "  row  problem\n"
        "  -------------\n"
        "    3  accuracy\n"
        "      accuracy_best_val is -1.0: the network was not measured\n"
        "      [C(64,3,1), GAP(10), SM(10)]\n"
    )
    assert "      P(2,2) is not legal in state 0:start:8+; legal there: C(64,1,1),\n" in result.out
    assert result.out.endswith("Look deeper: metaqnn replay top a.sqlite\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sqlite"]


def test_at_most_three_examples_of_a_problem_are_shown(metaqnn, tmp_path):
    fine = dict(zip(COLUMNS, ("[SM(10)]", "2", "5", "0.8", "9", "-1", "-1", "1", "0.5", "0", "m"), strict=True))
    write_released(tmp_path / "a.csv", [fine] * 5)
    result = metaqnn("replay", "import", "a.csv", "a.sqlite", "--experiment", "svhn")
    assert result.out.count("expected a number from 0 to 1, got '2'") == 3
    assert "refused     5 without an accuracy from 0 to 1" in result.out


@pytest.mark.parametrize("style", ["json", "csv"])
def test_programs_get_the_counts(metaqnn, style):
    result = metaqnn("replay", "import", GOLDEN, "a.sqlite", "--experiment", "svhn", "--format", style)
    if style == "json":
        content = json.loads(result.out)
        facts, refused = content["Imported episodes"][0], content["Refused rows"]
    else:
        facts, refused = (list(csv.DictReader(io.StringIO(part))) for part in result.out.split("\n\n"))
        facts = {name: int(text) if text.isdigit() else text for name, text in facts[0].items()}
    names = ("rows", "episodes", "models", "repeats", "unparsed", "bad_score", "illegal")
    assert [facts[name] for name in names] == [12, 6, 4, 2, 1, 3, 2]
    assert [row["problem"] for row in refused] == ["accuracy"] * 3 + ["illegal"] * 2 + ["unparsed"]


def test_keys_can_be_set(metaqnn, tmp_path):
    result = metaqnn(
        *("replay", "import", GOLDEN, "a.sqlite", "--experiment", "svhn"),
        *("--set", "space.global_average_pooling=false", "--format", "json"),
    )
    assert json.loads(result.out)["Imported episodes"][0]["illegal"] == 3


def test_wrong_input_is_one_sentence_and_leaves_no_file(refused, tmp_path):
    (tmp_path / "wrong.csv").write_text("network,accuracy\n")
    there = sorted(tmp_path.iterdir())
    assert refused("replay", "import", "wrong.csv", "a.sqlite", "--experiment", "svhn").startswith(
        "wrong.csv: expected the columns of the released code (net, accuracy_best_val, "
    )
    assert refused("replay", "import", "no.csv", "a.sqlite", "--experiment", "svhn") == (
        "no.csv: expected a CSV that can be read, but No such file or directory"
    )
    assert refused("replay", "import", GOLDEN, "a.sqlite", "--experiment", "svh") == (
        "there is no experiment 'svh' (a file would end in .yaml); did you mean 'svhn'?"
    )
    assert refused("replay", "import", GOLDEN, "wrong.csv", "--experiment", "svhn") == (
        "wrong.csv: expected a new file, but it exists; choose another name"
    )
    assert refused("replay", "import", GOLDEN, "a.sqlite").startswith("Missing option '--experiment'.")
    assert sorted(tmp_path.iterdir()) == there


# Looking


def test_an_imported_database_can_be_looked_into(metaqnn, imported):
    def ask(*words):
        result = metaqnn("replay", words[0], imported, *words[1:])
        assert (result.code, result.err) == (0, "")
        assert max(map(len, result.out.splitlines())) <= 80
        return result.out

    assert ask("summary").rstrip().splitlines()[-5:] == [
        "  ---------------------------------------------",
        "        1         3       3   47.09 %   89.14 %",
        "      0.9         1       0   89.14 %   89.14 %",
        "      0.1         1       0   10.00 %   10.00 %",
        "        -         1       1   71.78 %   71.78 %",
    ]
    assert ask("top", "-n", "1").splitlines()[1].split() == ["model", "accuracy", "parameters", "flops", "architecture"]
    assert "Episodes of model 1" in ask("show", "1")
    assert ask("episodes").count("imported") == 6
    assert ask("curves").splitlines()[4].split()[:4] == ["1", "1", "1", "1"]
    assert ask("q-values").startswith("Q-values as of episode 6")
    assert metaqnn("replay", "verify", imported).out.startswith(
        f"{imported}: verified. 6 episodes, 0 proposals in flight and 11 Q-values follow from the rows of the imported "
        "file.\n"
    )
    metaqnn("replay", "copy", imported, "copy.sqlite")
    of_copy, of_import = metaqnn("replay", "summary", "copy.sqlite").out, ask("summary")
    assert of_copy.partition("  fact")[2] == of_import.partition("  fact")[2] != ""


def test_it_cannot_go_on(refused, imported, small_yaml):
    sentence = (
        f"{imported}: this file holds imported episodes, which are no search that could go on; begin a new one with "
        f"them: choose another file with --db, and --set warm_start={imported}"
    )
    assert refused("search", small_yaml, "--db", imported) == sentence
    assert refused("resume", imported) == sentence
    assert refused("replay", "retry", imported).startswith(
        f"{imported}: expected a search, but this file holds imported episodes, which cannot go on; `metaqnn replay` "
    )


def test_it_is_a_table_to_compare_on(metaqnn, small_import):
    result = metaqnn("compare", small_import, "--strategies", "random,paper", "--seeds", "2", "--out", "out")
    assert result.code == 0
    assert "paper" in result.out


# Warm starts


def test_a_search_that_begins_so_says_what_it_took_and_trains_its_own(metaqnn, small_import, small_yaml, instant):
    result = metaqnn("search", small_yaml, "--db", "a.sqlite", "--set", f"warm_start={small_import}", "--models", "4")
    assert (result.code, result.err) == (0, "")
    assert f"Warm start: 4 episodes of 3 networks taken from {small_import}.\n" in result.out
    assert "The search starts: 0 of 4 models done, best -.\n" in result.out
    assert "The search is complete: 4 networks in " in result.out
    assert result.out.count("imported") >= 1  # the best networks say where they come from
    summary = metaqnn("replay", "summary", "a.sqlite").out
    assert "  models      4 of 4\n" in summary
    assert "  warm_start  4 episodes of " in summary
    facts = json.loads(metaqnn("replay", "summary", "a.sqlite", "--format", "json").out)["Summary"][0]
    assert (facts["imported"], facts["models_done"]) == (4, 4)
    assert metaqnn("replay", "verify", "a.sqlite").code == 0
    small_import.unlink()
    again = metaqnn("search", small_yaml, "--db", "a.sqlite", "--set", f"warm_start={small_import}", "--models", "5")
    assert again.code == 0
    assert "The search resumes: 4 of 5 models done, best " in again.out
    assert "Warm start" not in again.out


def test_a_warm_start_that_cannot_be_is_one_sentence(refused, small_yaml, imported):
    assert refused("search", small_yaml, "--db", "a.sqlite", "--set", f"warm_start={imported}") == (
        f"warm_start: {imported}: expected networks for images of 8x8x1 in 10 classes, but its networks are for "
        "32x32x3 in 10 classes; name another, or leave the key out"
    )
    assert not Path("a.sqlite").exists()


# Export


def test_an_import_comes_back_as_it_was(metaqnn, imported):
    result = metaqnn("replay", "export", imported, "--layout", "metaqnn2017", "--out", "back.csv")
    assert (result.code, result.out) == (0, "Wrote 12 rows to back.csv.\n")
    assert Path("back.csv").read_bytes() == GOLDEN.read_bytes()


@pytest.mark.parametrize("style", ["csv", "json", "parquet"])
def test_tables_are_files_in_a_folder(metaqnn, finished, style):
    result = metaqnn("replay", "export", finished, "--layout", "tables", "--format", style, "--out", "out/tables")
    assert result.code == 0
    assert result.out.startswith("Wrote 15 tables with ")
    assert len(list(Path("out/tables").glob(f"*.{style}"))) == 15


def test_an_export_that_cannot_be_is_one_sentence(refused, finished, tmp_path):
    assert refused("replay", "export", finished, "--layout", "metaqnn2017", "--format", "json", "--out", "a.json") == (
        "Invalid value for --format: the layout metaqnn2017 is a CSV, got json (see metaqnn replay export --help)"
    )
    assert refused("replay", "export", finished, "--layout", "tables", "--out", finished) == (
        f"{finished}: expected a new folder, but it exists; choose another name"
    )
    assert refused("replay", "export", "no.sqlite", "--layout", "tables", "--out", "out").startswith(
        "no.sqlite: there is no such replay database"
    )
    assert refused("replay", "export", finished, "--out", "out") == (
        "Missing option '--layout'; give metaqnn2017, tables or optuna. (see metaqnn replay export --help)"
    )
    SQLiteReplayMemory(tmp_path / "new.sqlite").close()
    assert refused("replay", "export", "new.sqlite", "--layout", "tables", "--out", "out") == (
        "new.sqlite: nothing was written to this database yet; start a search with it first"
    )
    assert not Path("out").exists()
