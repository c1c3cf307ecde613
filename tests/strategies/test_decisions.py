"""Decisions on the way to a network: what they join, and how growth bounds them."""

import pytest
from contracts.anchors import Skips
from contracts.spaces import chain, listed, small

from metaqnn.errors import ConfigError, IllegalArchitectureError
from metaqnn.seeding import Stream
from metaqnn.strategies.decisions import DecisionWalker, GrowthConfig
from metaqnn.strategies.script import Anchor, Choice, Reading, Script


def longest(walker: DecisionWalker, number: int = 1):
    """The walk that never ends by its own will."""
    actions = {}

    def choose(decision):
        actions.setdefault(decision.choices, decision)
        return decision.allowed[0]

    return walker.walk(choose, number).architecture


@pytest.mark.parametrize("make", [Skips, small, listed, lambda: chain(3, 2, 4, 1, 3)])
def test_a_walk_is_one_of_the_space(make):
    space = make()
    walker = DecisionWalker(space)
    for number in range(20):
        stream = Stream(0, "walk", number)
        trajectory = walker.walk(lambda decision, s=stream: s.integer(len(decision.choices)), 1)
        assert trajectory == space.trajectory(trajectory.architecture)
        taken = [decision.choices[place] for decision, place in walker.decisions(trajectory.architecture, 1)]
        assert [str(space.all_actions[code]) for code in taken] == [step.action for step in trajectory.steps]


def test_anchors_are_decisions_with_something_to_join():
    space = Skips()
    found = [
        (decision.is_anchor, decision.joined) for decision, _ in DecisionWalker(space).decisions("a1;b2@0;a3@1", 1)
    ]
    anchors = [(True, (None, 1)), (True, (None, 1)), (True, (None, 3))]  # layers are joined at the step of their digit
    plain = (False, ())
    assert found == [plain, plain, plain, plain, anchors[0], plain, plain, anchors[1], anchors[2], plain]


def test_a_space_without_anchors_has_none():
    assert not any(decision.is_anchor for decision, _ in DecisionWalker(listed()).decisions("[SM(3)]", 1))


def test_the_script_of_a_network():
    walker = DecisionWalker(Skips())
    script, start = Script(walker.actions), walker.actions
    code = {str(action): place for place, action in enumerate(Skips().all_actions)}
    for decision, place in walker.decisions("a1;b2@0;a3@0@1", 1):
        script.add(decision, place)
    assert script.readings == [
        *(Reading(start, ()), Reading(code["a"], ())),
        *(Reading(code["1"], ()), Reading(code["b"], ())),  # row 3 has read the first layer
        Reading(code["2"], ()),  # at the second layer's anchors: row 5 has read it
        *(Reading(code["2"], (3,)), Reading(code["a"], ())),  # the second layer joined the first
        Reading(code["3"], ()),  # at the third layer's anchors
        Reading(code["3"], (3, 5)),
    ]
    letters, digits = (code["a"], code["b"]), (code["1"], code["2"], code["3"])
    assert script.choices[:3] == [Choice(1, letters, 0), Choice(2, digits, 0), Choice(3, (*letters, code["end"]), 1)]
    assert [choice.row for choice in script.choices] == [1, 2, 3, 4, 6, 7, 9]
    assert script.anchors == [Anchor(5, (None, 3), 1), Anchor(8, (None, 3), 1), Anchor(8, (None, 5), 1)]


# Growth


@pytest.mark.parametrize(("number", "most"), [(1, 6), (1600, 6), (1601, 8), (3201, 10), (12_800, 20)])
def test_the_paper_s_growth(number, most):
    assert GrowthConfig().most(number) == most


@pytest.mark.parametrize(("start", "layers"), [(0, 1), (1, 2), (2, 3), (9, 4)])
def test_a_network_ends_where_it_first_may_when_it_has_grown(start, layers):
    """The first layer cannot be left out: its beginning is no decision that might have ended the network."""
    walker = DecisionWalker(Skips(4), GrowthConfig(start, 0, 1))
    assert longest(walker).count(";") + 1 == layers


def test_of_layers_of_the_paper_s_space_each_is_counted():
    # SM ends a network of layers, and GAP, which leaves nothing but SM.
    space = small(max_depth=6)
    for start in range(5):
        architecture = longest(DecisionWalker(space, GrowthConfig(start, 0, 1)))
        assert architecture.count("C(") == start
        assert architecture.endswith("SM(3)]")


def test_growth_is_by_the_number_of_the_episode():
    walker = DecisionWalker(Skips(4), GrowthConfig(0, 1, 10))
    assert [longest(walker, number).count(";") for number in (1, 10, 11, 21, 31)] == [0, 0, 1, 2, 3]


def test_where_no_network_can_end_early_nothing_is_bounded():
    for space in (chain(3, 3, 3), Skips(3, is_fixed=True)):
        seen = []
        DecisionWalker(space, GrowthConfig(0, 0, 1)).walk(lambda decision: seen.append(decision) or 0, 1)  # noqa: B023
        assert all(decision.allowed == tuple(range(len(decision.choices))) for decision in seen)


def test_a_larger_network_from_elsewhere_is_read_all_the_same():
    walker = DecisionWalker(Skips(4), GrowthConfig(1, 0, 1))
    found = walker.decisions("a1;b2;a3;a1", 1)
    assert len(found) == 14
    assert all(place in decision.allowed for decision, place in found)


def test_an_architecture_of_another_space_is_refused():
    with pytest.raises(IllegalArchitectureError, match="is not legal"):
        DecisionWalker(Skips(2)).decisions("a1;a9", 1)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((-1, 2, 3), "start: expected from 0 to 1000000, got -1"),
        ((1, -2, 3), "add: expected from 0 to 1000000, got -2"),
        ((1, 2, 0), "every: expected from 1 to 1000000, got 0"),
    ],
)
def test_a_growth_that_is_refused(options, problem):
    with pytest.raises(ConfigError, match=problem):
        GrowthConfig(*options)
