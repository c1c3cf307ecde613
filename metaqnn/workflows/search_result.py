"""What a search from Python gives back: its best, its records as DataFrames, its figures."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from metaqnn.config import nearest
from metaqnn.errors import MetaqnnError
from metaqnn.replay.frames import Replay, open_replay
from metaqnn.replay.leaderboard import RankedModel
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.loop import Ending

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from metaqnn.reports.pictures import Job


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        best: the best architecture with its score and costs; None where none was evaluated to the end.
        database: the file, for `metaqnn replay`, `report` and everything else.
        ending: why it ended.
    """

    best: RankedModel | None
    database: Path
    ending: Ending

    def open(self) -> Replay:
        """The database as DataFrames, read anew each time; close it, or use it in a `with`."""
        return open_replay(self.database)

    @property
    def models(self) -> "pd.DataFrame":
        """Every architecture with what it gave, in the order of proposal."""
        with self.open() as replay:
            return replay.models

    @property
    def episodes(self) -> "pd.DataFrame":
        """The replay memory in the order of learning."""
        with self.open() as replay:
            return replay.episodes

    @property
    def curves(self) -> "pd.DataFrame":
        """Every point of every learning curve."""
        with self.open() as replay:
            return replay.curves

    @property
    def figure_names(self) -> tuple[str, ...]:
        """The figures that `figure` draws, those of the report of this search."""
        return tuple(_jobs(self.database))

    def figure(self, name: str = "trace") -> "Figure":
        """A figure of the report, as Matplotlib's; a notebook shows it.

        Raises:
            MetaqnnError: there is no such figure of this search.
        """
        from metaqnn.reports.drawing import style

        jobs = _jobs(self.database)
        if name not in jobs:
            raise MetaqnnError(f"{name!r} is no figure of {self.database}; {nearest(name, jobs)}")
        with style():
            figure: Figure = jobs[name].draw()
            figure.draw_without_rendering()  # in this style, whatever the reader's own is
        return figure

    def _repr_html_(self) -> str:
        """For notebooks."""
        best = self.best
        rows = [("Ended", str(self.ending).replace("_", " ")), ("Database", str(self.database))]
        if best is not None:
            costs = ", ".join(f"{name} {value:,.10g}" for name, value in best.costs.items())
            rows = [("Best", f"model {best.model}"), ("Score", f"{best.score:.6g}"), ("Costs", costs or "-"), *rows]
            rows.insert(1, ("Architecture", best.architecture))
        cells = "".join(
            f'<tr><th style="text-align: left">{escape(name)}</th>'
            f'<td style="text-align: left">{escape(value)}</td></tr>'
            for name, value in rows
        )
        return f"<table>{cells}</table>"


def _jobs(database: Path) -> "dict[str, Job]":
    """The figures of a report by name."""
    from metaqnn.reports.pictures import figure_jobs
    from metaqnn.workflows.report import read_report

    with ReplayReader(database) as reader:
        return {job.name: job for job in figure_jobs(read_report(reader))}
