"""What people ask of a replay database, as tables of plain values."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from metaqnn.errors import ReplayError
from metaqnn.replay.failures import NOT_ONLY_IMPORTED
from metaqnn.replay.leaderboard import best_model, read_ranking
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.runs import elapsed_seconds

_COSTS = 2
"""So many costs of an architecture stand in a table of many, the first that its space names; `show` has all."""


@dataclass(frozen=True)
class Table:
    """A table to be shown.

    Attributes:
        title: what it holds.
        columns: their names.
        rows: one value a column: text, number or None.
        percent: columns of shares, which people read in percent.
        score: what it is by and which way that is better, for people; empty where that goes without saying.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    percent: frozenset[str] = frozenset()
    score: str = ""


def top(reader: ReplayReader, count: int) -> Table:
    """The best models by their score, the cheaper first among equals; of a table by the mean over seeds."""
    reader.query("SELECT ?", (count,))  # whatever number is typed, the database's range holds
    ranking = read_ranking(reader)[:count]
    score = reader.score().name
    names = list(ranking[0].costs)[:_COSTS] if ranking else []
    columns: list[str] = ["model", score]
    cells: list[list[Any]] = [[ranked.model, ranked.score] for ranked in ranking]
    if reader.is_table():
        columns.append("evaluations")
        cells = [[*row, ranked.evaluations] for row, ranked in zip(cells, ranking, strict=True)]
    elif not reader.is_import():  # what was imported knows no epochs
        columns.append("epoch")
        cells = [[*row, ranked.epoch] for row, ranked in zip(cells, ranking, strict=True)]
        if reader.imported_episodes():  # where a search began with it, each network says where it comes from
            columns.append("source")
            origins = dict(
                reader.query("SELECT model, source FROM replay GROUP BY model HAVING episode = min(episode)")[1]
            )
            cells = [[*row, origins[ranked.model]] for row, ranked in zip(cells, ranking, strict=True)]
    rows = (
        (*row, *(ranked.costs.get(name) for name in names), ranked.architecture)
        for row, ranked in zip(cells, ranking, strict=True)
    )
    return Table(
        f"The {count} best networks",
        (*columns, *names, "architecture"),
        tuple(rows),
        share_columns(reader, (score,)),
        _score_words(reader),
    )


def enumeration(reader: ReplayReader) -> Table:
    """How far the enumeration of a space is, and what it found."""
    _, rows = reader.query(
        """SELECT (SELECT count(*) FROM models), count(*), count(DISTINCT seed), ifnull(sum(status != 'ok'), 0)
           FROM evaluations WHERE purpose = 'table'"""
    )
    best, name = best_model(reader), f"best_{reader.score().name}"
    facts = ("networks", "evaluations", "seeds", "failed", "elapsed_seconds", name, "best_model")
    values = (*rows[0], elapsed_seconds(reader), *((best.score, best.model) if best else (None, None)))
    return Table(
        "Every network of a space",
        (*facts, "architecture"),
        ((*values, best.architecture if best else None),),
        share_columns(reader, (name,)),
    )


def is_imported(reader: ReplayReader, model: int) -> bool:
    """Whether a model's first result comes from elsewhere."""
    _, rows = reader.query("SELECT source = 'imported' FROM replay WHERE model = ? ORDER BY episode LIMIT 1", (model,))
    return bool(rows and rows[0][0])


def episodes(reader: ReplayReader, last: int) -> Table:
    """The newest episodes, oldest first."""
    return scored_table(
        reader,
        "Episodes",
        """SELECT * FROM (
               SELECT episode, iteration, epsilon, r.model, r.score AS SCORE, status, reward, reused, source,
                      architecture
               FROM replay r JOIN models USING (model) JOIN evaluations USING (evaluation)
               ORDER BY episode DESC LIMIT ?)
           ORDER BY episode""",
        (last,),
    )


def in_flight(reader: ReplayReader) -> Table:
    """Episodes that are proposed but not recorded."""
    sql = """SELECT episode, epsilon, model, source, architecture
             FROM proposals JOIN models USING (model) ORDER BY episode"""
    return plain_table(reader, "In flight", sql)


def stages(reader: ReplayReader) -> Table:
    """What each epsilon gave."""
    return scored_table(
        reader,
        "By epsilon",
        """SELECT epsilon, count(*) AS episodes, sum(1 - reused) AS models, avg(r.score) AS mean_SCORE,
                  iif((SELECT sign FROM score_sign) > 0, max(measured), min(measured)) AS best_SCORE
           FROM replay r JOIN (SELECT evaluation, iif(status = 'ok', score, NULL) AS measured FROM evaluations)
               USING (evaluation)
           WHERE source = 'sampled' GROUP BY epsilon ORDER BY min(episode)""",
    )


def failures(reader: ReplayReader) -> Table:
    """Models whose last evaluation failed, but for those that are known from elsewhere alone."""
    sql = f"SELECT model, status, reason, architecture FROM failures WHERE {NOT_ONLY_IMPORTED}"
    return plain_table(reader, "Failed networks", sql)


def model_facts(reader: ReplayReader, model: int) -> Table:
    """One model with its evaluations.

    Raises:
        ReplayError: there is no such model.
    """
    _require_model(reader, model)
    return _by_name(
        reader,
        f"Model {model}",
        """SELECT evaluation, purpose, status, reason, iif(status = 'ok', score, NULL) AS SCORE, best_epoch AS epoch,
                  figures, attempts, train_seconds AS seconds, device
           FROM evaluations WHERE model = ? ORDER BY evaluation""",
        (model,),
    )


def model_predictions(reader: ReplayReader, model: int) -> Table:
    """What was predicted of a model while it trained.

    Raises:
        ReplayError: there is no such model.
    """
    _require_model(reader, model)
    return scored_table(
        reader,
        f"Predictions of model {model}",
        """SELECT evaluation, status, predicted_epoch AS after_epoch, predicted_score AS predicted_SCORE,
                  predicted_low AS low_SCORE, predicted_high AS high_SCORE, iif(status = 'ok', score, NULL) AS SCORE
           FROM evaluations WHERE model = ? AND predicted_epoch IS NOT NULL ORDER BY evaluation""",
        (model,),
    )


def model_episodes(reader: ReplayReader, model: int) -> Table:
    """The episodes that proposed a model.

    Raises:
        ReplayError: there is no such model.
    """
    _require_model(reader, model)
    return scored_table(
        reader,
        f"Episodes of model {model}",
        """SELECT episode, epsilon, r.score AS SCORE, status, reward, reused, source
           FROM replay r JOIN evaluations USING (evaluation) WHERE r.model = ? ORDER BY episode""",
        (model,),
    )


def curves(reader: ReplayReader, models: Sequence[int]) -> Table:
    """The learning curves of some models, of all where none is named.

    Raises:
        ReplayError: there is no such model.
    """
    for model in models:
        _require_model(reader, model)
    chosen = f"WHERE model IN ({', '.join('?' * len(models))})" if models else ""
    return _by_name(
        reader,
        "Learning curves",
        f"""SELECT model, evaluation, attempt, epoch, c.figures, c.score AS validation_SCORE, epoch_seconds
            FROM learning_curves c JOIN evaluations USING (evaluation) {chosen}
            ORDER BY evaluation, attempt, epoch""",
        tuple(models),
    )


def q_values(reader: ReplayReader, state: str | None, count: int) -> Table:
    """The stored Q-values, the most often updated first.

    Args:
        state: only states that begin with this text, such as "0:"; None for all.
        count: at most so many.
    """
    title = f"Q-values as of episode {reader.values_as_of()}"
    if reader.shares_reward():
        title += ", of the part of the reward that a step and those after it earn"
    return plain_table(
        reader,
        title,
        """SELECT state, action, value, updates FROM q_values WHERE substr(state, 1, length(?1)) = ?1
           ORDER BY updates DESC, state, action LIMIT ?2""",
        (state or "", count),
    )


def plain_table(reader: ReplayReader, title: str, sql: str, parameters: Sequence[Any] = ()) -> Table:
    """What a query answers, as it comes."""
    columns, rows = reader.query(sql, parameters)
    return Table(title, columns, tuple(rows))


def share_columns(reader: ReplayReader, columns: Sequence[str]) -> frozenset[str]:
    """Those columns, where the score is a share."""
    return frozenset(columns) if reader.score().is_share else frozenset()


def _score_words(reader: ReplayReader) -> str:
    """The score and which way it is better; nothing of an accuracy."""
    score = reader.score()
    return score.label if score.better else ""


def scored_table(reader: ReplayReader, title: str, sql: str, parameters: Sequence[Any] = ()) -> Table:
    """A table whose columns named after SCORE are named after what the search measures."""
    found, rows = reader.query(sql, parameters)
    columns = tuple(column.replace("SCORE", reader.score().name) for column in found)
    shares = [column for column, was in zip(columns, found, strict=True) if "SCORE" in was]
    return Table(title, columns, tuple(rows), share_columns(reader, shares), _score_words(reader) if shares else "")


def _by_name(reader: ReplayReader, title: str, sql: str, parameters: Sequence[Any] = ()) -> Table:
    """The same with a column for each name in the JSON of the column `figures`."""
    table = scored_table(reader, title, sql, parameters)
    at = table.columns.index("figures")
    figures = [json.loads(row[at]) for row in table.rows]
    names = tuple(dict.fromkeys(name for one in figures for name in one))
    rows = (
        (*row[:at], *(one.get(name) for name in names), *row[at + 1 :])
        for row, one in zip(table.rows, figures, strict=True)
    )
    columns = (*table.columns[:at], *names, *table.columns[at + 1 :])
    shares = table.percent | share_columns(reader, [name for name in names if name == f"train_{reader.score().name}"])
    return replace(table, columns=columns, rows=tuple(rows), percent=shares)


def _require_model(reader: ReplayReader, model: int) -> None:
    _, rows = reader.query("SELECT ifnull(max(model), 0), sum(model = ?) FROM models", (model,))
    largest, found = rows[0]
    if not found:
        raise ReplayError(f"{reader.path}: there is no model {model}; its models are numbered 1 to {largest}")
