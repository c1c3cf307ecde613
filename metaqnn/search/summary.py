"""A search in a few lines: how far it is, what it found, what it saved, what failed."""

from dataclasses import dataclass

from metaqnn.core import Exploration, Strategy
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.tables import NOT_ONLY_IMPORTED
from metaqnn.strategies.schedule import Schedule


@dataclass(frozen=True)
class Summary:
    """The state of a recorded search.

    Attributes:
        episodes: told; none of the imported ones counts here or below, but for `best`.
        models_done, models_total: distinct architectures told, and the budget of the last run.
        in_flight: episodes proposed and not recorded.
        reused: episodes that needed no training.
        saved_seconds: what training them again would have taken.
        failed: models whose last evaluation failed, by status.
        best: (model, accuracy, architecture) of the best network; None before the first success.
        epsilon: of the next proposal; None when the schedule is over, or there is none.
        exhausted: epsilons of the stages that ended early because `max_repeats` episodes in a row found nothing new.
        max_repeats: that number.
        runs: starts of the search.
        elapsed_seconds: wall clock of all runs.
        values_as_of: the episode that the stored Q-values are as of.
        imported: episodes that come from elsewhere.
    """

    episodes: int
    models_done: int
    models_total: int
    in_flight: int
    reused: int
    saved_seconds: float
    failed: dict[str, int]
    best: tuple[int, float, str] | None
    epsilon: float | None
    exhausted: tuple[float, ...]
    max_repeats: int
    runs: int
    elapsed_seconds: float
    values_as_of: int
    imported: int = 0


@dataclass(frozen=True)
class PredictionSummary:
    """What stopping early by prediction gave in a recorded search.

    Attributes:
        predicted: trainings stopped because they were predicted not to be among the best.
        epochs_trained, epochs_saved: over all trainings; what the stopped ones would have taken more.
        controls: trainings that would have been stopped but went to the end, to know how good the predictions are.
        prediction_error, prediction_bias: over those, mean |predicted - reached| and mean (predicted - reached)
            accuracy; None without controls.
    """

    predicted: int
    epochs_trained: int
    epochs_saved: int
    controls: int
    prediction_error: float | None
    prediction_bias: float | None

    @property
    def saved_share(self) -> float:
        """The part of all epochs that was saved."""
        return self.epochs_saved / max(1, self.epochs_trained + self.epochs_saved)


def summarise_predictions(reader: ReplayReader, epochs: int) -> PredictionSummary:
    """Read what prediction gave.

    Args:
        reader: the database.
        epochs: of a whole attempt.
    """
    _, rows = reader.query(
        """WITH imported AS (SELECT evaluation FROM replay WHERE source = 'imported')
           SELECT ifnull(sum(status = 'predicted'), 0),
                  (SELECT count(*) FROM learning_curves JOIN evaluations USING (evaluation)
                   WHERE purpose = 'search' AND evaluation NOT IN imported),
                  ifnull(sum(iif(status = 'predicted', ? - predicted_epoch, 0)), 0),
                  count(error), avg(abs(error)), avg(error)
           FROM predictions WHERE evaluation NOT IN imported""",
        (epochs,),
    )
    return PredictionSummary(*rows[0])


def summarise(reader: ReplayReader, schedule: Schedule | None) -> Summary:
    """Read the summary of a search, also while it runs.

    Args:
        reader: the database.
        schedule: of its strategy, scaled to the budget that it began with; None where there is none.
    """
    with reader.snapshot():
        progress = schedule.recorded(reader.episodes(), reader.proposals()) if schedule else None
        _, totals = reader.query(
            """SELECT count(*), ifnull(sum(source = 'sampled' AND NOT reused), 0), ifnull(sum(reused), 0),
                      ifnull(sum(iif(reused, train_seconds, 0.0)), 0)
               FROM replay JOIN evaluations USING (evaluation) WHERE source != 'imported'"""
        )
        _, runs = reader.query(
            "SELECT count(*), ifnull(sum(elapsed_seconds), 0),"
            " (SELECT models FROM runs ORDER BY run DESC LIMIT 1) FROM runs"
        )
        _, best = reader.query("SELECT model, best_accuracy, architecture FROM leaderboard LIMIT 1")
        _, failed = reader.query(
            f"SELECT status, count(*) FROM failures WHERE {NOT_ONLY_IMPORTED} GROUP BY status ORDER BY status"
        )
        imported = reader.imported_episodes()
        in_flight, as_of = len(reader.proposals()), reader.values_as_of()
    episodes, models, reused, saved = totals[0]
    exploration = schedule.describe(progress) if schedule else Exploration()
    return Summary(
        episodes=episodes,
        models_done=models,
        models_total=runs[0][2] or 0,
        in_flight=in_flight,
        reused=reused,
        saved_seconds=saved,
        failed=dict(failed),
        best=best[0] if best else None,
        epsilon=exploration.epsilon,
        exhausted=exploration.exhausted,
        max_repeats=schedule.max_repeats if schedule else Strategy.max_repeats,
        runs=runs[0][0],
        elapsed_seconds=runs[0][1],
        values_as_of=as_of,
        imported=imported,
    )
