"""The Q-table: learning along a trajectory by hand."""

from metaqnn.core import QValue, Step, Trajectory
from metaqnn.strategies.q_table import QTable


def path(*steps: tuple[str, str, str]) -> Trajectory:
    """A trajectory from (state, action, all choices in one word)."""
    return Trajectory(tuple(Step(state, action, tuple(choices)) for state, action, choices in steps), "")


THREE_STEPS = path(("s0", "a", "abc"), ("s1", "b", "ab"), ("s2", "c", "c"))


def values_of(table: QTable) -> dict[tuple[str, str], tuple[float, int]]:
    return {(entry.state, entry.action): (entry.value, entry.updates) for entry in table.entries()}


def test_three_steps_from_the_last_to_the_first():
    table = QTable(0.5)
    table.learn(table.bind(THREE_STEPS), reward=1.0, learning_rate=0.5, discount=1.0)
    # 0.5 + 0.5 (1 - 0.5); then toward max(0.75); then toward max(0.5, 0.625).
    assert values_of(table) == {("s2", "c"): (0.75, 1), ("s1", "b"): (0.625, 1), ("s0", "a"): (0.5625, 1)}


def test_a_discount():
    table = QTable(0.5)
    table.learn(table.bind(THREE_STEPS), reward=1.0, learning_rate=0.5, discount=0.5)
    # 0.75; 0.5 + 0.5 (0.5 * 0.75 - 0.5) = 0.4375; then toward 0.5 * max(0.5, 0.4375) = 0.25.
    assert values_of(table) == {("s2", "c"): (0.75, 1), ("s1", "b"): (0.4375, 1), ("s0", "a"): (0.375, 1)}


def test_a_bad_reward_leaves_the_better_choice_in_the_maximum():
    table = QTable(0.5)
    table.learn(table.bind(THREE_STEPS), reward=0.0, learning_rate=0.5, discount=1.0)
    # 0.25; toward 0.25: 0.375; the other choice in s1 is still worth 0.5, so the first is moved nowhere.
    assert values_of(table) == {("s2", "c"): (0.25, 1), ("s1", "b"): (0.375, 1), ("s0", "a"): (0.5, 1)}


def test_a_reward_that_is_shared_out():
    table = QTable(0.5)
    table.learn(table.bind(THREE_STEPS), 0.75, learning_rate=0.5, discount=1.0, reward_shaping="uniform")
    # A third each, 1/4: toward 1/4: 3/8; toward 1/4 + max(3/8); toward 1/4 + max(1/2, 9/16).
    assert values_of(table) == {("s2", "c"): (3 / 8, 1), ("s1", "b"): (9 / 16, 1), ("s0", "a"): (21 / 32, 1)}


def test_what_is_shared_out_adds_up_to_the_reward():
    table = QTable(0.0)
    table.learn(table.bind(THREE_STEPS), 0.75, learning_rate=1.0, discount=1.0, reward_shaping="uniform")
    # Of three shares the last step has one to come, and the first all.
    assert values_of(table) == {("s2", "c"): (0.25, 1), ("s1", "b"): (0.5, 1), ("s0", "a"): (0.75, 1)}


def test_a_shaped_reward_is_discounted():
    table = QTable(0.0)
    table.learn(table.bind(THREE_STEPS), 0.75, learning_rate=1.0, discount=0.5, reward_shaping="uniform")
    assert values_of(table) == {("s2", "c"): (0.25, 1), ("s1", "b"): (0.375, 1), ("s0", "a"): (0.4375, 1)}


def test_of_one_step_the_share_is_the_reward():
    table = QTable(0.5)
    table.learn(table.bind(path(("s0", "c", "abc"))), 1.0, 0.25, 1.0, "uniform")
    assert values_of(table) == {("s0", "c"): (0.625, 1)}


def test_learning_twice():
    table = QTable(0.5)
    bound = table.bind(THREE_STEPS)
    table.learn(bound, 1.0, 0.5, 1.0)
    table.learn(bound, 1.0, 0.5, 1.0)
    # 0.75 -> 0.875; 0.625 -> 0.75; 0.5625 -> 0.65625.
    assert values_of(table) == {("s2", "c"): (0.875, 2), ("s1", "b"): (0.75, 2), ("s0", "a"): (0.65625, 2)}


def test_one_step_is_its_reward():
    table = QTable(0.5)
    table.learn(table.bind(path(("s0", "c", "abc"))), 1.0, 0.25, 1.0)
    assert values_of(table) == {("s0", "c"): (0.625, 1)}


def test_the_maximum_runs_over_what_is_legal_on_this_path():
    table = QTable(0.5)
    rich = path(("s0", "a", "ab"), ("s1", "x", "xyz"), ("s2", "c", "c"))
    table.learn(table.bind(rich), 1.0, 1.0, 1.0)
    assert values_of(table)["s1", "x"] == (1.0, 1)
    poor = path(("s0", "b", "ab"), ("s1", "y", "yz"), ("s2", "c", "c"))
    table.learn(table.bind(poor), 0.0, 1.0, 1.0)
    # x is worth 1 in s1, but not legal on this path; z is, at its initial 0.5.
    assert values_of(table)["s0", "b"] == (0.5, 1)
    assert values_of(table)["s1", "y"] == (0.0, 1)


def test_a_single_legal_action():
    table = QTable(0.5)
    table.learn(table.bind(path(("s0", "a", "ab"), ("s1", "z", "z"))), 1.0, 1.0, 1.0)
    assert values_of(table) == {("s1", "z"): (1.0, 1), ("s0", "a"): (1.0, 1)}


def test_a_state_that_is_met_twice_on_one_path():
    table = QTable(0.5)
    table.learn(table.bind(path(("s", "a", "ab"), ("s", "b", "ab"))), 1.0, 0.5, 1.0)
    assert values_of(table) == {("s", "b"): (0.75, 1), ("s", "a"): (0.625, 1)}


def test_values_of_unknown_pairs_are_initial():
    table = QTable(0.25)
    assert table.values("s0", ("a", "b")) == [0.25, 0.25]
    table.learn(table.bind(THREE_STEPS), 1.0, 1.0, 1.0)
    assert table.values("s0", ("b", "a", "new")) == [0.25, 1.0, 0.25]
    assert table.entries() == [
        QValue(state, action, 1.0, 1) for state, action in (("s0", "a"), ("s1", "b"), ("s2", "c"))
    ]


def test_binding_alone_teaches_nothing():
    table = QTable(0.5)
    table.bind(THREE_STEPS)
    assert table.entries() == []
    assert table.take_changed() == []


def test_changes_are_taken_once():
    table = QTable(0.5)
    bound = table.bind(THREE_STEPS)
    table.learn(bound, 1.0, 0.5, 1.0)
    assert {entry.state for entry in table.take_changed()} == {"s0", "s1", "s2"}
    assert table.take_changed() == []
    table.learn(table.bind(path(("s2", "c", "c"))), 1.0, 0.5, 1.0)
    assert table.take_changed() == [QValue("s2", "c", 0.875, 2)]


def test_loading_what_was_stored():
    table = QTable(0.5)
    table.load([QValue("s0", "b", 0.75, 3), QValue("s9", "z", 0.125, 1)])
    assert values_of(table) == {("s0", "b"): (0.75, 3), ("s9", "z"): (0.125, 1)}
    assert table.values("s0", ("a", "b")) == [0.5, 0.75]
    assert table.take_changed() == []
    table.learn(table.bind(path(("s0", "b", "ab"))), 0.75, 0.5, 1.0)
    assert values_of(table)["s0", "b"] == (0.75, 4)
