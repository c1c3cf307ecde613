"""The strategies that others wrote, at work: both optimise, neither remembers what it was asked before."""

import sys

import numpy as np
import pytest
from contracts.agents import STRATEGIES, ask, configured, episode, make_strategy
from contracts.spaces import chain, paper, small

from metaqnn.core import Episode
from metaqnn.errors import ConfigError
from metaqnn.networks.spaces.config import Limits
from metaqnn.seeding import Stream
from metaqnn.strategies.smac import _log_scaled

CHEAPLY = {"tpe": {"random_first": 5}, "smac": {"random_first": 5, "random_share": 0.0, "trees": 1, "challengers": 10}}


def agent(name: str, space, seed: int = 0, **changes):
    return make_strategy(configured(name, **{**CHEAPLY.get(name, {}), **changes}), space, seed)


def worth_of(seed: int, places: int) -> list[list[float]]:
    """What every choice at every place adds to the reward; the best network has 1 and the worst 0."""
    stream = Stream(seed, "table")
    worth = [[stream.uniform() for _ in range(3)] for _ in range(places)]
    spread = sum(max(row) - min(row) for row in worth)
    return [[(value - min(row)) / spread for value in row] for row in worth]


def searched(name: str, seed: int, count: int, places: int = 6, **changes) -> list[Episode]:
    """The episodes of a search in an additive table."""
    worth, strategy, episodes = worth_of(seed, places), agent(name, chain(*[3] * places), seed, **changes), []
    for number in range(1, count + 1):
        text = ask(strategy, number, 1.0).architecture
        reward = sum(row[int(digit)] for row, digit in zip(worth, text, strict=True))
        episodes.append(episode(number, text, reward, any(one.architecture == text for one in episodes)))
        strategy.tell(episodes[-1])
    return episodes


def mean_best(name: str, seeds: int, count: int) -> float:
    return sum(max(one.reward for one in searched(name, seed, count)) for seed in range(seeds)) / seeds


def random_bests(count: int, seeds: int, draws: int) -> list[float]:
    """What so many random searches find on average, many times over, in order."""
    tables = [worth_of(seed, 6) for seed in range(seeds)]
    stream, means = Stream(0, "random searches"), []
    for _ in range(draws):
        bests = [max(sum(row[stream.integer(3)] for row in worth) for _ in range(count)) for worth in tables]
        means.append(sum(bests) / seeds)
    return sorted(means)


# Optimising


def test_tpe_finds_more_than_random_search():
    # Above the 95th percentile of 1,000 times five random searches: by luck once in twenty times.
    assert mean_best("tpe", 5, 40) > random_bests(40, 5, 1000)[950]


def test_smac_proposes_better_networks_than_random_search():
    # Told 60 random networks of each of three tables, and asked for five of each: their mean reward is above the 95th
    # percentile of 1,000 times fifteen random ones, by luck once in twenty times.
    space, found = chain(*[3] * 6), []
    for seed in range(3):
        worth, strategy = worth_of(seed, 6), agent("smac", space, seed, trees=4)
        for one in searched("random", seed, 60):
            strategy.tell(one)
        texts = [ask(strategy, number, 1.0).architecture for number in range(61, 66)]
        found += [sum(row[int(digit)] for row, digit in zip(worth, text, strict=True)) for text in texts]
    tables, stream, means = [worth_of(seed, 6) for seed in range(3)], Stream(0, "random networks"), []
    for _ in range(1000):
        drawn = [sum(row[stream.integer(3)] for row in worth) for worth in tables for _ in range(5)]
        means.append(sum(drawn) / 15)
    assert sum(found) / 15 > sorted(means)[950]


@pytest.mark.parametrize("name", ["tpe", "smac"])
def test_the_first_episodes_are_random(name):
    space = chain(*[3] * 6)
    good, bad = agent(name, space, random_first=20), agent(name, space, random_first=20)
    for number in range(1, 21):
        trajectory = ask(good, number, 1.0)
        assert ask(bad, number, 1.0) == trajectory
        good.tell(episode(number, trajectory.architecture, number / 32))
        bad.tell(episode(number, trajectory.architecture, 1 - number / 32))
    later = [[ask(one, number, 1.0).architecture for number in range(21, 24)] for one in (good, bad)]
    assert later[0] != later[1]


def test_smac_proposes_what_is_not_known():
    episodes = searched("smac", 0, 8, places=2)
    assert not any(one.reused for one in episodes[5:])


def test_smac_goes_on_where_everything_is_known():
    space = chain(2, 2)
    strategy = agent("smac", space, random_first=4)
    for number, text in enumerate(space.architectures(), start=1):
        strategy.tell(episode(number, text, number / 4))
    assert ask(strategy, 5, 1.0).architecture in space.architectures()


@pytest.mark.parametrize("rewards", [(0.5,) * 6, (0.0,) * 6, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)])
@pytest.mark.parametrize("name", ["tpe", "smac"])
def test_equal_rewards_are_no_obstacle(name, rewards):
    space = chain(3, 3, 3)
    strategy = agent(name, space)
    for number, (text, reward) in enumerate(zip(space.architectures(), rewards, strict=False), start=1):
        strategy.tell(episode(number, text, reward))
    assert len(ask(strategy, 7, 1.0).architecture) == 3


@pytest.mark.parametrize("name", ["tpe", "smac"])
@pytest.mark.parametrize("space", [small(), paper(max_depth=4, limits=Limits(parameters=2_000_000, flops=60_000_000))])
def test_networks_of_layers_are_written_by_the_rules_of_their_space(name, space):
    strategy = agent(name, space, random_first=3)
    for number in range(1, 6):
        trajectory = ask(strategy, number, 1.0)
        assert space.trajectory(trajectory.architecture) == trajectory
        strategy.tell(episode(number, trajectory.architecture, number / 8))


# Nothing but what was told


@pytest.mark.parametrize("name", ["tpe", "smac"])
def test_what_is_told_after_an_answer_counts_in_the_next(name):
    space = chain(*[3] * 6)
    episodes = searched("random", 0, 10)
    asked, fresh = agent(name, space), agent(name, space)
    for one in episodes[:7]:
        asked.tell(one)
    before = [ask(asked, number, 1.0) for number in (11, 12, 13)]
    for one in episodes[7:]:
        asked.tell(one)
    for one in episodes:
        fresh.tell(one)
    after = [ask(asked, number, 1.0) for number in (11, 12, 13)]
    assert after == [ask(fresh, number, 1.0) for number in (11, 12, 13)]
    assert after != before


def test_a_repeat_is_no_observation_to_smac():
    space, episodes = chain(*[3] * 6), searched("random", 0, 7)
    first, second = agent("smac", space), agent("smac", space)
    for one in episodes:
        first.tell(one)
        second.tell(one)
    second.tell(episode(8, episodes[2].architecture, episodes[2].reward, reused=True, model=3))
    assert ask(second, 9, 1.0) == ask(first, 9, 1.0)


def test_smac_compares_with_the_lowest_prediction_and_its_trees_grow_freely(monkeypatch):
    from smac.acquisition.function import EI
    from smac.model.random_forest import RandomForest

    updates, limits = [], []
    update, build = EI.update, RandomForest.__init__

    def recorded_update(self, model, **settings):
        updates.append((model, settings["eta"]))
        return update(self, model, **settings)

    def recorded_build(self, *args, max_leaf_nodes, **settings):
        limits.append(max_leaf_nodes)
        build(self, *args, max_leaf_nodes=max_leaf_nodes, **settings)

    strategy = agent("smac", chain(*[3] * 6), trees=3)
    for one in searched("random", 0, 40):
        strategy.tell(one)
    rows = np.array([row.get_array() for row in strategy._rows])
    monkeypatch.setattr(EI, "update", recorded_update)
    monkeypatch.setattr(RandomForest, "__init__", recorded_build)
    proposed = ask(strategy, 41, 1.0)
    ((model, eta),) = updates
    predicted, observed = model.predict_marginalized(rows)[0], _log_scaled(-np.array(list(strategy._rewards.values())))
    assert eta == predicted.min() > observed.min()
    assert limits == [len(rows)]
    unlimited = {"max_leaf_nodes": 4096}
    monkeypatch.setattr(RandomForest, "__init__", lambda *args, **settings: build(*args, **(settings | unlimited)))
    assert ask(strategy, 41, 1.0) == proposed


@pytest.mark.parametrize("name", ["tpe", "smac"])
def test_no_values_are_kept(name):
    strategy = agent(name, chain(2, 2))
    strategy.tell(episode(1, "01", 0.5))
    assert list(strategy.values()) == list(strategy.snapshot()) == []


# Installing and configuring


@pytest.mark.parametrize(("name", "package"), [("tpe", "optuna"), ("smac", "smac"), ("smac", "ConfigSpace")])
def test_without_its_package_it_says_what_to_install(monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError) as error:
        agent(name, chain(2, 2))
    needed = {"tpe": "optuna", "smac": "smac"}[name]
    assert str(error.value) == (
        f"strategy.name: {name} needs the package {needed}, which is not installed; pip install 'metaqnn[{name}]'"
    )


@pytest.mark.parametrize("package", ["optuna", "smac"])
def test_the_other_strategies_need_neither(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    for name in set(STRATEGIES) - {"tpe", "smac"}:
        assert len(ask(make_strategy(configured(name), chain(2, 2), 0), 1, 1.0).architecture) == 2


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("tpe", {"random_first": 0}, "random_first: expected from 1 to 1000000, got 0"),
        ("tpe", {"random_first": 1_000_001}, "random_first: expected from 1 to 1000000, got 1000001"),
        ("tpe", {"schedule": []}, "schedule: expected at least one stage [epsilon, models], got []"),
        ("tpe", {"max_repeats": 0}, "max_repeats: expected at least 1, got 0"),
        ("smac", {"random_first": 1}, "random_first: expected from 2 to 1000000, got 1"),
        ("smac", {"random_first": 1_000_001}, "random_first: expected from 2 to 1000000, got 1000001"),
        ("smac", {"random_share": -0.1}, "random_share: expected from 0 to 1, got -0.1"),
        ("smac", {"random_share": 1.1}, "random_share: expected from 0 to 1, got 1.1"),
        ("smac", {"random_share": "nan"}, "random_share: expected from 0 to 1, got nan"),
        ("smac", {"trees": 0}, "trees: expected from 1 to 10000, got 0"),
        ("smac", {"trees": 10_001}, "trees: expected from 1 to 10000, got 10001"),
        ("smac", {"challengers": 0}, "challengers: expected from 1 to 1000000, got 0"),
        ("smac", {"challengers": 1_000_001}, "challengers: expected from 1 to 1000000, got 1000001"),
        ("smac", {"schedule": []}, "schedule: expected at least one stage [epsilon, models], got []"),
        ("smac", {"max_repeats": 0}, "max_repeats: expected at least 1, got 0"),
        ("smac", {"tree": 1}, "tree: there is no such key; did you mean 'trees'?"),
    ],
)
def test_a_section_that_is_refused(name, changes, problem):
    with pytest.raises(ConfigError) as error:
        configured(name, **changes)
    assert str(error.value) == f"test: strategy.{problem}"
