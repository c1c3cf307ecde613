"""The numbers of the figures of retrained networks."""

from collections.abc import Sequence

from metaqnn.reports.figure_tables import FigureTable, table_of
from metaqnn.reports.networks.retrainings import RetrainingGroup


def errors_table(groups: Sequence[RetrainingGroup]) -> FigureTable:
    """A row a retraining."""
    return table_of(
        ("model", "recipe", "dataset", "retraining", "validation_error", "test_error"),
        (
            (group.model, group.recipe, group.dataset, m.retraining.number, m.validation_error, m.test_error)
            for group in groups
            for m in group.members
        ),
    )


def curves_table(groups: Sequence[RetrainingGroup]) -> FigureTable:
    """A row a retraining and an epoch."""
    return table_of(
        ("model", "retraining", "epoch", "validation_accuracy", "train_accuracy"),
        (
            (group.model, member.retraining.number, point.step, point.score, point.figures.get("train_accuracy"))
            for group in groups
            for member in group.members
            for point in member.curve
        ),
    )
