"""Where a recorded search stands in its schedule of epsilon, and its summary with that."""

from metaqnn.core import Exploration, Strategy
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.summary import Summary, read_summary
from metaqnn.strategies.schedule import Schedule


def summarise(reader: ReplayReader, schedule: Schedule | None) -> Summary:
    """Read the summary of a search, also while it runs.

    Args:
        reader: the database.
        schedule: of its strategy, scaled to the budget that it began with; None where there is none.
    """
    with reader.snapshot():
        if schedule is None:
            return read_summary(reader, Exploration(), Strategy.max_repeats)
        progress = schedule.recorded(reader.episodes(), reader.proposals())
        return read_summary(reader, schedule.describe(progress), schedule.max_repeats)
