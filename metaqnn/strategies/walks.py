"""Ways to walk a space that several strategies share."""

from collections.abc import Callable, Collection, Sequence

from metaqnn.core import Space, Step, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.equations import greedy_choices


def random_walk(space: Space, stream: Stream) -> Trajectory:
    """A walk in which every step is uniform over the legal actions."""
    return space.walk(lambda _, choices: stream.integer(len(choices)))


def epsilon_greedy(
    values: Callable[[str, tuple[str, ...]], Sequence[float]], epsilon: float, stream: Stream
) -> Callable[[str, tuple[str, ...]], int]:
    """The choices of a walk that is uniform with probability epsilon at each step, else greedy with ties at random.

    Args:
        values: the values of legal actions in a state.
        epsilon: in [0, 1].
        stream: what is drawn comes from it.
    """

    def choose(state: str, choices: tuple[str, ...]) -> int:
        if stream.uniform() < epsilon:
            return stream.integer(len(choices))
        best = greedy_choices(values(state, choices))
        return best[stream.integer(len(best))] if len(best) > 1 else best[0]

    return choose


def open_places(steps: Sequence[Step]) -> list[int]:
    """The steps of a path, from 0, that could have gone otherwise; empty in a space of one network."""
    return [place for place, step in enumerate(steps) if len(step.choices) > 1]


def deviating_walk(space: Space, steps: Sequence[Step], places: Collection[int], stream: Stream) -> Trajectory:
    """A walk along a path that takes a different action at some of its steps.

    The path's later actions are kept while they are legal; from the first that is not, the rest is sampled uniformly.

    Args:
        space: what `steps` are of.
        steps: the path.
        places: where to deviate, from 0; of `open_places`.
        stream: what is drawn comes from it.
    """
    position, is_kept = 0, True

    def choose(_: str, choices: tuple[str, ...]) -> int:
        nonlocal position, is_kept
        here, position = position, position + 1
        is_kept = is_kept and here < len(steps) and steps[here].action in choices
        if not is_kept:
            return stream.integer(len(choices))
        kept = choices.index(steps[here].action)
        if here not in places or len(choices) == 1:
            return kept
        other = stream.integer(len(choices) - 1)
        return other + (other >= kept)

    return space.walk(choose)


def walk_through(space: Space, steps: Sequence[Step], place: int, choice: int, stream: Stream) -> Trajectory:
    """A walk along a path that takes one other action.

    As `deviating_walk`, but of one place, and with the action that is taken there.

    Args:
        space, steps, stream: as there.
        place: where to deviate, from 0.
        choice: index of what to take among the choices there.
    """
    position, is_kept = 0, True

    def choose(_: str, choices: tuple[str, ...]) -> int:
        nonlocal position, is_kept
        here, position = position, position + 1
        if here == place:
            return choice
        is_kept = is_kept and here < len(steps) and steps[here].action in choices
        return choices.index(steps[here].action) if is_kept else stream.integer(len(choices))

    return space.walk(choose)
