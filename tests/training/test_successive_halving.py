"""Successive halving: decisions at rungs by hand, and what must hold of any."""

from dataclasses import replace

import pytest
from contracts import records
from contracts.curves import EPOCHS, CurveEngine, accuracy_after, context, curve
from contracts.records import ACCURACY, costs, evaluation
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.config import KeyValueError
from metaqnn.core import Attempt, Candidate, Status
from metaqnn.networks.curve_extrapolation import Extrapolation
from metaqnn.networks.rewards import CostAwareOptions, CostAwareReward
from metaqnn.networks.rungs import Rungs
from metaqnn.networks.successive_halving import SuccessiveHalvingRule, goes_on
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.early_stopping_config import SuccessiveHalvingConfig
from metaqnn.networks.training.recipe import train
from metaqnn.search.rewards import ScoreReward, ScoreRewardOptions

CONFIG = SuccessiveHalvingConfig(first_rung=2, reduction_factor=2)
TRAINING = TrainingConfig(epochs=EPOCHS, early_stopping=CONFIG)
"""Rungs after epochs 2, 4 and 8."""

SCORES = st.lists(st.floats(0, 1), max_size=30)


@pytest.mark.parametrize(
    ("first_rung", "reduction_factor", "epochs", "rungs"),
    [(1, 4, 20, (1, 4, 16)), (1, 3, 27, (1, 3, 9)), (1, 3, 28, (1, 3, 9, 27)), (2, 2, 10, (2, 4, 8)), (4, 4, 10, (4,))],
)
def test_rungs_stand_at_powers_of_the_reduction_factor(first_rung, reduction_factor, epochs, rungs):
    config = SuccessiveHalvingConfig(first_rung=first_rung, reduction_factor=reduction_factor)
    assert config.looks(epochs, restart_epoch=1) == rungs


@pytest.mark.parametrize(
    ("reached", "others", "reduction_factor", "expected"),
    [
        (0.5, [], 4, True),  # alone it is the best
        (0.5, [0.6], 2, False),  # second of two; one goes on
        (0.6, [0.5], 2, True),
        (0.6, [0.7, 0.5, 0.4], 2, True),  # second of four; two go on
        (0.6, [0.7, 0.65, 0.4], 2, False),  # third of four
        (0.6, [0.7, 0.1, 0.2, 0.3, 0.4, 0.5], 4, False),  # second of seven; 7 / 4 is one
        (0.6, [0.7, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55], 4, True),  # second of eight
        (0.6, [0.6, 0.6, 0.6], 4, True),  # whoever equals the best is the best
    ],
)
def test_who_goes_on_by_hand(reached, others, reduction_factor, expected):
    assert goes_on(reached, others, reduction_factor) is expected


@given(SCORES, st.floats(0, 1), st.integers(2, 100))
def test_a_rung_never_stops_the_best(others, reached, reduction_factor):
    assert goes_on(max([reached, *others]), others, reduction_factor)


@given(SCORES, st.integers(2, 10))
def test_a_share_of_those_at_a_rung_goes_on(others, reduction_factor):
    unequal = sorted(set(others))
    going = [s for s in unequal if goes_on(s, [other for other in unequal if other != s], reduction_factor)]
    assert len(going) == (max(1, len(unequal) // reduction_factor) if unequal else 0)


@given(SCORES, st.floats(0, 1), st.floats(0, 1), st.integers(2, 10))
def test_whoever_reached_more_goes_on_where_another_does(others, one, other, reduction_factor):
    less, more = sorted((one, other))
    assert goes_on(more, others, reduction_factor) or not goes_on(less, others, reduction_factor)


def at_rungs(*finals: float) -> dict[int, tuple[float, ...]]:
    """What networks that went on to the end, each at its `final`, had reached."""
    return {epoch: tuple(accuracy_after(epoch, final) for final in finals) for epoch in (2, 4, 8)}


def known(*finals: float, is_control: bool = False):
    return replace(context(is_control=is_control), rungs=at_rungs(*finals))


def run(final: float, context) -> tuple:
    engine = CurveEngine(lambda _: final)
    return train(Candidate(1, "[SM(10)]", 0, context=context), engine, TRAINING, ACCURACY), engine.num_epochs


def test_a_network_that_is_not_among_the_best_is_stopped_at_the_first_rung():
    result, epochs = run(0.6, known(0.7, 0.8, 0.5))
    assert (result.status, epochs, result.prediction.step) == (Status.EARLY_STOPPED, 2, 2)
    numbers = [f"{100 * value:.2f}" for value in (result.prediction.score, result.prediction.low)]
    assert result.reason.startswith(f"stopped after epoch 2: {numbers[0]} % expected ({numbers[1]} to ")
    assert result.reason.endswith(" within a standard deviation), not among the best 1/2 at this rung")


def test_it_counts_as_what_its_neighbours_let_expect():
    result, _ = run(0.6, known(0.7, 0.8, 0.5))
    assert result.score == result.prediction.score == pytest.approx(0.6, abs=0.05)
    assert result.prediction == Extrapolation(context(), ACCURACY).prediction(curve(0.6, 2))


def test_one_that_is_goes_to_the_end():
    result, epochs = run(0.8, known(0.7, 0.9, 0.5))
    assert (result.status, epochs, result.prediction) == (Status.OK, EPOCHS, None)


def test_a_later_rung_may_stop_it():
    rungs = {2: (0.1, 0.1, 0.1), 4: (0.1, 0.9), 8: ()}
    assert run(0.6, replace(context(), rungs=rungs))[0].prediction.step == 4


def test_a_control_goes_to_the_end_and_keeps_what_was_expected():
    result, epochs = run(0.6, known(0.7, 0.8, 0.5, is_control=True))
    assert (result.status, epochs, result.prediction.step) == (Status.OK, EPOCHS, 2)


def test_an_attempt_that_may_be_begun_anew_is_not_stopped():
    # Chance is a tenth; better than 1.5 times that is known after epoch 4 only.
    training = replace(TRAINING, restart_epoch=4)
    rule = SuccessiveHalvingRule(CONFIG, training, known(0.7, 0.8, 0.5), ACCURACY)
    flat = tuple(replace(point, score=0.15) for point in curve(0.6, 4))
    assert rule.verdict(flat[:2]) is None
    assert rule.verdict(flat).step == 4
    assert rule.verdict((flat[0], replace(flat[1], score=0.16))).step == 2


# What was reached at the rungs


def climbed(number: int, final: float, epochs: int, flops: int = 50_000):
    model = records.model(number, f"[network {number}]", 3, 1000, flops)
    return lambda: (model, evaluation(Status.OK, "", (Attempt(curve(0.9, 1)), Attempt(curve(final, epochs)))))


def gathered(reward, most: int = 300) -> Rungs:
    rungs = Rungs((2, 4, 8), reward, most)
    for number, (final, epochs) in enumerate([(0.9, 10), (0.5, 2), (0.6, 4), (0.7, 2)], start=1):
        rungs.learn(number, climbed(number, final, epochs, 50_000 * number))
    return rungs


def test_those_that_were_stopped_count_at_the_rungs_that_they_came_to():
    reached = gathered(ScoreReward(ScoreRewardOptions(), ACCURACY)).reached(3, costs(3, 1000, 1))
    assert reached == {
        2: tuple(accuracy_after(2, final) for final in (0.9, 0.5, 0.6)),
        4: (accuracy_after(4, 0.9), accuracy_after(4, 0.6)),
        8: (accuracy_after(8, 0.9),),
    }


def test_at_most_so_many_of_the_newest_count():
    reached = gathered(ScoreReward(ScoreRewardOptions(), ACCURACY), most=2).reached(4, costs(3, 1000, 1))
    assert reached == {2: (accuracy_after(2, 0.6), accuracy_after(2, 0.7)), 4: (accuracy_after(4, 0.6),), 8: ()}


def test_with_a_reward_that_knows_costs_a_dear_network_must_reach_more():
    reward = CostAwareReward(CostAwareOptions(flops_weight=0.02), ACCURACY)
    cheap, dear = (gathered(reward).reached(1, costs(3, 1000, flops))[2][0] for flops in (50_000, 1_000_000))
    # A factor of 20 in FLOPs: 0.02 ln 20 = 0.0599.
    assert cheap == pytest.approx(accuracy_after(2, 0.9))
    assert dear - cheap == pytest.approx(0.0599, abs=1e-4)


# Settings


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("first_rung", 0, "from 1 to 100000"),
        ("reduction_factor", 1, "from 2 to 100"),
        ("reduction_factor", 101, "from 2 to 100"),
        ("min_networks", 4, "from 5 to 100000"),
        ("control_share", 1.5, "from 0 to 1"),
    ],
)
def test_impossible_settings_are_refused(key, value, expected):
    with pytest.raises(KeyValueError, match=f"{key}: expected {expected}, got {value}"):
        SuccessiveHalvingConfig(**{key: value})


def test_a_recipe_without_a_rung_is_refused():
    with pytest.raises(KeyValueError, match="early_stopping: expected a first_rung before the last of 10 epochs, got"):
        TrainingConfig(epochs=10, early_stopping=SuccessiveHalvingConfig(first_rung=10))
