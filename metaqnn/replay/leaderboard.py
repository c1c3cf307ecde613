"""Which networks did best: of a search by their last training that ended well, of a table by the mean over seeds."""

from dataclasses import dataclass

from metaqnn.replay.reader import ReplayReader
from metaqnn.trial import Status

MEANS = """
    SELECT model, architecture, parameters, flops, avg(ifnull(best_accuracy, ?1)) AS accuracy, NULL AS epoch,
           max(iif(status = 'ok', evaluation, NULL)) AS evaluation, count(*) AS trainings
    FROM models JOIN evaluations USING (model) WHERE purpose = 'table'
    GROUP BY model ORDER BY accuracy DESC, parameters, model"""
"""The networks of a table by the mean over their trainings, of which a failed one counts as chance (?1)."""


@dataclass(frozen=True)
class Network:
    """A network with a measured accuracy.

    Attributes:
        model: its number.
        architecture: canonical text.
        parameters, flops: what it costs.
        accuracy: best validation accuracy, in [0, 1]; of a table the mean over its trainings, a failure as chance.
        epoch: the first that reached it, from 1; None for a mean.
        evaluation: whose curve is shown; None where there is none.
        trainings: that the accuracy is a mean of.
    """

    model: int
    architecture: str
    parameters: int
    flops: int
    accuracy: float
    epoch: int | None
    evaluation: int | None
    trainings: int = 1


@dataclass(frozen=True)
class Winner:
    """The best network of a search.

    Attributes:
        model: its number.
        architecture: in the paper's notation.
        accuracy: on the validation images, in [0, 1].
        learning_rate: the initial one that worked.
        has_learned: whether it did better than to name one class whatever it sees.
    """

    model: int
    architecture: str
    accuracy: float
    learning_rate: float
    has_learned: bool


def chance(reader: ReplayReader) -> float:
    """The accuracy of a guess, in [0, 1]."""
    return 1.0 / reader.config()["data"]["classes"]


def read_networks(reader: ReplayReader) -> tuple[Network, ...]:
    """Every network of a search or a table with a measured accuracy, the best first, the smaller first among equals."""
    if reader.is_table():
        return tuple(Network(*row) for row in reader.query(MEANS, (chance(reader),))[1])
    _, rows = reader.query(
        """SELECT l.model, l.architecture, l.parameters, l.flops, l.best_accuracy, l.best_epoch,
                  (SELECT max(evaluation) FROM evaluations e
                   WHERE e.model = l.model AND purpose = 'search' AND status = 'ok')
           FROM leaderboard l WHERE l.best_accuracy IS NOT NULL
           ORDER BY l.best_accuracy DESC, l.parameters, l.model"""
    )
    return tuple(Network(*row) for row in rows)


def read_leaderboard(reader: ReplayReader) -> tuple[tuple[str, ...], list[tuple]]:
    """Columns and rows of the networks that a search trained to the end, the best first."""
    return reader.query(
        "SELECT model, architecture, best_accuracy AS accuracy, best_epoch AS epoch, layers, parameters, flops,"
        " train_seconds FROM leaderboard"
    )


def best_network(reader: ReplayReader) -> tuple[int, float, str] | None:
    """Model, accuracy and architecture of the best network of a search; None before any was trained to the end."""
    _, rows = reader.query("SELECT model, best_accuracy, architecture FROM leaderboard LIMIT 1")
    return rows[0] if rows else None


def best_model(reader: ReplayReader) -> int | None:
    """The model that was best in the search or the table; None before any was trained to the end."""
    if best := best_network(reader):
        return best[0]
    _, rows = reader.query(  # a table has no leaderboard
        """SELECT model FROM evaluations WHERE status = 'ok' GROUP BY model
           ORDER BY avg(best_accuracy) DESC, model LIMIT 1"""
    )
    return rows[0][0] if rows else None


def searched_accuracies(reader: ReplayReader) -> dict[int, float | None]:
    """The best validation accuracy, in [0, 1], of each model that a search trained to the end."""
    return dict(reader.query("SELECT model, best_accuracy FROM leaderboard")[1])


def read_winner(reader: ReplayReader) -> Winner | None:
    """The best network of a search; where none learned, the best of those that did not; None where there is none."""
    _, rows = reader.query(
        """SELECT m.model, m.architecture, ifnull(e.best_accuracy, e.last_accuracy) AS accuracy,
                  e.learning_rate, e.status = ?1
           FROM models m JOIN evaluations e USING (model)
           WHERE e.purpose = 'search' AND e.status IN (?1, ?2) AND e.last_accuracy IS NOT NULL
           ORDER BY e.status = ?1 DESC, accuracy DESC, m.parameters, m.model LIMIT 1""",
        (Status.OK, Status.NEVER_LEARNED),
    )
    return Winner(*rows[0][:4], bool(rows[0][4])) if rows else None
