"""How a report speaks of networks."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from metaqnn.core import QValue, Score, Status, share_interval
from metaqnn.networks.data.description import read_description
from metaqnn.networks.data.target_facts import outputs_words
from metaqnn.networks.targets import recorded_target
from metaqnn.replay.reader import ReplayReader
from metaqnn.reports.domain import Check, Domain
from metaqnn.reports.drawing import Axis
from metaqnn.reports.networks import retraining_figures
from metaqnn.reports.networks.data_pictures import draw_data
from metaqnn.reports.networks.diagrams import diagram_of, legend
from metaqnn.reports.networks.kinds import code_values, layer_values
from metaqnn.reports.networks.retraining_tables import curves_table, errors_table
from metaqnn.reports.networks.retrainings import Retrainings, read_retrainings_and_looks, score_words
from metaqnn.reports.pictures import Job
from metaqnn.reports.report_data import ReportData
from metaqnn.reports.values import Values
from metaqnn.reports.words import count, magnitude

_AXES = {"flops": "FLOPs of one image"}
_COSTS = {"flops": "FLOPs"}
_NOTES = {"flops": "FLOPs are 2 × the multiply-adds of one image's forward pass."}  # noqa: RUF001 - as people write it

_ANCHOR = re.compile(r"@[0-9]+")
"""A layer that another one takes."""

_SCORES = ("accuracy", "exact_match", "r2", "negative_rmse")
"""Of networks, by what they predict."""

_TIMES = {1: "once", 2: "twice", 3: "three times"}
"""Looks at the test split in words; more of them begin to choose."""


class NetworkDomain(Domain):
    """Networks of layers: their diagrams, Q-values by kind of layer, recipes and retrainings."""

    noun = "network"
    work = "training"
    done = "trained"
    step = "epoch"
    curve = "validation"
    figures: ClassVar[Mapping[str, str]] = {f"train_{name}": "training" for name in _SCORES}
    templates = "networks"

    def metric(self, score: Score) -> str:
        """The score in words."""
        return "validation accuracy" if score.name == "accuracy" else score_words(score)

    def cost(self, name: str, is_axis: bool = False) -> str:
        """A cost in words."""
        return (_AXES if is_axis and name in _AXES else _COSTS).get(name) or super().cost(name)

    def cost_value(self, name: str, value: float | None) -> str:
        """Parameters to the last one, FLOPs to three digits."""
        if value is None or name not in ("parameters", "flops"):
            return super().cost_value(name, value)
        return magnitude(value) if name == "flops" else count(round(value))

    def note(self, name: str) -> str:
        """What FLOPs are."""
        return _NOTES.get(name, "")

    def steps(self, experiment: Mapping[str, Any]) -> int | None:
        """The epochs of the recipe."""
        epochs: int | None = (experiment.get("training") or {}).get("epochs")
        return epochs

    def stops_early(self, experiment: Mapping[str, Any]) -> bool:
        """Whether the recipe has candidates stopped by prediction."""
        training = experiment.get("training") or {}
        return bool(training.get("early_stopping", training.get("prediction")))

    def values(self, episode: int, entries: Iterable[QValue]) -> Values:
        """The Q-values by kind of layer and by receptive field, by type of code, or by kind of decision."""
        entries = tuple(entries)
        for group in (layer_values, code_values):
            values = group(episode, entries)
            if values.groupings and 2 * values.pairs > len(entries):
                return values
        anchors = (replace(entry, action=_ANCHOR.sub("join", entry.action)) for entry in entries)
        return super().values(episode, anchors)

    def interval(self, score: Score, value: float, data: Mapping[str, Any]) -> tuple[float, float] | None:
        """That of a share of the validation images."""
        images, is_share = data.get("validation_images"), score.name in ("accuracy", "exact_match")
        return share_interval(value, images) if is_share and isinstance(images, int) else None

    def found(self, own: Retrainings | None) -> Iterator[str]:
        """The first look at the test split."""
        if own is None:
            return
        for look in own.looks[:1]:
            what = "A retrained network" if look.kind == "network" else f"An ensemble ({look.kind})"
            reached = own.measure.words(own.measure.of(look.score))
            interval = f" (95 %: {own.measure.interval_words(look)})" if own.measure.interval(look) else ""
            yield f"{what} has a test {own.measure.name} of {reached}{interval}."

    def checks(self, own: Retrainings | None) -> Iterator[Check]:
        """Whether the test split said anything, and how often it was asked."""
        if own is None:
            return
        count = len(own.looks)
        if not count:
            metric = self.metric(own.measure.score).removeprefix("validation ")
            yield Check(
                "open",
                f"It was chosen by its validation {metric}, which is hence too good; nobody looked at the test split.",
            )
        elif count in _TIMES:
            yield Check("good", f"The test split was looked at {_TIMES[count]}.")
        else:
            yield Check("doubt", f"The test split was looked at {count} times: report the first look.")

    def steps_after(self, database: str, own: Retrainings | None) -> Iterator[tuple[str, str]]:
        """Retrain, look at the test split, take away."""
        if own is None:
            yield from super().steps_after(database, own)
        elif not any(member.retraining.status == Status.OK for group in own.groups for member in group.members):
            yield "Train the best networks to the end.", f"train {database} --top 5"
        else:
            if not own.looks:
                yield "Look at the test split, once.", f"evaluate {database}"
            yield "Take the best network away.", f"export {database} --to network.keras"

    def read(self, reader: ReplayReader, experiment: Mapping[str, Any]) -> Retrainings | None:
        """The retrainings; None where another evaluator than the built-in one knows how networks are trained."""
        found = read_retrainings_and_looks(reader)
        return found if found.groups or "training" in experiment else None

    def sections(self, own: Retrainings | None) -> tuple[tuple[str, str], ...]:
        """That of the retrainings."""
        return () if own is None else (("retrainings", "Retrained networks"),)

    def jobs(self, own: Retrainings | None) -> Iterator[Job]:
        """The figures of the retrainings."""
        if own is None:
            return
        groups, measure = own.groups, own.measure
        axis = Axis(measure.score, score_words(measure.score))
        if any(group.validation or group.test for group in groups):
            yield Job(
                "errors",
                f"Validation and test {measure.name} of the retrained networks; the table has the numbers.",
                lambda: retraining_figures.draw_errors(groups, axis, measure),
                lambda: errors_table(groups, measure),
            )
        if any(member.curve for group in groups for member in group.members):
            yield Job(
                "retraining-curves",
                f"{axis.title} against epochs of the retrainings.",
                lambda: retraining_figures.draw_curves(groups, axis),
                lambda: curves_table(groups, measure),
            )

    def context(self, data: ReportData) -> Mapping[str, Any]:
        """Diagrams, and what the templates compute."""
        known = data.subject.data
        shape = tuple(known["input_shape"])
        description = read_description(known, Path(data.provenance.database))
        diagrams = {top.rank: diagram_of(top.ranked.architecture, shape) for top in data.top}
        return {
            "description": description,
            "data_pictures": draw_data(description),
            "diagrams": diagrams,
            "legend": legend(diagrams.values()),
            "targets_words": outputs_words(recorded_target(known).kind, known["classes"]),
            "measure": data.own.measure if data.own else None,
        }
