"""Where the time of the workers went, as they measured it themselves."""

import json
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
    """

    phase: str
    seconds: float
    share: float
    mean: float
    largest: float


def read_phases(reader: ReplayReader) -> tuple[PhaseTime, ...]:
    """Every phase of a search, the longest first; nothing where nothing was measured, as in older databases."""
    _, rows = reader.query("SELECT phase_seconds FROM evaluations WHERE purpose = 'search' AND phase_seconds != '{}'")
    measured = [json.loads(text) for (text,) in rows]
    names = dict.fromkeys(name for phases in measured for name in phases)
    taken = {name: [phases.get(name) or 0.0 for phases in measured] for name in names}
    total = sum(map(sum, taken.values()))
    times = [
        PhaseTime(name, sum(seconds), sum(seconds) / total if total else 0.0, sum(seconds) / len(rows), max(seconds))
        for name, seconds in taken.items()
    ]
    return tuple(sorted(times, key=lambda time: -time.seconds))


def profile(reader: ReplayReader) -> Table:
    """The phases as a table."""
    times = read_phases(reader)
    rows: list[tuple[object, ...]] = [(time.phase, time.mean, time.largest, time.share) for time in times]
    _, ((count,),) = reader.query("SELECT count(*) FROM evaluations WHERE purpose = 'search' AND phase_seconds != '{}'")
    title = f"Where the workers' time went, in seconds a candidate; n = {count}"
    if times:
        rows.append(("all", sum(time.mean for time in times), None, 1.0))
    return Table(title, ("phase", "mean", "largest", "share"), tuple(rows), frozenset({"share"}))
