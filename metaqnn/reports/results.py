"""What a report reads of every episode and every network, as plain values in the order of telling or of merit."""

from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.replay.reader import ReplayReader
from metaqnn.trial import Source, Status


@dataclass(frozen=True)
class Result:
    """A told episode with what its evaluation gave.

    Attributes:
        episode, iteration, epsilon, model, source, reused: as in `metaqnn.trial.Episode`.
        accuracy: of the network, in [0, 1], measured or predicted; None for a failure.
        measured: the same where it was trained to the end, else None.
        train_seconds: wall clock of the evaluation, which for a repeat was spent before.
    """

    episode: int
    iteration: int
    epsilon: float | None
    model: int
    accuracy: float | None
    measured: float | None
    train_seconds: float
    reused: bool
    source: Source


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


def read_results(reader: ReplayReader) -> tuple[Result, ...]:
    """Every told episode, in order."""
    _, rows = reader.query(
        """SELECT episode, iteration, epsilon, r.model, accuracy, iif(e.status = 'ok', accuracy, NULL), e.train_seconds,
                  reused, source FROM replay r JOIN evaluations e USING (evaluation) ORDER BY episode"""
    )
    return tuple(Result(*row[:7], bool(row[7]), Source(row[8])) for row in rows)


def of_the_search(results: Sequence[Result]) -> tuple[Result, ...]:
    """What the search itself proposed; where it proposed nothing, what was imported in its place."""
    own = tuple(result for result in results if result.source is not Source.IMPORTED)
    return own or tuple(results)


def new_networks(results: Sequence[Result]) -> list[Result]:
    """The episodes that brought a result that was not known, in order."""
    return [result for result in results if not result.reused]


def running_best(results: Sequence[Result]) -> tuple[float | None, ...]:
    """The best measured accuracy after each of some results; None before the first."""
    best, course = None, []
    for result in results:
        if result.measured is not None and (best is None or result.measured > best):
            best = result.measured
        course.append(best)
    return tuple(course)


def read_networks(reader: ReplayReader, classes: int) -> tuple[Network, ...]:
    """Every network with a measured accuracy, the best first, the smaller first among equals.

    Args:
        reader: a search or a table.
        classes: for what a failed training of a table counts as.
    """
    if reader.is_table():
        _, rows = reader.query(
            """SELECT model, architecture, parameters, flops, avg(ifnull(best_accuracy, ?)) AS accuracy, NULL,
                      max(iif(status = ?, evaluation, NULL)), count(*)
               FROM evaluations JOIN models USING (model) WHERE purpose = 'table'
               GROUP BY model ORDER BY accuracy DESC, parameters, model""",
            (1.0 / classes, Status.OK),
        )
        return tuple(Network(*row) for row in rows)
    _, rows = reader.query(
        """SELECT l.model, l.architecture, l.parameters, l.flops, l.best_accuracy, l.best_epoch,
                  (SELECT max(evaluation) FROM evaluations e
                   WHERE e.model = l.model AND purpose = 'search' AND status = 'ok')
           FROM leaderboard l ORDER BY l.best_accuracy DESC, l.parameters, l.model"""
    )
    return tuple(Network(*row) for row in rows if row[4] is not None)
