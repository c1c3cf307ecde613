"""What every space inherits, over one that is no layer space."""

import copy
import pickle

import pytest

from metaqnn.core import Space, Step, Trajectory
from metaqnn.errors import IllegalArchitectureError


class Words(Space):
    """Words of up to three letters from "ab" that end with a full stop."""

    all_actions = ("a", "b", ".")
    max_steps = 4

    def initial_state(self):
        return ""

    def is_terminal(self, state):
        return state.endswith(".")

    def actions(self, state):
        return self.all_actions if len(state) < 3 else (".",)

    def step(self, state, action):
        return state + action

    def key(self, state):
        return len(state), state[-1:]

    def parse(self, text):
        return tuple(text)

    def format(self, actions):
        return "".join(actions)

    def costs(self, actions):
        return {"steps": len(actions)}


def test_walking():
    met = []

    def choose(state, choices):
        met.append((state, choices))
        return 1 if len(met) == 1 else 2

    assert Words().walk(choose) == Trajectory(
        (Step("(0, '')", "b", ("a", "b", ".")), Step("(1, 'b')", ".", ("a", "b", "."))), "b."
    )
    assert met == [("(0, '')", ("a", "b", ".")), ("(1, 'b')", ("a", "b", "."))]


def test_the_trajectory_of_an_architecture():
    steps = Words().trajectory("aba.").steps
    assert [step.action for step in steps] == ["a", "b", "a", "."]
    assert steps[3] == Step("(3, 'a')", ".", (".",))


def test_an_incomplete_architecture():
    with pytest.raises(IllegalArchitectureError, match=r"^ab: the network is incomplete at \(2, 'b'\)$"):
        Words().trajectory("ab")


def test_an_architecture_that_goes_on_after_its_end():
    with pytest.raises(IllegalArchitectureError, match=r"^a\.b: nothing may follow step 2$"):
        Words().trajectory("a.b")


def test_an_illegal_action():
    with pytest.raises(IllegalArchitectureError) as error:
        Words().trajectory("abab.")
    assert str(error.value) == "abab.: b is not legal in state (3, 'a'); legal there: ."


def test_texts_are_made_once():
    space = Words()
    first, second = space.trajectory("a."), space.trajectory("a.")
    assert first == second
    assert first.steps[1].state is second.steps[1].state
    assert first.steps[1].choices is second.steps[1].choices


class Questions(Words):
    """Words that note which states they are asked about."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def actions(self, state):
        self.asked.append(state)
        return super().actions(state)


def test_a_state_is_asked_about_once():
    space = Questions()
    paths = [space.trajectory(word) for word in ("aba.", "ab.", "b.", "aba.")]
    assert paths == [Words().trajectory(word) for word in ("aba.", "ab.", "b.", "aba.")]
    assert space.asked == ["", "a", "ab", "aba", "b"]


def test_a_walk_that_was_broken_off_leaves_nothing_wrong():
    space = Words()
    with pytest.raises(IllegalArchitectureError):
        space.trajectory("ab")
    with pytest.raises(IndexError):
        space.walk(lambda _, choices: len(choices))
    assert space.trajectory("abb.") == Words().trajectory("abb.")


def test_what_walks_remember_is_bounded(monkeypatch):
    monkeypatch.setattr("metaqnn.core.space.NODES_AT_MOST", 5)
    space, words = Questions(), list(Words().architectures())
    assert [space.trajectory(word) for word in words] == [Words().trajectory(word) for word in words]
    assert space.asked.count("") > len(words) // 5


def test_copies_know_nothing_of_the_walks():
    space = Questions()
    path = space.trajectory("aba.")
    for other in (copy.copy(space), copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        other.asked = []
        assert other.trajectory("aba.") == path
        assert other.asked == ["", "a", "ab", "aba"]


class Slotted(Words):
    """One that keeps something in a slot."""

    __slots__ = ("kept",)


def test_copies_keep_what_stands_in_slots():
    space = Slotted()
    space.kept = 3
    space.trajectory("aba.")
    for other in (copy.copy(space), copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert (other.kept, other.facts) == (3, {})
