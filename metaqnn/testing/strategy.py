"""What every strategy keeps (`metaqnn.core.Strategy`)."""

import math
from collections.abc import Mapping
from dataclasses import replace
from zlib import crc32

import pytest

from metaqnn.core import Context, Episode, Strategy, Trajectory

Recorded = Mapping[str, float] | None


def ask(strategy: Strategy, number: int, recorded: Recorded = None) -> Trajectory:
    """What a strategy proposes as an episode with which something was recorded, or nothing yet."""
    return strategy.ask(Context(number, 2700, number - 1, 0), recorded)


def accuracy_of(architecture: str) -> float:
    """An accuracy in [0, 1) that follows from the text alone: k / 1024, so that no machine rounds it."""
    return crc32(architecture.encode()) % 1024 / 1024


def history(strategy: Strategy, length: int, recorded: Recorded = None) -> list[Episode]:
    """Episodes as a search would record them, asked from a strategy that is told each."""
    episodes: list[Episode] = []
    known: dict[str, int] = {}
    for number in range(1, length + 1):
        proposed = ask(strategy, number, recorded)
        text, reused = proposed.architecture, proposed.architecture in known
        model = known.setdefault(text, len(known) + 1)
        score = accuracy_of(text)
        episodes.append(Episode(number, len(known), proposed.recorded, model, text, model, score, score, reused))
        strategy.tell(episodes[-1])
    return episodes


def known_values(strategy: Strategy) -> dict[tuple[str, str], tuple[float, int]]:
    """Its values by state and action."""
    return {(value.state, value.action): (value.value, value.updates) for value in strategy.values()}


class StrategyContract:
    """Subclass it as `TestX` with fixtures `make_strategy`, a function `(space, seed) -> Strategy`, and `space`."""

    length = 30
    """Episodes in the history that is told."""

    recorded: tuple[Recorded, ...] = (None,)
    """What may be recorded with an episode that is asked for once more; None derives it anew."""

    numbers: tuple[int, ...] = (1, 2, 9)
    """What is asked for behind the history, to see what was learned."""

    is_random = True
    """Whether it proposes otherwise with another seed."""

    @pytest.fixture
    def told(self, make_strategy, space):
        """A history that the strategy itself asked for."""
        return history(make_strategy(space, 0), self.length, self.recorded[len(self.recorded) // 2])

    @pytest.fixture
    def whole(self, make_strategy, space, told):
        """A strategy that was told everything."""
        strategy = make_strategy(space, 0)
        for episode in told:
            strategy.tell(episode)
        return strategy

    def proposals(self, strategy: Strategy) -> list:
        return [ask(strategy, self.length + n, recorded) for n in self.numbers for recorded in self.recorded]

    def test_what_it_asks_is_of_the_space(self, whole, space):
        for trajectory in self.proposals(whole):
            assert space.trajectory(trajectory.architecture) == trajectory

    def test_asked_again_it_answers_the_same(self, whole):
        assert self.proposals(whole) == self.proposals(whole)
        assert ask(whole, 5) == ask(whole, 5)

    def test_what_it_records_proposes_the_same_once_more(self, whole):
        for proposed in (*self.proposals(whole), ask(whole, self.length + 1)):
            assert all(isinstance(name, str) and math.isfinite(value) for name, value in proposed.recorded.items())
        first = ask(whole, self.length + 1)
        again = ask(whole, self.length + 1, first.recorded)
        assert (again, again.recorded) == (first, first.recorded)

    def test_asking_never_learns(self, make_strategy, space, told, whole):
        strategy = make_strategy(space, 0)
        for episode in told:
            ask(strategy, episode.number, self.recorded[-1])
            strategy.tell(episode)
            ask(strategy, episode.number + 100, self.recorded[0])
        assert known_values(strategy) == known_values(whole)
        assert self.proposals(strategy) == self.proposals(whole)

    def test_it_is_a_function_of_history_and_seed(self, make_strategy, space, told, whole):
        strategy = make_strategy(space, 0)
        for episode in told:
            strategy.tell(episode)
        assert known_values(strategy) == known_values(whole)
        assert self.proposals(strategy) == self.proposals(whole)

    def test_two_strategies_do_not_disturb_each_other(self, make_strategy, space, told, whole):
        first, second = make_strategy(space, 0), make_strategy(space, 1)
        for episode in told:
            second.tell(episode)
            first.tell(episode)
            ask(second, episode.number, self.recorded[-1])
        assert known_values(first) == known_values(whole)
        assert self.proposals(first) == self.proposals(whole)

    def test_the_seed_matters(self, make_strategy, space):
        if not self.is_random:
            pytest.skip("nothing is random")
        last = self.recorded[-1]
        asked = [[ask(make_strategy(space, seed), n, last) for n in range(1, 21)] for seed in range(3)]
        assert asked[0] != asked[1] != asked[2] != asked[0]

    def test_values_are_finite_and_each_stands_once(self, whole, space):
        values = list(whole.values())
        assert len(known_values(whole)) == len(values)
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
        assert stored == known_values(strategy)
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
        assert known_values(second) == known_values(whole)
        assert self.proposals(second) == self.proposals(whole)

    def test_a_failure_is_an_episode_like_any_other(self, make_strategy, space, told):
        strategy = make_strategy(space, 0)
        for episode in told:
            strategy.tell(replace(episode, score=None, reward=1 / 3))
        assert space.trajectory(ask(strategy, 99, self.recorded[0]).architecture)
