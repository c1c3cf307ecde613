"""The numbers of the figures of retrained networks."""

from collections.abc import Sequence

from metaqnn.reports.figure_tables import FigureTable, table_of
from metaqnn.reports.networks.retrainings import Measure, RetrainingGroup


def errors_table(groups: Sequence[RetrainingGroup], measure: Measure) -> FigureTable:
    """A row a retraining."""
    return table_of(
        ("model", "recipe", "dataset", "retraining", f"validation_{measure.column}", f"test_{measure.column}"),
        (
            (group.model, group.recipe, group.dataset, m.retraining.number, m.validation, m.test)
            for group in groups
            for m in group.members
        ),
    )


def curves_table(groups: Sequence[RetrainingGroup], measure: Measure) -> FigureTable:
    """A row a retraining and an epoch."""
    name = measure.score.name
    return table_of(
        ("model", "retraining", "epoch", f"validation_{name}", f"train_{name}"),
        (
            (group.model, member.retraining.number, point.step, point.score, point.figures.get(f"train_{name}"))
            for group in groups
            for member in group.members
            for point in member.curve
        ),
    )
