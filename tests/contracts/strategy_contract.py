"""What every strategy keeps (`metaqnn.core.Strategy`)."""

import math
from dataclasses import replace

import pytest
from contracts.agents import ask, history

from metaqnn.core import Strategy


def known(strategy: Strategy) -> dict[tuple[str, str], tuple[float, int]]:
    return {(value.state, value.action): (value.value, value.updates) for value in strategy.values()}


class StrategyContract:
    """Subclass it as `TestX` with a fixture `make_strategy`: `(space, seed) -> Strategy`; and a fixture `space`."""

    length = 30
    """Episodes in the history that is told."""

    asked = tuple((n, epsilon) for n in (1, 2, 9) for epsilon in (0.0, 0.5, 1.0))
    """What is asked behind the history, to see what was learned: the number, and epsilon."""

    @pytest.fixture
    def told(self, make_strategy, space):
        """A history that the strategy itself asked for."""
        return history(make_strategy(space, 0), self.length)

    @pytest.fixture
    def whole(self, make_strategy, space, told):
        """A strategy that was told everything."""
        strategy = make_strategy(space, 0)
        for episode in told:
            strategy.tell(episode)
        return strategy

    def proposals(self, strategy: Strategy) -> list:
        return [ask(strategy, self.length + n, epsilon) for n, epsilon in self.asked]

    def test_what_it_asks_is_of_the_space(self, whole, space):
        for trajectory in self.proposals(whole):
            assert space.trajectory(trajectory.architecture) == trajectory

    def test_asked_again_it_answers_the_same(self, whole):
        assert self.proposals(whole) == self.proposals(whole)
        assert ask(whole, 5, 0.5) == ask(whole, 5, 0.5)

    def test_asking_never_learns(self, make_strategy, space, told, whole):
        strategy = make_strategy(space, 0)
        for episode in told:
            ask(strategy, episode.number, 0.5)
            strategy.tell(episode)
            ask(strategy, episode.number + 100, 0.0)
        assert known(strategy) == known(whole)
        assert self.proposals(strategy) == self.proposals(whole)

    def test_it_is_a_function_of_history_and_seed(self, make_strategy, space, told, whole):
        strategy = make_strategy(space, 0)
        for episode in told:
            strategy.tell(episode)
        assert known(strategy) == known(whole)
        assert self.proposals(strategy) == self.proposals(whole)

    def test_two_strategies_do_not_disturb_each_other(self, make_strategy, space, told, whole):
        first, second = make_strategy(space, 0), make_strategy(space, 1)
        for episode in told:
            second.tell(episode)
            first.tell(episode)
            ask(second, episode.number, 1.0)
        assert known(first) == known(whole)
        assert self.proposals(first) == self.proposals(whole)

    def test_the_seed_matters(self, make_strategy, space):
        asked = [[ask(make_strategy(space, seed), n, 1.0) for n in range(20)] for seed in range(3)]
        assert asked[0] != asked[1] != asked[2] != asked[0]

    def test_values_are_finite_and_each_stands_once(self, whole, space):
        values = list(whole.values())
        assert len(known(whole)) == len(values)
        assert all(math.isfinite(value.value) and value.updates >= 1 for value in values)
        actions = {str(action) for action in space.all_actions}
        assert {value.action for value in values} <= actions

    def test_snapshots_add_up_to_the_values(self, make_strategy, space, told):
        strategy, stored = make_strategy(space, 0), {}
        for episode in told:
            strategy.tell(episode)
            if episode.number % 4 == 1:
                stored |= {(v.state, v.action): (v.value, v.updates) for v in strategy.snapshot()}
        stored |= {(v.state, v.action): (v.value, v.updates) for v in strategy.snapshot()}
        assert stored == known(strategy)
        assert list(strategy.snapshot()) == []

    @pytest.mark.parametrize("part", range(5))
    def test_restoring_and_telling_the_rest_equals_telling_everything(self, make_strategy, space, told, whole, part):
        cut = (0, 1, self.length * 13 // 30, self.length - 1, self.length)[part]
        first, second = make_strategy(space, 0), make_strategy(space, 0)
        for episode in told[:cut]:
            first.tell(episode)
        second.restore(iter(told[:cut]), first.values())
        for episode in told[cut:]:
            second.tell(episode)
        assert known(second) == known(whole)
        assert self.proposals(second) == self.proposals(whole)

    def test_a_failure_is_an_episode_like_any_other(self, make_strategy, space, told):
        strategy = make_strategy(space, 0)
        for episode in told:
            strategy.tell(replace(episode, accuracy=None, reward=1 / 3))
        assert space.trajectory(ask(strategy, 99, 0.0).architecture)
