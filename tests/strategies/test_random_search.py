"""Random search: uniform at every step, whatever is told."""

from collections import Counter, defaultdict

import pytest
from contracts.agents import STRATEGIES, ask, configured, episode, history
from contracts.spaces import chain, small

from metaqnn.core import Space
from metaqnn.errors import ConfigError
from metaqnn.seeding import Stream
from metaqnn.strategies.random_search import RandomSearch, random_walk


def agent(space: Space, seed: int = 0) -> RandomSearch:
    return RandomSearch(configured("random"), space, seed)


def assert_uniform_at_every_step(trajectories):
    """Sum the chi-squares of all places that were met often enough."""
    counts = defaultdict(Counter)
    for trajectory in trajectories:
        for step in trajectory.steps:
            counts[step.state, step.choices][step.action] += 1
    statistic = freedom = 0
    for (_, choices), taken in counts.items():
        expected = sum(taken.values()) / len(choices)
        if expected >= 20 and len(choices) > 1:
            statistic += sum((taken[choice] - expected) ** 2 / expected for choice in choices)
            freedom += len(choices) - 1
    assert freedom >= 13
    # The sum of chi-squares has mean `freedom` and variance 2 * freedom: seven deviations are exceeded by four seeds in
    # a million where the freedom is 13, and by fewer where it is larger.
    assert statistic < freedom + 7 * (2 * freedom) ** 0.5


@pytest.mark.parametrize("space", [small(), chain(3, 2, 4, 1, 3), chain(12, 5)])
def test_every_step_is_uniform_over_the_legal_actions(space):
    strategy = agent(space)
    assert_uniform_at_every_step(ask(strategy, number, 0.0) for number in range(4000))


def test_every_network_of_a_chain_is_as_likely():
    strategy = agent(chain(3, 2, 2))
    counts = Counter(ask(strategy, number, 0.0).architecture for number in range(6000))
    assert len(counts) == 12
    # 11 degrees of freedom: exceeded once in a million seeds.
    assert sum((count - 500) ** 2 / 500 for count in counts.values()) < 48.9


def test_a_walk_draws_one_number_for_every_step():
    draws = Stream(3, "walk", 1).integers(4, 6)
    assert random_walk(chain(*[4] * 6), Stream(3, "walk", 1)).architecture == "".join(map(str, draws))


def test_it_learns_nothing():
    space = small()
    strategy, fresh = agent(space), agent(space)
    for one in history(agent(space), 30):
        strategy.tell(one)
    assert [ask(strategy, number, 0.5) for number in range(60)] == [ask(fresh, number, 0.5) for number in range(60)]
    assert list(strategy.values()) == list(strategy.snapshot()) == []


def test_even_the_best_of_all_changes_nothing():
    space = chain(2, 2)
    strategy = agent(space)
    for number in range(1, 100):
        strategy.tell(episode(number, "01", 1.0, reused=number > 1, model=1))
    counts = Counter(ask(strategy, number, 0.0).architecture for number in range(4000))
    # 3 degrees of freedom: exceeded once in a million seeds.
    assert sum((counts[text] - 1000) ** 2 / 1000 for text in ("00", "01", "10", "11")) < 30.7


def test_epsilon_changes_nothing():
    strategy = agent(small())
    assert [ask(strategy, n, 0.0) for n in range(20)] == [ask(strategy, n, 1.0) for n in range(20)]


def test_the_seed_and_the_number_decide():
    space = chain(*[10] * 9)
    asked = {ask(agent(space, seed), number, 0.0).architecture for seed in range(10) for number in range(10)}
    # A billion networks: two of a hundred are the same once in 200,000 times.
    assert len(asked) == 100


def test_the_preset_needs_no_settings():
    assert STRATEGIES["random"].PRESETS["default"] == {}
    assert configured("random").schedule == ((1.0, 2700),)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"schedule": []}, "schedule: expected at least one stage [epsilon, models], got []"),
        ({"max_repeats": 0}, "max_repeats: expected at least 1, got 0"),
        ({"max_repeat": 1}, "max_repeat: there is no such key; did you mean 'max_repeats'?"),
    ],
)
def test_a_section_that_is_refused(changes, problem):
    with pytest.raises(ConfigError) as error:
        configured("random", **changes)
    assert str(error.value) == f"test: strategy.{problem}"
