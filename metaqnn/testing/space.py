"""What every space keeps (`metaqnn.core.Space`)."""

import math
from collections.abc import Callable

import pytest

from metaqnn.core import Space, Trajectory
from metaqnn.errors import IllegalArchitectureError, NotationError
from metaqnn.seeding import Stream


class SpaceContract:
    """Subclass it as `TestX` with a fixture `make_space`: a function that makes the space anew."""

    @pytest.fixture
    def space(self, make_space: Callable[[], Space]) -> Space:
        """The space under test."""
        return make_space()

    @pytest.fixture
    def trajectories(self, space: Space) -> list[Trajectory]:
        """A hundred random walks."""
        return [space.walk(self._choose(number)) for number in range(100)]

    @staticmethod
    def _choose(number: int) -> Callable[[str, tuple[str, ...]], int]:
        stream = Stream(0, "space contract", number)
        return lambda _, choices: stream.integer(len(choices))

    def test_every_walk_ends_in_time(self, space, trajectories):
        assert all(1 <= len(trajectory.steps) <= space.max_steps for trajectory in trajectories)

    def test_the_initial_state_is_always_the_same_and_not_terminal(self, space, make_space):
        assert not space.is_terminal(space.initial_state())
        assert space.key(space.initial_state()) == make_space().key(space.initial_state())
        assert str(space.key(space.initial_state())) == str(make_space().key(make_space().initial_state()))

    def test_legal_actions_are_some_of_all_in_the_fixed_order(self, space, trajectories):
        everything = [str(action) for action in space.all_actions]
        assert len(set(everything)) == len(everything)
        for trajectory in trajectories:
            for step in trajectory.steps:
                assert step.choices
                assert step.action in step.choices
                assert list(step.choices) == [action for action in everything if action in step.choices]

    def test_states_do_not_change_under_a_step(self, space, trajectories):
        for trajectory in trajectories[:20]:
            state = space.initial_state()
            for action in space.parse(trajectory.architecture):
                before = space.key(state), space.actions(state), space.is_terminal(state)
                following = space.step(state, action)
                assert (space.key(state), space.actions(state), space.is_terminal(state)) == before
                assert space.key(space.step(state, action)) == space.key(following)
                state = following
            assert space.is_terminal(state)

    def test_keys_and_actions_hash_and_their_texts_tell_them_apart(self, space, trajectories):
        for values in (self.keys(space, trajectories), set(space.all_actions)):
            assert len({str(value) for value in values}) == len(values)

    @staticmethod
    def keys(space, trajectories) -> set:
        keys = set()
        for trajectory in trajectories:
            state = space.initial_state()
            for action in space.parse(trajectory.architecture):
                keys.add(space.key(state))
                state = space.step(state, action)
            keys.add(space.key(state))
        return keys

    def test_an_architecture_is_its_canonical_text(self, space, make_space, trajectories):
        for trajectory in trajectories:
            assert space.format(space.parse(trajectory.architecture)) == trajectory.architecture
            assert make_space().format(make_space().parse(trajectory.architecture)) == trajectory.architecture

    def test_a_trajectory_is_recomputed_from_its_architecture(self, make_space, trajectories):
        again = make_space()
        assert [again.trajectory(trajectory.architecture) for trajectory in trajectories] == trajectories

    def test_two_spaces_walk_alike(self, make_space, trajectories):
        again = make_space()
        for number, trajectory in enumerate(trajectories):
            assert again.walk(self._choose(number)) == trajectory

    def test_costs_are_numbers_of_the_architecture_alone(self, space, make_space, trajectories):
        names = {tuple(space.costs(space.parse(trajectory.architecture))) for trajectory in trajectories}
        assert len(names) == 1, "the same names for every architecture, in one order"
        for trajectory in trajectories[:20]:
            costs = space.costs(space.parse(trajectory.architecture))
            assert costs == make_space().costs(make_space().parse(trajectory.architecture))
            for name, value in costs.items():
                assert isinstance(name, str)
                assert name.isidentifier()
                assert isinstance(value, int | float)
                assert math.isfinite(value)

    def test_what_an_action_joins_was_decided_before(self, space, make_space, trajectories):
        for trajectory in trajectories[:20]:
            state = space.initial_state()
            for number, action in enumerate(space.parse(trajectory.architecture)):
                joined = [space.joined_step(state, each) for each in space.actions(state)]
                assert joined == [make_space().joined_step(state, each) for each in space.actions(state)]
                assert all(step is None or 0 <= step < number for step in joined)
                state = space.step(state, action)

    @pytest.mark.parametrize("text", ["", "(", "no network", "\x00"])
    def test_a_text_that_is_no_architecture_is_refused(self, space, text):
        with pytest.raises((NotationError, IllegalArchitectureError)):
            space.trajectory(text)
