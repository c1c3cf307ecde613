"""A replay database as pandas DataFrames, for research: one frame a question, with typed columns."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metaqnn.replay.reader import ReplayReader

if TYPE_CHECKING:
    import pandas as pd

_TYPES: Mapping[str, str] = {
    "number": "int64",
    "number or nothing": "Int64",  # pandas' own integers, which know a missing value
    "real": "float64",  # a missing value is NaN
    "text": "string",
    "flag": "bool",
}
"""What a kind of column is in pandas; `time` is made apart."""


@dataclass(frozen=True)
class _Query:
    """A frame: the SQL behind it, and the kinds of its columns in order."""

    sql: str
    columns: Mapping[str, str]


_MODELS = _Query(
    """SELECT m.model, m.architecture, e.status, e.best_accuracy AS accuracy, e.best_epoch, m.layers, m.parameters,
              m.flops, (SELECT count(*) FROM evaluations WHERE model = m.model), e.reason
       FROM models m LEFT JOIN evaluations e ON e.evaluation = (
           SELECT max(evaluation) FROM evaluations WHERE model = m.model) ORDER BY m.model""",
    {
        "model": "number",
        "architecture": "text",
        "status": "text",
        "accuracy": "real",
        "best_epoch": "number or nothing",
        "layers": "number",
        "parameters": "number",
        "flops": "number",
        "evaluations": "number",
        "reason": "text",
    },
)
_EVALUATIONS = _Query(
    """SELECT evaluation, model, seed, purpose, status, best_accuracy, best_epoch, last_accuracy, learning_rate,
              attempts, train_seconds, recorded_at, device, predicted_epoch, predicted_accuracy, predicted_low,
              predicted_high, reason
       FROM evaluations ORDER BY evaluation""",
    {
        "evaluation": "number",
        "model": "number",
        "seed": "number",
        "purpose": "text",
        "status": "text",
        "best_accuracy": "real",
        "best_epoch": "number or nothing",
        "last_accuracy": "real",
        "learning_rate": "real",
        "attempts": "number",
        "train_seconds": "real",
        "recorded_at": "time",
        "device": "text",
        "predicted_epoch": "number or nothing",
        "predicted_accuracy": "real",
        "predicted_low": "real",
        "predicted_high": "real",
        "reason": "text",
    },
)
_CURVES = _Query(
    """SELECT model, evaluation, attempt, epoch, c.learning_rate, train_loss, train_accuracy, validation_loss,
              validation_accuracy, epoch_seconds
       FROM learning_curves c JOIN evaluations USING (evaluation) ORDER BY evaluation, attempt, epoch""",
    {
        "model": "number",
        "evaluation": "number",
        "attempt": "number",
        "epoch": "number",
        "learning_rate": "real",
        "train_loss": "real",
        "train_accuracy": "real",
        "validation_loss": "real",
        "validation_accuracy": "real",
        "epoch_seconds": "real",
    },
)
_EPISODES = _Query(
    """SELECT episode, iteration, epsilon, r.model, r.evaluation, accuracy, ifnull(e.status = 'predicted', 0), reward,
              reused, source, r.recorded_at, architecture
       FROM replay r JOIN models USING (model) LEFT JOIN evaluations e USING (evaluation) ORDER BY episode""",
    {
        "episode": "number",
        "iteration": "number",
        "epsilon": "real",
        "model": "number",
        "evaluation": "number",
        "accuracy": "real",
        "is_predicted": "flag",
        "reward": "real",
        "reused": "flag",
        "source": "text",
        "recorded_at": "time",
        "architecture": "text",
    },
)
_Q_VALUES = _Query(
    "SELECT state, action, value, updates FROM q_values ORDER BY state, action",
    {"state": "text", "action": "text", "value": "real", "updates": "number"},
)
_FINALS = _Query(
    """SELECT n.final, n.model, n.seed, n.recipe, n.dataset, n.part, f.finetuned_from, n.status, n.validation_accuracy,
              n.test_accuracy, n.parameters, n.train_seconds, f.started_at, f.ended_at, f.device, f.weights,
              n.architecture, f.reason
       FROM final_networks n JOIN finals f USING (final) ORDER BY n.final""",
    {
        "final": "number",
        "model": "number",
        "seed": "number",
        "recipe": "text",
        "dataset": "text",
        "part": "text",
        "finetuned_from": "number or nothing",
        "status": "text",
        "validation_accuracy": "real",
        "test_accuracy": "real",
        "parameters": "number",
        "train_seconds": "real",
        "started_at": "time",
        "ended_at": "time",
        "device": "text",
        "weights": "text",
        "architecture": "text",
        "reason": "text",
    },
)
_FINAL_CURVES = _Query(
    """SELECT final, epoch, learning_rate, train_loss, train_accuracy, validation_loss, validation_accuracy,
              epoch_seconds
       FROM final_curves ORDER BY final, epoch""",
    {
        "final": "number",
        "epoch": "number",
        "learning_rate": "real",
        "train_loss": "real",
        "train_accuracy": "real",
        "validation_loss": "real",
        "validation_accuracy": "real",
        "epoch_seconds": "real",
    },
)
_TEST_LOOKS = _Query(
    """SELECT look, kind, finals, dataset, images, accuracy, validation_accuracy, command, looked_at
       FROM test_looks ORDER BY look""",
    {
        "look": "number",
        "kind": "text",
        "finals": "text",
        "dataset": "text",
        "images": "number",
        "accuracy": "real",
        "validation_accuracy": "real",
        "command": "text",
        "looked_at": "time",
    },
)


def _frame(query: _Query, summary: str) -> property:
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

    def _read(self, query: _Query) -> "pd.DataFrame":
        import pandas as pd

        _, rows = self._reader.query(query.sql)
        columns = zip(*rows, strict=True) if rows else [()] * len(query.columns)
        return pd.DataFrame(
            {
                name: pd.to_datetime(pd.Series(values, dtype="string"), utc=True, format="ISO8601").dt.as_unit("us")
                if kind == "time"
                else pd.Series(values, dtype=_TYPES[kind])
                for (name, kind), values in zip(query.columns.items(), columns, strict=True)
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
