"""Figures of a search's scores and of what its agent learned (the paper's Fig. 3, A2 to A4), and of its baseline."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from metaqnn.reports.baseline import RandomSearchBaseline
from metaqnn.reports.domain import Domain
from metaqnn.reports.drawing import (
    BLUE,
    DARK,
    GREEN,
    GREY,
    ORANGE,
    RED,
    SERIES,
    SKY,
    Axis,
    below,
    blank,
    in_whole_numbers,
)
from metaqnn.reports.expectations import LEVELS, Expectations
from metaqnn.reports.trace import ScoreTrace, Stage
from metaqnn.reports.values import Grouping

FEW = 10
"""Values that are shown one by one; more as the shape of their distribution."""

MANY = 400
"""Points above which a figure holds them as an image, so that its file stays small."""

_ROOM = 0.055
"""Part of the width below which the label of a stage stands upright."""


def draw_trace(trace: ScoreTrace, axis: Axis, noun: str):
    """The paper's Fig. 3: rolling mean against iteration, a bar an epsilon, and the best so far."""
    figure, axes = blank(
        f"{axis.title} in the course of the search", f"iteration (distinct {noun}s proposed)", axis.label
    )
    first, last = trace.iterations[0], trace.iterations[-1]
    low, high = axis.limits(trace.scores)
    stages = [stage for stage in trace.stages if stage.epsilon is not None]
    ends = [*(stage.first for stage in stages[1:]), max(last, first + 1) + 1]
    bar: Any = {"align": "edge", "color": SKY, "alpha": 0.35, "edgecolor": "white", "label": "mean at an epsilon"}
    name: Any = {"textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 9, "color": DARK}
    for number, (stage, end) in enumerate(zip(stages, ends, strict=True)):
        if stage.mean is not None and end > stage.first:
            axes.bar(stage.first, stage.mean - low, end - stage.first, low, **bar)
            axes.hlines(stage.mean, stage.first, end, color=BLUE, linewidth=1, alpha=0.7)
            is_narrow = (end - stage.first) < _ROOM * (ends[-1] - first)
            text = f"{stage.epsilon:g}" if is_narrow or number else f"ε = {stage.epsilon:g}"
            axes.annotate(text, ((stage.first + end) / 2, low), (0, 4), rotation=90 if is_narrow else 0, **name)
    dots: Any = {"s": 20, "alpha": 0.8} if len(trace.scores) <= MANY else {"s": 7, "alpha": 0.45, "rasterized": True}
    axes.scatter(trace.iterations, trace.scores, color=GREY, linewidths=0, label=f"one {noun}", **dots)
    best = [np.nan if value is None else value for value in trace.best]
    axes.step(trace.iterations, best, where="post", color=GREEN, linewidth=1.8, linestyle="--", label="best so far")
    if trace.rolling:
        axes.plot(*zip(*trace.rolling, strict=True), color=RED, linewidth=2, label=f"mean of the last {trace.window}")
    axes.set_xlim(first, ends[-1])
    axes.set_ylim(low, high)
    axis.mark(axes.yaxis)
    below(figure, axes)
    return figure


def draw_distributions(stages: Sequence[Stage], axis: Axis, noun: str):
    """Fig. A2: the distribution of the score at each epsilon, a violin each, or points where there are few."""
    figure, axes = blank(f"{axis.title} at each epsilon", f"epsilon, and below it the number of {noun}s", axis.label)
    shown = [stage for stage in stages if stage.scores]
    for at, stage in enumerate(shown):
        values = np.array(stage.scores)
        if len(values) >= FEW:
            parts: Any = axes.violinplot([values], [at], widths=0.85, showextrema=False)
            for body in parts["bodies"]:
                body.set(facecolor=SKY, edgecolor=BLUE, alpha=0.6)
            low, high = np.percentile(values, [25, 75])
            axes.vlines(at, low, high, color=DARK, linewidth=4, label="middle half")
        else:
            offsets = 0.3 * ((np.arange(len(values)) * 0.618034) % 1.0 - 0.5)
            axes.scatter(at + offsets, values, s=22, color=SKY, edgecolor=BLUE, linewidths=0.8, label=f"one {noun}")
        axes.scatter(at, np.median(values), s=34, marker="o", color="white", edgecolor=DARK, zorder=3, label="median")
        axes.scatter(at, values.mean(), s=44, marker="D", color=RED, edgecolor="white", zorder=4, label="mean")
    epsilons = ("none" if stage.epsilon is None else f"{stage.epsilon:g}" for stage in shown)
    labels = [f"{epsilon}\n{len(stage.scores)}" for epsilon, stage in zip(epsilons, shown, strict=True)]
    axes.set_xticks(range(len(shown)), labels)
    axes.grid(axis="x", visible=False)
    axes.set_xlim(-0.6, max(0.6, len(shown) - 0.4))
    axis.mark(axes.yaxis)
    below(figure, axes)
    return figure


def draw_values(grouping: Grouping):
    """Fig. A3 and A4: the mean Q-value against depth, a line a group."""
    figure, axes = blank(grouping.title, grouping.across, "mean Q-value")
    for number, line in enumerate(grouping.lines):
        color, marker, dashes = SERIES[number % len(SERIES)]
        look: Any = {"marker": marker, "markersize": 5, "linestyle": dashes, "linewidth": 1.8}
        look["color"] = grouping.colors.get(line.label, color)
        axes.plot(line.depths, line.means, label=grouping.names.get(line.label, line.label), **look)
    in_whole_numbers(axes.xaxis)
    below(figure, axes, title=grouping.each)
    return figure


def draw_baseline(baseline: RandomSearchBaseline, axis: Axis, domain: Domain):
    """The best so far of the search beside the best of as many random architectures."""
    figure, axes = blank(
        "The search beside random search", f"distinct {domain.noun}s {domain.done}", f"best {axis.label}"
    )
    gain, curve, known = axis.score.gain, baseline.curve, len(baseline.random)
    counts = np.array([point.count for point in curve])
    expected = np.array([point.expected for point in curve])
    best = np.array([np.nan if value is None else value for value in baseline.best_so_far])
    # Shown is from a little below where it starts to a little above the best; by gain, of which more is better.
    start = gain(expected[min(len(expected), max(3, known // 50)) - 1])
    gains = [gain(value) for value in best]
    top = np.nanmax([gain(expected[-1]), *gains])
    least = 0.01 if axis.score.is_share else 0.01 * (abs(top) or 1.0)
    bounds = sorted(map(gain, (axis.score.low, axis.score.high)))
    bottom = max(bounds[0], min(start, np.nanmin([*gains[2:], top])) - 0.25 * max(least, top - start))
    ceiling = min(bounds[1], top + 0.25 * max(least, top - bottom))
    worst = [gain(bottom) if point.worst is None else gain(max(bottom, gain(point.worst))) for point in curve]
    ends = [gain(ceiling) if point.best is None else point.best for point in curve]
    is_closed = np.array([point.best is not None for point in curve])
    side = "above" if axis.score.direction == "maximize" else "below"
    for shown, alpha, label in (
        (is_closed, 0.35, "95 % prediction interval"),
        (~is_closed, 0.16, f"the same, open {side}" if is_closed.any() else f"95 % prediction interval, open {side}"),
    ):
        if shown.any():
            axes.fill_between(counts, worst, ends, where=shown, color=ORANGE, alpha=alpha, linewidth=0, label=label)
    line: Any = {"color": ORANGE, "linewidth": 2.2}
    axes.plot(counts[:known], expected[:known], label="expected of random search", **line)
    if len(counts) > known:
        bound = f"at {'least' if side == 'above' else 'most'} so much"
        axes.plot(counts[known - 1 :], expected[known - 1 :], linestyle=":", label=bound, **line)
    axes.step(np.arange(1, len(best) + 1), best, where="post", color=BLUE, linewidth=2, label="this search")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlim(1, max(2, len(counts)))
    axes.set_ylim(*sorted((gain(bottom), gain(ceiling))))
    axis.mark(axes.yaxis)
    below(figure, axes)
    return figure


def draw_expectations(expectations: Expectations, noun: str):
    """The reward that was expected and how surely, against the measured one."""
    points, (_, deviations) = expectations.points, LEVELS[1]
    figure, axes = blank("What the agent expected, and what it got", "expected reward", "measured reward")
    expected, rewards = [point.expected for point in points], [point.reward for point in points]
    spread = [deviations * point.deviation for point in points]
    is_many = len(points) > MANY
    axes.errorbar(
        *(expected, rewards),
        xerr=spread,
        fmt="none",
        ecolor=SKY,
        alpha=0.35 if is_many else 0.7,
        linewidth=1,
        rasterized=is_many,
        label="95 % interval",
    )
    axes.scatter(
        expected, rewards, s=7 if is_many else 20, color=BLUE, linewidths=0, rasterized=is_many, label=f"one {noun}"
    )
    ends = [min(expected + rewards), max(expected + rewards)]
    axes.plot(ends, ends, color=DARK, linewidth=1, linestyle="--", label="as expected")
    below(figure, axes)
    return figure
