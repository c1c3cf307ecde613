"""The end of a training told from its beginning: known answers, made-up curves, and what the recipe makes of it."""

import math
from dataclasses import replace

import pytest
from contracts.curves import EPOCHS, CurveEngine, accuracy_after, context, curve
from contracts.records import ACCURACY, costs
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.config import KeyValueError
from metaqnn.core import Candidate, Prediction, Score, Status
from metaqnn.networks.curve_prediction import RegressionRule, normal_cdf
from metaqnn.networks.stopping_rule import ReferenceCurve, ScoreScale
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.early_stopping_config import RegressionConfig
from metaqnn.networks.training.recipe import train

TRAINING = TrainingConfig(epochs=EPOCHS, early_stopping=RegressionConfig())
"""It looks after epochs 2 to 5."""


log_odds, probability_of = ScoreScale(ACCURACY).spread, ScoreScale(ACCURACY).value


def predictor(known, **changes) -> RegressionRule:
    return RegressionRule(replace(TRAINING.early_stopping, **changes), TRAINING, known, ACCURACY)


# Arithmetic


@given(st.floats(0, 1))
def test_log_odds_and_probability_are_inverse_of_each_other(accuracy):
    assert probability_of(log_odds(accuracy)) == pytest.approx(accuracy, abs=1e-12)


@given(st.floats(-7, 7))
def test_a_probability_gives_its_log_odds_back(odds):
    assert log_odds(probability_of(odds)) == pytest.approx(odds, abs=1e-9)


def test_log_odds_are_finite_at_the_ends_and_0_in_the_middle():
    # An accuracy of 1 counts as 0.9995: ln(0.9995 / 0.0005) = ln 1999.
    assert log_odds(1.0) == pytest.approx(math.log(1999), abs=1e-9)
    assert log_odds(0.0) == pytest.approx(-math.log(1999), abs=1e-9)
    assert log_odds(0.5) == 0.0


@pytest.mark.parametrize("odds", [math.inf, 1e9, 8.0])
def test_no_odds_are_better_than_certain(odds):
    assert (probability_of(odds), probability_of(-odds)) == (1.0, 0.0)


def test_known_values_of_the_normal_distribution():
    assert normal_cdf(0.0) == 0.5
    assert normal_cdf(1.0) == pytest.approx(0.841344746068543, abs=1e-15)
    assert normal_cdf(-1.0) == pytest.approx(0.158655253931457, abs=1e-15)
    assert normal_cdf(2.3263478740408408) == pytest.approx(0.99, abs=1e-15)
    assert (normal_cdf(-math.inf), normal_cdf(math.inf)) == (0.0, 1.0)


# When to look


@pytest.mark.parametrize(
    ("epochs", "restart_epoch", "shares", "expected"),
    [
        (20, 1, (0.2, 0.5), range(4, 11)),
        (20, 4, (0.2, 0.5), range(4, 11)),
        (20, 7, (0.2, 0.5), range(7, 11)),
        (20, 1, (0.25, 0.25), range(5, 6)),
        (19, 1, (0.2, 0.5), range(4, 10)),
        (5, 1, (0.2, 0.5), range(2, 3)),
        (5, 1, (0.1, 0.9), range(2, 5)),
        (100, 1, (0.001, 0.999), range(2, 100)),
    ],
)
def test_the_epochs_after_which_a_curve_is_looked_at(epochs, restart_epoch, shares, expected):
    assert RegressionConfig(first_share=shares[0], last_share=shares[1]).looks(epochs, restart_epoch) == expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("probability", 0.49, "from 0.5 to below 1"),
        ("probability", 1.0, "from 0.5 to below 1"),
        ("probability", math.nan, "from 0.5 to below 1"),
        ("best", 0, "from 1 to 1000"),
        ("min_networks", 9, "from 10 to 100000"),
        ("control_share", -0.1, "from 0 to 1"),
        ("control_share", 1.1, "from 0 to 1"),
        ("first_share", 0.0, "above 0 and below 1"),
        ("first_share", 1.0, "above 0 and below 1"),
        ("last_share", 0.1, r"at least first_share \(0.2\) and below 1"),
        ("last_share", 1.0, r"at least first_share \(0.2\) and below 1"),
    ],
)
def test_impossible_settings_of_the_prediction_are_refused(key, value, expected):
    with pytest.raises(KeyValueError, match=f"{key}: expected {expected}, got"):
        RegressionConfig(**{key: value})


@pytest.mark.parametrize("changes", [{"epochs": 3}, {"epochs": 20, "restart_epoch": 11}])
def test_a_recipe_in_which_nobody_would_ever_look_is_refused(changes):
    epochs = changes["epochs"]
    expected = f"shares between which, of {epochs} epochs, one ends after training.restart_epoch, got (0.2, 0.5)"
    with pytest.raises(KeyValueError) as caught:
        TrainingConfig(early_stopping=RegressionConfig(), **changes)
    assert str(caught.value).endswith(f"early_stopping: expected {expected}")


# Verdicts


@pytest.mark.parametrize("final", [0.55, 0.62, 0.75])
def test_a_clearly_bad_network_is_stopped_at_once_with_a_prediction_near_the_truth(final):
    judge = predictor(context())
    assert judge.verdict(curve(final, 1)) is None
    verdict = judge.verdict(curve(final, 2))
    assert verdict.step == 2
    assert verdict.score == pytest.approx(final, abs=0.02)
    assert verdict.low < verdict.score < verdict.high


def test_a_clearly_good_network_is_never_stopped():
    judge = predictor(context(target=0.9))
    assert [judge.verdict(curve(0.94, epochs)) for epochs in range(1, EPOCHS + 1)] == [None] * EPOCHS


def test_a_target_below_everything_stops_nothing_and_one_above_everything_stops_all():
    finals = (0.5, 0.7, 0.94)
    assert [predictor(context(target=0.0)).verdict(curve(final, 2)) for final in finals] == [None] * 3
    assert all(predictor(context(target=1.0)).verdict(curve(final, 2)) for final in finals)


def test_nothing_is_said_of_an_epoch_outside_the_range():
    judge = predictor(context())
    said = [epochs for epochs in range(1, EPOCHS + 1) if judge.verdict(curve(0.55, epochs))]
    assert said == [2, 3, 4, 5]


def test_a_network_that_has_reached_the_target_is_never_stopped():
    judge = predictor(context(target=accuracy_after(3, 0.6)))
    assert judge.verdict(curve(0.6, 3)) is None


def test_nobody_is_expected_to_end_below_what_is_reached():
    # Networks that are at their best after two epochs and fall from there.
    def falling(best: float, epochs: int) -> tuple:
        heights = [best / 2, best, *[best * 0.9] * (EPOCHS - 2)]
        beginning = curve(best, epochs)
        return tuple(
            replace(metrics, score=height) for metrics, height in zip(beginning, heights[:epochs], strict=True)
        )

    bests = [0.5 + 0.4 * (7 * i % 40) / 39 for i in range(40)]
    known = tuple(
        ReferenceCurve(costs(3, 1000 + i, 50_000 + i), falling(best, 5), best) for i, best in enumerate(bests)
    )
    judge = predictor(replace(context(target=0.95), references=known))
    for best in (0.5, 0.7, 0.85):
        verdict = judge.verdict(falling(best, 4))
        assert best - 1e-9 <= verdict.low <= verdict.score <= verdict.high
        assert verdict.score == pytest.approx(best, abs=0.01)


def test_equal_inputs_give_equal_bits():
    assert predictor(context()).verdict(curve(0.6, 3)) == predictor(context()).verdict(curve(0.6, 3))


def test_more_certainty_is_asked_before_a_stop_where_the_probability_is_higher():
    expected, deviation = predictor(context()).predict(curve(0.85, 2))
    target = probability_of(expected + 1.5 * deviation)  # a probability of 0.933
    assert predictor(context(target), probability=0.93).verdict(curve(0.85, 2)) is not None
    assert predictor(context(target), probability=0.94).verdict(curve(0.85, 2)) is None


# The recipe


def run(final: float, known=None, config=TRAINING, wasted=0):
    """Train a network that ends at `final`; also how many epochs were run."""
    engine = CurveEngine(lambda _: final, wasted)
    return train(Candidate(1, "[SM(10)]", 0, context=known), engine, config, ACCURACY), engine.num_epochs


def test_a_candidate_that_will_not_be_among_the_best_is_stopped():
    evaluation, epochs = run(0.55, context())
    assert evaluation.status is Status.EARLY_STOPPED
    assert epochs == 2
    assert [metrics.step for metrics in evaluation.attempts[0].points] == [1, 2]
    prediction = evaluation.prediction
    assert prediction == predictor(context()).verdict(evaluation.attempts[0].points)
    assert (evaluation.score, evaluation.measured, evaluation.best_step(ACCURACY)) == (prediction.score, None, None)
    assert evaluation.last_score == accuracy_after(2, 0.55)
    numbers = [f"{100 * value:.2f}" for value in (prediction.score, prediction.low, prediction.high)]
    assert evaluation.reason == (
        f"stopped after epoch 2: {numbers[0]} % expected ({numbers[1]} to {numbers[2]} within a standard deviation), "
        "95.00 % to reach"
    )


def test_a_control_goes_to_the_end_and_keeps_its_first_prediction():
    evaluation, epochs = run(0.55, context(is_control=True))
    assert (evaluation.status, evaluation.reason, epochs) == (Status.OK, "", EPOCHS)
    assert evaluation.score == evaluation.measured == pytest.approx(0.55)
    assert evaluation.prediction == predictor(context()).verdict(evaluation.attempts[0].points[:2])
    assert evaluation.prediction.score == pytest.approx(0.55, abs=0.02)


def test_a_good_candidate_goes_to_the_end_without_a_prediction():
    evaluation, epochs = run(0.94, context(target=0.9))
    assert (evaluation.status, evaluation.prediction, epochs) == (Status.OK, None, EPOCHS)


@pytest.mark.parametrize(
    ("known", "config"), [(None, TRAINING), (context(), replace(TRAINING, early_stopping=None))], ids=["early", "off"]
)
def test_without_a_context_or_the_section_nothing_is_predicted(known, config):
    evaluation, epochs = run(0.55, known, config)
    assert (evaluation.status, evaluation.prediction, epochs) == (Status.OK, None, EPOCHS)


def test_a_restart_is_predicted_by_its_own_epochs():
    evaluation, epochs = run(0.55, context(), wasted=2)
    assert evaluation.status is Status.EARLY_STOPPED
    assert [len(attempt.points) for attempt in evaluation.attempts] == [1, 1, 2]
    assert epochs == 4
    last = evaluation.attempts[2].points
    assert evaluation.prediction == predictor(context()).verdict(last)
    assert evaluation.prediction.step == 2
    assert last[0].figures["learning_rate"] == pytest.approx(0.16 * TRAINING.learning_rate)


def test_a_control_that_fails_after_its_prediction_is_a_failure_without_one():
    class Failing(CurveEngine):
        def open(self, architecture, seed, attempt):
            session = super().open(architecture, seed, attempt)
            run_epoch = session.run_epoch

            def failing(epoch, learning_rate, check_time):
                if epoch == 4:
                    raise MemoryError("12 GiB")
                return run_epoch(epoch, learning_rate, check_time)

            session.run_epoch = failing
            return session

    candidate = Candidate(1, "[SM(10)]", 0, context=context(is_control=True))
    evaluation = train(candidate, Failing(lambda _: 0.55), TRAINING, ACCURACY)
    assert (evaluation.status, evaluation.prediction, evaluation.score) == (Status.OUT_OF_MEMORY, None, None)
    assert len(evaluation.attempts[0].points) == 3


def test_a_prediction_is_four_plain_numbers():
    evaluation, _ = run(0.55, context())
    # The database takes them as they are; a NumPy number would be stored as bytes.
    assert [type(value) for value in vars(evaluation.prediction).values()] == [int, float, float, float]
    assert isinstance(evaluation.prediction, Prediction)


# Scores that are no share


SCALES = [
    Score("r2", low=-math.inf, high=1.0, failure=0.0),
    Score("negative_rmse", low=-math.inf, high=0.0, failure=-3.0),
    Score("exact_match", low=0.0, high=1.0, failure=0.2, is_share=True),
]


@pytest.mark.parametrize("score", SCALES, ids=lambda score: score.name)
@given(st.data())
def test_a_scale_keeps_the_order_of_scores_and_gives_them_back(score, data):
    values = st.floats(max(score.low, score.high - 100), score.high)
    one, other = sorted((data.draw(values), data.draw(values)))
    scale = ScoreScale(score)
    assert scale.spread(one) <= scale.spread(other)
    assert math.isfinite(scale.spread(score.high))
    assert scale.value(scale.spread(one)) == pytest.approx(one, abs=1e-9)


def test_halving_an_error_is_one_step_wherever_it_is():
    # Without the floor, which keeps a perfect score finite: ln 2.
    scale = ScoreScale(SCALES[0])
    steps = [scale.spread(better) - scale.spread(worse) for worse, better in ((0.0, 0.5), (-7.0, -3.0))]
    assert steps == pytest.approx([math.log(2)] * 2, abs=2e-3)
