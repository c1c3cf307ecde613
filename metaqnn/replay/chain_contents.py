"""What the links of the hash chains cover: the rows of a record, without what may differ between equal searches.

Left out are columns named `*_seconds` or `*_at`, `device` and `node`. Columns of JSON are covered as the values that
they hold; one that is no JSON, as its text. A content is a list of values for `metaqnn.replay.canonical`, in this
order:

- an episode: episode, iteration, recorded, model, the model's architecture, evaluation, score, reward, reused, source;
  then its evaluation, or nothing where that is reused;
- an evaluation: evaluation, model, seed, purpose, status, reason, score, best_epoch, last_score, figures, attempts,
  predicted_epoch, predicted_score, predicted_low, predicted_high; then its curves;
- curves: the columns attempt, epoch and score, each a list of one value a point; then the names of the figures in the
  order of their code points, and for each name a list of one value a point: false where the point lacks it;
- a retraining: final, model, architecture, seed, recipe, dataset, data, part, finetuned_from, size, status, reason,
  score, weights; then its curve, as above with attempt 1;
- a look at a test split: look, kind, finals, dataset, examples, score, validation_score, command; and after them
  found and figures, each where it is not empty;
- the configuration: keys -> values, but `experiment` without MAY_CHANGE and PATHS, and each of `plugins` without its
  `version`;
- a row of an imported file: row, net, content, episode, problem, reason.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Query = Callable[..., Iterable[tuple[Any, ...]]]
"""From a statement, and its parameters if it has any, to rows."""

MAY_CHANGE = ("search.models", "search.workers", "search.checkpoint_seconds", "search.hang_seconds")
"""What a search may be resumed with another value of: none of it changes an episode."""

PATHS = ("warm_start",)
"""Where something lies, which may be elsewhere in an equal search; what was read from there is sealed."""

_EPISODE = """
    SELECT episode, iteration, recorded, model, architecture, evaluation, score, reward, reused, source
    FROM replay LEFT JOIN models USING (model) WHERE episode = ?"""
_EVALUATION = """
    SELECT evaluation, model, seed, purpose, status, reason, score, best_epoch, last_score, figures, attempts,
           predicted_epoch, predicted_score, predicted_low, predicted_high
    FROM evaluations WHERE evaluation = ?"""
_CURVES = """
    SELECT attempt, epoch, score, figures FROM learning_curves WHERE evaluation = ? ORDER BY attempt, epoch"""
_RETRAINING = """
    SELECT final, model, architecture, seed, recipe, dataset, data, part, finetuned_from, size, status, reason, score,
           weights
    FROM finals WHERE final = ?"""
_RETRAINING_CURVE = "SELECT 1, epoch, score, figures FROM final_curves WHERE final = ? ORDER BY epoch"
_LOOK = """
    SELECT look, kind, finals, dataset, examples, score, validation_score, command, found, figures
    FROM test_looks WHERE look = ?"""


def episode_content(query: Query, number: int) -> list[object] | None:
    """A told episode with its evaluation, unless that is reused; None where there is none of that number."""
    for row in query(_EPISODE, (number,)):
        evaluation, is_reused = row[5], row[8]
        return [*row[:2], _decoded(row[2]), *row[3:], None if is_reused else evaluation_content(query, evaluation)]
    return None


def evaluation_content(query: Query, number: int) -> list[object] | None:
    """An evaluation with its curves; None where there is none of that number."""
    for row in query(_EVALUATION, (number,)):
        points = [(*point[:3], _decoded(point[3])) for point in query(_CURVES, (number,))]
        return [*row[:9], _decoded(row[9]), *row[10:], curves_content(points)]
    return None


def retraining_content(query: Query, number: int) -> list[object] | None:
    """A retraining with its curve; None where there is none of that number."""
    for row in query(_RETRAINING, (number,)):
        points = [(*point[:3], _decoded(point[3])) for point in query(_RETRAINING_CURVE, (number,))]
        return [*row[:4], *map(_decoded, row[4:7]), *row[7:], curves_content(points)]
    return None


def look_content(query: Query, number: int) -> list[object] | None:
    """A look at a test split; None where there is none of that number."""
    for row in query(_LOOK, (number,)):
        more = [value for value in map(_decoded, row[8:]) if value not in ([], {})]
        return [*row[:2], _decoded(row[2]), *row[3:8], *more]
    return None


def config_content(query: Query) -> dict[str, object]:
    """What a search was started with, without what changes no episode."""
    config: dict[str, Any] = {str(key): _decoded(value) for key, value in query("SELECT key, value FROM config")}
    experiment, plugins = config.get("experiment"), config.get("plugins")
    for name in (*MAY_CHANGE, *PATHS) if isinstance(experiment, dict) else ():
        *above, key = name.split(".")
        section = config["experiment"].get(above[0]) if above else experiment
        if isinstance(section, dict):
            section.pop(key, None)
    for plugin in plugins.values() if isinstance(plugins, dict) else ():
        if isinstance(plugin, dict):
            plugin.pop("version", None)
    return config


def imported_contents(query: Query) -> Iterable[list[object]]:
    """The rows of a file that was imported, in order."""
    for row in query("SELECT row, net, content, episode, problem, reason FROM imported_rows ORDER BY row"):
        yield [*row[:2], _decoded(row[2]), *row[3:]]


def curves_content(points: Sequence[tuple[int, int, float | None, object]]) -> list[object]:
    """Curves, column by column, which is a third of the work of point by point.

    Args:
        points: attempt, epoch, score and figures of each, in order.
    """
    attempts, epochs, scores, read = map(list, zip(*points, strict=True)) if points else ([], [], [], [])
    figures: list[Mapping[str, Any]] = [each if isinstance(each, Mapping) else {"": each} for each in read]
    names = sorted(set().union(*figures))
    columns = [[each.get(name, False) for each in figures] for name in names]
    return [attempts, epochs, _finite(scores), names, *map(_finite, columns)]


def _finite(values: list[Any]) -> list[Any]:
    """The same with nothing in the place of a number that is not finite, as it is stored."""
    if set(map(type, values)) <= {float} and math.isfinite(sum(values)):
        return values
    return [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]


def _decoded(text: Any) -> Any:
    try:
        return json.loads(text)
    except (RecursionError, TypeError, ValueError):  # nothing is hidden by being no JSON
        return text
