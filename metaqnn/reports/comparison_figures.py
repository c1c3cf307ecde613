"""Figures of a comparison: regret against evaluations, and critical differences of ranks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from metaqnn.errors import counted
from metaqnn.replay.places import new_place
from metaqnn.reports.drawing import DARK, GREY, style
from metaqnn.reports.ranks import Ranks
from metaqnn.reports.regret import RegretTrace, by_label, half, levels, round_numbers

_WIDTH, _HEIGHT = 6.5, 4.6
"""Inches of a panel."""


def draw_regret(comparisons: Mapping[str, Sequence[RegretTrace]], lookahead: int, path: Path) -> None:
    """Mean regret against evaluations with its 95 % band, a line a strategy; the path says the format.

    Args:
        comparisons: a row of panels each, by title: the regret by the target, and that of the reward where it differs.
        lookahead: of all runs.
        path: of the figure.
    """
    from matplotlib.figure import Figure

    groups = list(comparisons.values())
    has_both = any(trace.regrets != trace.reward_regrets for traces in groups for trace in traces)
    colors = {
        label: (f"C{number % 10}", "-" if number < 10 else "--") for number, label in enumerate(by_label(groups[0]))
    }
    columns = 2 if has_both else 1
    with style():
        figure = Figure((_WIDTH * columns, _HEIGHT * len(groups) + 1.0), layout="constrained")
        panels = figure.subplots(len(groups), columns, squeeze=False)
        for row, (title, traces) in zip(panels, comparisons.items(), strict=True):
            _panel(row[0], traces, [trace.regrets for trace in traces], "regret of the best so far", colors)
            if has_both:
                rewards = [trace.reward_regrets for trace in traces]
                _panel(row[1], traces, rewards, "reward regret: of the best reward so far", colors)
            row[0].set_title(title)
        handles, labels = panels[0][0].get_legend_handles_labels()
        legend = f"mean, and its 95 % interval; lookahead {lookahead}"
        figure.legend(handles, labels, title=legend, loc="outside lower center", ncols=min(3 * columns, len(labels)))
        with new_place(path) as part:
            figure.savefig(part, dpi=120)


def _panel(axes, traces: Sequence[RegretTrace], values: Sequence[Sequence[float]], what: str, colors) -> None:
    budget, smallest = len(traces[0].regrets), levels(traces)[-2]  # below which the axis is linear
    top = max(2 * smallest, max(each[min(4, budget - 1)] for each in values))
    of_trace = {id(trace): of for trace, of in zip(traces, values, strict=True)}
    axis = np.arange(1, budget + 1)
    for label, group in by_label(traces).items():
        regrets = np.array([of_trace[id(trace)] for trace in group])
        mean, around, (color, linestyle) = regrets.mean(axis=0), half(regrets), colors[label]
        axes.plot(axis, mean, linestyle, color=color, label=f"{label} ({counted(len(group), 'seed')})")
        if len(group) > 1:
            low = np.maximum(smallest / 50, mean - around)
            axes.fill_between(axis, low, mean + around, color=color, alpha=0.2, linewidth=0)
    ticks = [0.0, *round_numbers(smallest, top)]
    axes.set_yscale("symlog", linthresh=smallest, linscale=0.5)
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.set_ylim(0.0, top)
    axes.set_xlim(1, max(2, budget))
    axes.set_xlabel("evaluations (distinct architectures)")
    axes.set_ylabel(f"{what} ({traces[0].unit})")


def draw_ranks(found: Sequence[Ranks], tables: Sequence[str], path: Path) -> None:
    """Mean ranks along an axis, a panel for each number of evaluations; a bar joins what is not told apart.

    Args:
        found: at least one.
        tables: names, for the title.
        path: of the figure; its ending says the format.
    """
    from matplotlib.figure import Figure

    count = len(found[0].means)
    height = 1.1 + 0.24 * ((count + 1) // 2)
    with style():
        figure = Figure((8.0, height * len(found) + 0.6), layout="constrained")
        for axes, each in zip(np.atleast_1d(figure.subplots(len(found), 1)), found, strict=True):
            _rank_panel(axes, each, count)
        names = ", ".join(tables)
        figure.suptitle(f"Mean ranks by reward regret over {names} and their seeds", size=11)
        with new_place(path) as part:
            figure.savefig(part, dpi=150, bbox_inches="tight")  # names may be long


def _rank_panel(axes, ranks: Ranks, count: int) -> None:
    bars = ranks.alike()
    below = -0.35 - 0.28 * len(bars)  # where names begin
    axes.set_xlim(1 - 0.9 * count / 4, count + 0.9 * count / 4)
    axes.set_ylim(below - 0.45 * ((count + 1) // 2), 1.1)
    axes.axis("off")
    axes.plot([1, count], [0, 0], color=DARK, linewidth=1)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [0, 0.12], color=DARK, linewidth=1)
        axes.text(rank, 0.2, str(rank), ha="center", va="bottom", size=9)
    title = f"after {ranks.point} evaluations; critical difference {ranks.critical:.2f} (Nemenyi, 5 %)"
    axes.text(1 - 0.9 * count / 4, 0.95, title, ha="left", va="top", size=10, weight="bold")
    end = min(float(count), 1 + ranks.critical)
    axes.plot([1, end], [0.62, 0.62], color=GREY, linewidth=2)
    names = list(ranks.means)
    for place, name in enumerate(names):
        is_left = place < (count + 1) // 2
        row = place if is_left else count - 1 - place
        height, mean = below - 0.45 * row, ranks.means[name]
        edge = 1 - 0.12 * count / 4 if is_left else count + 0.12 * count / 4
        axes.plot([mean, mean, edge], [0, height, height], color=GREY, linewidth=0.8)
        side = "right" if is_left else "left"
        axes.text(edge, height, f" {name} {mean:.2f} ", ha=side, va="center", size=9)
    for number, group in enumerate(bars):
        ends = [ranks.means[group[0]] - 0.04, ranks.means[group[-1]] + 0.04]
        axes.plot(ends, [-0.25 - 0.28 * number] * 2, color=DARK, linewidth=3, solid_capstyle="butt")
