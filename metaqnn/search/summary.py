"""Where a recorded search stands in its schedule of epsilon, and its summary with that."""

from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.summary import Summary, novelty, read_summary
from metaqnn.strategies.schedule import Progress, Schedule


def summarise(reader: ReplayReader, schedule: Schedule) -> Summary:
    """Read the summary of a search, also while it runs."""
    with reader.snapshot():
        progress = recorded_progress(reader, schedule)
        epsilon = None if schedule.is_over(progress) else schedule.epsilon(progress)
        exhausted = tuple(schedule.stages[stage][0] for stage in progress.exhausted)
        return read_summary(reader, epsilon, exhausted, schedule.max_repeats)


def recorded_progress(reader: ReplayReader, schedule: Schedule) -> Progress:
    """Where a recorded search stands in its schedule."""
    return schedule.progress(novelty(reader.episodes(), reader.proposals()))
