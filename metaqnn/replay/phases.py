"""Where the time of the workers went, as they measured it themselves."""

from dataclasses import dataclass

from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.tables import Table


@dataclass(frozen=True)
class PhaseTime:
    """What one phase took of the evaluations that were measured.

    Attributes:
        phase: its name; `waiting` is the time since the evaluation before.
        seconds: of all of them together.
        share: of the workers' time, in [0, 1].
        mean, largest: seconds of an evaluation.
        evaluations: that were measured.
    """

    phase: str
    seconds: float
    share: float
    mean: float
    largest: float
    evaluations: int


_TOTALS = """
    SELECT key, sum(value), max(value),
           (SELECT count(*) FROM evaluations WHERE purpose = 'search' AND phase_seconds != '{}')
    FROM evaluations e, json_each(e.phase_seconds) p WHERE purpose = 'search' GROUP BY key ORDER BY 2 DESC, min(p.id)"""


def read_phases(reader: ReplayReader) -> tuple[PhaseTime, ...]:
    """Every phase of a search, the longest first; nothing where nothing was measured, as in older databases."""
    _, rows = reader.query(_TOTALS)
    whole = sum(seconds for _, seconds, *_ in rows)
    return tuple(
        PhaseTime(phase, seconds, seconds / whole if whole else 0.0, seconds / count, largest, count)
        for phase, seconds, largest, count in rows
    )


def profile(reader: ReplayReader) -> Table:
    """The phases as a table."""
    times = read_phases(reader)
    rows: list[tuple[object, ...]] = [(time.phase, time.mean, time.largest, time.share) for time in times]
    if times:
        rows.append(("all", sum(time.mean for time in times), None, 1.0))
    title = f"Where the workers' time went, in seconds a candidate; n = {times[0].evaluations if times else 0}"
    return Table(title, ("phase", "mean", "largest", "share"), tuple(rows), frozenset({"share"}))
