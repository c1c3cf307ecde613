"""A replay database in the layout of the authors' released code."""

from datetime import datetime
from pathlib import Path

from metaqnn.errors import ReplayError
from metaqnn.networks.architecture import parse
from metaqnn.networks.released_file import NOT_MEASURED, write_released
from metaqnn.networks.released_notation import with_dropout_marks
from metaqnn.replay.checks import as_damage
from metaqnn.replay.evaluations import ToldEvaluation, read_told_evaluations
from metaqnn.replay.importing import read_imported_rows
from metaqnn.replay.places import new_place
from metaqnn.replay.reader import ReplayReader


def export_released(reader: ReplayReader, target: Path) -> int:
    """Write the layout of the authors' released code: a row for each episode in order.

    Networks carry its dropout marks; iterations are epochs; nothing was measured on the test split, which is -1. A
    failed network has what it counted as in the reward, at iteration 0, as that code writes a network that never
    learned. A retried one has a row of its own without an epsilon, which an import takes for a repeat of the failure:
    the layout cannot say more. What stands there for a training that was stopped early is its prediction. Episodes that
    a search began with are among the rows. An imported database gives back the rows of its file as they were, refused
    ones included.

    Returns:
        how many rows were written.

    Raises:
        ReplayError: the target exists or cannot be written, or the database holds an enumerated table, another score
            than the accuracy of networks, or what is no network.
    """
    if reader.is_table():
        raise ReplayError(
            f"{reader.path}: expected episodes, but this file holds every network of a space, from `metaqnn "
            "enumerate`; use --layout tables"
        )
    if reader.score().name != "accuracy":
        raise ReplayError(
            f"{reader.path}: expected accuracies of networks, which is all that this layout can hold, but this search "
            f"measured {reader.score().name}; use --layout tables"
        )
    if reader.is_import():
        rows = [{"net": row.net, **row.content} for row in read_imported_rows(reader)]
    else:
        failure = reader.config()["experiment"]["reward"].get("failure")
        failure = failure if isinstance(failure, float) else reader.score().failure
        rows = [_row(reader, told, failure) for told in read_told_evaluations(reader)]
    with new_place(target) as part:
        write_released(part, rows)
    return len(rows)


def _row(reader: ReplayReader, told: ToldEvaluation, failure: float) -> dict[str, str]:
    is_failure = told.score is None
    best = failure if is_failure else told.score
    # A predicted best accuracy has no epoch of its own: it is that of the whole training, known at its last epoch.
    best_at, last_at = (0, 0) if is_failure else (told.best_epoch or told.epochs, told.epochs)
    return {
        "net": _marked(reader, told.model, told.architecture),
        "accuracy_best_val": repr(best),
        "iter_best_val": str(best_at),
        "accuracy_last_val": repr(best if is_failure else told.last_score),
        "iter_last_val": str(last_at),
        "accuracy_best_test": NOT_MEASURED,
        "accuracy_last_test": NOT_MEASURED,
        "ix_q_value_update": str(told.episode),
        "epsilon": NOT_MEASURED if told.epsilon is None else repr(told.epsilon),
        "time_finished": repr(datetime.fromisoformat(told.recorded_at).timestamp()),
        "machine_run_on": told.device or "unknown",
    }


def _marked(reader: ReplayReader, model: int, architecture: str) -> str:
    with as_damage(reader.path, f"table models, row {model}, column architecture"):
        return with_dropout_marks(parse(architecture))
