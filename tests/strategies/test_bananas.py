"""BANANAS: its ensemble, which is the same to the bit everywhere, its proposals, and what is in flight."""

import math
from fractions import Fraction

import numpy as np
import pytest
from contracts.agents import STRATEGIES, configured, episode
from contracts.spaces import chain, small

from metaqnn.core import Context, EpisodeOrigin, PendingEpisode
from metaqnn.errors import ConfigError
from metaqnn.seeding import Stream
from metaqnn.strategies.bananas import Bananas, _normal
from metaqnn.strategies.exact_ensemble import ExactEnsemble

SPACE = chain(3, 3, 3, 3, 3)
ALL = list(SPACE.architectures())


def agent(space=SPACE, seed: int = 0, **changes) -> Bananas:
    return Bananas(configured("bananas", **changes), space, seed)


def slope(text: str) -> float:
    return sum(map(int, text)) / 10


def told(strategy: Bananas, texts: list[str], value=slope) -> Bananas:
    for number, text in enumerate(texts, start=1):
        strategy.tell(episode(number, text, value(text)))
    return strategy


def ask(strategy: Bananas, number: int, *pending: str) -> str:
    flying = tuple(
        PendingEpisode(number - len(pending) + place, text, True, EpisodeOrigin.SAMPLED)
        for place, text in enumerate(pending)
    )
    return strategy.ask(Context(number, 2700, number - 1, 0, flying)).architecture


def one_hot(texts: list[str]) -> np.ndarray:
    return np.array([[float(digit == str(n)) for digit in text for n in range(3)] for text in texts])


# The ensemble


def ensemble(texts: list[str], targets, seed: int = 0, members: int = 5) -> ExactEnsemble:
    return ExactEnsemble(one_hot(texts), np.asarray(targets), members, Stream(seed, "ensemble"))


def test_it_learns_a_function_that_is_no_sum_of_its_inputs():
    both = {text: float(text[0] == text[1]) * 2 - 1 for text in ALL}
    known, others = ALL[::2], ALL[1::2]
    predicted = ensemble(known, [both[text] for text in known]).predict(one_hot(others))
    assert predicted.shape == (5, len(others))
    errors = predicted.mean(axis=0) - [both[text] for text in others]
    assert np.sqrt(np.mean(errors**2)) < 0.3  # the best sum of its inputs leaves 0.94
    assert predicted.std(axis=0).min() > 0.0  # they differ


def test_what_it_predicts_is_right_to_the_last_digit():
    """Recomputed in fractions, which are exact: no digit depends on the order of any sum."""
    trained = ensemble(ALL[::8], [slope(text) for text in ALL[::8]], members=2)
    example = one_hot(["02120"])
    predicted = trained.predict(example)
    for member in range(2):
        layer = [Fraction(value) for value in example[0].tolist()]
        for place in (0, 2, 4):
            weights, bias = trained._weights[place][member], trained._weights[place + 1][member][0]
            layer = [
                Fraction(bias[unit])
                + sum(x * Fraction(w) for x, w in zip(layer, weights[:, unit].tolist(), strict=True))
                for unit in range(weights.shape[1])
            ]
            if place < 4:
                layer = [Fraction(round(max(Fraction(0), min(Fraction(16), x)) * 2**20), 2**20) for x in layer]
        assert Fraction(predicted[member, 0]) == layer[0]


@pytest.mark.parametrize("order", [slice(None, None, -1), slice(1, None, 2)])
def test_the_order_in_which_a_library_adds_makes_no_difference(order, monkeypatch):
    """With products added in another order and with another split, each weight is the same to the bit."""
    targets = [slope(text) for text in ALL[::8]]
    before = ensemble(ALL[::8], targets)

    def shuffled(left, right, out=None):
        every = list(range(left.shape[-1]))
        places = dict.fromkeys([*every[order], *every])
        total = np.zeros((*np.broadcast_shapes(left.shape[:-2], right.shape[:-2]), left.shape[-2], right.shape[-1]))
        for place in places:
            total = total + left[..., :, place, None] * right[..., None, place, :]
        if out is not None:
            out[...] = total
        return total

    monkeypatch.setattr("metaqnn.strategies.exact_ensemble.np.matmul", shuffled)
    after = ensemble(ALL[::8], targets)
    assert (before._flat == after._flat).all()


def test_large_inputs_and_targets_stay_within_what_is_exact():
    trained = ExactEnsemble(np.ones((40, 256)), np.full(40, 1e9), 2, Stream(0, "ensemble"))
    assert np.isfinite(trained._flat).all()
    assert np.abs(trained._flat).max() <= 16.0
    scaled = trained._flat * 2.0**20
    assert (scaled == np.rint(scaled)).all()


def test_normal_draws():
    stream = Stream(0, "normal")
    drawn = np.array([_normal(stream) for _ in range(20_000)])
    # Five standard errors: exceeded once in a million seeds.
    assert abs(drawn.mean()) < 5 / math.sqrt(20_000)
    assert abs(drawn.var() - 1) < 5 * math.sqrt(2 / 20_000)
    assert abs((drawn > 1.96).mean() - 0.025) < 5 * math.sqrt(0.025 / 20_000)


# The search


def test_it_finds_the_top_of_a_slope():
    strategy, seen = agent(random_first=10), []
    for number in range(1, 41):
        seen.append(ask(strategy, number))
        strategy.tell(episode(number, seen[-1], slope(seen[-1]), reused=seen[-1] in seen[:-1]))
    assert "22222" in seen
    assert len(set(seen)) == 40


def test_it_is_fitted_anew_for_every_ten_results_only():
    strategy = told(agent(), ALL[:30])
    first = strategy._fit()
    strategy.tell(episode(31, ALL[31], 0.5))
    assert strategy._fit() is first
    for number in range(32, 41):
        strategy.tell(episode(number, ALL[number], 0.5))
    assert strategy._fit() is not first


def test_asked_now_and_then_it_proposes_as_if_asked_after_every_result():
    often, seldom = agent(), agent()
    for number, text in enumerate(ALL[::9], start=1):
        for strategy in (often, seldom):
            strategy.tell(episode(number, text, slope(text)))
        ask(often, number + 1)
    assert [ask(often, 60 + n) for n in range(5)] == [ask(seldom, 60 + n) for n in range(5)]


def test_what_is_in_flight_is_not_proposed_again():
    strategy = told(agent(), ALL[::9])
    flying: list[str] = []
    for number in range(28, 38):
        flying.append(ask(strategy, number, *flying))
    assert len(set(flying)) == 10
    assert not set(flying) & set(ALL[::9])


def test_equal_rewards_are_no_reason_to_fail():
    assert ask(told(agent(), ALL[::9], lambda text: 0.5), 28) not in ALL[::9]


def test_networks_of_layers():
    space = small()
    texts = list(space.architectures())[::9]
    strategy = told(agent(space), texts, lambda text: text.count("C(16") / 4)
    assert ask(strategy, 100) not in texts


def test_where_all_is_known_it_repeats():
    space = chain(2, 2)
    strategy = told(agent(space, random_first=2), list(space.architectures()))
    assert ask(strategy, 5) in set(space.architectures())


# The section of the file


def test_the_preset():
    assert list(STRATEGIES["bananas"].PRESETS) == ["default"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"random_first": 1}, "random_first: expected from 2 to 1000000, got 1"),
        ({"ensemble": 1}, "ensemble: expected from 2 to 100, got 1"),
        ({"refit_every": 0}, "refit_every: expected from 1 to 1000, got 0"),
        ({"best_networks": 1001}, "best_networks: expected from 1 to 1000, got 1001"),
        ({"neighbours": -1}, "neighbours: expected from 0 to 10000, got -1"),
        ({"variations": 10_001}, "variations: expected from 0 to 10000, got 10001"),
    ],
)
def test_a_section_that_is_refused(changes, problem):
    with pytest.raises(ConfigError) as error:
        configured("bananas", **changes)
    assert str(error.value) == f"test: strategy.{problem}"
