"""`metaqnn compare`: what it prints, what it leaves, and what it refuses."""

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import product

import pytest
from patience import wait_until
from PIL import Image

FIVE = ["linear_ucb", "paper", "random", "regularized_evolution", "reinforce"]
STRATEGIES = ["--strategies", ",".join(FIVE)]
TITLES = [
    "Mean regret in points, with its 95 % interval",
    "Paired differences of regret (strategy - against), with 95 % intervals",
    "Mean reward regret in points, with its 95 % interval",
    "Paired differences of reward regret (strategy - against), with 95 % intervals",
    "Evaluations needed to reach a regret (median of the runs that did)",
    "What proposals cost",
]


@pytest.fixture
def table(tmp_path):
    """A table of all 27 networks of the chain 3 x 3 x 3; 222 is the best."""
    rows = [
        f"{a}{b}{c},{(9 * a + 3 * b + c) / 32},{(9 * a + 3 * b + c) / 32}" for a, b, c in product(range(3), repeat=3)
    ]
    (tmp_path / "cubes.csv").write_text("\n".join(["architecture,reward,target", *rows, ""]), encoding="utf-8")
    path = tmp_path / "cubes.yaml"
    path.write_text(
        "name: cubes\nspace: {name: chain, choices: [3, 3, 3]}\ntable: {file: cubes.csv}\n", encoding="utf-8"
    )
    return path


def blocks(text: str) -> list[list[str]]:
    """The tables of an output, each the lines between two blank ones."""
    return [block.splitlines() for block in text.strip().split("\n\n")]


# What it prints and leaves


def test_a_comparison_of_five_strategies(metaqnn, table, tmp_path):
    result = metaqnn("compare", table, *STRATEGIES, "--seeds", 2, "--evaluations", 12, "--out", "here/it")
    assert result.code == 0, result.err
    regrets, rewards, differences, reward_differences, reached, costs, files = blocks(result.out)
    assert rewards[0] == "Mean reward regret in points, and half of its 95 % interval"
    assert costs[0] == "What proposals cost"
    assert sorted(line.split()[0] for line in costs[-5:]) == sorted(FIVE)
    assert regrets[0] == "Mean regret in points, and half of its 95 % interval"
    assert regrets[1].split() == ["strategy", "seeds", "at", "10", "at", "12"]
    assert sorted(line.split()[0] for line in regrets[3:]) == sorted(FIVE)
    assert all(re.fullmatch(r" +[a-z_]+ +2( +[0-9.]+ ±[0-9.]+){2}", line) for line in regrets[3:])
    assert re.match(r"Paired differences of regret \([a-z_]+ - against\), with 95 % intervals; ", differences[0])
    assert reward_differences[0].startswith("Paired differences of reward regret (")
    assert len([line for line in differences if line.endswith(("not decided", "is better"))]) == 4
    assert " ".join(reached[:2]) == (
        "Evaluations until the regret is at most so many points: median of the runs that got there (their share)"
    )
    assert reached[2].split() == ["strategy", "1", "0.5", "0.2", "0.1", "0"]
    assert sorted(line.split()[0] for line in reached[4:]) == sorted(FIVE)
    assert files == ["compare.csv, compare.png and compare.sqlite in here/it, at lookahead 1"]
    assert max(map(len, result.out.splitlines())) <= 80
    with Image.open(tmp_path / "here" / "it" / "compare.png") as image:
        assert (image.format, image.size) == ("PNG", (780, 672))
    with (tmp_path / "here" / "it" / "compare.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["table", "strategy", "seed", "evaluations", "best_reward", "regret", "reward_regret"]
    assert [tuple(row.values())[:4] for row in rows] == [
        ("cubes", name, seed, evaluations) for name in FIVE for seed in ("0", "1") for evaluations in ("10", "12")
    ]
    for row in rows:  # reward and target agree here, and the best is 26/32
        assert float(row["regret"]) == pytest.approx(100 * (26 / 32 - float(row["best_reward"])), abs=1e-3)
    assert result.err.startswith("[ 0/10] runs, left ")
    assert "\n[10/10] runs, left 0:00\n" in result.err


def test_json_is_all_of_the_standard_output(metaqnn, table):
    words = ["--strategies", "random,reinforce", "--seeds", "2,random=3", "--evaluations", 12, "--format", "json"]
    result = metaqnn("compare", table, *words)
    assert result.code == 0, result.err
    content = json.loads(result.out)
    assert list(content) == TITLES
    # Seeds by strategy: three of random search, two of the other, and so two in common.
    assert {row["strategy"]: row["seeds"] for row in content[TITLES[0]]} == {"random": 3, "reinforce": 2}
    (difference,) = content[TITLES[1]]
    assert {difference["strategy"], difference["against"]} == {"random", "reinforce"}
    assert (difference["seeds"], difference["at"]) == (2, 12)
    for row in content[TITLES[4]]:
        assert (row["evaluations"] is None) == (row["runs_there"] == 0.0)


def test_csv_is_all_of_the_standard_output(metaqnn, table, tmp_path):
    words = ["--strategies", "paper", "--seeds", 1, "--evaluations", 27, "--processes", 1, "--format", "csv"]
    result = metaqnn("compare", table, *words)
    assert result.code == 0, result.err
    regrets, differences, _, _, reached, _ = (
        list(csv.reader(io.StringIO("\n".join(lines)))) for lines in blocks(result.out)
    )
    assert regrets[0] == ["table", "strategy", "seeds", "evaluations", "regret", "lower", "upper", "lookahead"]
    assert [row[:4] for row in regrets[1:]] == [["cubes", "paper", "1", at] for at in ("10", "20", "27")]
    assert all(row[5:] == ["", "", "1"] for row in regrets[1:])
    assert differences == [
        ["table", "strategy", "against", "seeds", "at", "regret", "lower", "upper", "p", "verdict", "lookahead"]
    ]
    assert [row[2] for row in reached[1:]] == ["1.0", "0.5", "0.2", "0.1", "0.05", "0.0"]
    assert sorted(path.name for path in (tmp_path / "build" / "compare").iterdir()) == [
        "compare.csv",
        "compare.png",
        "compare.sqlite",
    ]


def test_the_same_command_again_gives_the_same(metaqnn, table, tmp_path):
    words = ["compare", table, "--strategies", "random, paper", "--seeds", 2, "--evaluations", 12]
    first = metaqnn(*words, "--out", "first", "--processes", 1)
    second = metaqnn(*words, "--out", "second", "--processes", 2)
    assert (first.code, second.code) == (0, 0)
    of_first, of_second = (blocks(result.out)[:5] for result in (first, second))  # time alone differs
    assert of_first == of_second
    assert (tmp_path / "first" / "compare.csv").read_bytes() == (tmp_path / "second" / "compare.csv").read_bytes()


def test_several_tables_are_one_comparison(metaqnn, table, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(table.read_text(encoding="utf-8").replace("cubes\n", "squares\n"), encoding="utf-8")
    words = ["compare", table, other, "--strategies", "random,linear_ucb,paper", "--seeds", 3, "--evaluations", 12]
    result = metaqnn(*words, "--at", "5,12", "--out", "two")
    assert result.code == 0, result.err
    titles = [block[0] for block in blocks(result.out)]
    assert titles[:4] == [
        f"{name}: Mean {measure}regret in points, and half of its 95 % interval"
        for name in ("cubes", "squares")
        for measure in ("", "reward ")
    ]
    assert [title.partition(",")[0] for title in titles[4:6]] == ["Verdicts by regret", "Verdicts by reward regret"]
    assert titles[6] == "Mean over 2 tables: Mean regret in points, and half of its 95 % interval"
    ranked = blocks(result.out)[-2]
    assert ranked[0] == "Mean ranks by reward regret over 6 pairs of table and seed"
    assert ranked[-1].split()[:2] == ["critical", "difference"]
    assert max(map(len, result.out.splitlines()[:-1])) <= 80
    names = ["compare.csv", "compare.png", "compare.sqlite", "ranks.png"]
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == names
    whole = json.loads(metaqnn(*words, "--at", "5,12", "--out", "two", "--json").out)
    assert {(row["table"], row["evaluations"]) for row in whole[TITLES[0]]} == {
        (name, at) for name in ("cubes", "squares", "mean over 2 tables") for at in (5, 12)
    }
    assert {row["at"] for row in whole[TITLES[3]]} == {5, 12}
    assert "Mean ranks by reward regret over tables and seeds" in whole


def test_a_comparison_that_is_killed_goes_on(table, tmp_path):
    words = [sys.executable, "-m", "metaqnn", "compare", table, "--strategies", "random,linear_ucb", "--seeds", "40"]
    words += ["--evaluations", "27", "--processes", "2", "--out"]
    undisturbed = subprocess.run([*words, tmp_path / "whole"], capture_output=True, text=True)
    assert undisturbed.returncode == 0, undisturbed.stderr
    process = subprocess.Popen([*words, tmp_path / "killed"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    runs = tmp_path / "killed" / "compare.sqlite"

    def count() -> int:
        if not runs.exists():
            return 0
        with closing(sqlite3.connect(runs)) as connection:
            is_there = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'runs'").fetchone()[0]
            return connection.execute("SELECT count(*) FROM runs").fetchone()[0] if is_there else 0

    wait_until(lambda: count() > 3 or process.poll() is not None)
    process.kill()
    process.wait()
    kept = count()
    assert kept > 3
    again = subprocess.run([*words, tmp_path / "killed"], capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert again.stderr.startswith(f"[{kept:2}/80] runs")
    assert blocks(again.stdout)[:5] == blocks(undisturbed.stdout)[:5]
    for folder in ("whole", "killed"):
        assert (tmp_path / folder / "compare.csv").read_bytes() == (tmp_path / "whole" / "compare.csv").read_bytes()


# What it refuses


def test_what_cannot_be_asked_of_several_tables(refused, table, tmp_path):
    assert refused("compare", table, table) == f"TABLES: expected each table once, got {table} twice"
    assert refused("compare", table, "--at", "5,x").startswith(
        "Invalid value for '--at': expected numbers such as 50,100,200, got '5,x' (see"
    )
    assert refused("compare", table, "--at", "5,50", "--evaluations", 12).startswith(
        "Invalid value for --at: expected numbers up to --evaluations 12, got 50 (see"
    )
    (tmp_path / "compare.sqlite").write_bytes(b"my own notes, and no database, are kept in this file")
    sentence = refused("compare", table, *STRATEGIES, "--out", tmp_path)
    assert sentence.startswith(f"{tmp_path / 'compare.sqlite'}: ")
    assert (tmp_path / "compare.sqlite").read_bytes().startswith(b"my own")


def test_a_table_that_is_not_there(refused):
    assert refused("compare", "absent.yaml") == (
        "Invalid value for 'TABLES...': File 'absent.yaml' does not exist. (see metaqnn compare --help)"
    )
    assert "Invalid value for 'TABLES...'" in refused("compare", ".")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("random,evolution", "--strategies: there is no strategy 'evolution'; did you mean 'regularized_evolution'?"),
        ("papr", "--strategies: there is no strategy 'papr'; did you mean 'paper'?"),
        ("paper,random,paper", "--strategies: expected each strategy once, got 'paper' twice"),
        (
            "q_learning:epsilon=",
            "--strategies q_learning:epsilon=: strategy.schedule[0][0]: expected a number, got nothing",
        ),
        ("q_learning:epsilon=[1", "--strategies epsilon=[1: the value after '=' is not YAML"),
        (
            "q_learning:epsilon=0.1:epsilon=0.2",
            "--strategies q_learning:epsilon=0.1:epsilon=0.2: expected each key once, got 'epsilon' twice",
        ),
        ("random:name=paper", "--strategies random:name=paper: expected each key once, got 'name' twice"),
        (
            " , ",
            "--strategies: expected at least one strategy; valid names are bananas, controller, gaussian_process, "
            "linear_ucb, local_search, paper, q_learning, random, regularized_evolution, reinforce, smac, tpe",
        ),
    ],
)
def test_strategies_that_cannot_be_compared(refused, table, tmp_path, names, sentence):
    assert refused("compare", table, "--strategies", names) == sentence
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("seeds", ["abc", "0", "-1", "1.5", "", "3,", "3,smac", "3,smac=0", "random=3", "3, paper=2"])
def test_seeds_that_are_no_numbers(refused, table, seeds):
    assert refused("compare", table, *STRATEGIES, "--seeds", seeds) == (
        f"Invalid value for '--seeds': expected a number such as 30, or 30,smac=5, got {seeds!r} "
        "(see metaqnn compare --help)"
    )


def test_seeds_of_a_strategy_that_takes_no_part(refused, table):
    assert refused("compare", table, *STRATEGIES, "--seeds", "3,smac=2") == (
        f"Invalid value for --seeds: 'smac' is none of the strategies {', '.join(FIVE)}; name one of them, or add "
        "it to --strategies (see metaqnn compare --help)"
    )


@pytest.mark.parametrize("option", [("--evaluations", 0), ("--evaluations", 100_001), ("--processes", 0)])
def test_numbers_out_of_range(refused, table, option):
    assert refused("compare", table, *option).startswith(f"Invalid value for '{option[0]}': {option[1]} is not in the ")


def test_a_folder_that_cannot_be_written(refused, table, tmp_path):
    (tmp_path / "file").write_text("a file", encoding="utf-8")
    assert refused("compare", table, "--strategies", "random", "--out", "file") == (
        "Invalid value for '--out': Directory 'file' is a file. (see metaqnn compare --help)"
    )
    assert refused("compare", table, "--strategies", "random", "--out", "file/below") == (
        "Invalid value for --out: expected a place that can be written, but file/below: Not a directory "
        "(see metaqnn compare --help)"
    )


def test_a_table_that_cannot_be_read(refused, table, tmp_path):
    (tmp_path / "cubes.csv").write_text("architecture,reward,target\n000,81.25,50\n", encoding="utf-8")
    assert refused("compare", table) == (
        f"{tmp_path / 'cubes.csv'}, line 2, reward: expected an accuracy, got 81.25; set 'percent' to fit the table"
    )
    (tmp_path / "cubes.csv").unlink()
    assert refused("compare", table) == (
        f"{tmp_path / 'cubes.csv'}: expected a table that can be read, but No such file or directory"
    )


def test_a_network_that_is_outside_the_table(metaqnn, table, tmp_path):
    (tmp_path / "cubes.csv").write_text("architecture,reward,target\n000,0.5,0.5\n", encoding="utf-8")
    words = ["compare", table, "--strategies", "random", "--seeds", 2, "--evaluations", 12, "--processes", 2]
    result = metaqnn(*words)
    assert result.code == 2
    assert result.out == ""
    progress, sentence = result.err.splitlines()
    assert progress.startswith("[0/2] runs, left ")
    assert sentence.startswith(f"metaqnn: {tmp_path / 'cubes.csv'}: expected a network of the table, but ")
    assert sentence.endswith(" is not among its 1; 'unlisted: exclude' keeps strategies from proposing it")
    assert not (tmp_path / "build" / "compare" / "compare.csv").exists()
