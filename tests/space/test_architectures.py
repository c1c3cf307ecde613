"""All architectures of a space, one after another."""

from itertools import islice

from contracts.spaces import listed, paper, small, tiny

from metaqnn.core import Space


def count(space: Space, state) -> int:
    """The networks behind a state, counted by what the rules say alone."""
    if space.is_terminal(state):
        return 1
    return sum(count(space, space.step(state, action)) for action in space.actions(state))


def test_the_six_networks_of_the_tiny_space_in_the_order_of_actions():
    assert list(tiny().architectures()) == [
        "[C(8,1,1), C(8,1,1), SM(3)]",
        "[C(8,1,1), P(2,2), SM(3)]",
        "[C(8,1,1), GAP(3), SM(3)]",
        "[C(8,1,1), SM(3)]",
        "[GAP(3), SM(3)]",
        "[SM(3)]",
    ]


def test_the_small_space_has_each_network_once_and_all_of_them():
    space = small()
    texts = list(space.architectures())
    assert (
        len(texts) == len(set(texts)) == count(small(), small().initial_state()) == 154
    )  # by hand, see test_layer_space
    assert [space.trajectory(text).architecture for text in texts] == texts


def test_the_order_is_that_of_the_actions_at_every_step():
    space = small()
    places = [
        [step.choices.index(step.action) for step in space.trajectory(text).steps] for text in space.architectures()
    ]
    assert places == sorted(places)


def test_every_third_network_of_the_small_space():
    assert len(list(listed().architectures())) == 52  # numbers 1, 4, ..., 154


def test_a_space_without_bounds_gives_its_first_networks_at_once():
    first, second = islice(paper().architectures(), 2)
    assert first == f"[{'C(64,1,1), ' * 18}SM(10)]"
    assert second == f"[{'C(64,1,1), ' * 17}C(64,3,1), SM(10)]"


def test_two_spaces_give_the_same_networks():
    assert list(small().architectures()) == list(small().architectures())
