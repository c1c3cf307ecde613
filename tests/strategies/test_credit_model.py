"""The credit model: Bayesian linear regression, solved once more in one piece and by hand."""

import os
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from contracts.agents import accuracy_of
from contracts.spaces import chain, small

from metaqnn.core import Space, Step
from metaqnn.seeding import Stream
from metaqnn.strategies import credit_model
from metaqnn.strategies.credit_model import CreditModel
from metaqnn.strategies.random_search import random_walk

ACTION, PAIR = 1.4, 0.35


def path(actions: str) -> tuple[Step, ...]:
    """Steps whose actions are the letters of a word; the model reads nothing else of them."""
    return tuple(Step("", action, ()) for action in actions)


def walks(space: Space, count: int) -> list[tuple[tuple[Step, ...], float]]:
    """Random networks with the accuracies that follow from them."""
    trajectories = [random_walk(space, Stream(0, "walk", number)) for number in range(count)]
    return [(trajectory.steps, accuracy_of(trajectory.architecture)) for trajectory in trajectories]


def learned(episodes: Sequence[tuple[Sequence[Step], float]], action: float = ACTION, pair: float = PAIR):
    model = CreditModel(action, pair)
    for steps, reward in episodes:
        model.learn(steps, reward)
    return model


class Regression:
    """The same model by the normal equations: weights of independent normal priors, observed with unit noise."""

    def __init__(self, episodes, action: float = ACTION, pair: float = PAIR, room: int = 10**9):
        self.places: dict[str, int] = {}
        for steps, _ in episodes:
            for name in self.names(steps):
                if name not in self.places and len(self.places) < room:
                    self.places[name] = len(self.places)
        variances = [pair if " after " in name else action for name in self.places]
        design = np.array([self.row(steps) for steps, _ in episodes])
        precision = design.T @ design + np.diag(1.0 / np.array([1e6, *variances]))
        self.weights = np.linalg.solve(precision, design.T @ np.array([reward for _, reward in episodes]))
        self.covariance = np.linalg.inv(precision)

    def names(self, steps) -> list[str]:
        actions = [step.action for step in steps]
        names = []
        for at, action in enumerate(actions):
            before = actions[at - 1] if at else "nothing"
            names += [action, f"{action} at {at}", f"{action} after {before}"]
        return names

    def row(self, steps) -> np.ndarray:
        row = np.zeros(1 + len(self.places))
        row[0] = 1.0
        for name in self.names(steps):
            if name in self.places:
                row[1 + self.places[name]] += 1.0
        return row

    def predict(self, steps) -> float:
        return float(self.row(steps) @ self.weights)

    def variance(self, steps) -> float:
        """Of what is expected of a trajectory all of whose features are known, in units of the noise's variance."""
        row = self.row(steps)
        return float(row @ self.covariance @ row)


# Against the regression in one piece


@pytest.mark.parametrize(("action", "pair"), [(ACTION, PAIR), (0.01, 3.0), (50.0, 0.2)])
@pytest.mark.parametrize("space", [small(), small(max_depth=6), chain(3, 2, 4, 1, 3), chain(*[2] * 8)])
def test_it_is_the_regression_on_all_episodes_at_once(space, action, pair):
    episodes = walks(space, 60)
    model, direct = learned(episodes, action, pair), Regression(episodes, action, pair)
    asked = [steps for steps, _ in walks(space, 300)]
    predicted = [model.predict(steps) for steps in asked]
    assert predicted == pytest.approx([direct.predict(steps) for steps in asked], abs=1e-6)
    assert max(predicted) - min(predicted) > 0.05  # not all one mean


def test_it_is_the_regression_after_every_single_episode():
    episodes = walks(small(), 25)
    model = CreditModel(ACTION, PAIR)
    for count, (steps, reward) in enumerate(episodes, start=1):
        model.learn(steps, reward)
        direct = Regression(episodes[:count])
        for other, _ in episodes:
            assert model.predict(other) == pytest.approx(direct.predict(other), abs=1e-6)
        assert model.predict(()) == pytest.approx(direct.predict(()), abs=1e-6)


def test_an_action_that_is_taken_often_counts_as_often():
    episodes = [(path("aaab"), 0.25), (path("ba"), 0.5), (path("abab"), 1.0), (path("b"), 0.125)]
    model, direct = learned(episodes), Regression(episodes)
    assert direct.row(path("aaab"))[1 + direct.places["a"]] == 3.0
    assert direct.row(path("aaab"))[1 + direct.places["a after a"]] == 2.0
    for word in ("", "a", "aa", "aaaa", "bbbb", "abba", "bab"):
        assert model.predict(path(word)) == pytest.approx(direct.predict(path(word)), abs=1e-6)


# By hand


def test_the_first_update():
    model = learned([(path("a"), 0.8)])
    # The episode varies by 1e6 (mean) + 1.4 + 1.4 + 0.35 and by the noise of 1; every part is moved by its share.
    unit = Fraction(8, 10) / (10**6 + Fraction(315, 100) + 1)
    assert model.predict(()) == pytest.approx(float(10**6 * unit), rel=1e-12)
    assert model.predict(path("a")) - model.predict(()) == pytest.approx(float(Fraction(315, 100) * unit), rel=1e-8)
    # In second place after b, only the action itself is known.
    assert model.predict(path("ba")) - model.predict(()) == pytest.approx(float(Fraction(14, 10) * unit), rel=1e-8)


def test_the_first_update_from_a_path_with_the_same_action_twice():
    model = learned([(path("aa"), 0.8)])
    # The action counts twice, so its variance four times; two depths and two pairs count once each.
    unit = Fraction(8, 10) / (10**6 + 4 * Fraction(14, 10) + 2 * Fraction(14, 10) + 2 * Fraction(35, 100) + 1)
    one = 2 * Fraction(14, 10) + Fraction(14, 10) + Fraction(35, 100)
    assert model.predict(path("a")) - model.predict(()) == pytest.approx(float(one * unit), rel=1e-8)


def test_two_actions_share_out_a_difference():
    model = learned([(path("a"), 0.5), (path("b"), 1.0)])
    # Nothing is known about the mean, so it is 3/4; of the remaining 1/4 each way, 3.15 of 3.15 + 1 is no noise.
    assert model.predict(()) == pytest.approx(0.75, abs=1e-5)
    assert model.predict(path("a")) == pytest.approx(0.75 - 0.25 * 3.15 / 4.15, abs=1e-5)
    assert model.predict(path("b")) == pytest.approx(0.75 + 0.25 * 3.15 / 4.15, abs=1e-5)


def test_a_prediction_becomes_certain_with_repetition():
    model = learned([(path("a"), 0.5)] * 200 + [(path("b"), 1.0)] * 200)
    # 200 episodes on each side: 3.15 of 3.15 + 1 / 200.
    assert model.predict(path("a")) == pytest.approx(0.75 - 0.25 * 3.15 / 3.155, abs=1e-5)
    assert model.predict(path("b")) == pytest.approx(0.75 + 0.25 * 3.15 / 3.155, abs=1e-5)


def test_nothing_is_predicted_before_the_first_episode():
    model = CreditModel(ACTION, PAIR)
    assert model.predict(()) == 0.0
    assert model.predict(path("abc")) == 0.0


def test_what_was_never_met_is_worth_the_mean():
    model = learned(walks(small(), 60))
    mean = model.predict(())
    assert 0.2 < mean < 0.8
    assert model.predict(path("xyz")) == mean


def test_predicting_never_learns():
    episodes = walks(small(), 10)
    model, other = CreditModel(ACTION, PAIR), learned(episodes)
    for steps, reward in episodes:
        model.predict(steps)
        model.learn(steps, reward)
        model.predict(path("never met"))
    assert [model.predict(steps) for steps, _ in episodes] == [other.predict(steps) for steps, _ in episodes]


# Room


def test_one_long_path_outgrows_the_first_room_several_times():
    episodes = [(path("abcdefghijklmnopqrstuvwxyz"), 0.25), (path("zyxwvutsrqponmlkjihgfedcba"), 0.75)]
    model, direct = learned(episodes), Regression(episodes)
    assert len(direct.places) == 26 + 2 * 26 + 2 * 26
    for word in ("abc", "zyx", "a", "z", "", "abcdefghijklmzyxwvutsrqpon"):
        assert model.predict(path(word)) == pytest.approx(direct.predict(path(word)), abs=1e-6)


@pytest.mark.parametrize("count", range(3, 13))
def test_growing_forgets_nothing(count):
    # Episodes of three new features each: the sixteenth place is taken by the mean and five episodes.
    episodes = [(path("abcdefghijkl"[at]), at / 16) for at in range(count)]
    model, direct = learned(episodes), Regression(episodes)
    for steps, _ in episodes:
        assert model.predict(steps) == pytest.approx(direct.predict(steps), abs=1e-6)


def test_what_there_is_no_room_for_is_worth_nothing(monkeypatch):
    monkeypatch.setattr(credit_model, "MAX_FEATURES", 3)
    model = learned([(path("a"), 0.5), (path("b"), 1.0), (path("b"), 1.0)])
    assert model.predict(path("b")) == model.predict(())
    assert model.predict(path("a")) != model.predict(())


@pytest.mark.parametrize("room", [0, 1, 10, 15, 16, 17, 40])
def test_with_little_room_it_is_the_regression_on_what_was_met_first(monkeypatch, room):
    monkeypatch.setattr(credit_model, "MAX_FEATURES", room)
    episodes = walks(small(), 60)
    model, direct, whole = learned(episodes), Regression(episodes, room=room), Regression(episodes)
    assert len(direct.places) == room < len(whole.places)
    for steps, _ in episodes:
        assert model.predict(steps) == pytest.approx(direct.predict(steps), abs=1e-6)


# To the bit


def test_two_processes_learn_the_same_to_the_bit():
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from strategies.test_credit_model import learned, small, walks
model = learned(walks(small(max_depth=6), 80))
for steps, _ in walks(small(max_depth=6), 200):
    print(model.predict(steps).hex())
print(repr(model._known_weights))
"""
    tests = __file__.rsplit("/", 2)[0]
    printed = [
        subprocess.run(
            [sys.executable, "-c", code, tests],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for hash_seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert len(set(printed[0])) > 50
    model = learned(walks(small(max_depth=6), 80))
    assert printed[0][:200] == [model.predict(steps).hex() for steps, _ in walks(small(max_depth=6), 200)]


# How sure it is


def test_uncertainty_is_that_of_the_regression():
    episodes = walks(small(), 60)
    model, squares = CreditModel(ACTION, PAIR), 0.0
    for number, (steps, reward) in enumerate(episodes):
        if number:
            before = Regression([*episodes[:number], (steps, 0.0)])  # so that it has places for what is new
            at_first = Regression(episodes[:number], room=10**9)
            row = before.row(steps)
            variances = [PAIR if " after " in name else ACTION for name in before.places]
            design = np.array([before.row(known) for known, _ in episodes[:number]])
            precision = design.T @ design + np.diag(1.0 / np.array([1e6, *variances]))
            spread = 1.0 + row @ np.linalg.inv(precision) @ row
            squares += (reward - at_first.predict(steps)) ** 2 / spread
        else:
            squares += reward**2 / (1.0 + 1e6 + sum_of_prior(steps))
        model.learn(steps, reward)
    direct = Regression(episodes)
    noise = squares / (len(episodes) - 1)
    for steps, _ in episodes:
        assert model.uncertainty(steps) == pytest.approx((direct.variance(steps) * noise) ** 0.5, rel=1e-4)


def sum_of_prior(steps) -> float:
    """The prior variance of what nothing is known of: a feature that stands n times counts n**2."""
    names = Regression.names(None, steps)
    return sum((PAIR if " after " in name else ACTION) * names.count(name) ** 2 for name in set(names))


def test_what_was_never_met_is_as_uncertain_as_the_prior_says():
    model = CreditModel(ACTION, PAIR)
    assert model.uncertainty(path("ab")) == 0.0  # no noise is known yet
    model.learn(path("a"), 1.0)
    model.learn(path("a"), 0.0)
    unknown = model.uncertainty(path("xy")) ** 2 - model.uncertainty(()) ** 2
    twice = model.uncertainty(path("xx")) ** 2 - model.uncertainty(()) ** 2
    # Two actions, two at a depth, two after another; of "xx" the action counts four times.
    assert twice / unknown == pytest.approx((4 * ACTION + 2 * ACTION + 2 * PAIR) / (4 * ACTION + 2 * PAIR), rel=1e-3)
    assert model.uncertainty(path("a")) < model.uncertainty(path("x"))
