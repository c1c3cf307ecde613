"""The neighbours of a network: what one change of one decision makes of it.

On a chain these are the networks at Hamming distance 1, as in the encodings that searches by neighbourhoods are
published with. Where networks differ in length, a decision more and a decision less are neighbours, too.
"""

from collections.abc import Iterator, Sequence

from metaqnn.core import Space, Step, Trajectory
from metaqnn.seeding import Stream


class _NotLegalError(Exception):
    """What was to be followed is not legal."""


def neighbours(space: Space, steps: Sequence[Step], stream: Stream) -> Iterator[Trajectory]:
    """The neighbours of a path in random order, each made when it is asked for.

    A decision is taken otherwise, left out, or put in between. A decision that is taken otherwise may make later ones
    illegal: from the first of them on the rest is sampled. Whatever else is not legal is no neighbour.

    Args:
        space: what `steps` are of.
        steps: the path.
        stream: of the order, and of what is sampled.
    """
    taken = [step.action for step in steps]
    edits: list[tuple[list[str], bool]] = []
    for place, step in enumerate(steps):
        before, after = taken[:place], taken[place + 1 :]
        edits += [([*before, other, *after], True) for other in step.choices if other != step.action]
        edits += [([*before, other, step.action, *after], False) for other in step.choices]
        edits.append(([*before, *after], False))
    for index in stream.permutation(len(edits)).tolist():
        actions, may_be_completed = edits[index]
        trajectory = _following(space, actions, stream if may_be_completed else None)
        if trajectory is not None:
            yield trajectory


def _following(space: Space, actions: Sequence[str], stream: Stream | None) -> Trajectory | None:
    """A walk of these actions; from the first that is not legal it is sampled, or there is none without a stream."""
    place, is_followed = 0, True

    def choose(_: str, choices: tuple[str, ...]) -> int:
        nonlocal place, is_followed
        is_followed = is_followed and place < len(actions) and actions[place] in choices
        place += 1
        if is_followed:
            return choices.index(actions[place - 1])
        if stream is None:
            raise _NotLegalError
        return stream.integer(len(choices))

    try:
        trajectory = space.walk(choose)
    except _NotLegalError:
        return None
    return trajectory if stream is not None or place == len(actions) else None
