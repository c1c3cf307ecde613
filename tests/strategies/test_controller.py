"""The controller: how it takes in rewards, what its seed and its options decide, and whether it learns."""

import math
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from contracts.agents import STRATEGIES, ask, configured, episode, history
from contracts.anchors import Skips
from contracts.spaces import chain, small
from scipy.stats import binom

from metaqnn.core import Context
from metaqnn.errors import ConfigError
from metaqnn.seeding import Stream
from metaqnn.strategies.adam import Adam
from metaqnn.strategies.controller import Controller
from metaqnn.strategies.script import Script
from metaqnn.testing import StrategyContract


def agent(space=None, seed: int = 0, preset: str = "default", **changes) -> Controller:
    return Controller(configured("controller", preset, **changes), space or chain(*[3] * 4), seed)


def script_of(strategy: Controller, architecture: str, number: int = 1) -> Script:
    script = Script(strategy.policy.actions)
    for decision, place in strategy._walker.decisions(architecture, number):
        script.add(decision, place)
    return script


class TestOverAnchors(StrategyContract):
    """The suite of strategies on a space with anchors; other spaces are in `tests/contracts`."""

    recorded = tuple({"epsilon": epsilon} for epsilon in (0.0, 0.7, 1.0))

    @pytest.fixture(params=["default", "paper", "grown"])
    def make_strategy(self, request):
        if request.param == "grown":
            growth = {"start": 1, "add": 1, "every": 10}
            return lambda space, seed: agent(space, seed, growth=growth)
        return lambda space, seed: agent(space, seed, request.param)

    @pytest.fixture
    def space(self):
        return Skips()


# Rewards


def test_the_advantage_is_over_a_moving_average_of_earlier_rewards():
    strategy = agent(baseline_decay=0.5, entropy_weight=0.25, learning_rate=0.01, episodes_per_update=1)
    by_hand = agent().policy
    adam = Adam(by_hand.flat, 0.01)
    # The baseline goes 1/2, 3/4, 3/8; the variance 0, (1/2)^2 / 2 = 1/8, (1/8 + (3/4)^2) / 2 = 11/32.
    told = [("0120", 0.5, 0.0, 0.0), ("2211", 1.0, 0.5, 1 / 8), ("0000", 0.0, -0.75, 11 / 32)]
    for number, (text, reward, advantage, variance) in enumerate(told, start=1):
        strategy.tell(episode(number, text, reward))
        scripts = [script_of(strategy, text)]
        adam.climb(by_hand.gradient(scripts, [advantage], 0.25 * math.sqrt(variance)))
        assert strategy.policy.flat.tolist() == by_hand.flat.tolist()


def test_an_update_is_made_of_several_episodes():
    strategy, by_hand = agent(episodes_per_update=3, baseline_decay=0.0, entropy_weight=0.0), agent().policy
    before = by_hand.flat.copy()
    for number, (text, reward) in enumerate([("0120", 0.5), ("2211", 1.0)], start=1):
        strategy.tell(episode(number, text, reward))
        assert strategy.policy.flat.tolist() == before.tolist()
    strategy.tell(episode(3, "0000", 0.25))
    scripts = [script_of(strategy, text) for text in ("0120", "2211", "0000")]
    Adam(by_hand.flat, strategy.config.learning_rate).climb(by_hand.gradient(scripts, [0.0, 0.5, -0.75], 0.0))
    assert strategy.policy.flat.tolist() == by_hand.flat.tolist()


@pytest.mark.parametrize(("reward", "exponent", "raised"), [(0.5, 3, 0.125), (-0.5, 2, -0.25), (0.5, 1, 0.5)])
def test_rewards_are_raised_to_a_power(reward, exponent, raised):
    strategy = agent(reward_exponent=exponent, baseline_decay=0.0)
    assert strategy._advantage(0.0) == 0.0
    assert strategy._advantage(reward) == raised


def test_a_good_network_becomes_more_likely_and_a_bad_one_less():
    for reward, sign in ((1.0, 1), (0.0, -1)):
        strategy = agent(Skips(), episodes_per_update=1, entropy_weight=0.0)
        strategy.tell(episode(1, "b3", 0.5))
        asked = [ask(strategy, number, 0.0).architecture for number in range(500)]
        network = asked[0]
        for number in range(2, 22):
            strategy.tell(episode(number, network, reward))
            strategy._baseline = 0.5
        after = [ask(strategy, number, 0.0).architecture for number in range(500)]
        assert sign * (after.count(network) - asked.count(network)) > 0


# Growth, seeds, delays


def test_networks_grow_with_the_number_of_the_episode():
    strategy = agent(Skips(6), growth={"start": 0, "add": 1, "every": 30})
    largest = [0] * 5
    for number in range(1, 151):
        layers = ask(strategy, number, 0.0).architecture.count(";") + 1
        largest[(number - 1) // 30] = max(largest[(number - 1) // 30], layers)
    assert largest[:2] == [1, 2]
    assert all(layers <= at + 1 for at, layers in enumerate(largest))
    assert largest[4] > 2


def test_what_the_growth_of_an_episode_ruled_out_counts_for_nothing():
    # At the bound ending is the only choice, which teaches nothing of when to end.
    grown = script_of(agent(Skips(4), growth={"start": 0, "add": 0, "every": 1}), "a1")
    free = script_of(agent(Skips(4)), "a1")
    assert [len(choice.actions) for choice in grown.choices] == [2, 3, 1]
    assert [len(choice.actions) for choice in free.choices] == [2, 3, 3]


def test_the_seed_draws_the_weights_and_the_proposals():
    first, second = agent(seed=1).policy.flat, agent(seed=2).policy.flat
    assert (first != second).all()
    assert max(np.abs(first).max(), np.abs(second).max()) <= 0.3
    paper = agent(preset="paper").policy.flat
    assert 0.079 < np.abs(paper).max() <= 0.08
    asked = [[ask(agent(chain(*[9] * 9), seed), n, 0.0).architecture for n in range(5)] for seed in (1, 2)]
    assert set(asked[0]).isdisjoint(asked[1])


BITS = "15ceedadf6ef6fe245251a9c4fb9520a"
"""A hash of what it proposed and of its weights, as recorded once."""

HASHED = """
import sys
from hashlib import blake2b
sys.path.insert(0, sys.argv[1])
from contracts.agents import configured, episode
from contracts.anchors import Skips
from metaqnn.core import Context
from metaqnn.strategies.controller import Controller

strategy, waiting, found = Controller(configured("controller"), Skips(6), 7), [], blake2b(digest_size=16)
for number in range(1, 61):
    if len(waiting) == 4:
        strategy.tell(waiting.pop(0))
    architecture = strategy.ask(Context(number, 60, number - 1, 0)).architecture
    found.update(architecture.encode())
    waiting.append(episode(number, architecture, architecture.count("@") / 15))
print(blake2b(found.digest() + strategy.policy.flat.astype("<f8").tobytes(), digest_size=16).hexdigest())
"""


@pytest.mark.parametrize("is_scalar", [False, True])
def test_it_proposes_and_learns_the_same_bits_whatever_the_processor_can_do(is_scalar):
    """As recorded; and without the vector instructions that NumPy chooses among at run time."""
    core = np._core._multiarray_umath
    features = [feature for feature in core.__cpu_dispatch__ if is_scalar and core.__cpu_features__[feature]]
    ran = subprocess.run(
        [sys.executable, "-c", HASHED, str(Path(__file__).parents[1])],
        env=os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(features)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.strip() == BITS, ran.stderr


def test_results_that_come_late_change_what_is_asked_and_not_what_is_learned():
    """Asked before some results are in, as with a lookahead, it proposes by older weights; updates are of the told."""
    strategy, waiting, told = agent(Skips()), [], agent(Skips())
    asked = []
    for number in range(1, 41):
        if len(waiting) == 5:
            strategy.tell(waiting.pop(0))
        architecture = ask(strategy, number, 0.0).architecture
        asked.append(architecture)
        waiting.append(episode(number, architecture, len(architecture) / 20))
    for one in waiting:
        strategy.tell(one)
    for number, architecture in enumerate(asked, start=1):
        told.tell(episode(number, architecture, len(architecture) / 20))
    assert strategy.policy.flat.tolist() == told.policy.flat.tolist()
    at_once = agent(Skips())
    for number in range(1, 41):
        architecture = ask(at_once, number, 0.0).architecture
        at_once.tell(episode(number, architecture, len(architecture) / 20))
    assert at_once.policy.flat.tolist() != told.policy.flat.tolist()


def test_an_imported_network_that_is_larger_than_it_may_be_is_learned_from():
    strategy = agent(Skips(4), growth={"start": 0, "add": 0, "every": 1}, episodes_per_update=1)
    before = strategy.policy.flat.copy()
    strategy.tell(episode(1, "a1;b2;a3@0;a1", 0.5))
    strategy.tell(episode(2, "a1;b2;a3@0;a2", 0.9))
    assert (strategy.policy.flat != before).any()


def test_it_keeps_no_values():
    strategy = agent()
    strategy.tell(episode(1, "0120", 0.8))
    assert list(strategy.values()) == list(strategy.snapshot()) == []


def test_what_is_legal_is_read_from_the_space():
    strategy = agent(small(), entropy_weight=1.0, learning_rate=0.05)
    for one in history(agent(small(), seed=1), 40):
        strategy.tell(one)
    space = small()
    for number in range(100):
        trajectory = ask(strategy, number, 0.0)
        assert space.trajectory(trajectory.architecture) == trajectory


# Whether it learns


@pytest.mark.parametrize("seed", range(3))
def test_it_learns(seed):
    """Of eight positions with four choices each one choice is right, and the reward is the share of right ones.

    The mean of 100 random networks is that of 800 draws with odds of 1/4: above 0.4 with odds below 1e-20.
    """
    assert binom.sf(320, 800, 0.25) < 1e-20
    right = "".join(map(str, Stream(seed, "right").integers(4, 8)))
    strategy, total = agent(chain(*[4] * 8), seed), 0.0
    for number in range(1, 601):
        text = ask(strategy, number, 0.0).architecture
        reward = sum(map(str.__eq__, text, right)) / 8
        total += reward if number > 500 else 0.0
        strategy.tell(episode(number, text, reward))
    assert total / 100 > 0.6


@pytest.mark.parametrize("wanted", [lambda layer, joined: joined == 0, lambda layer, joined: joined == layer - 1])
@pytest.mark.parametrize("seed", range(2))
def test_it_learns_what_to_join(seed, wanted):
    """Of four layers each is to join the first alone, or the one before it alone; nothing else matters.

    Three of six anchors are to join: at random, and with the same choice at each, the mean is 1/2. Joining the one
    before is harder, as it is another one of each layer.
    """
    space = Skips(4, is_fixed=True)
    strategy, total = agent(space, seed), 0.0
    pairs = [(layer, joined) for layer in range(4) for joined in range(layer)]
    for number in range(1, 601):
        architecture = ask(strategy, number, 0.0).architecture
        layers = architecture.split(";")
        right = [(f"@{joined}" in layers[layer]) == wanted(layer, joined) for layer, joined in pairs]
        reward = sum(right) / len(right)
        total += reward if number > 500 else 0.0
        strategy.tell(episode(number, architecture, reward))
    assert total / 100 > 0.7


# The section of the file


def test_the_presets():
    assert list(STRATEGIES["controller"].PRESETS) == ["default", "paper"]
    assert asdict(configured("controller", "paper")) == {
        "name": "controller",
        "preset": "paper",
        "hidden_units": 35,
        "layers": 2,
        "weight_range": 0.08,
        "learning_rate": 0.0006,
        "episodes_per_update": 8,
        "baseline_decay": 0.9,
        "reward_exponent": 3,
        "entropy_weight": 0.0,
        "growth": {"start": 6, "add": 2, "every": 1600},
        "schedule": ((1.0, 12_800),),
        "max_repeats": 500,
    }
    assert agent(preset="paper").default_models == 12_800
    assert configured("controller").growth is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"hidden_units": 0}, "hidden_units: expected from 1 to 512, got 0"),
        ({"hidden_units": 513}, "hidden_units: expected from 1 to 512, got 513"),
        ({"layers": 0}, "layers: expected from 1 to 8, got 0"),
        ({"weight_range": 0.0}, "weight_range: expected above 0 and at most 10, got 0.0"),
        ({"learning_rate": 0.0}, "learning_rate: expected above 0 and below 1, got 0.0"),
        ({"learning_rate": "nan"}, "learning_rate: expected above 0 and below 1, got nan"),
        ({"episodes_per_update": 0}, "episodes_per_update: expected from 1 to 1000, got 0"),
        ({"baseline_decay": 1.0}, "baseline_decay: expected from 0 to below 1, got 1.0"),
        ({"reward_exponent": 0}, "reward_exponent: expected from 1 to 10, got 0"),
        ({"entropy_weight": -0.1}, "entropy_weight: expected from 0 to below 10, got -0.1"),
        ({"growth": {"start": -1}}, "growth.start: expected from 0 to 1000000, got -1"),
        ({"growth": {"begin": 1}}, "growth.begin: there is no such key; valid names are add, every, start"),
        ({"max_repeats": 0}, "max_repeats: expected at least 1, got 0"),
    ],
)
def test_a_section_that_is_refused(changes, problem):
    with pytest.raises(ConfigError) as error:
        configured("controller", **changes)
    assert str(error.value) == f"test: strategy.{problem}"


def test_a_proposal_is_the_same_after_the_same_history_in_another_context():
    strategy = agent(Skips())
    for one in history(agent(Skips()), 10):
        strategy.tell(one)
    assert strategy.ask(Context(20, 100, 5, 3)) == strategy.ask(Context(20, 2700, 19, 0))
