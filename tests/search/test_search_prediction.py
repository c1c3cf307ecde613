"""Whole searches that stop trainings early: as reproducible as any other, and nothing can be changed unseen."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace

import pytest
from contracts.curves import EPOCHS, TRAINING, final_of, trained
from contracts.records import ACCURACY, epoch, evaluation, model
from contracts.searches import After, ShuffledExecutor, SmallSearch
from databases import contents

from metaqnn.core import Attempt, Episode, Prediction, Proposal, Status
from metaqnn.networks.rewards import CostAwareOptions
from metaqnn.replay import tables
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.predictions import PredictionSummary, summarise_predictions
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.immediate import ImmediateExecutor
from metaqnn.search.loop import Ending

SEARCH = SmallSearch(models=32, lookahead=3, stages=((1.0, 32),), training=TRAINING, evaluate=trained())


@pytest.fixture(scope="module")
def good(make_folder):
    """A finished search; not to be changed."""
    path = make_folder() / "good.sqlite"
    assert SEARCH.run(path) is Ending.COMPLETED
    return path


def query(path, sql):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_some_are_stopped_some_are_controls_and_all_of_it_verifies(good):
    facts = query(good, "SELECT status, predicted_epoch IS NOT NULL, count(*) FROM evaluations GROUP BY 1, 2")
    counts = {(status, bool(is_predicted)): count for status, is_predicted, count in facts}
    assert set(counts) == {("ok", False), ("ok", True), ("crashed", False), ("predicted", True)}
    assert counts["predicted", True] > counts["ok", True] > 1
    verification = SEARCH.verify(good)
    assert (verification.difference, verification.proposals) == (None, 0)


def test_a_prediction_is_near_the_truth_and_counts_as_the_accuracy(good):
    with ReplayReader(good) as reader:
        episodes = [e for e in reader.episodes() if not e.reused]
        evaluations = {e.number: reader.evaluation(e.evaluation) for e in episodes}
    stopped = [e for e in episodes if evaluations[e.number].status is Status.EARLY_STOPPED]
    for episode in stopped:
        evaluation = evaluations[episode.number]
        assert episode.score == episode.reward == evaluation.prediction.score
        assert episode.score == pytest.approx(final_of(episode.architecture), abs=0.03)
        assert len(evaluation.curve) == evaluation.prediction.step in range(2, 6)
    trained_to_the_end = [e for e in episodes if evaluations[e.number].status is Status.OK]
    best = max(trained_to_the_end, key=lambda e: e.score)
    assert best.score > max(final_of(e.architecture) for e in stopped)


def test_the_tables_keep_predictions_apart_from_results_and_failures(good):
    with ReplayReader(good) as reader:
        statuses = dict(reader.query("SELECT model, status FROM evaluations")[1])
        best, failed = tables.top(reader, 100), tables.failures(reader)
        summary = SEARCH.summarise(reader)
        predicted = [row[0] for row in reader.query("SELECT model FROM predictions")[1]]
    assert {statuses[row[0]] for row in best.rows} == {"ok"}
    assert {row[1] for row in failed.rows} == {"crashed"} == set(summary.failed)
    assert {statuses[model] for model in predicted} == {"ok", "predicted"}
    assert predicted == sorted(predicted)


# One seed, one database


@pytest.mark.parametrize("calls", [2, 7, 20])
def test_interrupting_again_and_again_changes_nothing(good, tmp_path, calls):
    runs = 1
    while SEARCH.run(tmp_path / "a", After(calls)) is Ending.INTERRUPTED:
        runs += 1
        assert runs < 60
    assert runs > 40 // calls
    assert contents(tmp_path / "a") == contents(good)
    assert SEARCH.verify(tmp_path / "a").difference is None


def test_answers_in_any_order_give_one_database(good, tmp_path):
    search = replace(SEARCH, make_executor=ShuffledExecutor)
    search.run(tmp_path / "a", After(30))
    assert search.verify(tmp_path / "a").difference is None
    search.run(tmp_path / "a")
    assert contents(tmp_path / "a") == contents(good)


def test_a_larger_budget_extends(good, tmp_path):
    replace(SEARCH, models=20).run(tmp_path / "a")
    assert SEARCH.run(tmp_path / "a") is Ending.COMPLETED
    assert SEARCH.verify(tmp_path / "a").difference is None
    assert contents(tmp_path / "a") == contents(good)


def test_a_cost_aware_search(tmp_path):
    search = replace(SEARCH, reward=CostAwareOptions(flops_weight=0.02))
    assert search.run(tmp_path / "a") is Ending.COMPLETED
    assert search.verify(tmp_path / "a").difference is None
    assert ("predicted",) in query(tmp_path / "a", "SELECT status FROM evaluations")


def test_a_retry_of_more_failures_than_the_lookahead(good, tmp_path):
    databases = []
    for name, calls in (("a", 0), ("b", 4), ("c", 11), ("d", 10_000)):
        path = shutil.copy(good, tmp_path / name)
        with SQLiteReplayMemory(path) as memory:
            assert len(memory.retry_failed()) > SEARCH.lookahead
        again = replace(SEARCH, models=36, evaluate=trained(lambda architecture: False))
        again.run(path, After(calls))
        assert again.verify(path).difference is None
        assert again.run(path) is Ending.COMPLETED
        assert again.verify(path).difference is None
        databases.append(contents(path))
    assert databases[0] == databases[1] == databases[2] == databases[3]
    retried = "SELECT status FROM evaluations JOIN replay USING (evaluation) WHERE source = 'retried'"
    assert ("predicted",) in query(tmp_path / "a", retried)


def test_what_an_evaluator_is_given_is_the_same_after_a_resume(tmp_path):
    given = {"straight": {}, "resumed": {}}

    def remembering(name):
        class Remembering(ImmediateExecutor):
            def submit(self, candidate):
                given[name].setdefault(candidate.number, []).append(known(candidate.context))
                super().submit(candidate)

        return replace(SEARCH, make_executor=Remembering)

    remembering("straight").run(tmp_path / "a")
    while remembering("resumed").run(tmp_path / "b", After(9)) is Ending.INTERRUPTED:
        pass
    assert given["straight"].keys() == given["resumed"].keys()
    assert max(map(len, given["resumed"].values())) > 1
    for number, (once,) in given["straight"].items():
        assert given["resumed"][number] == [once] * len(given["resumed"][number])
    assert given["straight"][1] == [None]
    assert None not in given["straight"][max(given["straight"])]


def known(context):
    """All of a context but how long its references took."""
    if context is None:
        return None
    return replace(
        context,
        references=tuple(
            replace(reference, points=tuple(replace(point, seconds=0.0) for point in reference.points))
            for reference in context.references
        ),
    )


# What is altered is found


@pytest.fixture
def tampered(good, tmp_path):
    """A copy in which evaluation `number` was changed; `statement` comes after UPDATE evaluations SET."""

    def copy(number: int, statement: str, *more: str):
        path = shutil.copy(good, tmp_path / "tampered.sqlite")
        with closing(sqlite3.connect(path)) as connection, connection:
            for sql in (f"UPDATE evaluations SET {statement} WHERE evaluation = {number}", *more):
                assert connection.execute(sql).rowcount > 0
        return SEARCH.verify(path).difference

    return copy


@pytest.fixture
def stopped(good):
    """An evaluation that was stopped early."""
    return query(good, "SELECT min(evaluation) FROM evaluations WHERE status = 'predicted'")[0][0]


@pytest.fixture
def control(good):
    """An evaluation that would have been."""
    return query(good, "SELECT min(evaluation) FROM predictions WHERE status = 'ok'")[0][0]


@pytest.mark.parametrize("column", ["score", "low", "high"])
@pytest.mark.parametrize("kind", ["stopped", "control"])
def test_a_number_of_a_prediction(tampered, request, kind, column):
    number = request.getfixturevalue(kind)
    difference = tampered(number, f"predicted_{column} = predicted_{column} + 1e-6")
    assert difference.startswith(f"evaluation {number}: the prediction is Prediction(step=2, ")
    assert difference.endswith(" follows from seed and results")


@pytest.mark.parametrize("kind", ["stopped", "control"])
def test_the_epoch_of_a_prediction(tampered, request, kind):
    number = request.getfixturevalue(kind)
    difference = tampered(number, "predicted_epoch = 3")
    assert difference.startswith(f"evaluation {number}: the prediction is Prediction(step=3, ")


def test_the_last_bits_of_a_prediction_may_differ(tampered, stopped):
    # The accuracy itself is what the strategy learned from, so it is compared to the last bit with the episode's.
    assert tampered(stopped, "predicted_low = predicted_low + 1e-12") is None
    assert tampered(stopped, "predicted_score = predicted_score + 1e-12").startswith("episode ")
    assert tampered(stopped, "score = score + 1e-12").startswith(f"evaluation {stopped}: accuracy is ")


def test_a_stopped_training_that_says_it_went_to_the_end(tampered, stopped, good):
    ((predicted, reached),) = query(good, f"SELECT score, last_score FROM evaluations WHERE evaluation = {stopped}")
    assert tampered(stopped, "status = 'ok'") == (
        f"evaluation {stopped}: best_accuracy is {predicted!r} in the database, but {reached!r} follows from seed and "
        "results"
    )
    assert tampered(stopped, "status = 'ok', reason = '', score = last_score, best_epoch = predicted_epoch") == (
        f"evaluation {stopped}: status is 'ok' in the database, but 'predicted' follows from seed and results"
    )


def test_a_training_to_the_end_that_says_it_was_stopped(tampered, control):
    stop = "status = 'predicted', score = predicted_score, best_epoch = NULL"
    assert tampered(control, stop) == (
        f"evaluation {control}: status is 'predicted' in the database, but 'ok' follows from seed and results"
    )


def test_a_stopped_training_that_goes_on_a_little(tampered, stopped):
    curve = "INSERT INTO learning_curves SELECT evaluation, attempt, 3, 0.5, figures, 0"
    curve += f" FROM learning_curves WHERE evaluation = {stopped} AND epoch = 2"
    assert tampered(stopped, "last_score = 0.5", curve) == (
        f"evaluation {stopped}: the last epoch is 3 in the database, but 2 follows from seed and results"
    )


def test_a_prediction_that_is_taken_away_or_made_up(tampered, stopped, control):
    gone = "predicted_epoch = NULL, predicted_score = NULL, predicted_low = NULL, predicted_high = NULL"
    assert tampered(stopped, gone) == (
        f"table evaluations, row {stopped}, column predicted_epoch: expected a value beside the rest of the "
        "prediction, but it is NULL"
    )
    partly = "predicted_low = NULL"
    assert tampered(stopped, partly).endswith("expected a value beside the rest of the prediction, but it is NULL")
    assert tampered(control, gone).startswith(f"evaluation {control}: the prediction is None in the database, but ")
    made_up = "predicted_epoch = 2, predicted_score = 0.5, predicted_low = 0.4, predicted_high = 0.6"
    assert tampered(1, made_up).endswith(" in the database, but None follows from seed and results")


def test_a_failure_that_comes_after_a_stop_that_was_due(tampered, stopped, good):
    with closing(sqlite3.connect(good)) as connection:
        ((epoch,),) = connection.execute(f"SELECT max(epoch) FROM learning_curves WHERE evaluation = {stopped}")
    failed = (
        "status = 'crashed', score = NULL, predicted_epoch = NULL, predicted_score = NULL, predicted_low = NULL,"
        " predicted_high = NULL"
    )
    further = (
        f"INSERT INTO learning_curves SELECT evaluation, attempt, epoch + 1, score, figures, epoch_seconds"
        f" FROM learning_curves WHERE evaluation = {stopped} AND"
        f" epoch = {epoch}"
    )
    said = f"evaluation {stopped}: the last epoch is {epoch + 1} in the database, but {epoch} follows from seed and"
    assert tampered(stopped, f"{failed}, last_score = last_score", further).startswith(said)


@pytest.mark.parametrize(
    "changes", [{"early_stopping": None}, {"early_stopping": replace(TRAINING.early_stopping, control_share=0)}]
)
def test_other_settings_of_the_prediction_are_another_search(good, changes):
    difference = replace(SEARCH, training=replace(TRAINING, **changes)).verify(good).difference
    assert difference is not None
    assert difference.startswith("evaluation ")


# What it gave


def test_a_summary_by_hand(tmp_path):
    def attempt(*accuracies):
        points = [epoch(n, 0.001, 1.0, 0.5, 1.0, accuracy, 0.0) for n, accuracy in enumerate(accuracies, 1)]
        return Attempt(tuple(points))

    def said(step, accuracy):
        return Prediction(step, accuracy, accuracy - 0.125, accuracy + 0.125)

    whole = attempt(0.125, 0.25, 0.5, 0.25)
    results = [
        evaluation(Status.OK, "", (whole,)),
        evaluation(Status.EARLY_STOPPED, "", (attempt(0.25),), prediction=said(1, 0.375)),
        evaluation(Status.EARLY_STOPPED, "", (attempt(0.1), attempt(0.25, 0.25)), prediction=said(2, 0.375)),
        evaluation(Status.OK, "", (whole,), prediction=said(2, 0.75)),
        evaluation(Status.OK, "", (whole,), prediction=said(2, 0.375)),
        evaluation(Status.CRASHED, "it ended", (attempt(0.25),)),
    ]
    with SQLiteReplayMemory(tmp_path / "a") as memory:
        memory.initialise({"seed": 0, "score": asdict(ACCURACY)})
        assert summarise_predictions(memory, 4) == PredictionSummary(0, 0, 0, 0, None, None)
        memory.begin_run(6, 1, {}, [])
        for number, result in enumerate(results, start=1):
            found = model(number, f"[network {number}]", 1, 1, 1)
            memory.add_proposal(Proposal(number, number, {"epsilon": 1.0}, found, number))
            facts = (number, number, {"epsilon": 1.0}, number, found.architecture, number, result.score)
            memory.record(Episode(*facts, result.score or 0.0, False), result)
        # 4 + 1 + 3 + 4 + 4 + 1 epochs; 3 + 2 saved; the controls reached 0.5 where 0.75 and 0.375 were expected.
        summary = summarise_predictions(memory, 4)
        assert summary == PredictionSummary(2, 17, 5, 2, 0.1875, 0.0625)
        assert summary.saved_share == 5 / 22
        assert memory.query("SELECT model, error FROM predictions")[1] == [(2, None), (3, None), (4, 0.25), (5, -0.125)]


def test_a_summary_of_a_search_counts_every_epoch(good):
    with ReplayReader(good) as reader:
        summary = summarise_predictions(reader, EPOCHS)
    ((to_the_end, stopped, crashed),) = query(
        good, "SELECT sum(status = 'ok'), sum(status = 'predicted'), sum(status = 'crashed') FROM evaluations"
    )
    assert summary.predicted == stopped
    assert summary.epochs_trained + summary.epochs_saved == EPOCHS * (to_the_end + stopped)
    assert crashed > 0
    assert abs(summary.prediction_bias) <= summary.prediction_error < 0.03
