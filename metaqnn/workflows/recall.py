"""What the agent of a database knew, planned and expected: rebuilt from its seed and its recorded results."""

from collections.abc import Sequence

from metaqnn.core import Context, Episode, EpisodeOrigin, Proposal, Space, Strategy
from metaqnn.errors import ReplayError, counted
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.tables import Table
from metaqnn.search.position import Position
from metaqnn.workflows.components import stored_budget, stored_components, stored_experiment

_SURE = 1.96
"""Standard deviations about the mean within which 95 % of normally distributed values lie."""


def planned_table(
    reader: ReplayReader, episode: int, state: str | None, count: int, allowed: Sequence[str] = ()
) -> Table:
    """The Q-values that the proposal of an episode was walked on, the largest first.

    Args:
        reader: the database.
        episode: its number; one past the last is the next proposal.
        state: only states that begin with this text.
        count: at most so many.
        allowed: each `module:Name` that may be run although a database says so.

    Raises:
        ReplayError: there is no such episode, or nothing was planned for it.
    """
    strategy, _, context = _before(reader, episode, allowed)
    values = [value for value in strategy.planned_values(context) if value.state.startswith(state or "")]
    if not values and not state:
        raise ReplayError(
            f"{reader.path}: nothing was planned for episode {episode}: its strategy plans nothing, or knew too little "
            "yet; without --planned the stored Q-values are shown"
        )
    values.sort(key=lambda value: (-value.value, value.state, value.action))
    return Table(
        f"Q-values planned for episode {episode}",
        ("state", "action", "value"),
        tuple((value.state, value.action, value.value) for value in values[:count]),
    )


def expected_tables(reader: ReplayReader, architectures: Sequence[str], allowed: Sequence[str] = ()) -> list[Table]:
    """What the agent has learned from everything that is recorded.

    Returns:
        the rewards that it expects of networks, beside those that it knows; and what it has learned to matter, most
        first, unless it learns nothing of the kind.

    Raises:
        NotationError, IllegalArchitectureError: there is no such network in the space.
        ReplayError: the strategy has no expectations.
    """
    recording = reader.recording()
    strategy, space, _ = _before(reader, len(recording.episodes) + len(recording.proposals) + 1, allowed, told_all=True)
    known = {e.architecture: e.reward for e in recording.episodes}
    rows = []
    for text in architectures:
        trajectory = space.trajectory(text)
        expected = strategy.expect(trajectory)
        if expected is None:
            raise ReplayError(
                f"{reader.path}: its strategy expects nothing of a network, or knows too little yet "
                f"({counted(len(recording.episodes), 'episode')}); q_learning does with its preset 'default'"
            )
        around, measured = _SURE * expected.deviation, known.get(trajectory.architecture)
        row = (trajectory.architecture, expected.mean, expected.mean - around, expected.mean + around, measured)
        rows.append(row)
    tables = [Table("Expected rewards", ("architecture", "expected", "from", "to", "measured"), tuple(rows))]
    if matters := sorted(strategy.importances().items(), key=lambda item: -item[1]):
        tables.append(Table("What matters", ("what_differs", "importance"), tuple(matters)))
    return tables


def _before(
    reader: ReplayReader, number: int, allowed: Sequence[str], told_all: bool = False
) -> tuple[Strategy, Space, Context]:
    """The strategy as it was asked for an episode, its space, and what it was asked with."""
    experiment, components = stored_experiment(reader, allowed, evaluates=False), stored_components(reader, allowed)
    recording, strategy = reader.recording(), components.make_strategy()
    records: list[Episode | Proposal] = [*recording.episodes, *recording.proposals]
    if not 1 <= number <= len(records) + 1:
        raise ReplayError(
            f"{reader.path}: expected an episode from 1 to {len(records) + 1}, the next one, got {number}"
        )
    imported = sum(episode.origin is EpisodeOrigin.IMPORTED for episode in recording.episodes)
    last = len(recording.episodes) if told_all else max(imported, number - experiment.search.lookahead)
    position = Position(stored_budget(reader.config()))
    for record in records[: number - 1]:
        position.add(record)
    known: list[Episode] = list(recording.episodes[: min(last, number - 1)])
    strategy.restore(known, ())  # what is planned and expected does not follow from stored values
    position.tell(len(known))
    return strategy, components.space, position.context()
