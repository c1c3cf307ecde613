"""How a report speaks of networks."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from metaqnn.core import QValue, Score
from metaqnn.networks.data.description import read_description
from metaqnn.replay.reader import ReplayReader
from metaqnn.reports.domain import Domain
from metaqnn.reports.drawing import Axis
from metaqnn.reports.networks import retraining_figures
from metaqnn.reports.networks.data_pictures import draw_data
from metaqnn.reports.networks.diagrams import diagram_of, legend
from metaqnn.reports.networks.kinds import layer_values
from metaqnn.reports.networks.retrainings import Retrainings, error_interval, read_retrainings_and_looks
from metaqnn.reports.pictures import Job
from metaqnn.reports.report_data import ReportData
from metaqnn.reports.values import Values
from metaqnn.reports.words import count, magnitude, percent

_AXES = {"flops": "FLOPs of one image"}
_COSTS = {"flops": "FLOPs"}
_NOTES = {"flops": "FLOPs are 2 × the multiply-adds of one image's forward pass."}  # noqa: RUF001 - as people write it


class NetworkDomain(Domain):
    """Networks of layers: their diagrams, Q-values by kind of layer, recipes and retrainings."""

    noun = "network"
    work = "training"
    done = "trained"
    step = "epoch"
    curve = "validation"
    figures: ClassVar[Mapping[str, str]] = {"train_accuracy": "training"}
    templates = "networks"

    def metric(self, score: Score) -> str:
        """The score in words."""
        return "validation accuracy" if score.name == "accuracy" else super().metric(score)

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
        """The Q-values by kind of layer and by receptive field."""
        return layer_values(episode, entries)

    def read(self, reader: ReplayReader, experiment: Mapping[str, Any]) -> Retrainings | None:
        """The retrainings; None where another evaluator than the built-in one knows how networks are trained."""
        found = read_retrainings_and_looks(reader)
        return found if found.groups or "training" in experiment else None

    def sections(self, own: Retrainings | None) -> tuple[tuple[str, str], ...]:
        """That of the retrainings."""
        return () if own is None else (("retrainings", "Retrained networks"),)

    def jobs(self, own: Retrainings | None) -> Iterator[Job]:
        """The figures of the retrainings."""
        groups = own.groups if own else ()
        axis = Axis(Score("accuracy", low=0.0, high=1.0, is_share=True), "accuracy")
        if any(group.validation or group.test for group in groups):
            yield Job(
                "errors",
                "Validation and test error of the retrained networks; the table has the numbers.",
                lambda: retraining_figures.draw_errors(groups, axis),
            )
        if any(member.curve for group in groups for member in group.members):
            yield Job(
                "retraining-curves",
                "Accuracy against epochs of the retrainings.",
                lambda: retraining_figures.draw_curves(groups, axis),
            )

    def context(self, data: ReportData) -> Mapping[str, Any]:
        """Diagrams, and what the templates compute."""
        shape = tuple(data.subject.data["input_shape"])
        description = read_description(data.subject.data, Path(data.provenance.database))
        return {
            "description": description,
            "data_pictures": draw_data(description),
            "diagrams": {top.rank: diagram_of(top.ranked.architecture, shape) for top in data.top},
            "legend": legend(),
            "error_interval": error_interval,
            "percent": percent,
        }
