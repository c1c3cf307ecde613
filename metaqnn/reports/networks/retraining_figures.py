"""Figures of retrained networks: their learning curves, and their errors or scores over seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from metaqnn.reports.drawing import BLUE, DARK, ORANGE, SERIES, Axis, below, blank, in_whole_numbers
from metaqnn.reports.networks.retrainings import Measure, RetrainingGroup

_NAMED = 6
"""Retrained networks that a figure tells apart; more share the last look."""


def draw_curves(groups: Sequence[RetrainingGroup], axis: Axis):
    """The score against epochs of the retrainings; of the training images where none are held out."""
    score = axis.score
    figure, axes = blank("Learning curves of the retrainings", "epoch", axis.label)
    late: list[float] = []
    for number, group in enumerate(groups):
        color, _, _ = SERIES[min(number, len(SERIES) - 1)]
        for member in group.members:
            held_out = any(point.score is not None for point in member.curve)
            values = [p.score if held_out else p.figures.get(f"train_{score.name}") for p in member.curve]
            known = [np.nan if value is None else value for value in values]
            name = f"model {group.model}, {group.recipe}" if number < _NAMED else "others"
            look: Any = {"color": color, "linewidth": 1.5, "alpha": 0.85, "marker": "o" if len(known) == 1 else None}
            look |= {"label": name} if held_out else {"label": f"{name} (training images)", "linestyle": ":"}
            axes.plot([point.step for point in member.curve], known, **look)
            late += known[len(known) // 2 :]
    late = [value for value in late if np.isfinite(value)]
    if late:
        room = max(0.005, 0.1 * (max(late) - min(late)))
        axes.set_ylim(max(score.low, min(late) - room), min(score.high + room / 4, max(late) + room))
    in_whole_numbers(axes.xaxis)
    axis.mark(axes.yaxis)
    below(figure, axes)
    return figure


def draw_errors(groups: Sequence[RetrainingGroup], axis: Axis, measure: Measure):
    """Validation and test error of the retrained networks, or their scores, every seed and the mean."""
    shown = [group for group in groups if group.validation or group.test]
    title, across = f"Validation and test {measure.name}", measure.name if measure.is_error else axis.label
    figure, axes = blank(title, across, "", height=max(2.4, 1.5 + 0.5 * len(shown)))
    for row, group in enumerate(shown):
        for offset, color, marker, name, values, spread in (
            (-0.14, ORANGE, "o", "validation", [m.validation for m in group.members], group.validation),
            (0.14, BLUE, "s", "test", [m.test for m in group.members], group.test),
        ):
            if spread is not None:
                known = [value for value in values if value is not None]
                axes.plot([spread.low, spread.high], [row + offset] * 2, color=color, linewidth=1.4)
                look: Any = {"s": 26, "marker": marker, "color": color, "alpha": 0.55, "linewidths": 0}
                axes.scatter(known, [row + offset] * len(known), label=f"{name} (each seed)", **look)
                if spread.count > 1:
                    axes.scatter(spread.mean, row + offset, s=70, marker="|", color=DARK, linewidths=2, label="mean")
    names = [f"model {group.model}\n{group.recipe}, {group.dataset}" for group in shown]
    axes.set_yticks(range(len(shown)), names)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    if measure.score.is_share:
        axes.set_xlim(left=0.0)
    axes.locator_params(axis="x", nbins=5)
    axis.mark(axes.xaxis)
    axes.grid(axis="y", visible=False)
    below(figure, axes)
    return figure
