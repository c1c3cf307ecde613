"""A replay database as pandas DataFrames, for research: one frame a question, with typed columns."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from metaqnn.replay.reader import ReplayReader

if TYPE_CHECKING:
    import pandas as pd

_DTYPES = {
    column: dtype
    for dtype, columns in {
        "int64": (
            "model layers parameters flops evaluations evaluation seed attempts attempt epoch episode "
            "iteration updates final look images"
        ),
        "Int64": "best_epoch predicted_epoch finetuned_from",
        "float64": (
            "accuracy best_accuracy last_accuracy learning_rate train_seconds predicted_accuracy "
            "predicted_low predicted_high train_loss train_accuracy validation_loss validation_accuracy "
            "epoch_seconds epsilon reward value test_accuracy"
        ),
        "string": (
            "architecture status reason purpose device source state action recipe dataset part weights "
            "kind finals command"
        ),
        "bool": "is_predicted reused",
        "time": "recorded_at started_at ended_at looked_at",
    }.items()
    for column in columns.split()
}
"""What each column is in pandas: `Int64` knows a missing value, in `float64` it is NaN; `time` is made apart.

A column of one name is the same in every frame.
"""

_MODELS = """
    SELECT m.model, m.architecture, e.status, e.best_accuracy AS accuracy, e.best_epoch, m.layers, m.parameters,
           m.flops, (SELECT count(*) FROM evaluations WHERE model = m.model) AS evaluations, e.reason
    FROM models m LEFT JOIN evaluations e ON e.evaluation = (
        SELECT max(evaluation) FROM evaluations WHERE model = m.model) ORDER BY m.model"""
_EVALUATIONS = """
    SELECT evaluation, model, seed, purpose, status, best_accuracy, best_epoch, last_accuracy, learning_rate,
           attempts, train_seconds, recorded_at, device, predicted_epoch, predicted_accuracy, predicted_low,
           predicted_high, reason
    FROM evaluations ORDER BY evaluation"""
_CURVES = """
    SELECT model, evaluation, attempt, epoch, c.learning_rate, train_loss, train_accuracy, validation_loss,
           validation_accuracy, epoch_seconds
    FROM learning_curves c JOIN evaluations USING (evaluation) ORDER BY evaluation, attempt, epoch"""
_EPISODES = """
    SELECT episode, iteration, epsilon, r.model, r.evaluation, accuracy,
           ifnull(e.status = 'predicted', 0) AS is_predicted, reward, reused, source, r.recorded_at, architecture
    FROM replay r JOIN models USING (model) LEFT JOIN evaluations e USING (evaluation) ORDER BY episode"""
_Q_VALUES = "SELECT state, action, value, updates FROM q_values ORDER BY state, action"
_FINALS = """
    SELECT n.final, n.model, n.seed, n.recipe, n.dataset, n.part, f.finetuned_from, n.status, n.validation_accuracy,
           n.test_accuracy, n.parameters, n.train_seconds, f.started_at, f.ended_at, f.device, f.weights,
           n.architecture, f.reason
    FROM final_networks n JOIN finals f USING (final) ORDER BY n.final"""
_FINAL_CURVES = """
    SELECT final, epoch, learning_rate, train_loss, train_accuracy, validation_loss, validation_accuracy, epoch_seconds
    FROM final_curves ORDER BY final, epoch"""
_TEST_LOOKS = """
    SELECT look, kind, finals, dataset, images, accuracy, validation_accuracy, command, looked_at
    FROM test_looks ORDER BY look"""


def _frame(query: str, summary: str) -> property:
    """A property of `Replay` that runs a query each time it is asked for."""

    def read(self: "Replay") -> "pd.DataFrame":
        return self._read(query)

    read.__doc__ = summary
    return property(read)


class Replay:
    """A replay database for looking at, also while its search runs; nothing is ever written.

    Each attribute reads anew, so it shows what is recorded by then; inside `snapshot` all show one state. Whole numbers
    that may be missing are pandas' Int64, missing accuracies and losses NaN, times UTC.

    >>> with open_replay("replay_db/digits.sqlite") as replay:  # doctest: +SKIP
    ...     best = replay.models.nlargest(5, "accuracy")

    Args:
        path: the file.

    Raises:
        ReplayError: there is no such file, or it is no whole metaqnn database of a known schema.
    """

    def __init__(self, path: Path | str):
        self._reader = ReplayReader(path)

    models = _frame(_MODELS, "Every architecture proposed so far, with what its newest evaluation gave.")
    evaluations = _frame(_EVALUATIONS, "Every training of the search, or of a table.")
    curves = _frame(_CURVES, "Every epoch of every attempt of those trainings.")
    episodes = _frame(_EPISODES, "The replay memory in the order of learning.")
    q_values = _frame(_Q_VALUES, "What the agent has learned, as of its last checkpoint.")
    finals = _frame(_FINALS, "Every training by the final recipe, with its last test accuracy if anybody looked.")
    final_curves = _frame(_FINAL_CURVES, "Every epoch of those trainings.")
    test_looks = _frame(_TEST_LOOKS, "Every look at a test split; `finals` is a JSON list of their numbers.")

    @property
    def path(self) -> Path:
        """The file."""
        return self._reader.path

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all frames read in the block show one state, whatever a running search adds meanwhile."""
        return self._reader.snapshot()

    def close(self) -> None:
        """Close the file; further calls do nothing."""
        self._reader.close()

    def __enter__(self) -> "Replay":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, query: str) -> "pd.DataFrame":
        import pandas as pd

        names, rows = self._reader.query(query)
        columns = zip(*rows, strict=True) if rows else [()] * len(names)
        return pd.DataFrame(
            {
                name: pd.to_datetime(pd.Series(values, dtype="string"), utc=True, format="ISO8601").dt.as_unit("us")
                if _DTYPES[name] == "time"
                else pd.Series(values, dtype=_DTYPES[name])
                for name, values in zip(names, columns, strict=True)
            }
        )


def open_replay(path: Path | str) -> Replay:
    """Open a replay database for looking at; see `Replay`.

    Args:
        path: the file.

    Raises:
        ReplayError: there is no such file, or it is no whole metaqnn database of a known schema.
    """
    return Replay(path)
