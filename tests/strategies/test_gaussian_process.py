"""The Gaussian process: its model against the equations of the book, its proposals, and what is in flight."""

import numpy as np
import pytest
from contracts.agents import STRATEGIES, configured, episode
from contracts.spaces import chain

from metaqnn.core import Context, EpisodeOrigin, PendingEpisode
from metaqnn.errors import ConfigError
from metaqnn.strategies.gaussian_process import GaussianProcess
from metaqnn.strategies.observed import standardised
from metaqnn.strategies.return_model import ACTION_FACTORS, NOISES

SPACE = chain(3, 3, 3, 3, 3)
ALL = list(SPACE.architectures())


def agent(space=SPACE, seed: int = 0, **changes) -> GaussianProcess:
    return GaussianProcess(configured("gaussian_process", **changes), space, seed)


def slope(text: str) -> float:
    return sum(map(int, text)) / 10


def told(strategy: GaussianProcess, texts: list[str], value=slope) -> GaussianProcess:
    for number, text in enumerate(texts, start=1):
        strategy.tell(episode(number, text, value(text)))
    return strategy


def ask(strategy: GaussianProcess, number: int, *pending: str) -> str:
    flying = tuple(
        PendingEpisode(number - len(pending) + place, text, True, EpisodeOrigin.SAMPLED)
        for place, text in enumerate(pending)
    )
    return strategy.ask(Context(number, 2700, number - 1, 0, flying)).architecture


def distances(texts: list[str]) -> np.ndarray:
    rows = np.array([list(map(int, text)) for text in texts])
    return (rows[:, None] != rows[None]).sum(axis=2)


def log_likelihood(texts: list[str], factor: float, noise: float, returns: np.ndarray) -> float:
    """Equation 2.30 of Rasmussen and Williams, the variance of the signal maximised out, without its constant."""
    matrix = factor ** distances(texts) + noise * np.eye(len(texts))
    variance = returns @ np.linalg.solve(matrix, returns) / len(texts)
    return -0.5 * len(texts) * np.log(variance) - 0.5 * np.linalg.slogdet(matrix)[1]


@pytest.mark.parametrize("count", [30, 47])
def test_the_posterior_is_that_of_the_book(count):
    texts = ALL[:: len(ALL) // count][:count]
    strategy = told(agent(), texts)
    model, best = strategy._conditioned()
    (factor,) = {ACTION_FACTORS[index] for index in model.weights.steps}
    returns = standardised(list(map(slope, texts)))
    others = ["22222", "02120", "11111"]
    kernel = factor ** distances([*texts, *others])
    observed = kernel[:count, :count] + NOISES[model.weights.noise] * np.eye(count)
    between = kernel[:count, count:]
    variance = returns @ np.linalg.solve(observed, returns) / count
    means, covariances = model.means(strategy._encoder.points([SPACE.trajectory(text) for text in others]))
    np.testing.assert_allclose(means, between.T @ np.linalg.solve(observed, returns), rtol=1e-8, atol=1e-8)
    left = 1 - np.sum(between * np.linalg.solve(observed, between), axis=0)
    np.testing.assert_allclose(model.deviations(covariances), np.sqrt(variance * left), rtol=1e-7)
    assert best == pytest.approx(returns.max())


def test_weight_and_noise_are_likelier_than_their_neighbours_on_the_grid():
    texts = ALL[::5][:40]
    model, _ = told(agent(), texts)._conditioned()
    returns = standardised(list(map(slope, texts)))
    index, noise = model.weights.steps[0], model.weights.noise
    here = log_likelihood(texts, ACTION_FACTORS[index], NOISES[noise], returns)
    for other, other_noise in ((index - 1, noise), (index + 1, noise), (index, noise - 1), (index, noise + 1)):
        if 0 < other < len(ACTION_FACTORS) and 0 <= other_noise < len(NOISES):
            assert log_likelihood(texts, ACTION_FACTORS[other], NOISES[other_noise], returns) <= here + 1e-9


def test_rewards_are_standardised_with_low_outliers_pulled_in():
    assert standardised([0.0, 1.0]).tolist() == [-1.0, 1.0]
    assert standardised([0.5, 0.5, 0.5]).tolist() == [0.0, 0.0, 0.0]
    # Median 2, upper quartile 3: nothing is below 2 - 3 * 1.
    np.testing.assert_array_equal(standardised([1, 2, 3, 4, -99]), standardised([1, 2, 3, 4, -1]))


def test_one_weight_for_all_steps():
    model, _ = told(agent(), ALL[::5], lambda text: float(text[0]))._conditioned()
    assert len(set(model.weights.steps)) == 1
    assert model.weights.numbers == ()


def test_it_finds_the_top_of_a_slope():
    strategy, seen = agent(random_first=10), []
    for number in range(1, 31):
        seen.append(ask(strategy, number))
        strategy.tell(episode(number, seen[-1], slope(seen[-1]), reused=seen[-1] in seen[:-1]))
    assert "22222" in seen
    assert len(set(seen)) == 30


def test_asked_now_and_then_it_proposes_as_if_asked_after_every_result():
    often, seldom = agent(), agent()
    for number, text in enumerate(ALL[::5], start=1):
        for strategy in (often, seldom):
            strategy.tell(episode(number, text, slope(text)))
        ask(often, number + 1)
    assert [ask(often, 60 + n) for n in range(5)] == [ask(seldom, 60 + n) for n in range(5)]


def test_what_is_in_flight_is_believed_and_not_proposed_again():
    strategy = told(agent(), ALL[::9])
    flying: list[str] = []
    for number in range(28, 38):
        flying.append(ask(strategy, number, *flying))
    assert len(set(flying)) == 10
    model, _ = strategy._conditioned()
    alone = model.extended(strategy._encoder.points([SPACE.trajectory(flying[0])]))
    near = strategy._encoder.points([SPACE.trajectory(flying[1])])
    (before, covariances), (after, more) = model.means(near), alone.means(near)
    assert after == pytest.approx(before)  # it is believed to be what was expected
    assert alone.deviations(more)[0] < model.deviations(covariances)[0]


def test_equal_rewards_are_no_reason_to_fail():
    assert ask(told(agent(), ALL[::9], lambda text: 0.5), 28) not in ALL[::9]


def test_a_network_evaluated_twice_is_two_observations():
    strategy = told(agent(), ALL[::9])
    strategy.tell(episode(28, ALL[0], 0.3))
    assert len(strategy._conditioned()[0].points) == 28


def test_where_all_is_known_it_repeats():
    space = chain(2, 2)
    strategy = told(agent(space, random_first=2), list(space.architectures()))
    assert ask(strategy, 5) in set(space.architectures())


# The section of the file


def test_the_preset():
    assert list(STRATEGIES["gaussian_process"].PRESETS) == ["default"]
    assert configured("gaussian_process").random_first == 10


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"random_first": 1}, "random_first: expected from 2 to 1000000, got 1"),
        ({"best_networks": 0}, "best_networks: expected from 1 to 1000, got 0"),
        ({"neighbours": -1}, "neighbours: expected from 0 to 10000, got -1"),
        ({"variations": 10_001}, "variations: expected from 0 to 10000, got 10001"),
        ({"random_walks": -1}, "random_walks: expected from 0 to 10000, got -1"),
    ],
)
def test_a_section_that_is_refused(changes, problem):
    with pytest.raises(ConfigError) as error:
        configured("gaussian_process", **changes)
    assert str(error.value) == f"test: strategy.{problem}"
