"""Hash chains: written with what they cover, equal for equal searches, and broken by whatever is changed later."""

import json
import shutil
import sqlite3
import struct
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from contracts.searches import ShuffledExecutor, SmallSearch
from recorded import stopped_search, with_retrainings
from small_searches import difference, run_small

from metaqnn.core import CurvePoint
from metaqnn.replay.chain_check import check_chains, read_chains
from metaqnn.replay.copying import copy_database
from metaqnn.replay.hash_chains import begin_chains
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import RetrainingMemory

GOLDEN = Path(__file__).parents[1] / "golden"


def links(path, chain="episodes"):
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT link, kind, record, note, hash FROM hash_chains WHERE chain = ? ORDER BY link"
        return connection.execute(sql, (chain,)).fetchall()


def alter(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0


def head(path):
    with ReplayReader(path) as reader:
        return read_chains(reader)[0].head


# What is written


def plain_bytes(value):
    """`metaqnn.replay.canonical`, written anew from its description alone."""
    if value is None:
        return b"n"
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, float):
        return b"d" + struct.pack(">d", value)
    if isinstance(value, int):
        return b"i" + len(str(value)).to_bytes(4, "big") + str(value).encode()
    if isinstance(value, str):
        return b"s" + len(value.encode()).to_bytes(4, "big") + value.encode()
    if isinstance(value, dict):
        inside = b"".join(plain_bytes(name) + plain_bytes(value[name]) for name in sorted(value))
        return b"m" + len(value).to_bytes(4, "big") + inside
    if value and {type(item) for item in value} == {float}:
        return b"D" + len(value).to_bytes(4, "big") + b"".join(struct.pack(">d", item) for item in value)
    if value and {type(item) for item in value} == {int}:
        return b"I" + len(value).to_bytes(4, "big") + b"".join(struct.pack(">q", item) for item in value)
    return b"l" + len(value).to_bytes(4, "big") + b"".join(map(plain_bytes, value))


def test_the_golden_chain_can_be_computed_from_its_description():
    """Every hash of the golden file, with nothing of the package but what its docstrings say."""
    with closing(sqlite3.connect(GOLDEN / "schema_v5.sqlite")) as connection:
        ask, before = connection.execute, "0" * 64
        for link, kind, record, note, found in links(GOLDEN / "schema_v5.sqlite"):
            if kind == "config":
                content = {key: json.loads(value) for key, value in ask("SELECT key, value FROM config")}
                for key in ("models", "workers", "checkpoint_seconds", "hang_seconds"):
                    del content["experiment"]["search"][key]
                del content["experiment"]["warm_start"]
                for plugin in content["plugins"].values():
                    del plugin["version"]
            else:
                (row,) = ask(
                    "SELECT episode, iteration, recorded, model, architecture, evaluation, score, reward, reused,"
                    " source FROM replay JOIN models USING (model) WHERE episode = ?",
                    (record,),
                )
                (of,) = ask(
                    "SELECT evaluation, model, seed, purpose, status, reason, score, best_epoch, last_score, figures,"
                    " attempts, predicted_epoch, predicted_score, predicted_low, predicted_high FROM evaluations"
                    " WHERE evaluation = ?",
                    (row[5],),
                )
                points = ask(
                    "SELECT attempt, epoch, score, figures FROM learning_curves WHERE evaluation = ?"
                    " ORDER BY attempt, epoch",
                    (row[5],),
                ).fetchall()
                columns = [list(column) for column in zip(*points, strict=True)] or [[], [], [], []]
                figures = [json.loads(text) for text in columns.pop()]
                names = sorted(figures[0]) if figures else []
                curves = [*columns, names, *([each[name] for each in figures] for name in names)]
                evaluation = [*of[:9], json.loads(of[9]), *of[10:], curves]
                content = [*row[:2], json.loads(row[2]), *row[3:], None if row[8] else evaluation]
            before = sha256(before.encode() + plain_bytes(["episodes", kind, record, note, content])).hexdigest()
            assert found == before, f"link {link}"
    assert link == 41


@pytest.mark.parametrize("stops", [(), (3, 9)], ids=["at once", "stopped and resumed"])
def test_equal_searches_have_equal_chains_whatever_ends_first(tmp_path, stops):
    for name, executor in (("in order", SmallSearch.make_executor), ("shuffled", ShuffledExecutor)):
        search = SmallSearch(lookahead=3, make_executor=executor)
        for stop in stops if executor is ShuffledExecutor else ():
            calls = iter([False] * stop)
            search.run(tmp_path / name, lambda calls=calls: next(calls, True))
        search.run(tmp_path / name)
        assert search.verify(tmp_path / name).difference is None
        with ReplayReader(tmp_path / name) as reader:
            assert [chain.difference for chain in check_chains(reader)] == [None] * 3
    assert links(tmp_path / "in order") == links(tmp_path / "shuffled")
    assert [record for _, _, record, *_ in links(tmp_path / "shuffled")] == [None, *range(1, 28)]


def test_a_copy_has_the_same_chains(finished, tmp_path):
    copy_database(finished, tmp_path / "copy.sqlite")
    assert links(tmp_path / "copy.sqlite") == links(finished)


def test_retried_episodes_extend_the_chain(finished):
    before = links(finished)
    with SQLiteReplayMemory(finished) as memory:
        assert len(memory.retry_failed()) == 2
    run_small(finished)
    assert links(finished)[: len(before)] == before
    assert [record for _, _, record, *_ in links(finished)[len(before) :]] == [41, 42]
    assert difference(finished) is None


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_what_an_older_schema_held_is_sealed(tmp_path, version):
    path = shutil.copy(GOLDEN / f"schema_v{version}.sqlite", tmp_path / "small.sqlite")
    assert head(path) is None
    run_small(path, models=13)
    found = links(path)
    assert [kind for _, kind, *_ in found[:3]] == ["config", "seal", "record"]
    assert found[2][2] == 41
    assert difference(path) is None
    alter(path, "UPDATE learning_curves SET epoch_seconds = 9 WHERE evaluation = 1")
    assert difference(path) is None
    alter(
        path,
        "UPDATE learning_curves SET figures = json_set(figures, '$.train_loss', 9.5) WHERE evaluation = 1",
    )
    assert difference(path).startswith("hash chain of episodes, link 2: one of the episodes that it seals is not what ")


# Retrainings


def restart(path, number, *, ends=True):
    with RetrainingMemory(path) as memory:
        memory.restart(number)
        memory.begin(number, [], "a test")
        for step in (1, 2):
            memory.record_epoch(number, CurvePoint(step, step / 8, 0.5, {"train_loss": 1.0}))
        if ends:
            memory.record_end(number, "ok", "", 0.25, f"final-{number}.weights.h5")


def test_retrainings_are_chained_as_they_end(tmp_path):
    path = tmp_path / "small.sqlite"
    stopped_search(path)
    assert [row[1:3] for row in links(path, "retrainings")] == [
        *(("config", None), ("record", 2), ("record", 1), ("record", 3)),
    ]
    assert [row[1:3] for row in links(path, "test_looks")] == [
        *(("config", None), ("record", 1), ("record", 2), ("record", 3)),
    ]
    assert difference(path) is None


def test_a_retraining_that_begins_anew_leaves_its_old_links_behind(tmp_path):
    path = tmp_path / "small.sqlite"
    stopped_search(path)
    restart(path, 1, ends=False)
    assert difference(path) is None
    alter(path, "UPDATE finals SET status = 'ok', score = 0.25, weights = 'final-1.weights.h5' WHERE final = 1")
    assert difference(path) == "hash chain of retrainings: retraining 1 has no link in it"
    restart(path, 1)
    assert difference(path) is None
    assert [row[1:3] for row in links(path, "retrainings")][4:] == [("restart", 1), ("restart", 1), ("record", 1)]
    alter(path, "UPDATE final_curves SET score = 0.2 WHERE final = 1 AND epoch = 1")
    assert difference(path).startswith("hash chain of retrainings, link 7: retraining 1 is not what was recorded ")


def test_a_sealed_retraining_that_begins_anew_is_sealed_no_more(finished):
    with_retrainings(finished)
    with closing(sqlite3.connect(finished)) as connection, connection:
        connection.executescript("DROP TABLE hash_chains; DROP TABLE writer; PRAGMA user_version = 4")
    assert difference(finished) is None
    restart(finished, 3)
    assert [row[1:3] for row in links(finished, "retrainings")] == [
        *(("config", None), ("seal", None), ("restart", 3), ("seal", None), ("record", 3)),
    ]
    assert difference(finished) is None
    alter(finished, "UPDATE finals SET seed = 77 WHERE final = 1")
    assert difference(finished).startswith("hash chain of retrainings, link 4: one of the retrainings that it seals ")


# What breaks it


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM hash_chains WHERE link = 1", "hash chain of episodes: it does not begin with the configuration"),
        ("DELETE FROM hash_chains", "hash chain of episodes: it does not begin with the configuration, or is missing"),
        ("DELETE FROM hash_chains WHERE link = 9", "hash chain of episodes, link 9: it is missing"),
        ("DELETE FROM hash_chains WHERE link = 41", "hash chain of episodes: episode 40 has no link in it"),
        (
            "UPDATE hash_chains SET record = 99 WHERE link = 41",
            "hash chain of episodes, link 41: episode 99 is not what was recorded (its hash is ",
        ),
        (
            "UPDATE evaluations SET reason = 'an excuse' WHERE evaluation = 4",
            "hash chain of episodes, link 5: episode 4 is not what was recorded (its hash is ",
        ),
        (
            "UPDATE config SET value = json_set(value, '$.training.dropout', json('false')) WHERE key = 'experiment'",
            "hash chain of episodes, link 1: the configuration is not what it began with (its hash is ",
        ),
        (
            "UPDATE config SET key = 'experimental' WHERE key = 'experiment'",
            "hash chain of episodes, link 1: the configuration is not what it began with (its hash is ",
        ),
        (
            "UPDATE config SET value = 'nonsense' WHERE key = 'data'",
            "table config, row 'data', column value: expected a value in JSON, but it is 'nonsense'",
        ),
    ],
)
def test_what_breaks_a_chain_is_named(finished, statement, expected):
    alter(finished, statement)
    assert difference(finished).startswith(expected)


def test_what_changes_no_episode_may_change(finished):
    alter(
        finished,
        "UPDATE config SET value = json_set(value, '$.search.workers', 2) WHERE key = 'experiment'",
        "UPDATE config SET value = json_set(value, '$.space.version', '0.2.0') WHERE key = 'plugins'",
        "UPDATE evaluations SET device = 'another', train_seconds = 7, recorded_at = '2031-01-01T00:00:00.000+00:00'",
    )
    assert difference(finished) is None


def test_a_rescued_database_names_its_gap(finished):
    last = head(finished)
    with closing(sqlite3.connect(finished)) as connection, connection:
        begin_chains(connection, "episodes 41 to 44 could not be read")
    assert difference(finished) is None
    with ReplayReader(finished) as reader:
        found = check_chains(reader)
    assert found[0].gap == f"episodes 41 to 44 could not be read (the chain before had come to {last})"
    assert (found[0].records, found[0].unlinked) == (40, 40)
    run_small(finished, models=13)
    assert difference(finished) is None
    alter(finished, "UPDATE hash_chains SET note = 'nothing is missing' WHERE link = 1")
    assert difference(finished).startswith("hash chain of episodes, link 1: it is not what was written (its hash is ")


def test_a_database_that_is_rescued_twice_names_both_gaps(finished):
    heads = []
    for gap in ("episodes 41 to 44 could not be read", "nothing is known to be lost"):
        heads.append(head(finished))
        with closing(sqlite3.connect(finished)) as connection, connection:
            begin_chains(connection, gap)
    with ReplayReader(finished) as reader:
        gaps = [found.gap for found in check_chains(reader)]
    assert gaps[0] == (
        f"nothing is known to be lost (the chain before had come to {heads[1]}); before that: "
        f"episodes 41 to 44 could not be read (the chain before had come to {heads[0]})"
    )
    assert difference(finished) is None
