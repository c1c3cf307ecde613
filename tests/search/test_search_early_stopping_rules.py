"""Whole searches with the rules that are verified to the bit: killed, resumed, extended, verified, tampered with."""

import math
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from contracts.curves import TRAINING, curve, trained
from contracts.records import ACCURACY, evaluation, model
from contracts.searches import After, ShuffledExecutor, SmallSearch
from databases import contents

from metaqnn.core import Attempt, Episode, Status
from metaqnn.networks.early_stopping import NetworkEarlyStopping
from metaqnn.networks.rewards import CostAwareOptions
from metaqnn.networks.training.early_stopping_config import ExtrapolationConfig, SuccessiveHalvingConfig
from metaqnn.search.loop import Ending
from metaqnn.search.rewards import ScoreReward, ScoreRewardOptions

RULES = [
    SuccessiveHalvingConfig(reduction_factor=2, min_networks=5, control_share=0.2),
    ExtrapolationConfig(min_networks=5, control_share=0.2),
]


@pytest.fixture(scope="module", params=RULES, ids=lambda rule: rule.name)
def search(request):
    training = replace(TRAINING, early_stopping=request.param)
    return SmallSearch(
        models=32, lookahead=3, stages=((1.0, 32),), training=training, evaluate=trained(training=training)
    )


@pytest.fixture(scope="module")
def good(search, make_folder):
    """A finished search; not to be changed."""
    path = make_folder() / "good.sqlite"
    assert search.run(path) is Ending.COMPLETED
    return path


def query(path, sql):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_some_are_stopped_some_are_controls_and_all_of_it_verifies(search, good):
    facts = query(good, "SELECT status, predicted_epoch IS NOT NULL, count(*) FROM evaluations GROUP BY 1, 2")
    counts = {(status, bool(is_predicted)): count for status, is_predicted, count in facts}
    assert set(counts) == {("ok", False), ("ok", True), ("crashed", False), ("predicted", True)}
    verification = search.verify(good)
    assert (verification.difference, verification.proposals) == (None, 0)


@pytest.mark.parametrize("calls", [2, 20])
def test_interrupting_again_and_again_changes_nothing(search, good, tmp_path, calls):
    runs = 1
    while search.run(tmp_path / "a", After(calls)) is Ending.INTERRUPTED:
        runs += 1
        assert runs < 60
    assert runs > 40 // calls
    assert contents(tmp_path / "a") == contents(good)


def test_answers_in_any_order_give_one_database(search, good, tmp_path):
    shuffled = replace(search, make_executor=ShuffledExecutor)
    shuffled.run(tmp_path / "a", After(30))
    assert shuffled.verify(tmp_path / "a").difference is None
    shuffled.run(tmp_path / "a")
    assert contents(tmp_path / "a") == contents(good)


def test_a_larger_budget_extends(search, good, tmp_path):
    replace(search, models=20).run(tmp_path / "a")
    assert search.run(tmp_path / "a") is Ending.COMPLETED
    assert contents(tmp_path / "a") == contents(good)


def test_a_cost_aware_search(search, tmp_path):
    costly = replace(search, reward=CostAwareOptions(flops_weight=0.02))
    assert costly.run(tmp_path / "a") is Ending.COMPLETED
    assert costly.verify(tmp_path / "a").difference is None
    assert ("predicted",) in query(tmp_path / "a", "SELECT status FROM evaluations")


@pytest.mark.parametrize("column", ["score", "low", "high"])
def test_the_last_bit_of_a_prediction_is_verified(search, good, tmp_path, column):
    ((number, value),) = query(
        good, f"SELECT evaluation, predicted_{column} FROM evaluations WHERE status = 'ok' AND predicted_score > 0"
        " ORDER BY 1 LIMIT 1"
    )  # fmt: skip
    path = tmp_path / "a.sqlite"
    shutil.copy(good, path)
    with closing(sqlite3.connect(path)) as connection:
        change = (math.nextafter(value, 2.0), number)
        connection.execute(f"UPDATE evaluations SET predicted_{column} = ? WHERE evaluation = ?", change)
        connection.commit()
    assert search.verify(path).difference.startswith(f"evaluation {number}: the prediction is Prediction(")


def test_a_network_that_was_not_stopped_where_it_should_have_been(search, good):
    stricter = replace(search.training.early_stopping, min_networks=20)
    difference = replace(search, training=replace(search.training, early_stopping=stricter)).verify(good).difference
    assert difference.startswith("evaluation ")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_an_attempt_that_was_given_up_only_after_it_should_have_been_stopped(rule):
    training = replace(TRAINING, restart_epoch=4, early_stopping=replace(rule, control_share=0.0))
    stopping = NetworkEarlyStopping(training, ScoreReward(ScoreRewardOptions(), ACCURACY), 1, 0)
    for number in range(1, 11):
        best = 0.7 + number / 100
        found = (
            model(number, f"[network {number}]", 3, 1000, 50_000),
            evaluation(Status.OK, "", (Attempt(curve(best)),)),
        )
        facts = (number, found[0].architecture, number, found[1].score, found[1].score, False)
        stopping.learn(Episode(number, number, {"epsilon": 1.0}, *facts), lambda found=found: found)
    new = model(20, "[SM(10)]", 3, 1000, 50_000)
    given_up = evaluation(Status.OK, "", (Attempt(curve(0.5, 4)), Attempt(curve(0.95))))
    assert stopping.difference(20, new, given_up) == ("the last epoch of attempt 1", 4, 1)
    alone = evaluation(Status.OK, "", (Attempt(curve(0.95)),))
    assert stopping.difference(20, new, alone) is None
