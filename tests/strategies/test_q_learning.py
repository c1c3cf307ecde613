"""The paper's agent: exploring, replaying, and knowing nothing but its history."""

import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import asdict

import pytest
from contracts.agents import STRATEGIES, ask, configured, episode, history
from contracts.spaces import paper, small
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.core import QValue
from metaqnn.errors import ConfigError
from metaqnn.networks.spaces.config import Limits
from metaqnn.seeding import Stream
from metaqnn.strategies.q_learning import QLearning

POOLED = "[C(8,3,1), P(2,2), SM(3)]"
PLAIN = "[C(8,3,1), SM(3)]"


def agent(space=None, seed: int = 0, **changes) -> QLearning:
    return QLearning(configured(preset="paper", **changes), space or small(), seed)


def table(strategy: QLearning) -> dict[tuple[str, str], tuple[float, int]]:
    return {(value.state, value.action): (value.value, value.updates) for value in strategy.values()}


# Learning, by hand


def test_one_episode_once():
    strategy = agent(learning_rate=0.5, replay_episodes=1)
    strategy.tell(episode(1, POOLED, 1.0))
    assert table(strategy) == {
        ("2:P(2,2):4-7", "SM(3)"): (0.75, 1),
        ("1:C(8,3,1):8+", "P(2,2)"): (0.625, 1),
        ("0:start:8+", "C(8,3,1)"): (0.5625, 1),
    }


def test_the_paper_s_first_episode():
    # K = 100 replays of the only episode there is, at rate 0.01 from 0.5: SM ends at 1 - 0.5 * 0.99 ** 100.
    strategy = agent()
    strategy.tell(episode(1, "[SM(3)]", 1.0))
    ((value, updates),) = table(strategy).values()
    assert updates == 100
    assert value == pytest.approx(1 - 0.5 * 0.99**100, abs=1e-14)


def test_two_episodes_replayed():
    assert Stream(0, "replay", 1).integers(1, 2) == [0, 0]
    assert Stream(0, "replay", 2).integers(2, 2) == [0, 1]  # so episodes 2, 1 and 2 again
    strategy = agent(learning_rate=0.5, replay_episodes=3)
    strategy.tell(episode(1, POOLED, 1.0))
    # Three times the only episode: SM 3/4, 7/8, 15/16; P 5/8, 3/4, 27/32; C 9/16, 21/32, 3/4.
    assert table(strategy) == {
        ("2:P(2,2):4-7", "SM(3)"): (15 / 16, 3),
        ("1:C(8,3,1):8+", "P(2,2)"): (27 / 32, 3),
        ("0:start:8+", "C(8,3,1)"): (3 / 4, 3),
    }
    strategy.tell(episode(2, PLAIN, 0.0, model=8))  # the draws follow from the episode's number alone
    # Episode 2: SM behind C 1/4; C toward 27/32, the best in its next state: 51/64.
    # Episode 1: SM behind P 31/32; P (27 + 31)/64 = 29/32; C (51 + 58)/128 = 109/128.
    # Episode 2: SM behind C 1/8; C toward 29/32: (109 + 116)/256.
    assert table(strategy) == {
        ("2:P(2,2):4-7", "SM(3)"): (31 / 32, 4),
        ("1:C(8,3,1):8+", "P(2,2)"): (29 / 32, 4),
        ("1:C(8,3,1):8+", "SM(3)"): (1 / 8, 2),
        ("0:start:8+", "C(8,3,1)"): (225 / 256, 6),
    }


def test_two_episodes_whose_rewards_are_shared_out():
    strategy = agent(learning_rate=0.5, initial_q=0.0, replay_episodes=1, reward_shaping="uniform")
    strategy.tell(episode(1, POOLED, 0.75))
    # A quarter for each of three steps: 1/8; toward 1/4 + 1/8; toward 1/4 + 3/16.
    assert table(strategy) == {
        ("2:P(2,2):4-7", "SM(3)"): (1 / 8, 1),
        ("1:C(8,3,1):8+", "P(2,2)"): (3 / 16, 1),
        ("0:start:8+", "C(8,3,1)"): (7 / 32, 1),
    }
    strategy.tell(episode(2, PLAIN, 1.0))
    # A half for each of two: 1/4; toward 1/2 + max(3/16, 1/4), from 7/32.
    assert table(strategy)["1:C(8,3,1):8+", "SM(3)"] == (1 / 4, 1)
    assert table(strategy)["0:start:8+", "C(8,3,1)"] == (31 / 64, 2)


def test_the_newest_episode_is_always_replayed():
    strategy = agent(replay_episodes=1)
    for number, architecture in enumerate((POOLED, PLAIN, "[GAP(3), SM(3)]", "[SM(3)]"), start=1):
        strategy.tell(episode(number, architecture, 1.0))
    assert {updates for _, updates in table(strategy).values()} == {1, 2}
    assert table(strategy)["0:start:8+", "C(8,3,1)"][1] == 2
    assert table(strategy)["0:start:8+", "SM(3)"][1] == 1


def test_older_episodes_are_drawn_uniformly():
    # Thirteen episodes that differ in their first layer, so that the updates of the start tell how often each came.
    space = paper(max_depth=1)
    firsts = [str(layer) for layer in space.actions(space.initial_state())][:12]
    strategy = agent(space, replay_episodes=12_001)
    strategy.restore([episode(n, f"[{first}, SM(10)]", 0.5) for n, first in enumerate(firsts, start=1)], [])
    strategy.tell(episode(13, "[SM(10)]", 0.5))
    updates = table(strategy)
    counts = [updates["0:start:8+", first][1] for first in firsts] + [updates["0:start:8+", "SM(10)"][1] - 1]
    assert sum(counts) == 12_000
    # 12 degrees of freedom: exceeded once in a million seeds.
    assert sum((count - 12_000 / 13) ** 2 / (12_000 / 13) for count in counts) < 50.9


def test_a_repeat_is_followed_by_no_replay_unless_asked_for():
    strategy = agent(replay_episodes=1, learning_rate=0.5)
    strategy.tell(episode(1, PLAIN, 1.0))
    before = table(strategy)
    strategy.tell(episode(2, PLAIN, 1.0, reused=True, model=1))
    assert table(strategy) == before
    strategy = agent(replay_episodes=1, learning_rate=0.5, replay_after_repeats=True)
    strategy.tell(episode(1, PLAIN, 1.0))
    strategy.tell(episode(2, PLAIN, 1.0, reused=True, model=1))
    assert table(strategy)["1:C(8,3,1):8+", "SM(3)"] == (0.875, 2)


def test_repeats_are_stored_and_replayed_later():
    told = [episode(1, PLAIN, 1.0), *(episode(n, "[SM(3)]", 0.0, reused=n > 2, model=2) for n in range(2, 51))]
    strategy = agent(replay_episodes=1001)
    strategy.restore(told, [])
    strategy.tell(episode(51, "[GAP(3), SM(3)]", 1.0, model=3))
    # 49 of the 51 episodes are the softmax alone; were repeats left out it would be one in three.
    assert table(strategy)["0:start:8+", "SM(3)"][1] > 900


def test_no_replay_learns_nothing():
    strategy = agent(replay_episodes=0)
    strategy.tell(episode(1, PLAIN, 1.0))
    assert table(strategy) == {}


def test_the_maximum_runs_over_what_is_legal_on_this_path():
    # Both paths meet in 2:C(8,1,1):8+, where a third convolution is too dear after the second one's beginning.
    space = small(limits=Limits(flops=25_000))
    strategy = agent(space, learning_rate=1.0, replay_episodes=1)
    strategy.tell(episode(1, "[C(8,1,1), C(8,1,1), C(8,1,1), SM(3)]", 1.0))
    assert table(strategy)["2:C(8,1,1):8+", "C(8,1,1)"] == (1.0, 1)
    strategy.tell(episode(2, "[C(16,1,1), C(8,1,1), SM(3)]", 0.0))
    assert table(strategy)["2:C(8,1,1):8+", "SM(3)"] == (0.0, 1)
    assert table(strategy)["1:C(16,1,1):8+", "C(8,1,1)"] == (0.5, 1)  # not 1.0: P(2,2) and GAP are still at 0.5


# Exploring


def test_epsilon_one_is_uniform_over_the_legal_actions():
    space, counts = small(), defaultdict(Counter)
    strategy = agent(space, learning_rate=0.5)
    for number, architecture in enumerate((POOLED, PLAIN), start=1):
        strategy.tell(episode(number, architecture, 1.0))  # what is known must not matter
    for number in range(4000):
        for step in ask(strategy, number, 1.0).steps:
            counts[step.state, step.choices][step.action] += 1
    statistic = freedom = 0
    for (_, choices), taken in counts.items():
        expected = sum(taken.values()) / len(choices)
        if expected >= 20 and len(choices) > 1:
            statistic += sum((taken[choice] - expected) ** 2 / expected for choice in choices)
            freedom += len(choices) - 1
    assert freedom > 50
    # The sum of chi-squares has mean `freedom` and variance 2 * freedom: five deviations, once in a million seeds.
    assert statistic < freedom + 5 * (2 * freedom) ** 0.5


def test_epsilon_zero_takes_the_best():
    strategy = agent(learning_rate=0.5)
    strategy.tell(episode(1, POOLED, 1.0))
    assert {ask(strategy, number, 0.0).architecture for number in range(50)} == {POOLED}
    strategy.tell(episode(2, "[GAP(3), SM(3)]", 2.0))
    assert {ask(strategy, number, 0.0).architecture for number in range(50)} == {"[GAP(3), SM(3)]"}


def test_epsilon_zero_breaks_ties_at_random():
    strategy = agent()
    firsts = Counter(ask(strategy, number, 0.0).steps[0].action for number in range(6000))
    assert len(firsts) == 6
    # 5 degrees of freedom: exceeded once in a million seeds.
    assert sum((count - 1000) ** 2 / 1000 for count in firsts.values()) < 35.9


def test_epsilon_zero_leaves_out_what_proved_bad():
    strategy = agent(learning_rate=0.5)
    strategy.tell(episode(1, "[SM(3)]", 0.0))
    firsts = {ask(strategy, number, 0.0).steps[0].action for number in range(200)}
    assert firsts == {"C(8,1,1)", "C(8,3,1)", "C(16,1,1)", "C(16,3,1)", "GAP(3)"}


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 0.9])
def test_epsilon_is_the_share_of_uniform_steps(epsilon):
    strategy = agent(learning_rate=0.5)
    strategy.tell(episode(1, "[SM(3)]", 1.0))
    asked = 6000
    taken = sum(ask(strategy, number, epsilon).architecture == "[SM(3)]" for number in range(asked))
    share = 1 - epsilon + epsilon / 6
    # Five standard deviations of a binomial: exceeded once in 1.7 million seeds.
    assert abs(taken - asked * share) < 5 * (asked * share * (1 - share)) ** 0.5


# Nothing but history and seed


def test_asking_never_learns():
    strategy, other = agent(), agent()
    told = history(agent(), 10)
    for one in told:
        ask(strategy, one.number, 0.3)
        strategy.tell(one)
        ask(strategy, one.number + 5, 1.0)
        other.tell(one)
    assert table(strategy) == table(other)
    assert [ask(strategy, n, 0.5) for n in (20, 3, 20)] == [ask(other, n, 0.5) for n in (20, 3, 20)]


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 3), st.booleans())
@settings(deadline=None, derandomize=True, max_examples=40)
def test_restoring_equals_telling_everything_to_the_bit(cut, second_cut, seed, after_repeats):
    changes = {"learning_rate": 0.3, "replay_episodes": 7, "replay_after_repeats": after_repeats}
    whole = agent(seed=seed, **changes)
    told = history(whole, 40)
    assert any(one.reused for one in told)
    stored: dict[tuple[str, str], QValue] = {}
    first = agent(seed=seed, **changes)
    for number, one in enumerate(told[:cut]):
        first.tell(one)
        if number % 3 == 0:
            stored |= {(value.state, value.action): value for value in first.snapshot()}
    stored |= {(value.state, value.action): value for value in first.snapshot()}
    second = agent(seed=seed, **changes)
    second.restore(told[:cut], reversed(stored.values()))
    assert table(second) == table(first)
    for one in told[cut : cut + second_cut]:
        second.tell(one)
    stored |= {(value.state, value.action): value for value in second.snapshot()}
    third = agent(seed=seed, **changes)
    third.restore(iter(told[: cut + second_cut]), stored.values())
    for one in told[cut + second_cut :]:
        third.tell(one)
    assert table(third) == table(whole)
    for epsilon in (0.0, 0.5):
        assert [ask(third, n, epsilon) for n in range(41, 44)] == [ask(whole, n, epsilon) for n in range(41, 44)]


def test_an_architecture_is_walked_once_and_only_when_it_is_replayed(monkeypatch):
    space, walked = small(), []
    walk = space.trajectory
    monkeypatch.setattr(space, "trajectory", lambda architecture: walked.append(architecture) or walk(architecture))
    told = [episode(n, (POOLED, PLAIN)[n % 2], 1.0, model=n % 2) for n in range(1, 41)]
    strategy = agent(space)
    strategy.restore(told, [])
    assert walked == []
    strategy.tell(episode(41, POOLED, 1.0))
    assert sorted(walked) == sorted([POOLED, PLAIN])


def test_another_seed_explores_and_replays_otherwise():
    asked = [[ask(agent(seed=seed), number, 1.0).architecture for number in range(10)] for seed in (0, 1)]
    assert asked[0] != asked[1]
    told = history(agent(), 10)
    tables = []
    for seed in (0, 1):
        strategy = agent(seed=seed)
        for one in told:
            strategy.tell(one)
        tables.append(table(strategy))
    assert tables[0].keys() == tables[1].keys()
    assert tables[0] != tables[1]


def test_another_process_proposes_the_same():
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from contracts.agents import configured, history
from contracts.spaces import small
from metaqnn.strategies.q_learning import QLearning
strategy = QLearning(configured(preset="paper"), small(), 5)
for one in history(strategy, 30, 0.4):
    print(one.architecture)
for value in sorted(strategy.values(), key=str):
    print(value.state, value.action, value.value.hex(), value.updates)
"""
    tests = __file__.rsplit("/", 2)[0]
    ran = subprocess.run([sys.executable, "-c", code, tests], capture_output=True, text=True, check=True)
    strategy = agent(seed=5)
    lines = [one.architecture for one in history(strategy, 30, 0.4)]
    lines += [f"{v.state} {v.action} {v.value.hex()} {v.updates}" for v in sorted(strategy.values(), key=str)]
    assert ran.stdout.splitlines() == lines


def test_an_architecture_of_another_space_is_refused():
    with pytest.raises(ValueError, match=r"C\(64,3,1\) is not legal in state 0:start:8\+"):
        agent().tell(episode(1, "[C(64,3,1), SM(3)]", 0.5))


# The section of the file


def test_the_preset_paper():
    assert list(STRATEGIES["q_learning"].PRESETS) == ["default", "paper", "block_qnn"]
    assert asdict(configured(preset="paper")) == {
        "name": "q_learning",
        "preset": "paper",
        "learning_rate": 0.01,
        "discount": 1.0,
        "initial_q": 0.5,
        "replay_episodes": 100,
        "replay_after_repeats": False,
        "reward_shaping": "none",
        "planning": None,
        "schedule": (
            (1.0, 1500),
            *((epsilon, 100) for epsilon in (0.9, 0.8, 0.7)),
            *((tenths / 10, 150) for tenths in (6, 5, 4, 3, 2, 1)),
        ),
        "max_repeats": 500,
    }


def test_the_preset_block_qnn():
    config = configured(preset="block_qnn")
    assert (config.learning_rate, config.discount, config.reward_shaping) == (0.01, 1.0, "uniform")
    assert config.planning is None
    iterations = [(epsilon, models / 64) for epsilon, models in config.schedule]
    seven, ten = [(tenths / 10, 7) for tenths in (9, 8, 7)], [(tenths / 10, 10) for tenths in (6, 5, 4, 3, 2)]
    assert iterations == [(1.0, 95), *seven, *ten, (0.1, 12)]
    assert sum(models for _, models in iterations) == 178
    assert QLearning(config, small(), 0).default_models == 11_392


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"reward_shaping": "linear"},
            "reward_shaping: 'linear' is not one of its values; valid names are none, uniform",
        ),
        ({"learning_rate": 0.0}, "learning_rate: expected above 0 and at most 1, got 0.0"),
        ({"learning_rate": 1.01}, "learning_rate: expected above 0 and at most 1, got 1.01"),
        ({"learning_rate": "nan"}, "learning_rate: expected above 0 and at most 1, got nan"),
        ({"discount": -0.1}, "discount: expected from 0 to 1, got -0.1"),
        ({"discount": 1.1}, "discount: expected from 0 to 1, got 1.1"),
        ({"initial_q": "inf"}, "initial_q: expected a finite number, got inf"),
        ({"initial_q": "nan"}, "initial_q: expected a finite number, got nan"),
        ({"replay_episodes": -1}, "replay_episodes: expected from 0 to 100000, got -1"),
        ({"replay_episodes": 100_001}, "replay_episodes: expected from 0 to 100000, got 100001"),
        ({"schedule": []}, "schedule: expected at least one stage [epsilon, models], got []"),
        ({"schedule": [[1.5, 10]]}, "schedule: expected every epsilon from 0 to 1, got 1.5"),
        ({"schedule": [[1.0, 0]]}, "schedule: expected at least 1 model in every stage, got 0"),
        ({"max_repeats": 0}, "max_repeats: expected at least 1, got 0"),
        (
            {"schedule": [[1.0, 10, 3]]},
            "schedule[0]: expected a list of 2 items (a number, a whole number), got a list [1.0, 10, 3]",
        ),
        ({"learning_rte": 1}, "learning_rte: there is no such key; did you mean 'learning_rate'?"),
    ],
)
def test_a_section_that_is_refused(changes, problem):
    with pytest.raises(ConfigError) as error:
        configured(preset="paper", **changes)
    assert str(error.value) == f"test: strategy.{problem}"


@pytest.mark.parametrize("learning_rate", [1e-300, 1.0])
def test_the_rates_at_the_edge_are_allowed(learning_rate):
    assert configured(preset="paper", learning_rate=learning_rate).learning_rate == learning_rate
