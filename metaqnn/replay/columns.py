"""What every column of a replay database holds, beyond what its type says: one kind for each."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

from metaqnn.core import TRAINING, Score, Status
from metaqnn.errors import DamageError
from metaqnn.replay.migrations import TABLES, StoredColumn


@dataclass(frozen=True)
class Kind:
    """What values may be.

    Attributes:
        expected: in words.
        holds: whether a value is so.
    """

    expected: str
    holds: Callable[[Any], bool]

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, as a clause; None where nothing is."""
        return None if self.holds(value) else f"expected {self.expected}, but it is {shown(value)}"


def shown(value: object) -> str:
    """A value as it stands in a message."""
    text = "NULL" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


@cache
def column_kind(table: str, column: StoredColumn) -> Kind:
    """What a column of a table holds."""
    kind = _kind_of_value(table, column)
    if column.is_required:
        return kind
    return Kind(f"{kind.expected}, or NULL", lambda value: value is None or kind.holds(value))


def row_problem(table: str, row: Mapping[str, Any]) -> tuple[str, str] | None:
    """The column and what is wrong with it where values, each as it should be, contradict each other."""
    if table == "config" and "value" in row and (kind := _CONFIG.get(row.get("key", ""))):
        problem = kind.problem(parsed(row["value"]))
        return ("value", problem) if problem else None
    if table == "evaluations" and "predicted_epoch" in row:
        predicted = {name: value for name, value in row.items() if name.startswith("predicted_")}
        missing = [name for name, value in predicted.items() if value is None]
        if missing and (len(missing) < len(predicted) or row["status"] == Status.EARLY_STOPPED):
            return missing[0], "expected a value beside the rest of the prediction, but it is NULL"
    return None


def missing_keys(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Rows of `config` that every search, table and import has but this one lacks, and what is expected there.

    Args:
        config: what a database was started with; nothing is missing from an empty one.
    """
    for key in ("data", "experiment", "seed", "score") if config else ():
        if key not in config:
            yield key, "expected this row, but it is missing"
    data, experiment = config.get("data"), config.get("experiment")
    evaluator = config.get("plugins", {}).get("evaluator", {}).get("name", "network")
    if data is None or experiment is None or evaluator != "network":
        return
    for key in ("input_shape", "classes"):
        if key not in data:
            yield "data", f"expected {key!r} in it, as of every search over networks"
    if "name" not in (experiment.get("dataset") or {}):
        yield "experiment", "expected the name of a data set in it, as of every search over networks"


class MissingKeyError(DamageError, KeyError):
    """A key that is missing from what a database keeps: for whoever asks whether it is there, the usual error."""

    __str__ = Exception.__str__  # not in quotes


class Stored(dict[str, Any]):
    """An object that a database keeps in JSON; a key that is asked for and missing is told as damage.

    Args:
        place: where it stands, and of which file.
        path: of the file.
    """

    def __init__(self, place: str, path: Path, content: Mapping[str, Any]):
        super().__init__(content)
        self._place, self._path = place, path

    def __missing__(self, key: str) -> NoReturn:
        raise MissingKeyError(self._path, f"{self._place}: expected {key!r} in it, but it is missing")


def stored(text: str, place: str, path: Path) -> Any:
    """What a database keeps in JSON, its objects, those in it included, as `Stored`."""
    return json.loads(text, object_hook=partial(Stored, place, path))


def parsed(text: object) -> Any:
    """What JSON says; `UNREADABLE` where it is none."""
    try:
        value = json.loads(text, parse_constant=_refuse) if type(text) is str else UNREADABLE
        if "\\u" in str(text):
            json.dumps(value, ensure_ascii=False).encode()  # a lone half of a surrogate pair is no character
    except (ValueError, RecursionError):
        return UNREADABLE
    return value


UNREADABLE = object()
"""Stands for what is no JSON."""


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


# Kinds


def _is_whole(value: Any, low: int = 0) -> bool:
    return type(value) is int and value >= low


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_seconds(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_time(value: Any) -> bool:
    try:
        return type(value) is str and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_score(value: Any) -> bool:
    try:
        score = Score.of(value)
        return type(score.name) is str and type(score.is_share) is bool and type(score.failure_name) is str
    except (ValueError, TypeError, AttributeError):
        return False


def _is_section(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and isinstance(value.get("name", ""), str))


def _is_experiment(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and all(_is_section(value.get(section)) for section in _SECTIONS)
    )


def _is_data(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    shape = value.get("input_shape", [1])
    is_shape = isinstance(shape, list) and bool(shape) and all(_is_whole(size, 1) for size in shape)
    are_hashes = all(_is_text(value.get(name, "")) for name in ("data_hash", "split_hash"))
    are_counts = all(_is_whole(value.get(name, 0)) for name in ("train_images", "validation_images"))
    return is_shape and are_hashes and are_counts and _is_whole(value.get("classes", 1), 1)


def _is_schedule(value: Any) -> bool:
    stages = value.get("stages") if isinstance(value, dict) else None
    return isinstance(stages, list) and all(
        isinstance(stage, list) and len(stage) == 2 and _is_number(stage[0]) and _is_whole(stage[1]) for stage in stages
    )


def _is_mapping(value: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(map(holds, value.values()))


def _is_list(value: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(holds, value))


def _is_text(value: Any) -> bool:
    return type(value) is str


_SECTIONS = ("dataset", "space", "strategy", "reward", "training", "evaluator", "search", "final")

_CONFIG = {
    "experiment": Kind("an experiment, as an object of sections", _is_experiment),
    "seed": Kind("a whole number from 0", _is_whole),
    "budget": Kind("a whole number from 1", lambda value: _is_whole(value, 1)),
    "data": Kind("an object with the shape of an input and the number of classes, or without them", _is_data),
    "score": Kind("what is measured, as an object with a name, a direction and a range", _is_score),
    "plugins": Kind(
        "an object of parts, each an object of texts",
        lambda value: _is_mapping(value, lambda part: _is_mapping(part, _is_text)),
    ),
    "purpose": Kind('"table" or "import"', lambda value: value in ("table", "import")),
    "schedule": Kind("an object whose stages are pairs of an epsilon and a number of models", _is_schedule),
}

_TEXT = Kind("text in UTF-8", _is_text)
_FROM_0, _FROM_1 = Kind("a whole number from 0", _is_whole), Kind("a whole number from 1", lambda v: _is_whole(v, 1))
_NUMBER = Kind("a finite number", _is_number)
_SECONDS = Kind("a number of seconds from 0", _is_seconds)
_TIME = Kind("a time in ISO 8601 with its offset", _is_time)


def _json(expected: str, holds: Callable[[Any], bool]) -> Kind:
    return Kind(f"{expected} in JSON", lambda text: holds(parsed(text)))


_NUMBERS = _json("an object of numbers", lambda value: _is_mapping(value, _is_number))
_FIGURES = _json("an object of numbers", lambda value: _is_mapping(value, lambda v: v is None or _is_number(v)))
_OBJECT = _json("an object", lambda value: isinstance(value, dict))

_JSON = {
    "config.value": _json("a value", lambda value: value is not UNREADABLE),
    "runs.versions": _json("an object of texts", lambda value: _is_mapping(value, _is_text)),
    "runs.changes": _json("a list of changes", lambda value: _is_list(value, lambda change: isinstance(change, list))),
    "models.costs": _NUMBERS,
    "evaluations.figures": _FIGURES,
    "evaluations.phase_seconds": _json("an object of seconds from 0", lambda value: _is_mapping(value, _is_seconds)),
    "learning_curves.figures": _FIGURES,
    "proposals.recorded": _NUMBERS,
    "replay.recorded": _NUMBERS,
    "finals.recipe": _json("a section with a name", lambda value: isinstance(value, dict) and _is_section(value)),
    "finals.dataset": _json(
        "a section with a name", lambda value: isinstance(value, dict) and "name" in value and _is_section(value)
    ),
    "finals.data": _json("an object", _is_data),
    "final_curves.figures": _FIGURES,
    "test_looks.finals": _json("a list of retrainings", lambda value: _is_list(value, lambda v: _is_whole(v, 1))),
    "test_looks.figures": _FIGURES,
    "test_looks.found": _json("a list of texts", lambda value: _is_list(value, _is_text)),
    "imported_rows.content": _json("an object of texts", lambda value: _is_mapping(value, _is_text)),
}

_NUMBERED_FROM_1 = (
    *("run", "first_episode", "model", "evaluation", "attempt", "epoch", "best_epoch", "predicted_epoch", "episode"),
    *("worker", "event", "final", "finetuned_from", "look", "row"),
)
"""Numbers of rows, and of steps."""

_STATUS = {"evaluations": tuple(Status), "finals": (*Status, TRAINING)}


@cache
def _choices(table: str) -> Mapping[str, tuple[Any, ...]]:
    """What the schema lets some columns be."""
    lists = re.findall(r"CHECK \((\w+) IN \((.*?)\)\)", TABLES[table])
    choices = {name: tuple(json.loads(f"[{values}]".replace("'", '"'))) for name, values in lists}
    if table == "checkpoints":
        choices["name"] = ("q_values",)
    return choices | ({"status": tuple(map(str, _STATUS[table]))} if table in _STATUS else {})


def _kind_of_value(table: str, column: StoredColumn) -> Kind:
    name = column.name
    if choices := _choices(table).get(name):
        return Kind(f"one of {', '.join(map(str, choices))}", lambda value: value in choices)
    if kind := _JSON.get(f"{table}.{name}"):
        return kind
    if column.type == "INTEGER":  # Q-values may be as of episode 0
        return _FROM_1 if name in _NUMBERED_FROM_1 and table != "checkpoints" else _FROM_0
    if column.type == "REAL":
        return _SECONDS if name.endswith("_seconds") else _NUMBER
    return _TIME if name.endswith("_at") else _TEXT
