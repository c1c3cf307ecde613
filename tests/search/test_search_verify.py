"""`verify` finds nothing in a good database, and the first thing that is wrong in any other."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from contracts.searches import SmallSearch
from contracts.spaces import tiny

from metaqnn.core import Evaluation, Score, Status
from metaqnn.networks.rewards import CostAwareOptions
from metaqnn.search.loop import Ending
from metaqnn.search.rewards import ScoreReward, ScoreRewardOptions
from metaqnn.search.verify import Verification

SEARCH = SmallSearch()


@pytest.fixture(scope="module")
def good(make_folder):
    """The golden run of `test_search_loop.py`: 35 episodes of 14 networks."""
    path = make_folder() / "good.sqlite"
    assert SEARCH.run(path) is Ending.COMPLETED
    return path


@pytest.fixture
def tampered(good, tmp_path):
    """A copy of it on which some statements were run."""

    def copy(*statements: str):
        path = tmp_path / "tampered.sqlite"
        shutil.copy(good, path)
        connection = sqlite3.connect(path)  # foreign keys are not enforced here
        with connection:
            for statement in statements:
                assert connection.execute(statement).rowcount > 0
        connection.close()
        return path

    return copy


def test_nothing_is_wrong_with_a_good_database(good):
    connection = sqlite3.connect(good)
    (values,) = connection.execute("SELECT count(*) FROM q_values").fetchone()
    connection.close()
    assert SEARCH.verify(good) == Verification(episodes=35, proposals=0, q_values=values, difference=None)


def test_nothing_is_wrong_with_an_empty_database(tmp_path):
    SmallSearch(lookahead=1).run(tmp_path / "a", lambda: True)
    connection = sqlite3.connect(tmp_path / "a")
    with connection:
        connection.execute("DELETE FROM proposals")
        connection.execute("DELETE FROM models")
    connection.close()
    assert SEARCH.verify(tmp_path / "a") == Verification(0, 0, 0, None)


def test_proposals_in_flight_are_rebuilt(tmp_path):
    calls = iter([False] * 6)
    search = SmallSearch(lookahead=3)
    search.run(tmp_path / "a", lambda: next(calls, True))
    verification = search.verify(tmp_path / "a")
    assert (verification.proposals, verification.difference) == (3, None)
    connection = sqlite3.connect(tmp_path / "a")
    with connection:
        connection.execute(
            "UPDATE proposals SET recorded = '{\"epsilon\": 0.25}' WHERE episode = (SELECT max(episode) FROM proposals)"
        )
    connection.close()
    assert ": epsilon is 0.25 in the database, but " in search.verify(tmp_path / "a").difference


def test_the_progress_is_shown(good):
    seen = []
    SEARCH.verify(good, seen.append)
    assert seen == list(range(1, 36))


# In the golden run episode 10 is model 10, episode 12 its first repeat; model 7 crashed, models 3 and 5 failed.
FOLLOWS = "follows from seed and results"


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        (
            "UPDATE models SET costs = json_set(costs, '$.parameters', 1) WHERE model = 6",
            f"model 6: parameters is 1 in the database, but 195 {FOLLOWS}",
        ),
        (
            "UPDATE models SET costs = json_set(costs, '$.flops', 1) WHERE model = 6",
            f"model 6: flops is 1 in the database, but 384 {FOLLOWS}",
        ),
        (
            "UPDATE models SET costs = json_set(costs, '$.layers', 2) WHERE model = 6",
            f"model 6: layers is 2 in the database, but 1 {FOLLOWS}",
        ),
        (
            "UPDATE models SET costs = json_set(costs, '$.memory', 5) WHERE model = 6",
            f"model 6: memory is 5 in the database, but None {FOLLOWS}",
        ),
        (
            "UPDATE evaluations SET figures = '{}' WHERE evaluation = 10",
            f"evaluation 10: learning_rate is None in the database, but 0.0004 {FOLLOWS}",
        ),
        (
            "UPDATE evaluations SET predicted_epoch = 1, predicted_score = 0.5, predicted_low = 0.5,"
            " predicted_high = 0.5 WHERE evaluation = 10",
            "evaluation 10: the prediction is Prediction(step=1, score=0.5, low=0.5, high=0.5) in the database, "
            f"but None {FOLLOWS}",
        ),
        (
            "UPDATE evaluations SET status = 'predicted', best_epoch = NULL, predicted_epoch = 2,"
            " predicted_score = score, predicted_low = 0.5, predicted_high = 0.5 WHERE evaluation = 10",
            f"evaluation 10: status is 'predicted' in the database, but 'ok' {FOLLOWS}",
        ),
        (
            "UPDATE evaluations SET score = 0.25 WHERE evaluation = 3",
            f"evaluation 3: best_accuracy is 0.25 in the database, but None {FOLLOWS}",
        ),
        (
            'UPDATE replay SET recorded = \'{"epsilon": 1.0, "heat": 2}\' WHERE episode = 3',
            f"episode 3: heat is 2 in the database, but None {FOLLOWS}",
        ),
        (
            "UPDATE replay SET source = 'retried', recorded = '{\"heat\": 2}' WHERE episode = 12",
            f"episode 12: heat is 2 in the database, but None {FOLLOWS}",
        ),
        (
            "DELETE FROM replay WHERE episode = 12",
            "table replay, row 12: episodes have no gap, but it is missing",
        ),
        (
            "DELETE FROM replay WHERE episode = 5",
            "table replay, row 5: episodes have no gap, but it is missing",
        ),
        (
            'INSERT INTO models VALUES (15, \'[GAP(3), SM(3)]\', \'{"parameters": 18, "flops": 402, "layers": 2}\')',
            "model 15: it is in the database, but no episode proposed it",
        ),
        (
            "UPDATE evaluations SET attempts = 1 WHERE evaluation = 10",
            f"evaluation 10: attempts is 1 in the database, but 2 {FOLLOWS}",
        ),
        (
            "UPDATE evaluations SET figures = '{\"learning_rate\": 0.001}' WHERE evaluation = 10",
            f"evaluation 10: learning_rate is 0.001 in the database, but 0.0004 {FOLLOWS}",
        ),
        (
            "DELETE FROM learning_curves WHERE (evaluation, attempt, epoch) = (10, 1, 1)",
            f"evaluation 10: the epochs of curve 1 is [2] in the database, but [1] {FOLLOWS}",
        ),
        (
            "UPDATE replay SET recorded = '{\"epsilon\": 0.3}' WHERE episode = 3",
            f"episode 3: epsilon is 0.3 in the database, but 1.0 {FOLLOWS}",
        ),
        (
            "UPDATE replay SET recorded = '{}' WHERE episode = 3",
            f"episode 3: epsilon is None in the database, but 1.0 {FOLLOWS}",
        ),
        (
            "UPDATE replay SET model = 6 WHERE episode = 10",
            "episode 10: the architecture is '[SM(3)]' in the database, but '[C(8,3,1), SM(3)]' " + FOLLOWS,
        ),
        (
            "UPDATE replay SET reused = 0 WHERE episode = 12",
            f"episode 12: reused is False in the database, but True {FOLLOWS}",
        ),
        (
            "UPDATE replay SET iteration = 9 WHERE episode = 10",
            f"episode 10: iteration is 9 in the database, but 10 {FOLLOWS}",
        ),
        (
            "UPDATE replay SET evaluation = 9 WHERE episode = 12",
            f"episode 12: the evaluation's number is 9 in the database, but 10 {FOLLOWS}",
        ),
        (
            "DELETE FROM evaluations WHERE evaluation = 4",
            "table replay, row 4, column evaluation: expected a row of evaluations, but there is no 4",
        ),
        (
            "UPDATE replay SET score = 0.9 WHERE episode = 10",
            f"episode 10: accuracy is 0.9 in the database, but 0.8037109375 {FOLLOWS}",
        ),
        (
            "UPDATE replay SET score = 0.9 WHERE episode = 7",
            f"episode 7: accuracy is 0.9 in the database, but None {FOLLOWS}",
        ),
        (
            "UPDATE replay SET reward = 0.9 WHERE episode = 10",
            f"episode 10: reward is 0.9 in the database, but 0.8037109375 {FOLLOWS}",
        ),
        (
            "UPDATE replay SET reward = reward + 1.2e-16 WHERE episode = 10",
            f"episode 10: reward is 0.8037109375000001 in the database, but 0.8037109375 {FOLLOWS}",
        ),
        (
            "UPDATE evaluations SET model = 3 WHERE evaluation = 4",
            f"evaluation 4: model is 3 in the database, but 4 {FOLLOWS}",
        ),
        (
            "UPDATE evaluations SET seed = 9 WHERE evaluation = 4",
            f"evaluation 4: seed is 9 in the database, but 1 {FOLLOWS}",
        ),
        (
            "UPDATE evaluations SET score = 0.5 WHERE evaluation = 10",
            f"evaluation 10: best_accuracy is 0.5 in the database, but 0.8037109375 {FOLLOWS}",
        ),
        (
            "UPDATE evaluations SET best_epoch = 1 WHERE evaluation = 10",
            f"evaluation 10: best_epoch is 1 in the database, but 2 {FOLLOWS}",
        ),
        (
            "UPDATE evaluations SET last_score = 1 WHERE evaluation = 10",
            f"evaluation 10: last_accuracy is 1.0 in the database, but 0.8037109375 {FOLLOWS}",
        ),
        (
            "UPDATE evaluations SET status = 'ok' WHERE evaluation = 3",
            f"evaluation 3: best_accuracy is None in the database, but 0.25 {FOLLOWS}",
        ),
        (
            "UPDATE learning_curves SET score = 0.875 WHERE (evaluation, attempt, epoch) = (10, 2, 1)",
            f"evaluation 10: best_accuracy is 0.8037109375 in the database, but 0.875 {FOLLOWS}",
        ),
        (
            "UPDATE replay SET source = 'retried' WHERE episode = 12",
            f"episode 12: epsilon is 0.1 in the database, but None {FOLLOWS}",
        ),
        (
            "UPDATE replay SET source = 'retried', recorded = '{}' WHERE episode = 12",
            "episode 12: it is a retry, but model 10 had not crashed, hung or timed out before",
        ),
        (
            "UPDATE replay SET source = 'retried', recorded = '{}' WHERE episode = 1",
            "episode 1: it is a retry, but model 1 had not crashed, hung or timed out before",
        ),
        (
            "UPDATE q_values SET updates = 19 WHERE state = '0:start:8+' AND action = 'C(8,3,1)'",
            f"Q-value of C(8,3,1) in state 0:start:8+: updates is 19 in the database, but 18 {FOLLOWS}",
        ),
        (
            "UPDATE q_values SET value = value + 1.2e-16 WHERE state = '0:start:8+' AND action = 'C(8,3,1)'",
            "Q-value of C(8,3,1) in state 0:start:8+: value is 0.7163690110508483 in the database, "
            f"but 0.7163690110508482 {FOLLOWS}",
        ),
        (
            "DELETE FROM q_values WHERE state = '0:start:8+' AND action = 'C(8,3,1)'",
            "Q-value of C(8,3,1) in state 0:start:8+: it is missing in the database",
        ),
        (
            "INSERT INTO q_values VALUES ('0:start:8+', 'GAP(3)', 0.5, 1)",
            "Q-value of GAP(3) in state 0:start:8+: it is in the database, but was never updated",
        ),
        (
            "UPDATE checkpoints SET episode = 99",
            "checkpoints: the Q-values are as of episode 99, but only 35 are recorded",
        ),
    ],
)
def test_what_is_wrong_is_found(tampered, statement, difference):
    assert SEARCH.verify(tampered(statement)).difference == difference


def test_what_a_score_without_a_curve_must_be(tmp_path):
    """Nothing says how it follows, but there is one, and it is within the range."""

    class Bare(SmallSearch):
        def make_reward(self):
            return ScoreReward(ScoreRewardOptions(), Score("depth", low=0.0, high=9.0))

    search = Bare(
        evaluate=lambda candidate: Evaluation(Status.OK, candidate.architecture.count(","), figures={"width": 3}),
        figures_of=lambda evaluation: {},
    )
    search.run(tmp_path / "a")
    assert search.verify(tmp_path / "a").difference is None
    for statement, problem in (
        ("score = NULL", "evaluation 1: its status is ok, but its depth: there is none"),
        ("score = 9.5", "evaluation 1: its status is ok, but its depth: expected a depth from 0 to 9, got 9.5"),
        ("score = 8.0, best_epoch = 1", "evaluation 1: best_epoch is 1 in the database, but None " + FOLLOWS),
        ("score = 8.0, best_epoch = NULL", "episode 1: depth is 9.0 in the database, but 8.0 " + FOLLOWS),
    ):
        with closing(sqlite3.connect(tmp_path / "a")) as connection, connection:
            connection.execute(f"UPDATE evaluations SET {statement} WHERE evaluation = 1")
        assert search.verify(tmp_path / "a").difference == problem


def test_values_that_are_older_than_they_say(tampered):
    assert "Q-value of " in SEARCH.verify(tampered("UPDATE checkpoints SET episode = 34")).difference


def test_models_numbered_otherwise(tampered):
    swaps = []
    for table in ("models", "replay", "evaluations"):
        swaps += [f"UPDATE {table} SET model = {a} WHERE model = {b}" for a, b in ((99, 1), (1, 2), (2, 99))]
    assert SEARCH.verify(tampered(*swaps)).difference == (
        f"episode 1: the model's number is 2 in the database, but 1 {FOLLOWS}"
    )


def test_an_episode_after_the_schedule_was_over(tmp_path):
    search = SmallSearch(models=50, space=tiny(), max_repeats=10)
    assert search.run(tmp_path / "a") is Ending.EXHAUSTED
    connection = sqlite3.connect(tmp_path / "a")
    with connection:
        connection.execute(
            "INSERT INTO replay SELECT episode + 1, iteration, recorded, model, evaluation, score, reward, reused,"
            " source, recorded_at FROM replay ORDER BY episode DESC LIMIT 1"
        )
        (last,) = connection.execute("SELECT max(episode) FROM replay").fetchone()
    connection.close()
    difference = search.verify(tmp_path / "a").difference
    assert difference == f"episode {last}: it is recorded, but the search was over before it"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"seed": 2}, "episode 1: the architecture is "),
        ({"lookahead": 2}, ": the architecture is "),
        ({"stages": ((1.0, 5), (0.1, 9))}, "episode 5: epsilon is 0.5 in the database, but 1.0 "),
        (
            {"reward": ScoreRewardOptions(failure=0.25)},
            "episode 3: reward is 0.3333333333333333 in the database, but 0.25 ",
        ),
        ({"strategy": {"preset": "paper", "learning_rate": 0.3, "replay_episodes": 5}}, ""),
        ({"strategy": {"preset": "paper", "learning_rate": 0.2, "replay_episodes": 6}}, ""),
    ],
)
def test_another_search_is_not_this_one(good, change, problem):
    difference = replace(SEARCH, **change).verify(good).difference
    assert difference is not None
    assert problem in difference


@pytest.mark.parametrize("status", ["nonsense", ""])
def test_a_status_that_is_none(tampered, status):
    difference = SEARCH.verify(tampered(f"UPDATE evaluations SET status = '{status}' WHERE evaluation = 2")).difference
    assert difference is not None


def test_a_success_without_any_epoch(tampered):
    assert SEARCH.verify(tampered("DELETE FROM learning_curves WHERE evaluation = 1")).difference is not None


def test_an_architecture_that_cannot_be_read(tampered):
    difference = SEARCH.verify(tampered("UPDATE models SET architecture = 'nonsense' WHERE model = 3")).difference
    assert difference.startswith("model 3: its architecture 'nonsense' is none: expected a layer ")


def test_a_cost_aware_reward_may_differ_in_its_last_bits(tmp_path):
    search = SmallSearch(reward=CostAwareOptions(flops_weight=0.02))
    search.run(tmp_path / "a")
    connection = sqlite3.connect(tmp_path / "a")
    with connection:
        connection.execute("DELETE FROM q_values")
        connection.execute("DELETE FROM checkpoints")
        connection.execute("UPDATE replay SET reward = reward + 1e-14 WHERE episode = 35")
    assert search.verify(tmp_path / "a").difference is None
    with connection:
        connection.execute("UPDATE replay SET reward = reward + 1e-9 WHERE episode = 4")
    connection.close()
    assert search.verify(tmp_path / "a").difference.startswith("episode 4: reward is ")
