"""Searches on a real Ray cluster: two nodes, which are processes of this machine."""

import os
import re
import subprocess
import sys

from databases import contents

from metaqnn.replay.reader import ReplayReader

DIGITS = """
name: digits
dataset: {name: digits, validation_size: 300, train_limit: 200}
space: {name: layers, max_depth: 3, convolution: {filters: [4, 8], receptive_fields: [1, 3]}}
strategy: {name: random}
training: {epochs: 2}
search: {models: 6, lookahead: 2}
"""

OURS = """
name: ours
space: {name: chain, choices: [3, 3, 3, 3]}
evaluator: {name: function, function: "scores_of_ours:score"}
strategy: {name: random}
search: {models: 20, lookahead: 2}
"""


def metaqnn(*words, folder, **environment):
    """Run the command line as a program."""
    command = [sys.executable, "-m", "metaqnn", *map(str, words)]
    run = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run


def nodes_of(database):
    with ReplayReader(database) as reader:
        return {node for (node,) in reader.query("SELECT DISTINCT node FROM evaluations")[1]}


def test_two_nodes_make_the_database_of_one_machine(two_nodes, tmp_path):
    (tmp_path / "digits.yaml").write_text(DIGITS, encoding="utf-8")
    metaqnn("search", "digits.yaml", "--db", "here.sqlite", "--workers", "1", folder=tmp_path)
    shown = metaqnn("search", "digits.yaml", "--db", "there.sqlite", "--cluster", two_nodes.address, folder=tmp_path)
    assert contents(tmp_path / "there.sqlite") == contents(tmp_path / "here.sqlite")
    assert nodes_of(tmp_path / "here.sqlite") == {""}
    assert len(nodes_of(tmp_path / "there.sqlite")) == 2
    assert "raylet" not in shown.stdout + shown.stderr
    assert "verified" in metaqnn("replay", "verify", "there.sqlite", folder=tmp_path).stdout


def test_modules_of_the_users_go_along(two_nodes, tmp_path):
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "scores_of_ours.py").write_text(
        "from helpers_of_ours import total\n\n"
        "def score(architecture):\n"
        f"    assert not __file__.startswith({str(tmp_path)!r})\n"
        "    return total(architecture.text)\n",
        encoding="utf-8",
    )
    (ours / "helpers_of_ours.py").write_text("def total(text):\n    return sum(map(ord, text))\n", encoding="utf-8")
    (tmp_path / "ours.yaml").write_text(OURS, encoding="utf-8")
    run = metaqnn(
        *("search", "ours.yaml", "--db", "ours.sqlite", "--cluster", two_nodes.address),
        folder=tmp_path,
        PYTHONPATH=str(ours),
    )
    assert "The search is complete: 20 networks" in run.stdout
    with ReplayReader(tmp_path / "ours.sqlite") as reader:
        assert reader.query("SELECT DISTINCT status FROM evaluations")[1] == [("ok",)]


def test_a_network_that_crashes_its_worker_has_crashed_there_too(two_nodes, tmp_path):
    (tmp_path / "scores_of_ours.py").write_text(
        "import os\nimport sys\n\n"
        "def score(architecture):\n"
        "    if architecture.text.startswith('0'):\n"
        "        print('the last words', file=sys.stderr, flush=True)\n"
        "        os._exit(3)\n"
        "    return sum(map(ord, architecture.text))\n",
        encoding="utf-8",
    )
    (tmp_path / "ours.yaml").write_text(OURS.replace("models: 20", "models: 8"), encoding="utf-8")
    words = ("search", "ours.yaml", "--log", "ours.log", "--db")
    metaqnn(*words, "here.sqlite", folder=tmp_path, PYTHONPATH=str(tmp_path))
    metaqnn(*words, "there.sqlite", "--cluster", two_nodes.address, folder=tmp_path, PYTHONPATH=str(tmp_path))
    assert contents(tmp_path / "there.sqlite") == contents(tmp_path / "here.sqlite")
    with ReplayReader(tmp_path / "there.sqlite") as reader:
        crashed = reader.query("SELECT DISTINCT reason FROM evaluations WHERE status = 'crashed'")[1]
    assert crashed == [("the worker process exited with code 3 (the last words)",)]
    log = (tmp_path / "ours.log").read_text(encoding="utf-8")
    assert re.search(r"worker \d on \S+, episode \d+: the last words", log)
