"""Linear UCB: best returns, and the most promising deviations from the best episodes."""

import subprocess
import sys
from collections import Counter
from dataclasses import asdict

import pytest
from contracts.agents import STRATEGIES, accuracy_of, ask, configured, episode, history
from contracts.spaces import chain, small

from metaqnn.core import QValue
from metaqnn.errors import ConfigError
from metaqnn.seeding import Stream
from metaqnn.strategies.credit_model import CreditModel
from metaqnn.strategies.linear_ucb import LinearUCB, LinearUCBConfig
from metaqnn.strategies.schedule import Schedule

DEFAULT = LinearUCBConfig("linear_ucb")


def agent(space=None, seed: int = 0, **changes) -> LinearUCB:
    return LinearUCB(configured("linear_ucb", **changes), space or small(), seed)


def told(strategy: LinearUCB, *episodes: tuple[str, float]) -> LinearUCB:
    for number, (architecture, reward) in enumerate(episodes, start=1):
        strategy.tell(episode(number, architecture, reward))
    return strategy


def values_of(strategy: LinearUCB) -> dict[tuple[str, str], tuple[float, int]]:
    return {(value.state, value.action): (value.value, value.updates) for value in strategy.values()}


def distance(first: str, second: str) -> int:
    """At how many places two networks of a chain differ."""
    return sum(a != b for a, b in zip(first, second, strict=True))


def asked(strategy: LinearUCB, count: int, epsilon: float = 0.0) -> list[str]:
    return [ask(strategy, number, epsilon).architecture for number in range(1, count + 1)]


# Values


def test_a_value_is_the_best_return_seen_from_a_pair():
    strategy = told(agent(chain(2, 2)), ("01", 0.5), ("11", 0.75), ("00", 0.25))
    assert values_of(strategy) == {
        ("0:start", "0"): (0.5, 2),
        ("1:0", "1"): (0.5, 1),
        ("0:start", "1"): (0.75, 1),
        ("1:1", "1"): (0.75, 1),
        ("1:0", "0"): (0.25, 1),
    }


def test_pairs_that_paths_share_take_the_better_return_of_both():
    strategy = told(agent(), ("[C(8,3,1), P(2,2), SM(3)]", 0.25), ("[C(8,3,1), SM(3)]", 0.75))
    assert values_of(strategy) == {
        ("0:start:8+", "C(8,3,1)"): (0.75, 2),
        ("1:C(8,3,1):8+", "P(2,2)"): (0.25, 1),
        ("2:P(2,2):4-7", "SM(3)"): (0.25, 1),
        ("1:C(8,3,1):8+", "SM(3)"): (0.75, 1),
    }


def test_a_repeat_teaches_nothing():
    space = chain(*[4] * 4)
    strategy = agent(space, random_first=3)
    told(strategy, ("0123", 0.5), ("3210", 0.75), ("2222", 0.25))
    before = values_of(strategy), asked(strategy, 30)
    strategy.snapshot()
    strategy.tell(episode(4, "2222", 1.0, reused=True, model=3))
    assert (values_of(strategy), asked(strategy, 30)) == before
    assert strategy.snapshot() == []


def test_a_snapshot_is_what_was_updated_since_the_last():
    strategy = told(agent(chain(2, 2)), ("01", 0.5))
    assert sorted(strategy.snapshot(), key=str) == [QValue("0:start", "0", 0.5, 1), QValue("1:0", "1", 0.5, 1)]
    strategy.tell(episode(2, "00", 0.25))
    assert sorted(strategy.snapshot(), key=str) == [QValue("0:start", "0", 0.5, 2), QValue("1:0", "0", 0.25, 1)]
    assert strategy.snapshot() == []


# Random walks


def test_the_first_networks_are_random_and_unknown():
    strategy = told(agent(chain(2, 2, 3), random_first=4), ("000", 1.0), ("111", 0.0), ("010", 0.5))
    counts = Counter(asked(strategy, 9000))
    # Uniform over the nine that are unknown; 8 degrees of freedom: exceeded once in a million seeds. That twenty walks
    # meet the three known networks alone has odds of 4**-20.
    assert len(counts) == 9
    assert counts.keys().isdisjoint({"000", "111", "010"})
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 42.7


def test_what_was_told_does_not_move_the_first_networks():
    good, bad = agent(random_first=10), agent(random_first=10)
    for number in range(1, 11):
        trajectory = ask(good, number, 0.0)
        assert ask(bad, number, 0.0) == trajectory
        good.tell(episode(number, trajectory.architecture, accuracy_of(trajectory.architecture)))
        bad.tell(episode(number, trajectory.architecture, 1.0 - accuracy_of(trajectory.architecture)))
    assert asked(good, 20) != asked(bad, 20)


def test_repeats_do_not_count_among_the_first_networks():
    strategy = told(agent(chain(*[4] * 6), random_first=2), ("000000", 1.0))
    for number in range(2, 20):
        strategy.tell(episode(number, "000000", 1.0, reused=True, model=1))
    assert max(distance("000000", text) for text in asked(strategy, 50)) >= 5
    strategy.tell(episode(20, "000001", 0.0))
    assert strategy.config.further_deviation == DEFAULT.further_deviation
    close = agent(chain(*[4] * 6), random_first=2, further_deviation=0.0, best_episodes=1)
    told(close, ("000000", 1.0), ("000001", 0.0))
    assert {distance("000000", text) for text in asked(close, 50)} == {1}


def test_with_epsilon_one_unknown_neighbours_are_all_as_likely():
    space = chain(3, 3, 3)
    strategy = agent(space, random_first=1, best_episodes=1, further_deviation=0.0, optimism=0.0)
    told(strategy, ("000", 1.0), ("111", 0.0), ("100", 0.5))
    counts = Counter(asked(strategy, 5000, 1.0))
    # The five unknown ones of six neighbours; 4 degrees of freedom: exceeded once in a million seeds.
    assert sorted(counts) == ["001", "002", "010", "020", "200"]
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 33.4


def test_epsilon_is_the_share_of_proposals_that_the_model_does_not_choose():
    strategy = agent(chain(3, 3, 3), random_first=1, best_episodes=1, further_deviation=0.0, candidates=200)
    told(strategy, ("000", 1.0), ("111", 0.0), ("100", 0.5))
    chosen = ask(strategy, 9, 0.0).architecture
    count = sum(text != chosen for text in asked(strategy, 3000, 0.25))
    # Of the quarter that is explored, a fifth is what the model would have chosen; five standard deviations.
    assert abs(count - 600) < 5 * (3000 * 0.2 * 0.8) ** 0.5


# Deviations

FAR_APART = (("000000", 0.9), ("111111", 0.8), ("222222", 0.7), ("333333", 0.6), ("012301", 0.1))


def test_a_proposal_deviates_in_one_step_from_one_of_the_best():
    strategy = told(agent(chain(*[4] * 6), random_first=1, best_episodes=3, further_deviation=0.0), *FAR_APART)
    best = ["000000", "111111", "222222"]
    for text in asked(strategy, 300):
        assert [distance(text, other) for other in best].count(1) == 1


def test_all_of_the_best_are_deviated_from_alike():
    # A single candidate is taken whatever it promises.
    space = chain(*[4] * 6)
    strategy = told(agent(space, random_first=1, best_episodes=3, further_deviation=0.0, candidates=1), *FAR_APART[:-1])
    texts = asked(strategy, 3000)
    counts = [sum(distance(text, other) == 1 for text in texts) for other, _ in FAR_APART[:-1]]
    assert counts[3] == 0
    assert sum(counts) == 3000
    # 2 degrees of freedom: exceeded once in a million seeds.
    assert sum((count - 1000) ** 2 / 1000 for count in counts[:3]) < 27.6


def test_among_equally_good_episodes_the_earlier_is_deviated_from():
    space = chain(*[4] * 6)
    strategy = told(
        agent(space, random_first=1, best_episodes=1, further_deviation=0.0), ("000000", 0.5), ("333333", 0.5)
    )
    assert {distance(text, "000000") for text in asked(strategy, 100)} == {1}


def test_the_best_are_the_best_in_whatever_order_they_were_told():
    space = chain(*[4] * 6)
    for order in (FAR_APART, FAR_APART[::-1], (*FAR_APART[2:], *FAR_APART[:2])):
        strategy = told(agent(space, random_first=1, best_episodes=1, further_deviation=0.0), *order)
        assert {distance(text, "000000") for text in asked(strategy, 100)} == {1}


def test_deviations_go_further_with_the_given_probability():
    # A single candidate, so that it is taken; k changes have odds of (1 - p) * p**(k - 1), and each may meet a place
    # that was changed before: of nine places and nine other choices, it is turned back once in nine of these.
    places, others, further = 9, 9, 0.6
    here, expected = [1.0, *[0.0] * places], [0.0] * (places + 1)
    weight = 1 - further
    for _ in range(200):
        there = [0.0] * (places + 1)
        for d, odds in enumerate(here):
            if d:
                there[d - 1] += odds * d / places / others
                there[d] += odds * d / places * (others - 1) / others
            if d < places:
                there[d + 1] += odds * (places - d) / places
        here = there
        expected = [e + weight * h for e, h in zip(expected, here, strict=True)]
        weight *= further
    assert sum(expected) == pytest.approx(1.0)
    strategy = agent(chain(*[10] * 9), random_first=1, further_deviation=further, candidates=1)
    told(strategy, ("000000000", 1.0))
    found = Counter(distance(text, "000000000") for text in asked(strategy, 4000))
    assert found[0] == 0  # the best itself is known, and a random walk is taken instead, to a distance of 6 and more
    # Four binomials within five standard deviations: one in 400,000 seeds is outside.
    for d in (1, 2, 3, 4):
        mean = 4000 * expected[d]
        assert abs(found[d] - mean) < 5 * (mean * (1 - expected[d])) ** 0.5


def test_the_only_unknown_neighbour_is_found():
    # Of the best one's four neighbours three are known; 500 candidates miss the fourth with odds of (3/4)**500.
    strategy = agent(chain(3, 3, 1), random_first=1, best_episodes=1, further_deviation=0.0, candidates=500)
    told(strategy, ("000", 1.0), ("100", 0.1), ("200", 0.2), ("010", 0.3))
    assert set(asked(strategy, 30)) == {"020"}


def test_where_all_neighbours_are_known_an_unknown_network_is_walked_to():
    strategy = agent(chain(3, 3), random_first=1, best_episodes=1, further_deviation=0.0)
    told(strategy, ("00", 1.0), ("10", 0.1), ("20", 0.2), ("01", 0.3), ("02", 0.4))
    # Twenty walks miss the four others with odds of (5/9)**20, eight in a million.
    assert set(asked(strategy, 200)) == {"11", "12", "21", "22"}


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.0])
def test_where_everything_is_known_something_known_is_proposed(epsilon):
    space = chain(2, 2)
    strategy = told(agent(space, random_first=1), ("00", 0.1), ("01", 0.2), ("10", 0.3), ("11", 0.4))
    assert set(asked(strategy, 200, epsilon)) == {"00", "01", "10", "11"}


def test_a_space_with_fewer_networks_than_the_first_random_ones_is_exhausted_and_goes_on():
    strategy = agent(chain(2, 2, 2))
    episodes = history(strategy, 60, 0.1)
    assert len({one.architecture for one in episodes}) == 8
    # The last of eight is walked to in 20 tries with odds of 93 %, so all eight come early.
    assert len({one.architecture for one in episodes[:12]}) == 8


def test_what_is_unknown_is_proposed_while_the_space_is_large():
    strategy = agent()  # some hundreds of networks
    episodes = history(strategy, 120, 0.1)
    assert len({one.architecture for one in episodes}) == 120
    assert not any(one.reused for one in episodes)


# The most promising of them


def test_the_neighbour_of_the_largest_prediction_is_taken():
    space, seen = chain(3, 3, 3), Counter()
    for seed in range(30):
        firsts = Stream(seed, "told").permutation(27)[:8]
        episodes = [("".join(str(n // 3**k % 3) for k in range(3)), accuracy_of(f"{seed} {n}")) for n in firsts]
        # Six neighbours and 300 candidates: one of them is never looked at with odds of 6 * (5/6)**300, or 1e-23.
        optimism = seed % 3 / 2
        strategy = agent(
            space, seed, random_first=8, best_episodes=1, further_deviation=0.0, candidates=300, optimism=optimism
        )
        told(strategy, *episodes)
        credit = CreditModel(DEFAULT.action_variance, DEFAULT.pair_variance)
        for text, reward in episodes:
            credit.learn(space.trajectory(text).steps, reward)
        known = dict(episodes)
        best = max(known, key=known.get)
        neighbours = [text for text in space.architectures() if distance(text, best) == 1 and text not in known]
        paths = {text: space.trajectory(text).steps for text in neighbours}
        promises = {text: credit.predict(p) + optimism * credit.uncertainty(p) for text, p in paths.items()}
        assert ask(strategy, 9, 0.0).architecture == max(promises, key=promises.get)
        seen[len(neighbours)] += 1
    assert max(seen) == 6  # some choose among all their neighbours


def test_it_finds_the_best_of_an_additive_table():
    """Six positions with four choices, each worth something of its own, in random tables.

    All 20 searches had found the best of the 4096 networks after 23 to 40 proposals. 100 are allowed here, in which
    random search finds it with odds of 2.4 %, and in all 20 searches with odds of 1e-32.
    """
    for seed in range(20):
        stream = Stream(seed, "table")
        worth = [[stream.uniform() for _ in range(4)] for _ in range(6)]
        best = "".join(str(row.index(max(row))) for row in worth)
        strategy, found = agent(chain(*[4] * 6), seed), []
        for number in range(1, 101):
            text = ask(strategy, number, 0.1).architecture
            reward = sum(row[int(digit)] for row, digit in zip(worth, text, strict=True)) / 6
            strategy.tell(episode(number, text, reward, text in found))
            found.append(text)
        assert best in found


# Nothing but history and seed


def test_nothing_depends_on_the_budget():
    config = configured("linear_ucb")
    schedule = Schedule(config.schedule, config.max_repeats)
    novelty = [number % 3 > 0 for number in range(60)]
    epsilons, proposals = [], []
    for budget in (50, 5000):
        scaled = schedule.scaled(budget)
        assert scaled.total == budget
        progress = [scaled.progress(novelty[:length]) for length in range(60)]
        epsilons.append([scaled.epsilon(one) for one in progress])
        strategy = agent(schedule=[list(stage) for stage in scaled.stages])
        proposals.append([one.architecture for one in history(strategy, 40, epsilons[-1][0])])
    assert epsilons[0] == epsilons[1] == [DEFAULT.schedule[0][0]] * 60
    assert proposals[0] == proposals[1]


def test_another_seed_proposes_otherwise():
    texts = [asked(told(agent(seed=seed, random_first=1), ("[SM(3)]", 0.5)), 20) for seed in (0, 1)]
    assert texts[0] != texts[1]


def test_another_process_proposes_the_same():
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from contracts.agents import configured, history
from contracts.spaces import small
from metaqnn.strategies.linear_ucb import LinearUCB
strategy = LinearUCB(configured("linear_ucb"), small(), 5)
for one in history(strategy, 60, 0.2):
    print(one.architecture)
for value in sorted(strategy.values(), key=str):
    print(value.state, value.action, value.value.hex(), value.updates)
"""
    tests = __file__.rsplit("/", 2)[0]
    ran = subprocess.run([sys.executable, "-c", code, tests], capture_output=True, text=True, check=True)
    strategy = agent(seed=5)
    lines = [one.architecture for one in history(strategy, 60, 0.2)]
    lines += [f"{v.state} {v.action} {v.value.hex()} {v.updates}" for v in sorted(strategy.values(), key=str)]
    assert ran.stdout.splitlines() == lines


def test_an_architecture_of_another_space_is_refused():
    with pytest.raises(ValueError, match=r"C\(64,3,1\) is not legal in state 0:start:8\+"):
        agent().tell(episode(1, "[C(64,3,1), SM(3)]", 0.5))


# The section of the file


def test_the_preset():
    assert list(STRATEGIES["linear_ucb"].PRESETS) == ["default"]
    config = configured("linear_ucb")
    assert config == DEFAULT
    assert asdict(config) == {
        "name": "linear_ucb",
        "preset": "default",
        "random_first": 20,
        "best_episodes": 5,
        "candidates": 15,
        "further_deviation": 0.5,
        "optimism": 0.5,
        "action_variance": 5.6,
        "pair_variance": 1.4,
        "schedule": ((0.2, 2700),),
        "max_repeats": 500,
    }


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"random_first": 0}, "random_first: expected from 1 to 1000000, got 0"),
        ({"random_first": 1_000_001}, "random_first: expected from 1 to 1000000, got 1000001"),
        ({"best_episodes": 0}, "best_episodes: expected from 1 to 1000, got 0"),
        ({"best_episodes": 1001}, "best_episodes: expected from 1 to 1000, got 1001"),
        ({"candidates": 0}, "candidates: expected from 1 to 10000, got 0"),
        ({"candidates": 10_001}, "candidates: expected from 1 to 10000, got 10001"),
        ({"further_deviation": -0.1}, "further_deviation: expected a probability from 0 to 0.9, got -0.1"),
        ({"further_deviation": 0.91}, "further_deviation: expected a probability from 0 to 0.9, got 0.91"),
        ({"further_deviation": "nan"}, "further_deviation: expected a probability from 0 to 0.9, got nan"),
        ({"action_variance": 0.0}, "action_variance: expected above 0 and at most 1e6, got 0.0"),
        ({"action_variance": 1.1e6}, "action_variance: expected above 0 and at most 1e6, got 1100000.0"),
        ({"action_variance": "nan"}, "action_variance: expected above 0 and at most 1e6, got nan"),
        ({"pair_variance": 0.0}, "pair_variance: expected above 0 and at most 1e6, got 0.0"),
        ({"pair_variance": "inf"}, "pair_variance: expected above 0 and at most 1e6, got inf"),
        ({"schedule": []}, "schedule: expected at least one stage [epsilon, models], got []"),
        ({"schedule": [[1.5, 10]]}, "schedule: expected every epsilon from 0 to 1, got 1.5"),
        ({"schedule": [[1.0, 0]]}, "schedule: expected at least 1 model in every stage, got 0"),
        ({"max_repeats": 0}, "max_repeats: expected at least 1, got 0"),
        ({"candidate": 1}, "candidate: there is no such key; did you mean 'candidates'?"),
    ],
)
def test_a_section_that_is_refused(changes, problem):
    with pytest.raises(ConfigError) as error:
        configured("linear_ucb", **changes)
    assert str(error.value) == f"test: strategy.{problem}"


@pytest.mark.parametrize(
    "changes",
    [
        {"random_first": 1, "best_episodes": 1, "candidates": 1, "further_deviation": 0.0},
        {"random_first": 1_000_000, "best_episodes": 1000, "candidates": 10_000, "further_deviation": 0.9},
        {"action_variance": 1e-300, "pair_variance": 1e6},
    ],
)
def test_the_bounds_themselves_are_allowed(changes):
    config = configured("linear_ucb", **changes)
    assert {name: getattr(config, name) for name in changes} == changes
