"""`verify` passes on what a search left, and names the first difference in what somebody altered."""

import sqlite3
from contextlib import closing

import pytest
from small_searches import difference, go_on, interrupt_after, run_small

from metaqnn.replay.hash_chains import begin_chains
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows import verify_database


def alter(path, *statements):
    """Change a database by hand, as somebody would who knows how to write its hash chains anew.

    So what is named is what was rebuilt; test_hash_chains.py has what the chains notice.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, f"nothing was altered by: {statement}"
        begin_chains(connection, "what was altered")


def stored(path, sql):
    with ReplayReader(path) as reader:
        return reader.query(sql)[1][0][0]


@pytest.fixture
def in_flight(tmp_path):
    """A search that was stopped with episodes 5 and 6 in flight."""
    path = tmp_path / "stopped.sqlite"
    run_small(path, function=interrupt_after(5))
    return path


def test_a_finished_search_verifies(finished):
    seen = []
    with ReplayReader(finished) as reader:
        verification = verify_database(reader, seen.append)
    assert (verification.episodes, verification.proposals, verification.difference) == (40, 0, None)
    assert verification.q_values == stored(finished, "SELECT count(*) FROM q_values") > 0
    assert seen == list(range(1, 41))


def test_a_stopped_search_verifies_with_what_is_in_flight(in_flight):
    with ReplayReader(in_flight) as reader:
        verification = verify_database(reader)
    assert (verification.episodes, verification.proposals, verification.difference) == (4, 2, None)


def test_a_search_that_goes_on_meanwhile_is_verified_as_it_was(in_flight):
    with SQLiteReplayMemory(in_flight) as memory, ReplayReader(in_flight) as reader:
        memory.begin_run(12, 1, {}, [])
        verification = verify_database(reader, lambda number: go_on(memory, 8) if number == 4 else None)
        chain = verification.chains[0]
        assert (verification.episodes, chain.records, verification.difference) == (4, 4, None)
        assert verify_database(reader).episodes == reader.episode_count() > 4


def test_verifying_changes_nothing(finished):
    before = finished.read_bytes()
    assert difference(finished) is None
    assert finished.read_bytes() == before


# Episode 7 repeats model 2; episode 8 is the first of model 7, the softmax alone, and episode 10 repeats it.
ALTERATIONS = {
    "reward": ("UPDATE replay SET reward = 0.25 WHERE episode = 8", "episode 8: reward is 0.25 in the database, but "),
    "reward of a failure": (
        "UPDATE replay SET reward = 0.5 WHERE episode = 4",
        "episode 4: reward is 0.5 in the database, but 0.1 follows from seed and results",
    ),
    "last bit of a reward": (
        "UPDATE replay SET reward = reward * (1 + 2.3e-16) WHERE episode = 8",
        "episode 8: reward is 0.6601562500000001 in the database, but 0.66015625 follows from seed and results",
    ),
    "epsilon": (
        "UPDATE replay SET recorded = json_set(recorded, '$.epsilon', 0.6) WHERE episode = 8",
        "episode 8: epsilon is 0.6 in the database, but 0.5 follows from seed and results",
    ),
    "accuracy": (
        "UPDATE replay SET score = 0.75 WHERE episode = 8",
        "episode 8: accuracy is 0.75 in the database, but 0.66015625 follows from seed and results",
    ),
    "accuracy of an evaluation": (
        "UPDATE evaluations SET score = 0.75 WHERE evaluation = 7",
        "evaluation 7: best_accuracy is 0.75 in the database, but 0.66015625 follows from seed and results",
    ),
    "accuracy of the last epoch": (
        "UPDATE evaluations SET last_score = 0.125 WHERE evaluation = 7",
        "evaluation 7: last_accuracy is 0.125 in the database, but ",
    ),
    "best epoch": (
        "UPDATE evaluations SET best_epoch = 3 - best_epoch WHERE evaluation = 7",
        "evaluation 7: best_epoch is ",
    ),
    "best accuracy of a curve": (
        "UPDATE learning_curves SET score = 0.96875 WHERE evaluation = 7 AND epoch = 1 AND attempt ="
        " (SELECT attempts FROM evaluations WHERE evaluation = 7)",
        "evaluation 7: best_accuracy is 0.66015625 in the database, but 0.96875 follows from seed and results",
    ),
    "status": (
        "UPDATE evaluations SET status = 'crashed' WHERE evaluation = 7",
        "evaluation 7: best_accuracy is 0.66015625 in the database, but None follows from seed and results",
    ),
    "seed of an evaluation": (
        "UPDATE evaluations SET seed = 4 WHERE evaluation = 7",
        "evaluation 7: seed is 4 in the database, but 3 follows from seed and results",
    ),
    "model of an evaluation": (
        "UPDATE evaluations SET model = 6 WHERE evaluation = 7",
        "evaluation 7: model is 6 in the database, but 7 follows from seed and results",
    ),
    "Q-value": (
        "UPDATE q_values SET value = 0.75 WHERE state = '1:GAP(10)x1'",
        "Q-value of SM(10) in state 1:GAP(10)x1: value is 0.75 in the database, but ",
    ),
    "updates of a Q-value": (
        "UPDATE q_values SET updates = updates + 1 WHERE state = '1:GAP(10)x1'",
        "Q-value of SM(10) in state 1:GAP(10)x1: updates is 6 in the database, but 5 follows from seed and results",
    ),
    "Q-value that is too much": (
        "INSERT INTO q_values VALUES ('1:GAP(10)x1', 'C(4,1,1)', 0.5, 1)",
        "Q-value of C(4,1,1) in state 1:GAP(10)x1: it is in the database, but was never updated",
    ),
    "checkpoint": (
        "UPDATE checkpoints SET episode = 41",
        "checkpoints: the Q-values are as of episode 41, but only 40 are recorded",
    ),
    "earlier checkpoint": ("UPDATE checkpoints SET episode = 20", "Q-value of "),
    "architecture of another cost": (
        "UPDATE models SET architecture = '[C(4,3,1), SM(10)]' WHERE model = 7",
        "model 7: parameters is 650 in the database, but 2610 follows from seed and results",
    ),
    "architecture of the same cost": (
        "UPDATE models SET architecture = '[C(8,1,1), P(2,2), C(8,1,1), SM(10)]', costs = json_set(costs,"
        " '$.parameters', 1378, '$.flops', 5632) WHERE model = 3",
        "episode 3: the architecture is '[C(8,1,1), P(2,2), C(8,1,1), SM(10)]' in the database, but "
        "'[C(8,1,1), C(8,1,1), P(2,2), SM(10)]' follows from seed and results",
    ),
    "parameters": (
        "UPDATE models SET costs = json_set(costs, '$.parameters', 651) WHERE model = 7",
        "model 7: parameters is 651 in the database, but 650 follows from seed and results",
    ),
    "FLOPs": (
        "UPDATE models SET costs = json_set(costs, '$.flops', 0) WHERE model = 7",
        "model 7: flops is 0 in the database, but 1280 follows from seed and results",
    ),
    "layers": (
        "UPDATE models SET costs = json_set(costs, '$.layers', 2) WHERE model = 7",
        "model 7: layers is 2 in the database, but 1 follows from seed and results",
    ),
    "iteration": (
        "UPDATE replay SET iteration = 6 WHERE episode = 8",
        "episode 8: iteration is 6 in the database, but 7 follows from seed and results",
    ),
    "model of an episode": (
        "UPDATE replay SET model = 6 WHERE episode = 8",
        "episode 8: the architecture is '[GAP(10), SM(10)]' in the database, but '[SM(10)]' follows from seed and",
    ),
    "a new network called a repeat": (
        "UPDATE replay SET reused = 1 WHERE episode = 8",
        "episode 8: reused is True in the database, but False follows from seed and results",
    ),
    "a repeat called new": (
        "UPDATE replay SET reused = 0 WHERE episode = 40 - 1",
        "episode 39: reused is False in the database, but True follows from seed and results",
    ),
    "evaluation of a repeat": (
        "UPDATE replay SET evaluation = 1 WHERE episode = 39",
        "episode 39: the evaluation's number is 1 in the database, but 11 follows from seed and results",
    ),
    "a sampled episode called a retry": (
        "UPDATE replay SET source = 'retried', recorded = '{}' WHERE episode = 8",
        "episode 8: it is a retry, but model 7 had not crashed, hung or timed out before",
    ),
    "a retry with an epsilon": (
        "UPDATE replay SET source = 'retried' WHERE episode = 8",
        "episode 8: epsilon is 0.5 in the database, but None follows from seed and results",
    ),
    "the first episode is gone": (
        "DELETE FROM replay WHERE episode = 1",
        "table replay, row 1: episodes have no gap, but it is missing",
    ),
    "an episode is gone": (
        "DELETE FROM replay WHERE episode = 8",
        "table replay, row 8: episodes have no gap, but it is missing",
    ),
    "the last episode is gone": (
        "DELETE FROM replay WHERE episode = 40",
        "checkpoints: the Q-values are as of episode 40, but only 39 are recorded",
    ),
    "a model is gone": (
        "DELETE FROM models WHERE model = 7",
        "table evaluations, row 7, column model: expected a row of models, but there is no 7",
    ),
    "an evaluation is gone": (
        "DELETE FROM evaluations WHERE evaluation = 7",
        "table replay, row 8, column evaluation: expected a row of evaluations, but there is no 7",
    ),
    "the best epoch is gone": (
        "DELETE FROM learning_curves WHERE evaluation = 7 AND validation_accuracy = 0.66015625",
        "evaluation 7: best_accuracy is 0.66015625 in the database, but ",
    ),
    "the last epoch is gone": (
        "DELETE FROM learning_curves WHERE evaluation = 9 AND epoch = 2",
        "evaluation 9: last_accuracy is ",
    ),
    "a Q-value is gone": (
        "DELETE FROM q_values WHERE state = '1:GAP(10)x1'",
        "Q-value of SM(10) in state 1:GAP(10)x1: it is missing in the database",
    ),
    "the seed": (
        "UPDATE config SET value = json_set(value, '$.seed', 4) WHERE key = 'experiment'",
        "episode 1: the architecture is '[C(8,3,1), SM(10)]' in the database, but ",
    ),
    "the learning rate": (
        "UPDATE config SET value = json_set(value, '$.strategy.learning_rate', 0.2) WHERE key = 'experiment'",
        "Q-value of C(4,1,1) in state 0:start:8+: value is 0.5030275822322925 in the database, but ",
    ),
    "the schedule": (
        "UPDATE config SET value = json_set(value, '$.strategy.schedule[1][0]', 0.75) WHERE key = 'experiment'",
        "episode 7: epsilon is 0.5 in the database, but 0.75 follows from seed and results",
    ),
    "the budget": (
        "UPDATE config SET value = '6' WHERE key = 'budget'",
        "episode 4: epsilon is 1.0 in the database, but 0.5 follows from seed and results",
    ),
}


@pytest.mark.parametrize("what", ALTERATIONS)
def test_the_first_difference_is_named(finished, what):
    statement, expected = ALTERATIONS[what]
    alter(finished, statement)
    found = difference(finished)
    assert found is not None
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "UPDATE proposals SET recorded = json_set(recorded, '$.epsilon', 0.5) WHERE episode = 6",
            "episode 6: epsilon is 0.5 in the database, but 1.0 ",
        ),
        ("UPDATE proposals SET iteration = 5 WHERE episode = 6", "episode 6: iteration is 5 in the database, but 6 "),
        ("UPDATE proposals SET model = 5 WHERE episode = 6", "episode 6: the architecture is "),
        ("UPDATE proposals SET evaluation = NULL WHERE episode = 6", "episode 6: reused is True in the database, but "),
        ("DELETE FROM proposals WHERE episode = 5", "episode 5: its number is 6 in the database, but 5 follows "),
    ],
)
def test_a_difference_in_what_is_in_flight_is_named(in_flight, statement, expected):
    alter(in_flight, statement)
    assert difference(in_flight).startswith(expected)


def test_an_episode_after_the_end_of_the_schedule_is_named(tmp_path):
    path = tmp_path / "tiny.sqlite"
    tiny = ["space.max_depth=1", "strategy.schedule=[[1.0, 20]]", "strategy.max_repeats=12"]
    run_small(path, *tiny)  # it has 6 networks, so the stage ends after 12 repeats in a row
    assert difference(path) is None
    alter(path, "UPDATE config SET value = json_set(value, '$.strategy.max_repeats', 6) WHERE key = 'experiment'")
    assert difference(path).endswith(": it is recorded, but the search was over before it")


def test_of_two_differences_the_first_is_named(finished):
    alter(
        finished,
        "UPDATE replay SET reward = 0.25 WHERE episode = 12",
        "UPDATE q_values SET value = 0.75 WHERE state = '1:GAP(10)x1'",
        "UPDATE replay SET reward = 0.25 WHERE episode = 8",
    )
    assert difference(finished).startswith("episode 8: reward is 0.25 in the database, but 0.66015625 ")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE models SET architecture = '[C(8,3,1' WHERE model = 7", "model 7: "),
        ("UPDATE models SET architecture = '[P(9,9), SM(10)]' WHERE model = 7", "model 7: "),
        ("DELETE FROM learning_curves WHERE evaluation = 7", "evaluation 7: "),
        ("DELETE FROM learning_curves WHERE evaluation = 10 AND epoch = 1", "evaluation 10: "),
        ("UPDATE evaluations SET attempts = 5 WHERE evaluation = 7", "evaluation 7: attempts is 5 "),
        (
            "UPDATE evaluations SET figures = json_set(figures, '$.learning_rate', 5.0) WHERE evaluation = 7",
            "evaluation 7: learning_rate is 5.0 ",
        ),
        (
            "INSERT INTO models VALUES (13, '[FC(16), SM(10)]',"
            " json_object('parameters', 1210, 'flops', 2368, 'layers', 2))",
            "model 13: it is in the database, but no episode proposed it",
        ),
    ],
)
def test_a_difference_that_is_not_named_yet(finished, statement, expected):
    alter(finished, statement)
    assert str(difference(finished)).startswith(expected)
