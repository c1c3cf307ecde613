"""What an episode knows when the end of its training is predicted: exactly the networks trained before, and no more."""

import pytest
from contracts.curves import EPOCHS, curve

from metaqnn.core import Attempt, Episode, Evaluation, Model, Precedent, Prediction, Status
from metaqnn.networks.early_stopping import Prospects
from metaqnn.networks.training.config import PredictionConfig, TrainingConfig
from metaqnn.search.rewards import Reward, RewardConfig

ACCURACY = Reward(RewardConfig(), 10)
NEW = Model(999, "[SM(10)]", 1, 20_000, 1_000_000)


def model(number: int) -> Model:
    return Model(number, f"[network {number}]", 3, 1000 + number, 50_000 + number)


def evaluated(accuracy: float, status: Status = Status.OK) -> Evaluation:
    """A training of two attempts; the second counts."""
    prediction = Prediction(2, accuracy, accuracy, accuracy) if status is Status.PREDICTED else None
    attempts = (Attempt(0.01, curve(0.9, 1)), Attempt(0.001, curve(accuracy)))
    return Evaluation(status, "", attempts, prediction=prediction)


def gathered(accuracies, reward=ACCURACY, lookahead=1, seed=0, **config) -> Prospects:
    """Episodes from 1 with these accuracies, or None for one without a training of its own."""
    training = TrainingConfig(epochs=EPOCHS, prediction=PredictionConfig(**{"min_networks": 10} | config))
    prospects = Prospects(training, reward, lookahead, seed)
    for number, accuracy in enumerate(accuracies, start=1):
        if accuracy is not None:
            learn(prospects, number, evaluated(accuracy))
    return prospects


def learn(prospects: Prospects, number: int, evaluation: Evaluation) -> None:
    earned = prospects.reward(evaluation.accuracy, model(number))
    facts = (number, f"[network {number}]", number, evaluation.accuracy, earned, False)
    prospects.learn(Episode(number, number, 1.0, *facts), model(number), evaluation)


TWENTY = [round(0.5 + 7 * i % 20 / 100, 2) for i in range(20)]
"""Different accuracies from 0.5 to 0.69 in no order."""


def test_a_precedent_is_the_network_with_what_is_looked_at_of_its_last_attempt():
    prospects = gathered(TWENTY)
    # Of ten epochs nothing after the fifth is ever looked at.
    assert prospects.of(30, NEW).precedents[4] == Precedent(3, 1005, 50_005, curve(TWENTY[4], 5), max_of(TWENTY[4]))
    known = prospects.of(30, NEW)
    assert (known.layers, known.parameters, known.flops) == (1, 20_000, 1_000_000)


def max_of(final: float) -> float:
    return max(metrics.validation_accuracy for metrics in curve(final))


@pytest.mark.parametrize("lookahead", [1, 2, 5])
@pytest.mark.parametrize("number", [15, 16, 20])
def test_an_episode_knows_exactly_the_episodes_before_its_lookahead(lookahead, number):
    known = gathered(TWENTY, lookahead=lookahead).of(number, NEW)
    assert [precedent.parameters - 1000 for precedent in known.precedents] == list(range(1, number - lookahead + 1))
    assert known == gathered(TWENTY[: number - lookahead], lookahead=lookahead).of(number, NEW)


def test_nothing_is_predicted_before_enough_networks_are_known():
    prospects = gathered(TWENTY, lookahead=3)
    assert prospects.of(12, NEW) is None
    assert len(prospects.of(13, NEW).precedents) == 10
    ranked = gathered(TWENTY, best=15)
    assert ranked.of(15, NEW) is None
    assert ranked.of(16, NEW).target == min(map(max_of, TWENTY[:15]))


@pytest.mark.parametrize("best", [1, 3, 10])
@pytest.mark.parametrize("number", [11, 15, 21, 40])
def test_the_target_is_the_accuracy_of_that_rank(best, number):
    ranked = sorted(map(max_of, TWENTY[: number - 1]), reverse=True)
    assert gathered(TWENTY, best=best).of(number, NEW).target == ranked[best - 1]


def test_the_target_of_a_cost_aware_reward_is_what_the_network_needs_for_the_same_reward():
    reward = Reward(RewardConfig("cost_aware", flops_weight=0.02), 10)
    prospects = gathered(TWENTY, reward, best=2)
    rewards = sorted((reward(max_of(a), model(n)) for n, a in enumerate(TWENTY, start=1)), reverse=True)
    target = prospects.of(21, NEW).target
    assert reward(target, NEW) == pytest.approx(rewards[1], abs=1e-12)
    # A factor of 20 in FLOPs: 0.02 ln 20 = 0.0599 more accuracy is needed than of a network like the others.
    assert target - prospects.of(21, model(2)).target == pytest.approx(0.0599, abs=1e-4)


def test_failures_and_what_was_stopped_are_no_precedents():
    prospects = gathered([None, *TWENTY])
    before = prospects.of(40, NEW)
    for number, status in enumerate((status for status in Status if status is not Status.OK), start=22):
        learn(prospects, number, evaluated(0.9, status))
    assert prospects.of(40, NEW) == before


def test_at_most_the_100_newest_are_handed_out_but_the_best_of_all_counts():
    prospects = gathered([0.9, *[0.5 + i / 1000 for i in range(250)]])
    known = prospects.of(252, NEW)
    assert [precedent.parameters - 1000 for precedent in known.precedents] == list(range(152, 252))
    assert known.target == max_of(0.9)
    assert [precedent.parameters - 1000 for precedent in prospects.of(100, NEW).precedents] == list(range(1, 100))


# Controls


def controls(seed=0, **config) -> list[bool]:
    prospects = gathered(TWENTY, seed=seed, **config)
    return [prospects.of(number, NEW).is_control for number in range(30, 2030)]


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
    assert [other.of(number, model(number)).is_control for number in range(40, 300)] == controls()[10:270]
