"""What people ask of a replay database, as tables of plain values."""

from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.errors import ReplayError
from metaqnn.replay.failures import NOT_ONLY_IMPORTED
from metaqnn.replay.leaderboard import MEANS, best_network, chance
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.runs import elapsed_seconds


@dataclass(frozen=True)
class Table:
    """A table to be shown.

    Attributes:
        title: what it holds.
        columns: their names.
        rows: one value a column: text, number or None.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple, ...]


def top(reader: ReplayReader, count: int) -> Table:
    """The best models by validation accuracy, the smaller first among equals; of a table by the mean over seeds."""
    if reader.is_table():
        return _table(
            reader,
            f"The {count} best networks",
            f"SELECT model, accuracy, trainings, parameters, flops, architecture FROM ({MEANS}) LIMIT ?2",
            (chance(reader), count),
        )
    # What was imported knows no epochs; where a search began with it, each network says where it comes from.
    columns = "" if reader.is_import() else ", best_epoch AS epoch"
    source = ""
    if reader.imported_episodes() and not reader.is_import():
        source = ", (SELECT source FROM replay r WHERE r.model = l.model ORDER BY episode LIMIT 1) AS source"
    return _table(
        reader,
        f"The {count} best networks",
        f"SELECT model, best_accuracy AS accuracy{columns}{source}, parameters, flops, architecture"
        " FROM leaderboard l LIMIT ?",
        (count,),
    )


def enumeration(reader: ReplayReader) -> Table:
    """How far the enumeration of a space is, and what it found."""
    _, rows = reader.query(
        """SELECT (SELECT count(*) FROM models), count(*), count(DISTINCT seed), ifnull(sum(status != 'ok'), 0)
           FROM evaluations WHERE purpose = 'table'"""
    )
    _, best = reader.query(f"SELECT accuracy, model, architecture FROM ({MEANS}) LIMIT 1", (chance(reader),))
    facts = ("networks", "trainings", "seeds", "failed", "elapsed_seconds", "best_accuracy", "best_model")
    values = (*rows[0], elapsed_seconds(reader), *(best[0][:2] if best else (None, None)))
    return Table(
        "Every network of a space",
        (*facts, "architecture"),
        ((*values, best[0][2] if best else None),),
    )


def is_imported(reader: ReplayReader, model: int) -> bool:
    """Whether a model's first result comes from elsewhere."""
    _, rows = reader.query("SELECT source = 'imported' FROM replay WHERE model = ? ORDER BY episode LIMIT 1", (model,))
    return bool(rows and rows[0][0])


def imports(reader: ReplayReader) -> Table:
    """What an imported database took from its file, and what it refused."""
    _, rows = reader.query(
        """SELECT count(*), count(episode), (SELECT count(*) FROM models), sum(problem IS 'unparsed'),
                  sum(problem IS 'accuracy'), sum(problem IS 'illegal') FROM imported_rows"""
    )
    total, taken, networks, *problems = rows[0]
    columns = ("rows", "episodes", "models", "repeats", "unparsed", "bad_accuracy", "illegal")
    return Table(
        "Imported episodes",
        (*columns, "best_model", "best_accuracy", "best_architecture"),
        ((total, taken, networks, taken - networks, *problems, *(best_network(reader) or (None, None, None))),),
    )


def imported_stages(reader: ReplayReader) -> Table:
    """What each epsilon of an imported database gave, in the order of its file."""
    return _table(
        reader,
        "By epsilon",
        """SELECT epsilon, count(*) AS episodes, sum(1 - reused) AS models, avg(accuracy) AS mean_accuracy,
                  max(accuracy) AS best_accuracy
           FROM replay GROUP BY epsilon ORDER BY min(episode)""",
    )


def refused_rows(reader: ReplayReader, count: int) -> Table:
    """Rows that were refused, the first `count` of each problem."""
    return _table(
        reader,
        "Refused rows",
        """SELECT row, problem, reason, net FROM (
               SELECT *, row_number() OVER (PARTITION BY problem ORDER BY row) AS place
               FROM imported_rows WHERE problem IS NOT NULL)
           WHERE place <= ? ORDER BY problem, row""",
        (count,),
    )


def episodes(reader: ReplayReader, last: int) -> Table:
    """The newest episodes, oldest first."""
    return _table(
        reader,
        "Episodes",
        """SELECT * FROM (
               SELECT episode, iteration, epsilon, r.model, accuracy, status, reward, reused, source, architecture
               FROM replay r JOIN models USING (model) JOIN evaluations USING (evaluation)
               ORDER BY episode DESC LIMIT ?)
           ORDER BY episode""",
        (last,),
    )


def in_flight(reader: ReplayReader) -> Table:
    """Episodes that are proposed but not recorded."""
    return _table(
        reader,
        "In flight",
        """SELECT episode, epsilon, model, source, architecture
           FROM proposals JOIN models USING (model) ORDER BY episode""",
    )


def stages(reader: ReplayReader) -> Table:
    """What each epsilon gave."""
    return _table(
        reader,
        "By epsilon",
        "SELECT epsilon, episodes, models, mean_accuracy, best_accuracy FROM epsilon_stages",
    )


def failures(reader: ReplayReader) -> Table:
    """Models whose last evaluation failed, but for those that are known from elsewhere alone."""
    return _table(
        reader,
        "Failed networks",
        f"SELECT model, status, reason, architecture FROM failures WHERE {NOT_ONLY_IMPORTED}",
    )


def model_facts(reader: ReplayReader, model: int) -> Table:
    """One model with its evaluations.

    Raises:
        ReplayError: there is no such model.
    """
    _require_model(reader, model)
    return _table(
        reader,
        f"Model {model}",
        """SELECT evaluation, purpose, status, reason, best_accuracy AS accuracy, best_epoch AS epoch, learning_rate,
                  attempts, train_seconds AS seconds, device FROM evaluations WHERE model = ? ORDER BY evaluation""",
        (model,),
    )


def model_predictions(reader: ReplayReader, model: int) -> Table:
    """What was predicted of a model while it trained.

    Raises:
        ReplayError: there is no such model.
    """
    _require_model(reader, model)
    return _table(
        reader,
        f"Predictions of model {model}",
        """SELECT evaluation, status, predicted_epoch AS after_epoch, predicted_accuracy AS predicted,
                  predicted_low AS low, predicted_high AS high, best_accuracy AS accuracy
           FROM predictions WHERE model = ? ORDER BY evaluation""",
        (model,),
    )


def model_episodes(reader: ReplayReader, model: int) -> Table:
    """The episodes that proposed a model.

    Raises:
        ReplayError: there is no such model.
    """
    _require_model(reader, model)
    return _table(
        reader,
        f"Episodes of model {model}",
        """SELECT episode, epsilon, accuracy, status, reward, reused, source
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
    return _table(
        reader,
        "Learning curves",
        f"""SELECT model, evaluation, attempt, epoch, c.learning_rate, train_loss, train_accuracy, validation_loss,
                   validation_accuracy, epoch_seconds
            FROM learning_curves c JOIN evaluations USING (evaluation) {chosen}
            ORDER BY evaluation, attempt, epoch""",
        tuple(models),
    )


def q_values(reader: ReplayReader, state: str | None, count: int) -> Table:
    """The stored Q-values, the most often updated first.

    Args:
        state: only states that begin with this text, such as "0:" or "3:C(64,3,1)"; None for all.
        count: at most so many.
    """
    as_of = reader.values_as_of()
    return _table(
        reader,
        f"Q-values as of episode {as_of}",
        """SELECT state, action, value, updates FROM q_values WHERE substr(state, 1, length(?1)) = ?1
           ORDER BY updates DESC, state, action LIMIT ?2""",
        (state or "", count),
    )


def _table(reader: ReplayReader, title: str, sql: str, parameters: Sequence = ()) -> Table:
    columns, rows = reader.query(sql, parameters)
    return Table(title, columns, tuple(rows))


def _require_model(reader: ReplayReader, model: int) -> None:
    _, rows = reader.query("SELECT ifnull(max(model), 0), sum(model = ?) FROM models", (model,))
    largest, found = rows[0]
    if not found:
        raise ReplayError(f"{reader.path}: there is no model {model}; its models are numbered 1 to {largest}")
