"""Figures of a search's course and of what its agent learned: the paper's Fig. 3, A2, A3 and A4, and the control."""

from collections.abc import Sequence

import numpy as np

from metaqnn.reports.control import Control
from metaqnn.reports.course import Course, Stage
from metaqnn.reports.drawing import (
    BLUE,
    DARK,
    GREEN,
    GREY,
    KIND_COLORS,
    KIND_NAMES,
    ORANGE,
    RED,
    SERIES,
    SKY,
    blank,
    in_percent,
)
from metaqnn.reports.values import Line

FEW = 10
"""Values that are shown one by one; more as the shape of their distribution."""

MANY = 400
"""Points above which a figure holds them as an image, so that its file stays small."""

_ROOM = 0.055
"""Part of the width below which the label of a stage stands upright."""


def draw_course(course: Course):
    """The paper's Fig. 3: rolling mean against iteration, a bar an epsilon, and the best so far."""
    figure, axes = blank(
        "Accuracy in the course of the search", "iteration (distinct networks proposed)", "validation accuracy"
    )
    first, last = course.iterations[0], course.iterations[-1]
    low = max(0.0, min(course.accuracies) - 0.03)
    stages = [stage for stage in course.stages if stage.epsilon is not None]
    ends = [*(stage.first for stage in stages[1:]), max(last, first + 1) + 1]
    for number, (stage, end) in enumerate(zip(stages, ends, strict=True)):
        if stage.mean is not None and end > stage.first:
            axes.bar(
                stage.first,
                stage.mean - low,
                end - stage.first,
                low,
                align="edge",
                color=SKY,
                alpha=0.35,
                edgecolor="white",
                linewidth=1,
                label="mean at an epsilon" if number == 0 else None,
            )
            axes.hlines(stage.mean, stage.first, end, color=BLUE, linewidth=1, alpha=0.7)
            is_narrow = (end - stage.first) < _ROOM * (ends[-1] - first)
            axes.annotate(
                f"{stage.epsilon:g}" if is_narrow or number else f"ε = {stage.epsilon:g}",
                ((stage.first + end) / 2, low),
                (0, 4),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=9,
                rotation=90 if is_narrow else 0,
                color=DARK,
            )
    is_dense = len(course.accuracies) > MANY
    axes.scatter(
        course.iterations,
        course.accuracies,
        s=7 if is_dense else 20,
        color=GREY,
        alpha=0.45 if is_dense else 0.8,
        linewidths=0,
        rasterized=is_dense,
        label="a network",
    )
    best = [np.nan if value is None else value for value in course.best]
    axes.step(course.iterations, best, where="post", color=GREEN, linewidth=1.8, linestyle="--", label="best so far")
    if course.rolling:
        axes.plot(*zip(*course.rolling, strict=True), color=RED, linewidth=2, label=f"mean of the last {course.window}")
    axes.set_xlim(first, ends[-1])
    axes.set_ylim(low, min(1.0, max(course.accuracies) + 0.03))
    in_percent(axes.yaxis)
    figure.legend(*_legend(axes), loc="outside lower center", ncols=2, frameon=False)
    return figure


def draw_distributions(stages: Sequence[Stage]):
    """Fig. A2: the distribution of accuracy at each epsilon, a violin each, or points where there are few."""
    figure, axes = blank("Distribution of accuracy at each epsilon", "epsilon", "validation accuracy")
    shown = [stage for stage in stages if stage.accuracies]
    for at, stage in enumerate(shown):
        values = np.array(stage.accuracies)
        if len(values) >= FEW:
            parts = axes.violinplot([values], [at], widths=0.85, showextrema=False)
            for body in parts["bodies"]:
                body.set(facecolor=SKY, edgecolor=BLUE, alpha=0.6)
            low, high = np.percentile(values, [25, 75])
            axes.vlines(at, low, high, color=DARK, linewidth=4, label="middle half")
        else:
            offsets = 0.3 * ((np.arange(len(values)) * 0.618034) % 1.0 - 0.5)
            axes.scatter(at + offsets, values, s=22, color=SKY, edgecolor=BLUE, linewidths=0.8, label="a network")
        axes.scatter(at, np.median(values), s=34, marker="o", color="white", edgecolor=DARK, zorder=3, label="median")
        axes.scatter(at, values.mean(), s=44, marker="D", color=RED, edgecolor="white", zorder=4, label="mean")
    labels = ["none" if stage.epsilon is None else f"{stage.epsilon:g}" for stage in shown]
    axes.set_xticks(
        range(len(shown)), [f"{label}\n{len(stage.accuracies)}" for label, stage in zip(labels, shown, strict=True)]
    )
    axes.set_xlabel("epsilon, and below it the number of networks")
    axes.grid(axis="x", visible=False)
    axes.set_xlim(-0.6, max(0.6, len(shown) - 0.4))
    in_percent(axes.yaxis)
    figure.legend(*_legend(axes), loc="outside lower center", ncols=4, frameon=False)
    return figure


def draw_values_by_kind(lines: Sequence[Line]):
    """Fig. A3: the mean Q-value against the depth of the layer, a line a kind of layer."""
    figure, axes = _values(
        "Mean Q-value by kind of layer",
        lines,
        {line.label: KIND_COLORS[line.label] for line in lines},
        {line.label: KIND_NAMES[line.label] for line in lines},
    )
    figure.legend(*_legend(axes), loc="outside lower center", ncols=3, frameon=False)
    return figure


def draw_values_by_receptive_field(lines: Sequence[Line]):
    """Fig. A4: the same for convolutions, a line a receptive field."""
    figure, axes = _values(
        "Mean Q-value of convolutions",
        lines,
        {line.label: SERIES[number % len(SERIES)][0] for number, line in enumerate(lines)},
        {line.label: f"{line.label}x{line.label}" for line in lines},
    )
    figure.legend(*_legend(axes), title="receptive field", loc="outside lower center", ncols=6, frameon=False)
    return figure


def draw_control(control: Control):
    """The best so far of the search beside the best of as many random networks."""
    figure, axes = blank("The search beside random search", "distinct networks trained", "best validation accuracy")
    counts = np.array([point.networks for point in control.curve])
    expected = np.array([point.expected for point in control.curve])
    known = len(control.random)
    start = expected[min(len(expected), max(3, known // 50)) - 1]
    best = np.array([np.nan if value is None else value for value in control.best_so_far])
    top = np.nanmax([expected[-1], *best])
    bottom = max(0.0, min(start, np.nanmin([*best[2:], top])) - 0.25 * max(0.01, top - start))
    ceiling = min(1.0, top + 0.25 * max(0.01, top - bottom))
    low = [bottom if point.low is None else max(bottom, point.low) for point in control.curve]
    high = [ceiling if point.high is None else point.high for point in control.curve]
    is_closed = np.array([point.high is not None for point in control.curve])
    if is_closed.any():
        axes.fill_between(
            counts, low, high, where=is_closed, color=ORANGE, alpha=0.35, linewidth=0, label="95 % prediction interval"
        )
    if not is_closed.all():
        axes.fill_between(
            counts,
            low,
            high,
            where=~is_closed,
            color=ORANGE,
            alpha=0.16,
            linewidth=0,
            label="the same, open above" if is_closed.any() else "95 % prediction interval, open above",
        )
    axes.plot(counts[:known], expected[:known], color=ORANGE, linewidth=2.2, label="expected of random search")
    if len(counts) > known:
        axes.plot(
            counts[known - 1 :],
            expected[known - 1 :],
            color=ORANGE,
            linewidth=2.2,
            linestyle=":",
            label="at least so much",
        )
    axes.step(np.arange(1, len(best) + 1), best, where="post", color=BLUE, linewidth=2, label="this search")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlim(1, max(2, len(counts)))
    axes.set_ylim(bottom, ceiling)
    in_percent(axes.yaxis)
    figure.legend(*_legend(axes), loc="outside lower center", ncols=2, frameon=False)
    return figure


def _values(title: str, lines: Sequence[Line], colors: dict[str, str], names: dict[str, str]):
    figure, axes = blank(title, "layer depth", "mean Q-value")
    for number, line in enumerate(lines):
        _, marker, dashes = SERIES[number % len(SERIES)]
        axes.plot(
            line.depths,
            line.means,
            color=colors[line.label],
            marker=marker,
            markersize=5,
            linestyle=dashes,
            linewidth=1.8,
            label=names[line.label],
        )
    axes.xaxis.get_major_locator().set_params(integer=True)
    return figure, axes


def _legend(axes):
    """Handles and labels, each label once."""
    handles, labels = axes.get_legend_handles_labels()
    first = dict(zip(reversed(labels), reversed(handles), strict=True))
    labels = list(dict.fromkeys(labels))
    return [first[label] for label in labels], labels
