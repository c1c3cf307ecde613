"""The controller: its gradient against differences, its optimiser by hand, and whether it learns."""

import numpy as np
import pytest
from contracts.agents import STRATEGIES, ask, configured, episode, history
from contracts.spaces import chain, small
from scipy.stats import binom

from metaqnn.errors import ConfigError
from metaqnn.seeding import Stream
from metaqnn.strategies.reinforce import Reinforce, _Controller

TAKEN, LEGAL = [1, 3, 3, 0, 2], [[0, 1, 2, 3], [3, 0], [3], [0, 1, 2], [2, 1, 3]]
"""Indices of actions, with those that were legal in any order; one step has no choice, one action comes twice."""


def controller(seed: int = 0) -> _Controller:
    """Three units over four actions, with weights far enough from zero for every path to matter."""
    made = _Controller(4, 3, Stream(seed, "controller"))
    for weights in made.weights.values():
        weights *= 8.0
    return made


def odds_of(made: _Controller, taken: list[int], legal: list[list[int]]):
    """The legal actions' odds at every step, walked as a proposal is."""
    state, previous = made.initial_state(), 4
    for action, choices in zip(taken, legal, strict=True):
        state, logits = made.step(state, previous)
        odds = np.exp(logits[choices])
        yield choices.index(action), odds / odds.sum()
        previous = action


def objective(made: _Controller, advantage: float, entropy_weight: float) -> float:
    """The advantage times the logarithm of the path's odds, and the weighed entropies of its steps."""
    total = 0.0
    for index, odds in odds_of(made, TAKEN, LEGAL):
        total += advantage * np.log(odds[index]) - entropy_weight * float(odds @ np.log(odds))
    return total


def agent(space=None, seed: int = 0, **changes) -> Reinforce:
    return Reinforce(configured("reinforce", **changes), space or chain(*[3] * 4), seed)


def weights_of(strategy: Reinforce) -> dict[str, np.ndarray]:
    return {name: weights.copy() for name, weights in strategy._controller.weights.items()}


# The gradient


@pytest.mark.parametrize(("advantage", "entropy_weight"), [(1.5, 0.0), (-0.7, 0.0), (0.0, 1.0), (2.0, 0.3)])
def test_the_gradient_is_that_of_differences(advantage, entropy_weight):
    made, learning = controller(), controller()
    learning.learn(TAKEN, LEGAL, advantage, entropy_weight, 0.01)
    largest = 0.0
    for name, weights in made.weights.items():
        gradient = learning._means[name] / (1.0 - 0.9)  # the first step's moment
        assert gradient.shape == weights.shape
        for place in np.ndindex(weights.shape):
            old, difference = weights[place], 1e-5
            weights[place] = old + difference
            above = objective(made, advantage, entropy_weight)
            weights[place] = old - difference
            below = objective(made, advantage, entropy_weight)
            weights[place] = old
            assert gradient[place] == pytest.approx((above - below) / (2 * difference), abs=1e-8)
            largest = max(largest, abs(gradient[place]))
    assert largest > 0.1  # or the comparison would say little


def test_a_step_of_one_choice_teaches_nothing():
    made = controller()
    made.learn([2], [[2]], 5.0, 1.0, 0.01)
    assert all(not mean.any() for mean in made._means.values())


def test_a_step_is_adam_s():
    made, before = controller(), controller().weights
    made.learn(TAKEN, LEGAL, 1.0, 0.1, 0.01)
    first = {name: mean / 0.1 for name, mean in made._means.items()}
    for name, gradient in first.items():
        # Both moments are unbiased after one step: a step of the learning rate, whatever the gradient's length.
        step = 0.01 * gradient / (np.abs(gradient) + 1e-8 / 0.001**0.5)
        assert made.weights[name] - before[name] == pytest.approx(step, abs=1e-12)
    middle = {name: weights.copy() for name, weights in made.weights.items()}
    other = controller()
    other.weights = {name: weights.copy() for name, weights in middle.items()}
    other.learn(TAKEN, LEGAL, -0.5, 0.1, 0.01)
    second = {name: mean / 0.1 for name, mean in other._means.items()}
    made.learn(TAKEN, LEGAL, -0.5, 0.1, 0.01)
    for name in first:
        mean = 0.9 * 0.1 * first[name] + 0.1 * second[name]
        square = 0.999 * 0.001 * first[name] ** 2 + 0.001 * second[name] ** 2
        step = 0.01 * (1 - 0.999**2) ** 0.5 / (1 - 0.9**2) * mean / (np.sqrt(square) + 1e-8)
        assert made.weights[name] - middle[name] == pytest.approx(step, abs=1e-12)


@pytest.mark.parametrize(("advantage", "sign"), [(1.0, 1.0), (-1.0, -1.0)])
def test_a_good_path_becomes_more_likely_and_a_bad_one_less(advantage, sign):
    made, before = controller(), objective(controller(), 1.0, 0.0)
    made.learn(TAKEN, LEGAL, advantage, 0.0, 0.001)
    assert sign * (objective(made, 1.0, 0.0) - before) > 1e-4


# The strategy


def test_proposals_have_the_odds_of_the_controller():
    strategy = agent(chain(3, 2), hidden_units=3)
    for weights in strategy._controller.weights.values():
        weights *= 15.0
    expected = {}
    for a in range(3):
        for b in range(2):
            state, logits = strategy._controller.step(strategy._controller.initial_state(), 3)
            first = np.exp(logits) / np.exp(logits).sum()
            _, logits = strategy._controller.step(state, a)
            second = np.exp(logits[:2]) / np.exp(logits[:2]).sum()  # the third action is not legal in second place
            expected[f"{a}{b}"] = 4000 * first[a] * second[b]
    assert sum(expected.values()) == pytest.approx(4000)
    assert min(expected.values()) > 20
    assert max(expected.values()) > 2 * min(expected.values())
    asked = [ask(strategy, number, 0.0).architecture for number in range(4000)]
    # 5 degrees of freedom: exceeded once in a million seeds.
    assert sum((asked.count(text) - mean) ** 2 / mean for text, mean in expected.items()) < 35.9


def test_the_first_episode_is_the_baseline_itself():
    strategy = agent(entropy_weight=0.0)
    before = weights_of(strategy)
    strategy.tell(episode(1, "0120", 0.8))
    assert all((weights == before[name]).all() for name, weights in weights_of(strategy).items())
    strategy.tell(episode(2, "0121", 0.9))
    assert any((weights != before[name]).any() for name, weights in weights_of(strategy).items())


def test_the_advantage_is_over_a_moving_average_in_units_of_its_spread():
    strategy = agent(baseline_decay=0.5, entropy_weight=0.25, learning_rate=0.01)
    by_hand = agent()._controller
    every = [[0, 1, 2]] * 4
    # The baseline goes 1/2, 3/4, 3/8; the variance 0, (1/2)^2 / 2 = 1/8, (1/8 + (3/4)^2) / 2 = 11/32.
    second, third = 0.5 / ((1 / 8) ** 0.5 + 1e-6), -0.75 / ((11 / 32) ** 0.5 + 1e-6)
    for number, (text, reward, advantage) in enumerate(
        [("0120", 0.5, 0.0), ("2211", 1.0, second), ("0000", 0.0, third)]
    ):
        strategy.tell(episode(number + 1, text, reward))
        by_hand.learn([int(digit) for digit in text], every, advantage, 0.25, 0.01)
        for name, weights in weights_of(strategy).items():
            assert weights == pytest.approx(by_hand.weights[name], abs=1e-12)


def test_what_is_legal_is_read_from_the_space():
    strategy = agent(small(), entropy_weight=1.0, learning_rate=0.05)
    for one in history(agent(small(), seed=1), 40):
        strategy.tell(one)
    space = small()
    for number in range(200):
        trajectory = ask(strategy, number, 0.0)
        assert space.trajectory(trajectory.architecture) == trajectory


def test_the_seed_draws_the_weights_and_the_proposals():
    first, second = weights_of(agent(seed=1)), weights_of(agent(seed=2))
    assert (first["gates"] != second["gates"]).all()
    asked = [[ask(agent(chain(*[9] * 9), seed), n, 0.0).architecture for n in range(5)] for seed in (1, 2)]
    assert set(asked[0]).isdisjoint(asked[1])


def test_it_keeps_no_values():
    strategy = agent()
    strategy.tell(episode(1, "0120", 0.8))
    assert list(strategy.values()) == list(strategy.snapshot()) == []


def test_it_learns():
    """Of eight positions with four choices each one choice is right, and the reward is the share of right ones.

    The mean of 100 random networks is that of 800 draws with odds of 1/4: above 0.4 with odds below 1e-20. Of 80 seeds
    that were tried, the worst reached 0.49, and the mean 0.93.
    """
    assert binom.sf(320, 800, 0.25) < 1e-20
    for seed in range(20):
        right = "".join(map(str, Stream(seed, "right").integers(4, 8)))
        strategy, total = agent(chain(*[4] * 8), seed), 0.0
        for number in range(1, 1001):
            text = ask(strategy, number, 0.0).architecture
            reward = sum(map(str.__eq__, text, right)) / 8
            total += reward if number > 900 else 0.0
            strategy.tell(episode(number, text, reward))
        assert total / 100 > 0.4


# The section of the file


def test_the_preset():
    assert list(STRATEGIES["reinforce"].PRESETS) == ["default"]
    assert configured("reinforce").hidden_units == 32


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"hidden_units": 0}, "hidden_units: expected from 1 to 4096, got 0"),
        ({"hidden_units": 4097}, "hidden_units: expected from 1 to 4096, got 4097"),
        ({"learning_rate": 0.0}, "learning_rate: expected above 0 and below 1, got 0.0"),
        ({"learning_rate": 1.0}, "learning_rate: expected above 0 and below 1, got 1.0"),
        ({"learning_rate": "nan"}, "learning_rate: expected above 0 and below 1, got nan"),
        ({"baseline_decay": -0.1}, "baseline_decay: expected from 0 to below 1, got -0.1"),
        ({"baseline_decay": 1.0}, "baseline_decay: expected from 0 to below 1, got 1.0"),
        ({"entropy_weight": -0.1}, "entropy_weight: expected from 0 to below 10, got -0.1"),
        ({"entropy_weight": 10.0}, "entropy_weight: expected from 0 to below 10, got 10.0"),
        ({"schedule": []}, "schedule: expected at least one stage [epsilon, models], got []"),
        ({"max_repeats": 0}, "max_repeats: expected at least 1, got 0"),
        ({"hidden_unit": 1}, "hidden_unit: there is no such key; did you mean 'hidden_units'?"),
    ],
)
def test_a_section_that_is_refused(changes, problem):
    with pytest.raises(ConfigError) as error:
        configured("reinforce", **changes)
    assert str(error.value) == f"test: strategy.{problem}"


@pytest.mark.parametrize(
    "changes", [{"hidden_units": 1}, {"hidden_units": 4096}, {"baseline_decay": 0.0}, {"entropy_weight": 0.0}]
)
def test_the_bounds_themselves_are_allowed(changes):
    config = configured("reinforce", **changes)
    assert {name: getattr(config, name) for name in changes} == changes
