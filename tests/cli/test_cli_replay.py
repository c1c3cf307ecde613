"""`metaqnn replay`: looking into a database in three formats, verifying, copying, retrying."""

import csv
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from contracts.curves import trained
from small_searches import interrupt_after, judge, judged, run_small, start_endless

from metaqnn.replay.chain_check import read_chains
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader

GOLDEN = Path(__file__).parents[1] / "golden"

INSPECTORS = [
    ["summary"],
    ["top"],
    ["top", "-n", "3"],
    ["show", 9],
    ["show", 6],
    ["episodes"],
    ["episodes", "-n", "3"],
    ["curves"],
    ["curves", 7, 6],
    ["q-values"],
    ["q-values", "--state", "3:", "-n", "5"],
]
NAMES = [" ".join(map(str, words)) for words in INSPECTORS]


def ask(metaqnn, path, words, *options):
    command, *rest = words
    result = metaqnn("replay", command, path, *rest, *options)
    assert (result.code, result.err) == (0, "")
    return result.out


@pytest.fixture
def long_networks(tmp_path):
    """A search whose networks are far wider than a screen."""
    path = tmp_path / "long.sqlite"
    run_small(path, "space.max_depth=18", "space.convolution={filters: [512, 256], receptive_fields: [1, 3]}")
    return path


# What is shown


def test_the_summary_says_how_far_it_is(metaqnn, finished):
    os.chdir(finished.parent)
    with ReplayReader(finished) as reader:
        seconds = round(reader.query("SELECT sum(elapsed_seconds) FROM runs")[1][0][0])
        head = read_chains(reader)[0].head
    assert ask(metaqnn, "small.sqlite", ["summary"]) == (
        "small.sqlite\n"
        "  fact        value\n"
        "  ------------------------------------------------------------------------------\n"
        "  experiment  small: digits, seed 3\n"
        "  data        1,047 train, 300 validation images of 8x8x1 in 10 classes, values\n"
        "              0 to 255\n"
        "  models      12 of 12\n"
        "  episodes    40, 0 more in flight\n"
        "  epsilon     0.1\n"
        "  best        87.50 % (model 9) [C(8,1,1), C(8,3,1), C(4,1,1), SM(10)]\n"
        "  reused      28 repeats reused, 0:55 of training saved\n"
        "  failed      1 crashed, 1 diverged, 1 timed_out\n"
        "  workers     their time was 12 % waiting, 12 % building, 12 % tracing, 12 %\n"
        "              training, 12 % validation, 12 % messages, 12 % garbage, 12 %\n"
        "              bookkeeping\n"
        "  exhausted   none\n"
        f"  time        0:0{seconds} in 1 run\n"
        "  q_values    as of episode 40\n"
        f"  chain       {head}\n"
        "              (40 episodes)\n"
        "\n"
        "By epsilon\n"
        "  epsilon  episodes  models      mean      best\n"
        "                             accuracy  accuracy\n"
        "  ---------------------------------------------\n"
        "        1         6       6   29.00 %   61.33 %\n"
        "      0.5         8       3   68.42 %   87.50 %\n"
        "      0.1        26       3   62.88 %   87.50 %\n"
        "\n"
        "Failed networks\n"
        "  model  status\n"
        "  ----------------\n"
        "      4  crashed\n"
        "      this one crashed\n"
        "      [C(8,1,1), C(4,1,1), C(4,1,1), SM(10)]\n"
        "      6  diverged\n"
        "      the loss is not finite in epoch 1\n"
        "      [GAP(10), SM(10)]\n"
        "      8  timed_out\n"
        "      this one timed_out\n"
        "      [C(8,3,1), C(8,3,1), C(8,3,1), SM(10)]\n"
        "\n"
    )


def test_the_summary_for_programs_holds_raw_numbers(metaqnn, finished):
    content = json.loads(ask(metaqnn, finished, ["summary"], "--format", "json"))
    assert list(content) == ["Summary", "By epsilon", "In flight", "Failed networks"]
    (facts,) = content["Summary"]
    assert 0 < facts.pop("elapsed_seconds") < 60
    heads = [facts.pop(f"{chain}_head") for chain in ("episodes", "retrainings", "test_looks")]
    assert all(re.fullmatch("[0-9a-f]{64}", head) for head in heads)
    assert facts == {
        "experiment": "small",
        "dataset": "digits",
        "seed": 3,
        "episodes": 40,
        "models_done": 12,
        "models_total": 12,
        "in_flight": 0,
        "reused": 28,
        "saved_seconds": 54.75,
        "failed": 3,
        "best_model": 9,
        "best_accuracy": 0.875,
        "score": "accuracy",
        "direction": "maximize",
        "best_architecture": "[C(8,1,1), C(8,3,1), C(4,1,1), SM(10)]",
        "epsilon": 0.1,
        "exhausted": "",
        "max_repeats": 500,
        "runs": 1,
        "values_as_of": 40,
        "imported": 0,
        "predicted": 0,
        "epochs_trained": 20,
        "epochs_saved": 0,
        "controls": 0,
        "prediction_error": None,
        "prediction_bias": None,
    }
    assert content["In flight"] == []


PREDICTING = (
    "training.epochs=10",
    "training.early_stopping={min_networks: 10, control_share: 0.2}",
    "strategy.schedule=[[1.0, 32]]",
)


@pytest.fixture(scope="module")
def predicting(tmp_path_factory):
    """A search that stopped trainings early; not to be changed."""
    path = tmp_path_factory.mktemp("predicting") / "small.sqlite"
    run_small(path, *PREDICTING, function=trained())
    return path


def test_the_summary_says_what_stopping_early_gave(metaqnn, predicting):
    facts = json.loads(ask(metaqnn, predicting, ["summary"], "--format", "json"))["Summary"][0]
    assert facts["predicted"] > 0
    assert facts["controls"] > 0
    assert facts["epochs_saved"] > 0
    assert abs(facts["prediction_bias"]) <= facts["prediction_error"] < 0.05
    lines = ask(metaqnn, predicting, ["summary"]).splitlines()
    assert max(map(len, lines)) <= 80
    row = next(i for i, line in enumerate(lines) if line.startswith("  predicted  "))
    following = next(i for i, line in enumerate(lines) if line.startswith("  exhausted  "))
    words = " ".join(" ".join(lines[row:following]).split())
    share = facts["epochs_saved"] / (facts["epochs_saved"] + facts["epochs_trained"])
    assert words == (
        f"predicted {facts['predicted']} stopped early, {facts['epochs_saved']} epochs ({100 * share:.0f} %) saved; "
        f"off by {100 * facts['prediction_error']:.2f} points on {facts['controls']} trained on all the same"
    )


def test_the_summary_as_csv_holds_what_stopping_early_gave(metaqnn, predicting):
    block = ask(metaqnn, predicting, ["summary"], "--format", "csv").split("\n\n")[0]
    (row,) = csv.DictReader(io.StringIO(block))
    raw = json.loads(ask(metaqnn, predicting, ["summary"], "--format", "json"))["Summary"][0]
    for name in ("predicted", "epochs_trained", "epochs_saved", "controls", "prediction_error", "prediction_bias"):
        assert float(row[name]) == raw[name]


def test_a_stopped_network_is_shown_with_its_prediction(metaqnn, predicting):
    with ReplayReader(predicting) as reader:
        sql = "SELECT model, predicted_accuracy, predicted_epoch FROM predictions WHERE status = 'predicted' LIMIT 1"
        ((model, accuracy, epoch),) = reader.query(sql)[1]
    out = ask(metaqnn, predicting, ["show", model])
    assert max(map(len, out.splitlines())) <= 80
    row = out.split(f"Predictions of model {model}\n")[1].splitlines()[3].split()
    assert row[:5] == [str(model), "predicted", str(epoch), f"{100 * accuracy:.2f}", "%"]
    assert "stopped after epoch" in out
    assert ": verified. " in ask(metaqnn, predicting, ["verify"])


def test_the_summary_of_a_stopped_search(metaqnn, tmp_path):
    path = tmp_path / "stopped.sqlite"
    run_small(path, function=interrupt_after(5))
    out = ask(metaqnn, path, ["summary"])
    assert "\n  models      4 of 12\n" in out
    assert "\n  episodes    4, 2 more in flight\n" in out
    assert "\nIn flight\n" in out
    assert "\n        5        1      5  sampled  [C(8,3,1), C(8,3,1), C(8,1,1), SM(10)]\n" in out


def test_the_summary_before_anything_is_recorded(metaqnn, tmp_path):
    path = tmp_path / "young.sqlite"
    run_small(path, function=interrupt_after(1))
    content = json.loads(ask(metaqnn, path, ["summary"], "--format", "json"))
    (facts,) = content["Summary"]
    assert (facts["episodes"], facts["models_done"], facts["models_total"], facts["in_flight"]) == (0, 0, 12, 2)
    assert (facts["best_model"], facts["best_accuracy"], facts["best_architecture"]) == (None, None, None)
    assert "\n  best        -\n" in ask(metaqnn, path, ["summary"])
    assert "  nothing yet\n" in ask(metaqnn, path, ["top"])
    assert json.loads(ask(metaqnn, path, ["top"], "--format", "json")) == []


def test_a_space_that_runs_out_of_networks_is_said_so(metaqnn, tmp_path):
    path = tmp_path / "tiny.sqlite"
    run_small(path, "space.max_depth=1", "strategy.schedule=[[1.0, 20]]", "strategy.max_repeats=12", models=20)
    out = ask(metaqnn, path, ["summary"])
    assert "\n  models      6 of 20\n" in out
    assert "\n  exhausted   12 repeats in a row ended epsilon 1 early\n" in out
    assert "\n  epsilon     -\n" in out


def test_top_shows_the_best_networks(metaqnn, finished):
    assert ask(metaqnn, finished, ["top", "-n", 2]) == (
        "The 2 best networks\n"
        "  model  accuracy  epoch  parameters   flops  architecture\n"
        "  ------------------------------------------------------------------------------\n"
        "      9   87.50 %      1       3,206  83,968  [C(8,1,1), C(8,3,1), C(4,1,1),\n"
        "                                              SM(10)]\n"
        "      7   66.02 %      1         650   1,280  [SM(10)]\n"
        "\n"
    )


def test_show_tells_everything_about_a_model(metaqnn, finished):
    assert ask(metaqnn, finished, ["show", 12]) == (
        "[C(4,3,1), C(4,1,1), P(2,2), SM(10)]\n"
        "  layer     output  parameters  flops\n"
        "  -----------------------------------\n"
        "  C(4,3,1)  8x8x4           40  4,608\n"
        "  C(4,1,1)  8x8x4           20  2,048\n"
        "  P(2,2)    4x4x4            0      0\n"
        "  SM(10)    10             650  1,280\n"
        "\n"
        "Model 12\n"
        "  eval.  purpose  status  accuracy  epoch  learning  attempts  seconds\n"
        "                                               rate\n"
        "  --------------------------------------------------------------------\n"
        "     12  search   ok       29.69 %      1    0.0004         1        2\n"
        "      a test\n"
        "\n"
        "Episodes of model 12\n"
        "  episode  epsilon  accuracy  status  reward  reused  source\n"
        "  -----------------------------------------------------------\n"
        "       40      0.1   29.69 %  ok      0.2969          sampled\n"
        "\n"
    )


def test_episodes_shows_the_newest(metaqnn, finished):
    assert ask(metaqnn, finished, ["episodes", "-n", 2]) == (
        "Episodes\n"
        "  episode  iteration  epsilon  model  accuracy  status  reward  reused  source\n"
        "  -----------------------------------------------------------------------------\n"
        "       39         11      0.1     11   39.06 %  ok      0.3906     yes  sampled\n"
        "      [C(8,3,1), C(8,3,1), C(4,1,1), SM(10)]\n"
        "       40         12      0.1     12   29.69 %  ok      0.2969          sampled\n"
        "      [C(4,3,1), C(4,1,1), P(2,2), SM(10)]\n"
        "\n"
    )


def test_curves_shows_each_epoch(metaqnn, finished):
    lines = ask(metaqnn, finished, ["curves", 6, 7]).splitlines()
    assert lines[0] == "Learning curves"
    assert [line.split() for line in lines[4:7]] == [
        ["6", "6", "1", "1", "0.001", "-", "12.50", "%", "-", "6.25", "%", "0.5"],
        ["7", "7", "1", "1", "0.0004", "1.34", "66.02", "%", "1.59", "66.02", "%", "0.5"],
        ["7", "7", "1", "2", "0.0004", "1.505", "49.51", "%", "1.755", "49.51", "%", "0.5"],
    ]


def test_q_values_shows_what_was_learned(metaqnn, finished):
    assert ask(metaqnn, finished, ["q-values", "--state", "1:GAP"]) == (
        "Q-values as of episode 40\n"
        "  state        action   value  updates\n"
        "  ------------------------------------\n"
        "  1:GAP(10)x1  SM(10)  0.3362        5\n"
        "\n"
    )


# Formats


@pytest.mark.parametrize("words", INSPECTORS, ids=NAMES)
def test_every_table_fits_the_screen_and_cuts_no_number(metaqnn, finished, long_networks, words):
    for path in (finished, long_networks):
        out = ask(metaqnn, path, words)
        assert max(map(len, out.splitlines())) <= 80
        assert "…" not in out
        rows = json.loads(ask(metaqnn, path, words, "--format", "json"))
        for table in rows.values() if isinstance(rows, dict) else [rows]:
            for row in table:
                if words[0] != "summary" and "architecture" in row:  # wrapped at its spaces, but all there
                    assert row["architecture"].replace(" ", "") in "".join(out.split())


def test_a_wide_screen_shows_a_row_in_a_line(metaqnn, finished, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    metaqnn_wide = ask(metaqnn, finished, ["episodes", "-n", 1])
    assert metaqnn_wide.count("\n") == 3 or "sampled  [C(4,3,1), C(4,1,1), P(2,2), SM(10)]\n" in metaqnn_wide


@pytest.mark.parametrize("words", INSPECTORS, ids=NAMES)
def test_json_holds_the_raw_values(metaqnn, finished, words):
    content = json.loads(ask(metaqnn, finished, words, "--format", "json"))
    tables = list(content.values()) if isinstance(content, dict) else [content]
    assert any(tables)
    numbers = ("accuracy", "reward", "epsilon", "flops", "parameters", "value", "updates", "train_loss", "seconds")
    for row in (row for table in tables for row in table):
        for key in numbers:
            assert isinstance(row.get(key), int | float | None)


@pytest.mark.parametrize("words", INSPECTORS, ids=NAMES)
def test_csv_and_json_say_the_same(metaqnn, finished, words):
    content = json.loads(ask(metaqnn, finished, words, "--format", "json"))
    tables = list(content.values()) if isinstance(content, dict) else [content]
    blocks = ask(metaqnn, finished, words, "--format", "csv").split("\n\n")
    assert len(blocks) == len(tables)
    for block, table in zip(blocks, tables, strict=True):
        rows = list(csv.DictReader(io.StringIO(block)))
        expected = [{key: "" if value is None else str(value) for key, value in row.items()} for row in table]
        assert rows == expected


def test_json_keeps_every_bit_of_a_number(metaqnn, finished):
    rows = json.loads(ask(metaqnn, finished, ["q-values", "-n", 1000], "--format", "json"))
    with ReplayReader(finished) as reader:
        assert {(row["state"], row["action"]): row["value"] for row in rows} == {
            (value.state, value.action): value.value for value in reader.values()[1]
        }


def test_what_looks_like_markup_in_a_path_is_shown_as_it_is(metaqnn, finished):
    name = "[bold] :smile: größe [/red].sqlite"
    os.chdir(finished.parent)
    os.mkdir("[bold] :smile: größe [")
    shutil.move(finished, name)
    assert ask(metaqnn, name, ["summary"]).startswith(f"{name}\n  fact ")


# Nothing is disturbed


@pytest.mark.parametrize("words", [*INSPECTORS, ["verify"]], ids=[*NAMES, "verify"])
def test_looking_leaves_no_trace(metaqnn, finished, words):
    before = {path.name: path.read_bytes() for path in finished.parent.iterdir()}
    finished.chmod(0o444)
    ask(metaqnn, finished, words)
    assert {path.name: path.read_bytes() for path in finished.parent.iterdir()} == before


@pytest.mark.parametrize("words", [*INSPECTORS, ["verify"]], ids=[*NAMES, "verify"])
def test_one_can_look_while_a_search_holds_the_lock(metaqnn, finished, words):
    with SQLiteReplayMemory(finished) as memory:
        memory.begin_run(20, 1, {}, [])
        ask(metaqnn, finished, words)
        memory.end_run("interrupted")


def test_one_can_look_from_another_process_while_a_search_runs(metaqnn, tmp_path):
    path = tmp_path / "small.sqlite"
    with start_endless(path) as process:
        seen = []
        for _ in range(4):
            committed = int(process.stdout.readline())
            content = json.loads(ask(metaqnn, path, ["summary"], "--format", "json"))
            seen.append(content["Summary"][0]["episodes"])
            assert seen[-1] >= committed
            assert ": verified. " in ask(metaqnn, path, ["verify"])
        process.kill()
    assert seen == sorted(seen)


# verify


def test_verify_passes(metaqnn, finished):
    with ReplayReader(finished) as reader:
        values, head = len(reader.values()[1]), read_chains(reader)[0].head
    assert ask(metaqnn, finished, ["verify"]) == (
        f"{finished}: verified. 40 episodes, 0 proposals in flight and {values} Q-values follow from the seed and "
        "the recorded results.\n"
        "  Proved:       architectures, costs, proposals, schedule, repeats, best scores, statuses, rewards, "
        "counts, checkpoints.\n"
        "  Only chained: configuration, measured scores, losses, figures and reasons of 40 episodes "
        f"(head {head}).\n"
        "  Not proved:   runs.*, worker_events.*, writer.*, *.*_seconds, *.*_at, *.device, *.node; search.models, "
        "search.workers, search.checkpoint_seconds, search.hang_seconds, warm_start and versions of "
        "plugins in config.\n"
    )


def test_a_published_head_is_compared(metaqnn, finished):
    with ReplayReader(finished) as reader:
        head = read_chains(reader)[0].head
        early = reader.query("SELECT hash FROM hash_chains WHERE chain = 'episodes' AND link = 11")[1][0][0]
    out = ask(metaqnn, finished, ["verify", "--head", head.upper(), "--head", early])
    assert f"  Head:         {head.upper()} is link 41 of the chain of episodes (its last).\n" in out
    assert out.endswith(f"{early} is link 11 of the chain of episodes (30 more follow).\n")
    result = metaqnn("replay", "verify", finished, "--head", "0" * 64)
    assert (result.code, result.out) == (
        1,
        f"{finished}: NOT as it should be. no hash chain of it has come to {'0' * 64}.\n",
    )


def test_what_is_no_hash_is_refused(metaqnn, finished):
    result = metaqnn("replay", "verify", finished, "--head", "12ab")
    assert result.code == 2
    assert "expected the 64 hexadecimal digits of a hash" in result.err


def test_an_older_database_is_verified_and_said_to_be_unchained(metaqnn, tmp_path):
    path = shutil.copy(GOLDEN / "v3_finals.sqlite", tmp_path / "old.sqlite")
    out = ask(metaqnn, path, ["verify"])
    assert "  Only chained: nothing.\n" in out
    assert "what was measured of 41 episodes, 2 retrainings, 2 looks at the test split: unchained, in a file" in out


def test_verify_fails_with_exit_code_1_and_names_the_difference(finished):
    with closing(sqlite3.connect(finished)) as connection, connection:
        connection.execute("UPDATE replay SET reward = 0.25 WHERE episode = 8")
    command = [sys.executable, "-m", "metaqnn", "replay", "verify", finished]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout == (
        f"{finished}: NOT as it should be. episode 8: reward is 0.25 in the database, but 0.66015625 follows from "
        "seed and results.\n"
    )


# copy


def test_copy(metaqnn, finished, tmp_path):
    result = metaqnn("replay", "copy", finished, tmp_path / "copy.sqlite")
    assert (result.code, result.out, result.err) == (0, f"Copied to {tmp_path / 'copy.sqlite'}.\n", "")
    assert ": verified. " in ask(metaqnn, tmp_path / "copy.sqlite", ["verify"])


def test_copy_refuses_a_target_that_exists(refused, finished, tmp_path):
    (tmp_path / "copy.sqlite").write_text("precious", encoding="utf-8")
    assert refused("replay", "copy", finished, tmp_path / "copy.sqlite") == (
        f"{tmp_path / 'copy.sqlite'}: expected a new file, but it exists; choose another name"
    )


def test_copy_refuses_a_place_that_cannot_be_written(refused, finished, tmp_path):
    sentence = refused("replay", "copy", finished, tmp_path / "absent" / "copy.sqlite")
    assert (
        "absent/copy.sqlite: expected a place that can be written, but No such file or directory; choose another"
        in sentence
    )


# retry


def test_retry_proposes_anew_and_says_how_to_train(metaqnn, finished, small_yaml):
    result = metaqnn("replay", "retry", finished)
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "  model 4: [C(8,1,1), C(4,1,1), C(4,1,1), SM(10)]\n"
        "  model 8: [C(8,3,1), C(8,3,1), C(8,3,1), SM(10)]\n"
        f"2 proposed anew. Train them: metaqnn resume {finished}\n"
    )
    again = metaqnn("replay", "retry", finished)
    assert (again.code, again.out) == (0, "No network crashed, hung or timed out; there is nothing to retry.\n")
    with judged(lambda candidate: judge(candidate, {})):
        trained = metaqnn("resume", small_yaml, "--db", finished)
    assert (trained.code, trained.err) == (0, "")
    assert "[  12/12] retry" in trained.out
    facts = dict(line.split(maxsplit=1) for line in ask(metaqnn, finished.name, ["summary"]).splitlines()[3:13])
    assert facts["failed"] == "1 diverged"
    assert facts["episodes"] == "42, 0 more in flight"
    assert ": verified. " in ask(metaqnn, finished, ["verify"])


def test_retry_while_the_search_runs_is_refused(refused, finished):
    with SQLiteReplayMemory(finished):
        assert refused("replay", "retry", finished) == (
            f"{finished}: another search or training is running on this file; wait for it, stop it, or choose another "
            "file"
        )


# What is no database


@pytest.mark.parametrize("command", ["summary", "top", "episodes", "curves", "q-values", "verify", "retry", "copy"])
def test_what_is_no_database_is_refused_by_every_command(refused, tmp_path, command):
    rest = [tmp_path / "copy.sqlite"] if command == "copy" else []
    absent = tmp_path / "absent.sqlite"
    assert refused("replay", command, absent, *rest) == (
        f"{absent}: there is no such replay database; start a search first, or check the path"
    )
    notes = tmp_path / "notes.txt"
    notes.write_text("Dear diary", encoding="utf-8")
    assert refused("replay", command, notes, *rest) == (
        f"{notes}: expected a replay database, but this file is no SQLite database; check the path"
    )
    notes.write_bytes(b"")
    assert refused("replay", command, notes, *rest).startswith(f"{notes}: this file is empty: no search has written")
    assert refused("replay", command, tmp_path, *rest).startswith(f"{tmp_path}: there is no such replay database")
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt"}


@pytest.mark.parametrize("command", ["summary", "top", "episodes", "curves", "q-values", "verify", "retry"])
def test_a_database_that_no_search_has_written_to_is_said_so(refused, tmp_path, command):
    path = tmp_path / "blank.sqlite"
    SQLiteReplayMemory(path).close()
    assert refused("replay", command, path) == (
        f"{path}: no search has written to this database yet; start one with `metaqnn search`"
    )


@pytest.mark.parametrize("words", [["show", "13"], ["show", "0"], ["curves", "1", "13"]], ids=" ".join)
def test_a_model_that_is_not_there_is_refused(refused, finished, words):
    command, *rest = words
    assert refused("replay", command, finished, *rest).endswith("; its models are numbered 1 to 12")


@pytest.mark.parametrize(
    "words", [["show", "9" * 30], ["curves", "9" * 30], ["top", "-n", "9" * 30]], ids=lambda w: w[0]
)
def test_a_number_beyond_the_databases_range_is_refused(refused, finished, words):
    command, *rest = words
    assert refused("replay", command, finished, *rest) == (
        f"{finished}: expected numbers up to 9,223,372,036,854,775,807, but one is larger; choose a smaller"
    )
