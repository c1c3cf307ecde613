"""A recorded search in a few lines; nothing that it names is loaded but a built-in strategy, for its schedule."""

from metaqnn.core import Exploration, Strategy
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.summary import Summary, read_summary
from metaqnn.workflows.components import stored_schedule


def summarise(reader: ReplayReader) -> Summary:
    """Read the summary of a search, also while it runs."""
    schedule = stored_schedule(reader)
    with reader.snapshot():
        if schedule is None:
            return read_summary(reader, Exploration(), Strategy.max_repeats)
        progress = schedule.recorded(reader.episodes(), reader.proposals())
        return read_summary(reader, schedule.describe(progress), schedule.max_repeats)
