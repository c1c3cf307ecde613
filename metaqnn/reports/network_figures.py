"""Figures of networks: learning curves, accuracy against cost, times, predictions and final trainings."""

from collections.abc import Sequence

import numpy as np

from metaqnn.core import Attempt
from metaqnn.replay.leaderboard import Network
from metaqnn.reports.course_figures import MANY
from metaqnn.reports.drawing import (
    BLUE,
    DARK,
    GREY,
    ORANGE,
    RED,
    SERIES,
    SKY,
    blank,
    in_magnitudes,
    in_percent,
)
from metaqnn.reports.final_results import FinalGroup
from metaqnn.reports.words import duration

_NAMED = 6
"""Final networks that a figure tells apart; more share the last look."""


def draw_learning_curve(title: str, attempts: Sequence[Attempt]):
    """Training and validation accuracy against epochs: of the attempt that counts, and faintly of those before it."""
    figure, axes = blank(title, "epoch", "accuracy", 4.2, 2.7)
    for attempt in attempts[:-1]:
        axes.plot(
            [e.epoch for e in attempt.epochs],
            [e.validation_accuracy for e in attempt.epochs],
            color=GREY,
            linewidth=1.2,
            marker=".",
            label="validation, given up",
        )
    epochs = attempts[-1].epochs
    numbers, validation = [e.epoch for e in epochs], [e.validation_accuracy for e in epochs]
    training = [e.train_accuracy for e in epochs]
    axes.plot(numbers, training, color=ORANGE, linestyle="--", linewidth=1.8, label="training")
    axes.plot(numbers, validation, color=BLUE, linewidth=2, label="validation")
    best = int(np.argmax(validation))
    axes.plot(numbers[best], validation[best], marker="o", color=BLUE, markeredgecolor="white", markersize=8)
    axes.xaxis.get_major_locator().set_params(integer=True)
    in_percent(axes.yaxis)
    _legend_once(axes, loc="lower right")
    return figure


def draw_trade_off(networks: Sequence[Network], front: Sequence[Network], cost: str):
    """Accuracy against a cost on a logarithmic axis, with the Pareto front.

    Args:
        networks: all of them.
        front: those that none beats.
        cost: "parameters" or "flops".
    """
    words = {"parameters": "parameters", "flops": "FLOPs of one image"}[cost]
    figure, axes = blank(f"Accuracy against {words}", f"{words} (logarithmic)", "validation accuracy")
    axes.scatter(
        [getattr(n, cost) for n in networks],
        [n.accuracy for n in networks],
        s=12,
        color=SKY,
        alpha=0.6,
        edgecolor=BLUE,
        linewidths=0.3,
        rasterized=len(networks) > MANY,
        label="a network",
    )
    costs, accuracies = [getattr(n, cost) for n in front], [n.accuracy for n in front]
    axes.step(costs, accuracies, where="post", color=RED, linewidth=1.6)
    axes.plot(costs, accuracies, "D", color=RED, markersize=5, markeredgecolor="white", label="Pareto front")
    axes.set_xscale("log")
    in_magnitudes(axes.xaxis)
    in_percent(axes.yaxis)
    axes.legend(loc="lower right")
    return figure


def draw_times(seconds: Sequence[float]):
    """How long trainings took."""
    figure, axes = blank("Time of a training", "seconds", "trainings")
    values = np.array([value for value in seconds if value > 0])
    is_wide = values.max() > 30 * values.min()
    bins = min(40, max(5, len(values) // 4))
    edges = np.geomspace(values.min(), values.max(), bins + 1) if is_wide else bins
    axes.hist(values, edges, color=SKY, edgecolor=BLUE, linewidth=0.8)
    middle = float(np.median(values))
    axes.axvline(middle, color=RED, linestyle="--", linewidth=1.8, label=f"median: {duration(middle)}")
    if is_wide:
        axes.set_xscale("log")
        axes.set_xlabel("seconds (logarithmic)")
        in_magnitudes(axes.xaxis)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    return figure


def draw_predictions(controls: Sequence[tuple[float, float]]):
    """What was predicted of trainings that went to the end all the same, against what they reached."""
    figure, axes = blank("Predictions checked by controls", "predicted accuracy", "accuracy reached")
    predicted, reached = np.array(controls).T
    low, high = min(predicted.min(), reached.min()) - 0.02, max(predicted.max(), reached.max()) + 0.02
    axes.plot([low, high], [low, high], color=GREY, linestyle="--", linewidth=1.2, label="as predicted")
    axes.scatter(predicted, reached, s=26, color=SKY, edgecolor=BLUE, linewidths=0.8, label="a control")
    in_percent(axes.xaxis)
    in_percent(axes.yaxis)
    axes.legend(loc="upper left")
    return figure


def draw_final_curves(groups: Sequence[FinalGroup]):
    """Accuracy against epochs of the final trainings; of the training images where none are held out."""
    figure, axes = blank("Learning curves of the final trainings", "epoch", "accuracy")
    late = []
    for number, group in enumerate(groups):
        color, _, _ = SERIES[min(number, len(SERIES) - 1)]
        for member in group.members:
            held_out = any(epoch.validation_accuracy is not None for epoch in member.curve)
            values = [e.validation_accuracy if held_out else e.train_accuracy for e in member.curve]
            values = [np.nan if value is None else value for value in values]
            name = f"model {group.model}, {group.recipe}" if number < _NAMED else "others"
            axes.plot(
                [epoch.epoch for epoch in member.curve],
                values,
                color=color,
                linewidth=1.5,
                alpha=0.85,
                linestyle="-" if held_out else ":",
                label=name if held_out else f"{name} (training images)",
            )
            late += values[len(values) // 2 :]
    late = [value for value in late if np.isfinite(value)]
    if late:
        room = max(0.005, 0.1 * (max(late) - min(late)))
        axes.set_ylim(max(0.0, min(late) - room), min(1.0 + room / 4, max(late) + room))
    axes.xaxis.get_major_locator().set_params(integer=True)
    in_percent(axes.yaxis)
    _legend_once(axes, figure, loc="outside lower center", ncols=2, frameon=False)
    return figure


def draw_errors(groups: Sequence[FinalGroup]):
    """Validation and test error of the final networks, every seed and the mean."""
    shown = [group for group in groups if group.validation or group.test]
    figure, axes = blank("Validation and test error", "error", "", height=max(2.4, 1.5 + 0.5 * len(shown)))
    for row, group in enumerate(shown):
        for offset, color, marker, name, values, spread in (
            (-0.14, ORANGE, "o", "validation", [m.validation_error for m in group.members], group.validation),
            (0.14, BLUE, "s", "test", [m.test_error for m in group.members], group.test),
        ):
            if spread is not None:
                known = [value for value in values if value is not None]
                axes.plot([spread.low, spread.high], [row + offset] * 2, color=color, linewidth=1.4)
                axes.scatter(
                    known,
                    [row + offset] * len(known),
                    s=26,
                    marker=marker,
                    color=color,
                    alpha=0.55,
                    linewidths=0,
                    label=f"{name} (each seed)",
                )
                if spread.count > 1:
                    axes.scatter(spread.mean, row + offset, s=70, marker="|", color=DARK, linewidths=2, label="mean")
    names = [f"model {group.model}\n{group.recipe}, {group.dataset}" for group in shown]
    axes.set_yticks(range(len(shown)), names)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(left=0.0)
    axes.xaxis.get_major_locator().set_params(nbins=5)
    in_percent(axes.xaxis)
    axes.grid(axis="y", visible=False)
    _legend_once(axes, figure, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _legend_once(axes, place=None, **options) -> None:
    """A legend that names everything once."""
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        first = dict(zip(labels, handles, strict=True))
        (place or axes).legend(list(first.values()), list(first), **options)
