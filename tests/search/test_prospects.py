"""What an episode knows when the end of its training is predicted: exactly the networks trained before, and no more."""

import pytest
from contracts import records
from contracts.curves import EPOCHS, curve
from contracts.records import costs, evaluation

from metaqnn.core import Attempt, Episode, Evaluation, Model, Prediction, Reward, Status
from metaqnn.networks.early_stopping import NetworkEarlyStopping
from metaqnn.networks.rewards import CostAwareOptions, CostAwareReward
from metaqnn.networks.stopping_rule import ReferenceCurve
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.early_stopping_config import RegressionConfig
from metaqnn.search.rewards import ScoreReward, ScoreRewardOptions

ACCURACY = ScoreReward(ScoreRewardOptions(), records.ACCURACY)
NEW = records.model(999, "[SM(10)]", 1, 20_000, 1_000_000)


def model(number: int) -> Model:
    return records.model(number, f"[network {number}]", 3, 1000 + number, 50_000 + number)


def evaluated(accuracy: float, status: Status = Status.OK) -> Evaluation:
    """A training of two attempts; the second counts."""
    prediction = Prediction(2, accuracy, accuracy, accuracy) if status is Status.EARLY_STOPPED else None
    attempts = (Attempt(curve(0.9, 1)), Attempt(curve(accuracy)))
    return evaluation(status, "", attempts, prediction=prediction)


def gathered(accuracies, reward=ACCURACY, lookahead=1, seed=0, **config) -> NetworkEarlyStopping:
    """Episodes from 1 with these accuracies, or None for one without a training of its own."""
    training = TrainingConfig(epochs=EPOCHS, early_stopping=RegressionConfig(**{"min_networks": 10} | config))
    stopping = NetworkEarlyStopping(training, reward, lookahead, seed)
    for number, accuracy in enumerate(accuracies, start=1):
        if accuracy is not None:
            learn(stopping, number, evaluated(accuracy))
    return stopping


def learn(stopping: NetworkEarlyStopping, number: int, result: Evaluation) -> None:
    earned = stopping.reward(result.score, model(number).costs)
    facts = (number, f"[network {number}]", number, result.score, earned, False)
    is_predicted = result.status is Status.EARLY_STOPPED
    stopping.learn(
        Episode(number, number, {"epsilon": 1.0}, *facts, is_predicted=is_predicted), lambda: (model(number), result)
    )


TWENTY = [round(0.5 + 7 * i % 20 / 100, 2) for i in range(20)]
"""Different accuracies from 0.5 to 0.69 in no order."""


def test_a_reference_is_the_network_with_what_is_looked_at_of_its_last_attempt():
    stopping = gathered(TWENTY)
    # Of ten epochs nothing after the fifth is ever looked at.
    assert stopping.context(30, NEW).references[4] == ReferenceCurve(
        costs(3, 1005, 50_005), curve(TWENTY[4], 5), max_of(TWENTY[4])
    )
    known = stopping.context(30, NEW)
    assert known.costs == costs(1, 20_000, 1_000_000)


def numbers(known) -> list[int]:
    """Of the networks that are referred to."""
    return [reference.costs["parameters"] - 1000 for reference in known.references]


def max_of(final: float) -> float:
    return max(point.score for point in curve(final))


@pytest.mark.parametrize("lookahead", [1, 2, 5])
@pytest.mark.parametrize("number", [15, 16, 20])
def test_an_episode_knows_exactly_the_episodes_before_its_lookahead(lookahead, number):
    known = gathered(TWENTY, lookahead=lookahead).context(number, NEW)
    assert numbers(known) == list(range(1, number - lookahead + 1))
    assert known == gathered(TWENTY[: number - lookahead], lookahead=lookahead).context(number, NEW)


def test_nothing_is_predicted_before_enough_networks_are_known():
    stopping = gathered(TWENTY, lookahead=3)
    assert stopping.context(12, NEW) is None
    assert len(stopping.context(13, NEW).references) == 10
    ranked = gathered(TWENTY, best=15)
    assert ranked.context(15, NEW) is None
    assert ranked.context(16, NEW).target == min(map(max_of, TWENTY[:15]))


@pytest.mark.parametrize("best", [1, 3, 10])
@pytest.mark.parametrize("number", [11, 15, 21, 40])
def test_the_target_is_the_accuracy_of_that_rank(best, number):
    ranked = sorted(map(max_of, TWENTY[: number - 1]), reverse=True)
    assert gathered(TWENTY, best=best).context(number, NEW).target == ranked[best - 1]


def test_the_target_of_a_cost_aware_reward_is_what_the_network_needs_for_the_same_reward():
    reward = CostAwareReward(CostAwareOptions(flops_weight=0.02), records.ACCURACY)
    stopping = gathered(TWENTY, reward, best=2)
    rewards = sorted((reward(max_of(a), model(n).costs) for n, a in enumerate(TWENTY, start=1)), reverse=True)
    target = stopping.context(21, NEW).target
    assert reward(target, NEW.costs) == pytest.approx(rewards[1], abs=1e-12)
    # A factor of 20 in FLOPs: 0.02 ln 20 = 0.0599 more accuracy is needed than of a network like the others.
    assert target - stopping.context(21, model(2)).target == pytest.approx(0.0599, abs=1e-4)


def test_failures_and_what_was_stopped_are_no_references():
    stopping = gathered([None, *TWENTY])
    before = stopping.context(40, NEW)
    for number, status in enumerate((status for status in Status if status is not Status.OK), start=22):
        learn(stopping, number, evaluated(0.9, status))
    assert stopping.context(40, NEW) == before


def test_at_most_the_100_newest_are_handed_out_but_the_best_of_all_counts():
    stopping = gathered([0.9, *[0.5 + i / 1000 for i in range(250)]])
    known = stopping.context(252, NEW)
    assert numbers(known) == list(range(152, 252))
    assert known.target == max_of(0.9)
    assert numbers(stopping.context(100, NEW)) == list(range(1, 100))


def test_nothing_is_stopped_where_the_reward_does_not_say_which_score_would_earn_it():
    class Halved(Reward):
        def __call__(self, score, costs):
            return self.counted(score) / 2

    assert gathered(TWENTY, Halved(Halved.Options(), records.ACCURACY)).context(40, NEW) is None


# Controls


def controls(seed=0, **config) -> list[bool]:
    stopping = gathered(TWENTY, seed=seed, **config)
    return [stopping.context(number, NEW).is_control for number in range(30, 2030)]


def test_about_the_share_that_is_asked_for_are_controls():
    # Four standard deviations of 2,000 draws: 4 sqrt(2,000 x 0.1 x 0.9) = 54, and 4 sqrt(2,000 x 0.3 x 0.7) = 82.
    assert sum(controls()) == pytest.approx(200, abs=54)
    assert sum(controls(control_share=0.3)) == pytest.approx(600, abs=82)
    assert not any(controls(control_share=0.0))
    assert all(controls(control_share=1.0))


def test_which_are_controls_depends_on_the_seed_and_the_number_alone():
    assert controls() == controls()
    assert controls() != controls(seed=1)
    other = gathered([0.3] * 30, lookahead=4, best=3)
    assert [other.context(number, model(number)).is_control for number in range(40, 300)] == controls()[10:270]
