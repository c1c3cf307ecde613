"""Curves extrapolated by their neighbours: known answers, made-up curves, and digits that depend on nothing else."""

import math
import random
from dataclasses import replace

import pytest
from contracts.curves import EPOCHS, CurveEngine, accuracy_after, context, curve
from contracts.records import ACCURACY, costs
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.config import KeyValueError
from metaqnn.core import Candidate, Score, Status
from metaqnn.networks import curve_extrapolation
from metaqnn.networks.curve_extrapolation import Extrapolation, ExtrapolationRule
from metaqnn.networks.stopping_rule import ReferenceCurve
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.early_stopping_config import ExtrapolationConfig
from metaqnn.networks.training.recipe import train

TRAINING = TrainingConfig(epochs=EPOCHS, early_stopping=ExtrapolationConfig())


def rule(known, **changes) -> ExtrapolationRule:
    return ExtrapolationRule(replace(TRAINING.early_stopping, **changes), TRAINING, known, ACCURACY)


def alike(*finals: float):
    """Networks that cannot be told from each other after an epoch, and end elsewhere."""
    seen = curve(0.6, 1)
    return tuple(ReferenceCurve(costs(3, 1000, 50_000), seen, final) for final in finals)


def test_equal_neighbours_by_hand():
    finals = (0.7, 0.8, 0.9)
    extrapolation = Extrapolation(replace(context(), references=alike(*finals)), ACCURACY)
    ends = [extrapolation.scale.spread(final) for final in finals]
    mean = sum(ends) / 3
    spread = math.sqrt(sum((end - mean) ** 2 for end in ends) / 3 * (1 + 1 / 3))
    assert extrapolation.predict(curve(0.6, 1)) == (pytest.approx(mean, abs=1e-12), pytest.approx(spread, abs=1e-12))


def test_distance_and_kernel_by_hand():
    # Columns of the variances 2/3 and 0: distances 1.5 x (0, 1, 4), and the second column does not count.
    distances = curve_extrapolation._squared_distances([(1.0, 7.0), (2.0, 7.0), (3.0, 7.0)], (1.0, 9.0))
    assert distances == pytest.approx([0.0, 1.5, 6.0])
    # The twelfth is not there, so that the width is that of the farthest.
    assert curve_extrapolation._kernel(distances) == pytest.approx([1.0, math.exp(-0.25), math.exp(-1.0)])
    assert curve_extrapolation._kernel([0.0] * 12 + [3.0]) == [1.0] * 12 + [0.0]


@pytest.mark.parametrize("final", [0.55, 0.62, 0.75])
def test_a_clearly_bad_network_is_stopped_after_its_first_epoch_with_a_prediction_near_the_truth(final):
    verdict = rule(context()).verdict(curve(final, 1))
    assert verdict.step == 1
    assert verdict.score == pytest.approx(final, abs=0.05)
    assert verdict.low < verdict.score < verdict.high


def test_a_clearly_good_network_is_never_stopped():
    judge = rule(context(target=0.9))
    assert [judge.verdict(curve(0.94, epochs)) for epochs in range(1, EPOCHS + 1)] == [None] * EPOCHS


def test_a_target_below_everything_stops_nothing_and_one_above_everything_stops_all():
    finals = (0.5, 0.7, 0.94)
    assert [rule(context(target=0.0)).verdict(curve(final, 2)) for final in finals] == [None] * 3
    assert all(rule(context(target=1.0)).verdict(curve(final, 2)) for final in finals)


def test_it_looks_after_every_epoch_but_the_last():
    judge = rule(context())
    said = [epochs for epochs in range(1, EPOCHS + 1) if judge.verdict(curve(0.55, epochs))]
    assert said == list(range(1, EPOCHS))


def test_a_network_that_has_reached_the_target_is_never_stopped():
    assert rule(context(target=accuracy_after(3, 0.6))).verdict(curve(0.6, 3)) is None


@given(st.integers(1, EPOCHS - 1), st.floats(0.2, 1.0), st.integers(0, 1000))
def test_nobody_is_expected_to_end_below_what_is_reached(epochs, final, seed):
    randomness = random.Random(seed)
    finals = [randomness.uniform(0.2, 0.9) for _ in range(15)]
    known = tuple(ReferenceCurve(costs(3, 1000 + i, 50_000), curve(f), f) for i, f in enumerate(finals))
    beginning = curve(final, epochs)
    prediction = Extrapolation(replace(context(), references=known), ACCURACY).prediction(beginning)
    assert beginning[-1].score - 1e-9 <= prediction.low <= prediction.score <= prediction.high <= 1.0


@given(st.permutations(range(40)))
def test_the_order_of_the_references_changes_no_bit(order):
    known = context()
    shuffled = replace(known, references=tuple(known.references[place] for place in order))
    assert rule(shuffled).verdict(curve(0.6, 3)) == rule(known).verdict(curve(0.6, 3))


def test_known_digits():
    # On every machine and in every version of the libraries.
    verdict = rule(context()).verdict(curve(0.6, 3))
    digits = [value.hex() for value in (verdict.score, verdict.low, verdict.high)]
    assert digits == ["0x1.381014c2e53f8p-1", "0x1.2c147fb8a4db8p-1", "0x1.43cb21996de60p-1"]


def test_more_certainty_is_asked_before_a_stop_where_the_probability_is_higher():
    extrapolation = Extrapolation(context(), ACCURACY)
    expected, deviation = extrapolation.predict(curve(0.85, 2))
    target = extrapolation.scale.value(expected + 1.5 * deviation)  # a probability of 0.933
    assert rule(context(target), probability=0.93).verdict(curve(0.85, 2)) is not None
    assert rule(context(target), probability=0.94).verdict(curve(0.85, 2)) is None


def test_a_score_that_is_no_share():
    score = Score("negative_rmse", low=-math.inf, high=0.0, failure=-3.0)

    def falling(error: float, epochs: int):
        points = curve(0.5, epochs)
        reached = [error * (1 + 2.0 ** (1 - n)) for n in range(1, epochs + 1)]
        return tuple(
            replace(p, score=-e, figures={**p.figures, "train_negative_rmse": -e})
            for p, e in zip(points, reached, strict=True)
        )

    errors = [0.1 + 0.05 * (7 * i % 20) for i in range(20)]
    known = tuple(
        ReferenceCurve(costs(3, 1000 + i, 50_000), falling(e, EPOCHS), falling(e, EPOCHS)[-1].score)
        for i, e in enumerate(errors)
    )
    found = replace(context(target=-0.1), references=known)
    judge = ExtrapolationRule(TRAINING.early_stopping, TRAINING, found, score)
    verdict = judge.verdict(falling(0.9, 1))
    assert verdict.score == pytest.approx(-0.9, abs=0.1)
    assert judge.verdict(falling(0.1, 1)) is None


def test_what_was_not_measured_stops_nothing_and_is_learned_from_no_more():
    known = context()
    unmeasured = (replace(curve(0.55, 1)[0], score=None), *curve(0.55, 2)[1:])
    assert rule(known).verdict(unmeasured[:1]) is None
    assert rule(known).verdict(unmeasured).step == 2
    gaps = tuple(replace(each, points=(unmeasured[0], *each.points[1:])) for each in known.references)
    assert rule(replace(known, references=gaps)).verdict(curve(0.55, 1)) is None
    some = (*known.references[:20], *gaps[20:])
    alone = replace(known, references=known.references[:20])
    assert rule(replace(known, references=some)).verdict(curve(0.55, 1)) == rule(alone).verdict(curve(0.55, 1))


@pytest.mark.parametrize("figures", [{"train_accuracy": math.nan}, {}])
def test_a_figure_that_is_no_number_is_as_one_that_is_missing(figures):
    (first,) = curve(0.55, 1)
    others = {name: value for name, value in first.figures.items() if name != "train_accuracy"}
    verdict = rule(context()).verdict((replace(first, figures={**others, **figures}),))
    assert verdict.score == pytest.approx(0.55, abs=0.05)


def test_a_restarted_attempt_is_judged_by_its_own_epochs():
    engine = CurveEngine(lambda _: 0.55, wasted=2)
    result = train(Candidate(1, "[SM(10)]", 0, context=context()), engine, TRAINING, ACCURACY)
    assert (result.status, result.prediction.step) == (Status.EARLY_STOPPED, 1)
    assert [len(attempt.points) for attempt in result.attempts] == [1, 1, 1]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("probability", 1.0, "from 0.5 to below 1"),
        ("best", 0, "from 1 to 1000"),
        ("min_networks", 4, "from 5 to 100000"),
    ],
)
def test_impossible_settings_are_refused(key, value, expected):
    with pytest.raises(KeyValueError, match=f"{key}: expected {expected}, got {value}"):
        ExtrapolationConfig(**{key: value})


def test_a_recipe_of_one_epoch_is_refused():
    with pytest.raises(KeyValueError, match=r"early_stopping: expected at least 2 training.epochs, got 1"):
        TrainingConfig(epochs=1, early_stopping=ExtrapolationConfig())
