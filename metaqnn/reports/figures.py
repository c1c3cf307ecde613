"""Figures of single architectures and of all together: learning curves, score against cost, times, predictions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from metaqnn.core import Attempt
from metaqnn.replay.leaderboard import RankedModel
from metaqnn.reports.drawing import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    SERIES,
    SKY,
    Axis,
    blank,
    in_whole_numbers,
    is_wide,
    legend_once,
    spread_out,
)
from metaqnn.reports.trace_figures import MANY
from metaqnn.reports.trade_offs import TradeOff
from metaqnn.reports.words import duration


def draw_learning_curve(
    title: str, attempts: Sequence[Attempt], axis: Axis, step: str, name: str, others: Mapping[str, str]
):
    """The score against steps: of the attempt that counts, and faintly of those before it.

    Args:
        title: of the figure.
        attempts: in order.
        axis: of the score.
        step: what a step is called.
        name: of the score's curve, beside others; empty is the score's own.
        others: further figures to draw, with what they are called.
    """
    figure, axes = blank(title, step, axis.score.name.replace("_", " ") if name else axis.label, 4.2, 2.7)
    name = name or axis.name
    for attempt in attempts[:-1]:
        axes.plot(*_line(attempt), color=GREY, linewidth=1.2, marker=".", label=f"{name}, given up")
    points = attempts[-1].points
    for number, (figure_name, label) in enumerate(others.items()):
        if any(figure_name in point.figures for point in points):
            values = [point.figures.get(figure_name, np.nan) for point in points]
            color = (ORANGE, *(series[0] for series in SERIES[1:]))[number % len(SERIES)]
            axes.plot([p.step for p in points], values, color=color, linestyle="--", linewidth=1.8, label=label)
    steps, scores = _line(attempts[-1])
    axes.plot(steps, scores, color=BLUE, linewidth=2, label=name)
    best = int(np.nanargmax([axis.score.gain(value) for value in scores]))
    axes.plot(steps[best], scores[best], marker="o", color=BLUE, markeredgecolor="white", markersize=8)
    in_whole_numbers(axes.xaxis)
    axis.mark(axes.yaxis)
    legend_once(axes, loc=axis.corner)
    return figure


def _line(attempt: Attempt) -> tuple[list[int], list[float]]:
    points = attempt.points
    return [point.step for point in points], [np.nan if point.score is None else point.score for point in points]


def draw_trade_off(ranking: Sequence[RankedModel], trade_off: TradeOff, axis: Axis, cost: str, noun: str):
    """The score of all architectures against a cost, with the Pareto front; `cost` and `noun` are words of the axes."""
    figure, axes = blank(f"{axis.title} against {cost}", cost, axis.label)
    costs = [ranked.costs[trade_off.cost] for ranked in ranking]
    dots: Any = {"s": 12, "color": SKY, "alpha": 0.6, "edgecolor": BLUE, "linewidths": 0.3, "label": f"one {noun}"}
    axes.scatter(costs, [ranked.score for ranked in ranking], rasterized=len(ranking) > MANY, **dots)
    front = [ranked.costs[trade_off.cost] for ranked in trade_off.front], [ranked.score for ranked in trade_off.front]
    axes.step(*front, where="post", color=RED, linewidth=1.6)
    axes.plot(*front, "D", color=RED, markersize=5, markeredgecolor="white", label="Pareto front")
    spread_out(axes, costs, 10)
    axis.mark(axes.yaxis)
    legend_once(axes, loc=axis.corner)
    return figure


def draw_times(seconds: Sequence[float], work: str):
    """How long evaluations took."""
    figure, axes = blank(f"Time of one {work}", "seconds", f"{work}s")
    values = [value for value in seconds if value > 0]
    bins = min(40, max(5, len(values) // 4))
    edges: Any = np.geomspace(min(values), max(values), bins + 1) if is_wide(values, 30) else bins
    axes.hist(values, edges, color=SKY, edgecolor=BLUE, linewidth=0.8)
    middle = float(np.median(values))
    axes.axvline(middle, color=RED, linestyle="--", linewidth=1.8, label=f"median: {duration(middle)}")
    spread_out(axes, values, 30)
    in_whole_numbers(axes.yaxis)
    axes.legend()
    return figure


def draw_predictions(controls: Sequence[tuple[float, float]], axis: Axis):
    """What was predicted of evaluations that went to the end all the same, against what they reached."""
    figure, axes = blank("Predictions checked by controls", f"predicted {axis.name}", f"{axis.name} reached")
    predicted, reached = np.array(controls).T
    ends = axis.limits([*predicted, *reached])
    axes.plot(ends, ends, color=GREY, linestyle="--", linewidth=1.2, label="as predicted")
    axes.scatter(predicted, reached, s=26, color=SKY, edgecolor=BLUE, linewidths=0.8, label="a control")
    axis.mark(axes.xaxis, axes.yaxis)
    axes.legend(loc="upper left")
    return figure
