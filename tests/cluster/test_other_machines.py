"""Nodes that differ from the search's machine: their Python finds other versions, as it would find them elsewhere."""

import os
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
from ray_nodes import Nodes
from test_two_nodes import OURS, metaqnn, nodes_of

import metaqnn as package
from metaqnn.replay.reader import ReplayReader

pytestmark = pytest.mark.long

SCORE = """
import time

def score(architecture):
    time.sleep(0.2)
    return sum(map(ord, architecture.text))
"""


@pytest.fixture
def nodes():
    nodes = Nodes()
    yield nodes
    nodes.close()


@pytest.fixture
def ours(tmp_path):
    """A folder with a search that keeps three workers busy."""
    (tmp_path / "scores_of_ours.py").write_text(SCORE, encoding="utf-8")
    (tmp_path / "ours.yaml").write_text(OURS.replace("lookahead: 2", "lookahead: 3"), encoding="utf-8")
    return tmp_path


def with_versions(folder, plugins=(), **versions):
    """A folder in which Python finds versions of packages, some of which offer something to metaqnn."""
    for name, number in versions.items():
        place = folder / f"{name}-{number}.dist-info"
        place.mkdir(parents=True)
        named = name.replace("_", "-")
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {named}\nVersion: {number}\n", encoding="utf-8")
        if name in plugins:
            (place / "entry_points.txt").write_text("[metaqnn.strategies]\nx = nowhere:X\n", encoding="utf-8")
    return folder


def test_a_node_of_another_kind_is_warned_of_once_or_refused(nodes, ours):
    other = with_versions(ours / "other", scikit_learn="0.0.1")
    differs = f"scikit-learn 0.0.1 rather than {version('scikit-learn')}"
    nodes.do(f"add 1 {other}")
    nodes.do("add 1")
    nodes.do("add 1")

    def search(database, *words):
        command = ("search", "ours.yaml", "--db", database, "--cluster", nodes.address, *words)
        return metaqnn(*command, folder=ours, PYTHONPATH=str(ours))

    run = search("any.sqlite")
    warnings = re.findall("Warning: (.+) is of another kind: (.+); rewards from there may differ", run.stdout)
    assert [words for _, words in warnings] == [differs]
    assert len(nodes_of(ours / "any.sqlite")) == 3
    with ReplayReader(ours / "any.sqlite") as reader:
        found = reader.query(
            "SELECT DISTINCT node, json_extract(machine, '$.scikit-learn') FROM worker_events WHERE kind = 'ready'"
        )[1]
    assert sorted(number for _, number in found) == sorted(["0.0.1", *[version("scikit-learn")] * 2])
    assert {node for node, number in found if number == "0.0.1"} == {warnings[0][0]}

    run = search("same.sqlite", "--same-kind")
    assert f"{warnings[0][0]} is not used: it is of another kind (--same-kind): {differs}." in run.stdout
    assert nodes_of(ours / "same.sqlite") == nodes_of(ours / "any.sqlite") - {warnings[0][0]}

    nodes.do("kill")
    nodes.do("kill")
    command = [sys.executable, "-m", "metaqnn", "search", "ours.yaml", "--db", "same.sqlite", "--models", "24"]
    refused = subprocess.run(
        [*command, "--cluster", nodes.address, "--same-kind"],
        cwd=ours,
        env=os.environ | {"PYTHONPATH": str(ours)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert refused.returncode == 2
    assert f"it is of another kind (--same-kind): {differs}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_nodes_with_other_versions_of_the_code_are_refused_by_name(nodes, ours):
    plugin = with_versions(ours / "plugin", ["acme"], acme="1.0")
    nodes.do(f"add 1 {plugin}")
    nodes.do(f"add 1 {with_versions(ours / 'newer', ['acme', 'metaqnn'], acme='1.0', metaqnn='9.9')}")
    nodes.do(f"add 1 {with_versions(ours / 'other', ['acme'], acme='2.0')}")
    nodes.do("add 1")
    path = os.pathsep.join(map(str, (ours, plugin)))
    command = ("search", "ours.yaml", "--db", "ours.sqlite", "--cluster", nodes.address)
    run = metaqnn(*command, folder=ours, PYTHONPATH=path)
    refused = re.findall("(.+) is not used: it has (.+) rather than (.+)[.]", run.stdout)
    assert sorted(words[1:] for words in refused) == [
        ("acme 2.0", "1.0"),
        ("acme not at all", "1.0"),
        ("metaqnn 9.9", package.__version__),
    ]
    assert len({name for name, *_ in refused}) == 3
    (used,) = nodes_of(ours / "ours.sqlite")
    assert used not in {name for name, *_ in refused}
