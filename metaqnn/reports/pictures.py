"""Which figures a report has, with what each shows in words."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from metaqnn.reports import course_figures, network_figures
from metaqnn.reports.control import Control
from metaqnn.reports.findings import Findings
from metaqnn.reports.words import percent, plural


@dataclass(frozen=True)
class Job:
    """A figure to be made.

    Attributes:
        name: of its files, without the ending.
        alternative: what it shows, for those who do not see it.
        draw: makes it.
    """

    name: str
    alternative: str
    draw: Callable[[], object]


def figure_jobs(findings: Findings) -> list[Job]:
    """The figures for which there is something to show, in the order of the page."""
    return [
        *_of_course(findings),
        *_of_values(findings),
        *_of_top(findings),
        *_of_cost(findings),
        *_of_trainings(findings),
        *_of_control(findings),
        *_of_finals(findings),
    ]


def curve_name(rank: int) -> str:
    """The name of the figure with the learning curve of a top network."""
    return f"top-{rank:02}-curve"


def _of_course(findings: Findings) -> Iterator[Job]:
    course = findings.course
    if course is None or not course.accuracies:
        return
    yield Job(
        "course",
        f"Validation accuracy of {plural(len(course.accuracies), 'network')} in the order of proposal, with the mean "
        f"of the last {course.window}, the mean at each epsilon, and the best so far, which ends at "
        f"{percent(course.best[-1])}.",
        lambda: course_figures.draw_course(course),
    )
    yield Job(
        "accuracy-by-epsilon",
        "Distribution of the validation accuracy of new networks at each epsilon; the table by epsilon has the means.",
        lambda: course_figures.draw_distributions(course.stages),
    )


def _of_values(findings: Findings) -> Iterator[Job]:
    values = findings.values
    if values is None:
        return
    yield Job(
        "q-by-kind",
        "Mean Q-value against layer depth, a line for each kind of layer.",
        lambda: course_figures.draw_values_by_kind(values.by_kind),
    )
    if values.by_receptive_field:
        yield Job(
            "q-by-receptive-field",
            "Mean Q-value of convolutions against layer depth, a line for each receptive field.",
            lambda: course_figures.draw_values_by_receptive_field(values.by_receptive_field),
        )


def _of_top(findings: Findings) -> Iterator[Job]:
    for top in findings.top:
        epochs = top.attempts[-1].epochs if top.attempts else ()
        if epochs:
            yield Job(
                curve_name(top.rank),
                f"Learning curve of model {top.network.model}: validation accuracy from "
                f"{percent(epochs[0].validation_accuracy)} after the first epoch to "
                f"{percent(epochs[-1].validation_accuracy)} after epoch {epochs[-1].epoch}.",
                lambda top=top: network_figures.draw_learning_curve(f"Model {top.network.model}", top.attempts),
            )


def _of_cost(findings: Findings) -> Iterator[Job]:
    fronts = {"parameters": findings.trade_offs.by_parameters, "flops": findings.trade_offs.by_flops}
    for cost, front in fronts.items():
        if findings.networks:
            yield Job(
                f"accuracy-{cost}",
                f"Accuracy against {'FLOPs' if cost == 'flops' else cost} of "
                f"{plural(len(findings.networks), 'network')}, {len(front)} of them on the Pareto front, which the "
                "table lists.",
                lambda cost=cost, front=front: network_figures.draw_trade_off(findings.networks, front, cost),
            )


def _of_trainings(findings: Findings) -> Iterator[Job]:
    controls, seconds = findings.predicted_and_reached, findings.effort.train_seconds
    if controls:
        yield Job(
            "predictions",
            f"Predicted against reached accuracy of {plural(len(controls), 'control')}.",
            lambda: network_figures.draw_predictions(controls),
        )
    if any(value > 0 for value in seconds):
        yield Job(
            "times",
            f"Distribution of the time of {plural(len(seconds), 'training')}.",
            lambda: network_figures.draw_times(seconds),
        )


def _of_control(findings: Findings) -> Iterator[Job]:
    control = findings.control
    if isinstance(control, Control):
        yield Job(
            "control",
            "Best so far of the search against the expected best of as many random networks: "
            f"{percent(control.best)} against {percent(control.curve[-1].expected)} at the end.",
            lambda: course_figures.draw_control(control),
        )


def _of_finals(findings: Findings) -> Iterator[Job]:
    groups = findings.finals.groups
    if any(group.validation or group.test for group in groups):
        yield Job(
            "errors",
            "Validation and test error of the final networks; the table has the numbers.",
            lambda: network_figures.draw_errors(groups),
        )
    if any(member.curve for group in groups for member in group.members):
        yield Job(
            "final-curves",
            "Accuracy against epochs of the final trainings.",
            lambda: network_figures.draw_final_curves(groups),
        )
