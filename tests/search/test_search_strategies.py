"""Every strategy in a whole search: one seed, one database, whatever happens in between, and `verify` proves it."""

import sqlite3

import pytest
from contracts.agents import STRATEGIES
from contracts.searches import ShuffledExecutor, SmallSearch
from databases import contents

from metaqnn.core import Exploration, Strategy
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.summary import read_summary
from metaqnn.search.loop import Ending
from metaqnn.seeding import Stream
from metaqnn.strategies.walks import random_walk

CHEAP = {"smac": {"random_first": 4, "trees": 2, "challengers": 20}, "linear_ucb-default": {"random_first": 5}}
"""Settings that let a strategy learn within a search this short."""


@pytest.fixture(params=[f"{name}-{preset}" for name in STRATEGIES for preset in STRATEGIES[name].PRESETS])
def search(request) -> SmallSearch:
    name, preset = request.param.split("-")
    changes = CHEAP.get(request.param, CHEAP.get(name, {}))
    return SmallSearch(
        models=9, lookahead=2, stages=((1.0, 5), (0.1, 4)), strategy={"name": name, "preset": preset, **changes}
    )


def test_a_search_with_it_can_be_interrupted_and_verified(search, tmp_path):
    assert search.run(tmp_path / "whole") is Ending.COMPLETED
    search.make_executor = ShuffledExecutor
    for patience in (0, 5, 8, 11, 1000):
        asked = iter(range(10_000))
        ending = search.run(tmp_path / "pieces", stop_requested=lambda asked=asked, n=patience: next(asked) >= n)
    assert ending is Ending.COMPLETED
    assert contents(tmp_path / "pieces") == contents(tmp_path / "whole")
    verification = search.verify(tmp_path / "pieces")
    assert verification.difference is None
    assert verification.episodes >= 9


def test_a_result_that_was_altered_is_found(search, tmp_path):

    search.run(tmp_path / "a")
    connection = sqlite3.connect(tmp_path / "a")
    with connection:
        connection.execute("UPDATE replay SET reward = 0.875 WHERE episode = 3")
    connection.close()
    assert "episode 3: reward" in search.verify(tmp_path / "a").difference


def test_another_seed_is_another_search(search, tmp_path):
    search.run(tmp_path / "a")
    search.seed += 1
    search.run(tmp_path / "b")
    assert contents(tmp_path / "a")["models"] != contents(tmp_path / "b")["models"]


class FixedOrder(Strategy):
    """Proposes four networks one after another, and then the first of them for ever; knows no schedule."""

    def __init__(self, space):
        walks = (random_walk(space, Stream(0, "networks", number)) for number in range(40))
        self.networks = list({trajectory.architecture: trajectory for trajectory in walks}.values())[:4]

    def ask(self, context, recorded=None):
        """The next network that was not proposed."""
        return self.networks[context.distinct % 4]

    def tell(self, episode):
        """Learn nothing."""


class OwnSearch(SmallSearch):
    def make_strategy(self):
        return FixedOrder(self.space)


@pytest.mark.parametrize("lookahead", [1, 3])
def test_a_strategy_without_a_schedule(tmp_path, lookahead):
    search = OwnSearch(models=6, lookahead=lookahead)
    assert search.run(tmp_path / "a") is Ending.EXHAUSTED
    assert search.verify(tmp_path / "a").difference is None
    with ReplayReader(tmp_path / "a") as reader:
        episodes, summary = list(reader.episodes()), read_summary(reader, Exploration(), Strategy.max_repeats)
    assert len(episodes) == 4 + Strategy.max_repeats
    assert {episode.epsilon for episode in episodes} == {None}
    assert (summary.epsilon, summary.exhausted, summary.max_repeats) == (None, (), 500)
