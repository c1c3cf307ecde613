"""The page about the command line names the keys of what programs read."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "command-line.md"


def documented(command: str) -> list[str]:
    """The keys that the page names for a command, in order."""
    (row,) = re.findall(rf"^\| `{re.escape(command)}`(?:,[^|]*)? \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    named = row.replace("the score's name", "`accuracy`").replace("the first two costs", "`parameters`, `flops`")
    return re.findall("`([a-z_]+)`", named)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("experiments", ["experiments"]),
        ("plugins", ["plugins"]),
        ("datasets", ["datasets"]),
        ("describe", ["describe", "[C(16,3,1), SM(10)]"]),
        ("replay top", ["replay", "top", "DB"]),
        ("replay episodes", ["replay", "episodes", "DB"]),
        ("replay curves", ["replay", "curves", "DB"]),
        ("replay q-values", ["replay", "q-values", "DB"]),
    ],
)
def test_tables(metaqnn, finished, command, words):
    rows = json.loads(metaqnn(*(finished if word == "DB" else word for word in words), "--json").out)
    assert list(rows[0]) == documented(command)


def test_copies_of_data(metaqnn, refused):
    from metaqnn.networks.data.copies import keep_copy

    kept = keep_copy((np.arange(10 * 4, dtype=np.uint8).reshape(10, 2, 2), np.arange(10) % 2)).hash
    (row,) = json.loads(metaqnn("datasets", "--copies", "--json").out)
    assert list(row) == documented("datasets --copies")
    assert (row["copy"], row["train"], row["test"]) == (kept, 10, 0)
    assert kept[:12] in metaqnn("datasets", "--copies").out
    removed = metaqnn("datasets", "--remove-copy", kept[:8])
    assert (removed.code, kept[:12] in removed.out) == (0, False)
    assert f"Removed the copy {kept}; " in removed.err
    assert refused("datasets", "--remove-copy", kept).startswith("--remove-copy: expected the beginning of one ")
    assert refused("datasets", "digits", "--copies").startswith("expected no PATH or NAME beside --copies and")


def test_a_data_set(metaqnn):
    lists = json.loads(metaqnn("datasets", "digits", "--json").out)
    names = documented("datasets NAME")
    assert [name for name in names if name in lists] == list(lists) == ["parts", "classes", "notes"]
    for title in ("parts", "classes"):
        assert set(lists[title][0]) < set(names)


def test_facts_of_a_search(metaqnn, finished):
    lists = json.loads(metaqnn("replay", "summary", finished, "--json").out)
    printed = {key for rows in lists.values() for row in rows for key in row}
    assert set(documented("replay summary")) <= printed


def test_every_command_that_prints_tables_has_a_row():
    from metaqnn.cli import cli

    def walk(command, words=()):
        for name, below in getattr(command, "commands", {}).items():
            yield (*words, name), below
            yield from walk(below, (*words, name))

    page = PAGE.read_text("utf-8")
    for words, command in walk(cli):
        if any("--json" in option.opts for option in command.params) and words != ("doctor",):
            assert re.search(rf"^\|[^|]*`{' '.join(words)}`", page, re.MULTILINE), words
