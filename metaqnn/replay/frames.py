"""A replay database as pandas DataFrames, for research: one frame a question, with typed columns."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.core import TRAINING, EpisodeOrigin, Status, TrainingSplit
from metaqnn.replay.exporting import require_parquet
from metaqnn.replay.places import new_place
from metaqnn.replay.reader import ReplayReader

if TYPE_CHECKING:
    import pandas as pd

_DTYPES = {
    column: dtype
    for dtype, columns in {
        "int64": (
            "model evaluations evaluation seed attempts attempt epoch episode iteration updates final size look "
            "examples"
        ),
        "Int64": "best_epoch predicted_epoch finetuned_from",
        "float64": (
            "SCORE best_SCORE last_SCORE predicted_SCORE predicted_low predicted_high validation_SCORE test_SCORE "
            "train_seconds epoch_seconds epsilon reward value"
        ),
        "string": "architecture reason state recipe weights finals command found",
        "category": "status purpose device node source action dataset part kind",
        "bool": "is_predicted reused",
        "time": "recorded_at started_at ended_at looked_at",
    }.items()
    for column in columns.split()
}
"""What each column is in pandas: `Int64` knows a missing value, in `float64` it is NaN; `time` is made apart.

A column of one name is the same in every frame. SCORE stands for the name of what the search measures. The columns
`costs`, `figures` and `recorded` become a column for each name in them."""

_CATEGORIES: dict[str, tuple[str, ...]] = {
    "status": (*Status, TRAINING),
    "purpose": ("search", "table"),
    "source": tuple(EpisodeOrigin),
    "part": tuple(TrainingSplit),
    "kind": ("network", "average", "greedy"),
}
"""Of a category whose values are known beforehand: all of them, so that frames of two searches fit together. Others
have the values that occur."""

FRAMES = ("models", "evaluations", "curves", "episodes", "q_values", "finals", "final_curves", "test_looks")
"""The attributes of `Replay` that are DataFrames."""

_BY_NAME = ("costs", "figures", "recorded")

_MODELS = """
    SELECT m.model, m.architecture, e.status, iif(e.status = 'ok', e.score, NULL) AS SCORE, e.best_epoch, m.costs,
           (SELECT count(*) FROM evaluations WHERE model = m.model) AS evaluations, e.reason
    FROM models m LEFT JOIN evaluations e ON e.evaluation = (
        SELECT max(evaluation) FROM evaluations WHERE model = m.model) ORDER BY m.model"""
_EVALUATIONS = """
    SELECT evaluation, model, seed, purpose, status, iif(status = 'ok', score, NULL) AS best_SCORE, best_epoch,
           last_score AS last_SCORE, figures, attempts, train_seconds, phase_seconds, recorded_at, device, node,
           predicted_epoch, predicted_score AS predicted_SCORE, predicted_low, predicted_high, reason
    FROM evaluations ORDER BY evaluation"""
_CURVES = """
    SELECT model, evaluation, attempt, epoch, c.figures, c.score AS validation_SCORE, epoch_seconds
    FROM learning_curves c JOIN evaluations USING (evaluation) ORDER BY evaluation, attempt, epoch"""
_EPISODES = """
    SELECT episode, iteration, recorded, r.model, r.evaluation, r.score AS SCORE,
           ifnull(e.status = 'predicted', 0) AS is_predicted, reward, reused, source, r.recorded_at, architecture
    FROM replay r JOIN models USING (model) LEFT JOIN evaluations e USING (evaluation) ORDER BY episode"""
_Q_VALUES = "SELECT state, action, value, updates FROM q_values ORDER BY state, action"
_FINALS = """
    SELECT n.final, n.model, n.seed, n.recipe, n.dataset, n.part, f.finetuned_from, n.status,
           f.score AS validation_SCORE, l.score AS test_SCORE, f.size, n.train_seconds, f.started_at, f.ended_at,
           f.device, f.weights, n.architecture, f.reason
    FROM final_networks n JOIN finals f USING (final) LEFT JOIN test_looks l ON l.look = (
        SELECT max(look) FROM test_looks WHERE kind = 'network' AND finals = '[' || f.final || ']')
    ORDER BY n.final"""
_FINAL_CURVES = """
    SELECT final, epoch, figures, score AS validation_SCORE, epoch_seconds FROM final_curves ORDER BY final, epoch"""
_TEST_LOOKS = """
    SELECT look, kind, finals, dataset, examples, score AS SCORE, validation_score AS validation_SCORE, command,
           looked_at, found, figures
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
    that may be missing are pandas' Int64, missing scores and losses NaN, times UTC, and what takes few values is a
    category. docs/reference/frames.md says what each column is.

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
    test_looks = _frame(_TEST_LOOKS, "Every look at a test split; `finals` and `found` are JSON lists.")

    @property
    def path(self) -> Path:
        """The file."""
        return self._reader.path

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all frames read in the block show one state, whatever a running search adds meanwhile."""
        return self._reader.snapshot(is_long=True)

    def to_parquet(self, folder: Path | str) -> None:
        """Write every frame as a file `NAME.parquet` into a new folder; all of them show one state.

        `pandas.read_parquet` gives the same frame, with its types.

        Args:
            folder: must not exist.

        Raises:
            ReplayError: the folder exists or cannot be written, or the package for Parquet is not installed.
        """
        require_parquet("to_parquet")
        with new_place(Path(folder), "folder") as part, self.snapshot():
            part.mkdir()
            for name in FRAMES:
                getattr(self, name).to_parquet(part / f"{name}.parquet", index=False)

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
        columns = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
        frame: dict[str, pd.Series] = {}
        for name, values in columns.items():
            if name in _BY_NAME:
                frame |= _by_name(values)
            elif name == "phase_seconds":
                frame |= {f"{phase}_seconds": series for phase, series in _by_name(values).items()}
            elif _DTYPES[name] == "time":
                texts = pd.Series(values, dtype="string")
                frame[name] = pd.to_datetime(texts, utc=True, format="ISO8601").dt.as_unit("us")
            else:
                name_of_score = self._reader.score().name if "SCORE" in name else ""
                frame[name.replace("SCORE", name_of_score)] = _series(name, values)
        return pd.DataFrame(frame)


def _series(name: str, values: Sequence[Any]) -> "pd.Series":
    import pandas as pd

    dtype: Any = _DTYPES[name]
    if dtype == "category":
        known = [str(category) for category in _CATEGORIES.get(name, ())]
        found = sorted({value for value in values if value is not None} - set(known))  # of an older schema, too
        dtype = pd.CategoricalDtype(pd.Index([*known, *found], dtype="str"))
    series: pd.Series = pd.Series(values, dtype=dtype)
    return series


def _by_name(values: Sequence[str]) -> "dict[str, pd.Series]":
    """A column for each name in a column of JSON; whole numbers stay whole, also where some are missing."""
    import pandas as pd

    mappings = [json.loads(text) for text in values]
    names = list(dict.fromkeys(name for mapping in mappings for name in mapping))
    columns = {name: [mapping.get(name) for mapping in mappings] for name in names}

    def dtype(column: list[object]) -> str:
        if all(type(value) is int for value in column):
            return "int64"
        return "Int64" if all(value is None or type(value) is int for value in column) else "float64"

    return {name: pd.Series(column, dtype=dtype(column)) for name, column in columns.items()}


def open_replay(path: Path | str) -> Replay:
    """Open a replay database for looking at; see `Replay`.

    Args:
        path: the file.

    Raises:
        ReplayError: there is no such file, or it is no whole metaqnn database of a known schema.
    """
    return Replay(path)
