"""Which figures a report has, with what each shows in words."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from metaqnn.errors import counted
from metaqnn.reports import figure_tables as tables
from metaqnn.reports import figures, trace_figures
from metaqnn.reports.baseline import RandomSearchBaseline
from metaqnn.reports.drawing import Axis
from metaqnn.reports.figure_tables import FigureTable, table_of
from metaqnn.reports.report_data import ReportData


@dataclass(frozen=True)
class Job:
    """A figure to be made: the name of its files, what it shows for those who do not see it, and its numbers."""

    name: str
    alternative: str
    draw: Callable[[], Any]
    table: Callable[[], FigureTable]


def figure_jobs(data: ReportData) -> list[Job]:
    """The figures for which there is something to show, in the order of the page."""
    axis = Axis(data.score, data.domain.metric(data.score))
    return [
        *_of_trace(data, axis),
        *_of_values(data),
        *_of_expectations(data),
        *_of_top(data, axis),
        *_of_costs(data, axis),
        *_of_evaluations(data, axis),
        *_of_baseline(data, axis),
        *data.domain.jobs(data.own),
    ]


def curve_name(rank: int) -> str:
    """The name of the figure with the learning curve of a top architecture."""
    return f"top-{rank:02}-curve"


def cost_name(data: ReportData, cost: str) -> str:
    """The name of the figure of the score against a cost, whatever characters it has."""
    return f"{data.score.name}-{re.sub(r'[^0-9A-Za-z_]+', '-', cost)}"


def _of_trace(data: ReportData, axis: Axis) -> Iterator[Job]:
    trace, noun = data.trace, data.domain.noun
    if trace is None or not trace.scores:
        return
    yield Job(
        "trace",
        f"{axis.title} of {counted(len(trace.scores), noun)} in the order of proposal, with the mean of the last "
        f"{trace.window}, the mean at each epsilon, and the best so far, which ends at "
        f"{data.score.words(trace.best[-1])}.",
        lambda: trace_figures.draw_trace(trace, axis, noun),
        lambda: tables.trace_table(trace, data.score),
    )
    yield Job(
        f"{data.score.name}-by-epsilon",
        f"Distribution of the {axis.name} of new {noun}s at each epsilon; the table by epsilon has the means.",
        lambda: trace_figures.draw_distributions(trace.stages, axis, noun),
        lambda: tables.distribution_table(trace.stages, data.score),
    )


def _of_values(data: ReportData) -> Iterator[Job]:
    for grouping in data.values.groupings if data.values else ():
        yield Job(
            grouping.name,
            f"{grouping.title} against {grouping.across}, a line for each {grouping.each}.",
            partial(trace_figures.draw_values, grouping),
            partial(tables.values_table, grouping),
        )


def _of_expectations(data: ReportData) -> Iterator[Job]:
    found = data.expectations
    if found:
        yield Job(
            "expectations",
            f"The reward that the agent expected of {counted(len(found.points), data.domain.noun)}, against the one "
            f"that was measured; {found.within[1]:.0%} lie within the interval that should hold 95 %.",
            partial(trace_figures.draw_expectations, found, data.domain.noun),
            partial(tables.expectations_table, found),
        )


def _of_top(data: ReportData, axis: Axis) -> Iterator[Job]:
    domain = data.domain
    for top in data.top:
        if top.has_curve:
            points = top.attempts[-1].points
            yield Job(
                curve_name(top.rank),
                f"Learning curve of model {top.ranked.model}: {axis.name} from {data.score.words(points[0].score)} "
                f"after the first {domain.step} to {data.score.words(points[-1].score)} after {domain.step} "
                f"{points[-1].step}.",
                partial(
                    figures.draw_learning_curve,
                    *(f"Model {top.ranked.model}", top.attempts, axis, domain.step, domain.curve, domain.figures),
                ),
                partial(tables.curve_table, top.attempts, data.score, domain.figures),
            )


def _of_costs(data: ReportData, axis: Axis) -> Iterator[Job]:
    domain = data.domain
    for each in data.trade_offs:
        yield Job(
            cost_name(data, each.cost),
            f"{axis.title} against {domain.cost(each.cost)} of {counted(len(data.ranking), domain.noun)}, "
            f"{len(each.front)} of them on the Pareto front, which the table lists.",
            partial(
                figures.draw_trade_off, data.ranking, each, axis, domain.cost(each.cost, is_axis=True), domain.noun
            ),
            partial(tables.trade_off_table, data.ranking, each, data.score),
        )


def _of_evaluations(data: ReportData, axis: Axis) -> Iterator[Job]:
    controls, seconds = data.predicted_and_reached, data.usage.seconds
    if controls:
        yield Job(
            "predictions",
            f"Predicted against reached {axis.name} of {counted(len(controls), 'control')}.",
            lambda: figures.draw_predictions(controls, axis),
            lambda: table_of(("predicted", "reached"), controls),
        )
    if any(value > 0 for value in seconds):
        yield Job(
            "times",
            f"Distribution of the time of {counted(len(seconds), data.domain.work)}.",
            lambda: figures.draw_times(seconds, data.domain.work),
            lambda: table_of((data.domain.work, "seconds"), enumerate(seconds, start=1)),
        )


def _of_baseline(data: ReportData, axis: Axis) -> Iterator[Job]:
    baseline = data.baseline
    if isinstance(baseline, RandomSearchBaseline):
        yield Job(
            "baseline",
            f"Best so far of the search against the expected best of as many random {data.domain.noun}s: "
            f"{data.score.words(baseline.best)} against {data.score.words(baseline.curve[-1].expected)} at the end.",
            lambda: trace_figures.draw_baseline(baseline, axis, data.domain),
            lambda: tables.baseline_table(baseline),
        )
