"""The equations of Q-learning against numbers made by hand; powers of two, so that they are exact."""

import pytest

from metaqnn.strategies.equations import greedy_choices, q_learning_target, q_learning_update, uniform_reward


@pytest.mark.parametrize(
    ("reward", "discount", "next_values", "target"),
    [
        (0.75, 1.0, (), 0.75),  # terminal: the reward alone
        (0.0, 1.0, (0.5,), 0.5),
        (0.0, 1.0, (0.25, 0.875, 0.5), 0.875),
        (0.0, 0.5, (0.25, 0.875, 0.5), 0.4375),
        (0.25, 0.5, (-1.0, -0.5), 0.0),
        (0.5, 0.0, (1.0, 2.0), 0.5),
    ],
)
def test_the_target(reward, discount, next_values, target):
    assert q_learning_target(reward, discount, next_values) == target


@pytest.mark.parametrize(
    ("value", "target", "learning_rate", "result"),
    [
        (0.5, 1.0, 0.5, 0.75),
        (0.5, 0.0, 0.25, 0.375),
        (0.5, 1.0, 1.0, 1.0),
        (0.5, 0.5, 0.125, 0.5),
        (0.5, 0.9, 0.01, 0.5 + 0.01 * 0.4),  # the paper's rate
    ],
)
def test_the_update(value, target, learning_rate, result):
    assert q_learning_update(value, target, learning_rate) == result


@pytest.mark.parametrize(("reward", "steps", "each"), [(0.75, 3, 0.25), (0.5, 1, 0.5), (-1.0, 4, -0.25), (0.0, 7, 0.0)])
def test_a_reward_that_is_shared_out(reward, steps, each):
    assert uniform_reward(reward, steps) == each


def test_the_update_converges_to_the_target():
    value = 0.5
    for _ in range(2000):
        value = q_learning_update(value, 0.8, 0.01)
    assert value == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ((0.5,), [0]),
        ((0.25, 0.5, 0.125), [1]),
        ((0.5, 0.25, 0.5), [0, 2]),
        ((0.5, 0.5, 0.5), [0, 1, 2]),
        ((-1, -2), [0]),
    ],
)
def test_greedy_choices(values, best):
    assert greedy_choices(values) == best
