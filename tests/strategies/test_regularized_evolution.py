"""Regularized evolution: mutations, ageing, and the sample that a parent is the best of."""

from collections import Counter, defaultdict
from itertools import islice

import pytest
from contracts.agents import STRATEGIES, ask, configured, episode
from contracts.spaces import chain, listed, small

from metaqnn.errors import ConfigError
from metaqnn.seeding import Stream
from metaqnn.strategies.regularized_evolution import RegularizedEvolution, mutated

SPACE = chain(*[4] * 6)


def agent(population: int, sample: int, space=SPACE, seed: int = 0) -> RegularizedEvolution:
    return RegularizedEvolution(configured("regularized_evolution", population=population, sample=sample), space, seed)


def told(strategy: RegularizedEvolution, *episodes: tuple[str, float]) -> RegularizedEvolution:
    for number, (architecture, reward) in enumerate(episodes, start=1):
        strategy.tell(episode(number, architecture, reward))
    return strategy


def differing(first: str, second: str) -> list[int]:
    """The places at which two networks of a chain differ."""
    return [place for place, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]


def parents(strategy: RegularizedEvolution, candidates: list[str], count: int) -> Counter:
    """Whose children are proposed; the candidates are so far apart that a child has one parent."""
    found = Counter()
    for number in range(count):
        child = ask(strategy, number, 0.0).architecture
        (parent,) = (text for text in candidates if len(differing(text, child)) == 1)
        found[parent] += 1
    return found


# Mutation on a chain


@pytest.mark.parametrize("parent", ["00000", "21302", "11101"])
def test_a_mutation_changes_one_action_to_another_and_keeps_the_rest(parent):
    space, changes = chain(3, 2, 4, 1, 3), Counter()
    steps = space.trajectory(parent).steps
    for number in range(6000):
        trajectory = mutated(space, steps, Stream(0, "mutate", number))
        assert space.trajectory(trajectory.architecture) == trajectory
        (place,) = differing(parent, trajectory.architecture)
        changes[place, trajectory.architecture[place]] += 1
    # Four places can be changed, all equally likely, and the other actions of a place are too.
    expected = {
        (place, action): 6000 / 4 / (count - 1)
        for place, count in enumerate((3, 2, 4, 1, 3))
        for action in map(str, range(count))
        if action != parent[place]
    }
    assert changes.keys() == expected.keys()
    assert len(expected) == 8
    # 7 degrees of freedom: exceeded once in a million seeds.
    assert sum((changes[change] - mean) ** 2 / mean for change, mean in expected.items()) < 40.5


def test_every_stream_mutates_exactly_one_place():
    space = chain(*[2] * 4)
    for parent in space.architectures():
        steps = space.trajectory(parent).steps
        children = {mutated(space, steps, Stream(0, "mutate", number)).architecture for number in range(200)}
        # A child is missed by 200 streams with odds of (3/4)**200.
        assert children == {other for other in space.architectures() if len(differing(parent, other)) == 1}


def test_a_space_of_one_network_has_one_mutation():
    space = chain(1, 1, 1)
    parent = space.trajectory("000")
    assert mutated(space, parent.steps, Stream(0, "mutate", 1)) == parent


def test_the_parent_is_not_changed():
    steps = SPACE.trajectory("012301").steps
    mutated(SPACE, steps, Stream(0, "mutate", 1))
    assert steps == SPACE.trajectory("012301").steps


# Mutation where not everything is legal everywhere


@pytest.mark.parametrize(("space", "every"), [(small(), 10), (small(max_depth=5), 80), (listed(), 5)])
def test_what_is_legal_after_the_change_is_kept_until_something_is_not(space, every):
    kept = released = 0
    for parent in islice(space.architectures(), 0, None, every):
        old = space.trajectory(parent).steps
        for number in range(60):
            child = mutated(space, old, Stream(1, "mutate", number))
            assert space.trajectory(child.architecture) == child
            place = next(at for at, step in enumerate(child.steps) if at == len(old) or step.action != old[at].action)
            assert place < len(old)  # a change, not only something more behind the parent's end
            for at, step in list(enumerate(child.steps))[place + 1 :]:
                if at >= len(old) or old[at].action not in step.choices:
                    released += 1
                    break
                assert step.action == old[at].action
                kept += 1
    assert kept > 100
    assert released > 100


def test_all_places_of_a_path_are_as_likely():
    space = small()
    parent = space.trajectory("[C(8,3,1), P(2,2), SM(3)]").steps
    assert [len(step.choices) > 1 for step in parent] == [True, True, True]
    counts = Counter()
    for number in range(6000):
        child = mutated(space, parent, Stream(2, "mutate", number)).steps
        counts[next(at for at, step in enumerate(child) if step.action != parent[at].action)] += 1
    # 2 degrees of freedom: exceeded once in a million seeds.
    assert sum((counts[place] - 2000) ** 2 / 2000 for place in range(3)) < 27.6


def test_places_without_a_choice_are_never_changed():
    space = small(max_depth=5)
    parent = next(
        trajectory.steps
        for trajectory in map(space.trajectory, space.architectures())
        if len(trajectory.steps) > 3 and sum(len(step.choices) == 1 for step in trajectory.steps) > 0
    )
    changeable = {at for at, step in enumerate(parent) if len(step.choices) > 1}
    places = set()
    for number in range(500):
        child = mutated(space, parent, Stream(3, "mutate", number)).steps
        places.add(next(at for at, step in enumerate(child) if step.action != parent[at].action))
    assert places == changeable < set(range(len(parent)))


def test_from_the_first_action_that_is_not_legal_the_rest_is_random():
    space = small(max_depth=5)
    # Where a network grows beyond its parent's end nothing of the parent is left to keep.
    parent = space.trajectory("[SM(3)]").steps
    counts = defaultdict(Counter)
    for number in range(6000):
        child = mutated(space, parent, Stream(4, "mutate", number)).steps
        assert child[0].action != "SM(3)"
        for step in child:
            counts[step.state, tuple(c for c in step.choices if step.state[0] != "0" or c != "SM(3)")][step.action] += 1
    statistic = freedom = 0
    for (_, choices), taken in counts.items():
        expected = sum(taken.values()) / len(choices)
        if expected >= 20 and len(choices) > 1:
            statistic += sum((taken[choice] - expected) ** 2 / expected for choice in choices)
            freedom += len(choices) - 1
    assert freedom > 50
    # The sum of chi-squares has mean `freedom` and variance 2 * freedom: seven deviations, less than once in a million.
    assert statistic < freedom + 7 * (2 * freedom) ** 0.5


# The population


def test_until_the_population_is_full_everything_is_random():
    strategy = told(agent(3, 2, chain(2, 2)), ("01", 1.0), ("01", 1.0))
    counts = Counter(ask(strategy, number, 0.0).architecture for number in range(4000))
    # 3 degrees of freedom: exceeded once in a million seeds.
    assert sum((counts[text] - 1000) ** 2 / 1000 for text in ("00", "01", "10", "11")) < 30.7
    strategy.tell(episode(3, "01", 1.0))
    assert {ask(strategy, number, 0.0).architecture for number in range(100)} == {"00", "11"}


def test_the_oldest_leaves_however_good_it_was():
    strategy = told(agent(2, 2), ("000000", 0.9), ("111111", 0.5))
    networks = ["000000", "111111", "222222", "333333"]
    assert parents(strategy, networks, 200).keys() == {"000000"}
    strategy.tell(episode(3, "222222", 0.4))  # 0.9 is gone; alive are 0.5 and 0.4
    assert parents(strategy, networks, 200).keys() == {"111111"}
    strategy.tell(episode(4, "333333", 0.3))
    assert parents(strategy, networks, 200).keys() == {"222222"}


def test_a_repeat_is_a_new_individual():
    strategy = told(agent(2, 2), ("000000", 0.9), ("111111", 0.5))
    strategy.tell(episode(3, "000000", 0.9, reused=True, model=1))
    strategy.tell(episode(4, "222222", 0.1))  # 0.5 leaves; the good network lives on in its second life
    assert parents(strategy, ["000000", "111111", "222222"], 200).keys() == {"000000"}


def test_the_parent_is_the_best_of_a_sample_without_repetition():
    networks = {"000000": 0.4, "111111": 0.3, "222222": 0.2, "333333": 0.1}
    strategy = told(agent(4, 2), *networks.items())
    counts = parents(strategy, list(networks), 6000)
    # Of six pairs the best is in three, the second the better of two, the third of one, and the worst of none.
    assert counts["333333"] == 0
    expected = {"000000": 3000, "111111": 2000, "222222": 1000}
    # 2 degrees of freedom: exceeded once in a million seeds.
    assert sum((counts[text] - mean) ** 2 / mean for text, mean in expected.items()) < 27.6


def test_a_sample_of_one_is_uniform():
    networks = {"000000": 0.4, "111111": 0.3, "222222": 0.2, "333333": 0.1}
    strategy = told(agent(4, 1), *networks.items())
    counts = parents(strategy, list(networks), 6000)
    # 3 degrees of freedom: exceeded once in a million seeds.
    assert sum((counts[text] - 1500) ** 2 / 1500 for text in networks) < 30.7


def test_a_space_of_one_network_is_proposed_for_ever():
    strategy = told(agent(1, 1, chain(1, 1)), ("00", 0.5))
    assert ask(strategy, 2, 0.0).architecture == "00"


def test_it_keeps_no_values():
    strategy = told(agent(2, 2), ("000000", 0.9), ("111111", 0.5))
    assert list(strategy.values()) == list(strategy.snapshot()) == []


# The section of the file


def test_the_preset():
    assert list(STRATEGIES["regularized_evolution"].PRESETS) == ["default"]
    config = configured("regularized_evolution")
    assert (config.population, config.sample) == (50, 10)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"population": 0}, "population: expected from 1 to 1000000, got 0"),
        ({"population": 1_000_001}, "population: expected from 1 to 1000000, got 1000001"),
        ({"sample": 0}, "sample: expected from 1 to strategy.population (50), got 0"),
        ({"sample": 51, "population": 50}, "sample: expected from 1 to strategy.population (50), got 51"),
        ({"schedule": []}, "schedule: expected at least one stage [epsilon, models], got []"),
        ({"max_repeats": 0}, "max_repeats: expected at least 1, got 0"),
        ({"populaton": 1}, "populaton: there is no such key; did you mean 'population'?"),
    ],
)
def test_a_section_that_is_refused(changes, problem):
    with pytest.raises(ConfigError) as error:
        configured("regularized_evolution", **{"population": 50, "sample": 10, **changes})
    assert str(error.value) == f"test: strategy.{problem}"


@pytest.mark.parametrize("changes", [{"population": 1, "sample": 1}, {"population": 1_000_000, "sample": 1_000_000}])
def test_the_bounds_themselves_are_allowed(changes):
    config = configured("regularized_evolution", **changes)
    assert (config.population, config.sample) == (changes["population"], changes["sample"])
