"""What early stopping by prediction gave."""

from dataclasses import dataclass

from metaqnn.replay.reader import ReplayReader


@dataclass(frozen=True)
class PredictionSummary:
    """What early stopping by prediction gave in a recorded search.

    Attributes:
        predicted: evaluations stopped because they were predicted not to be among the best.
        epochs_trained, epochs_saved: over all evaluations; what the stopped ones would have taken more.
        controls: evaluations that would have been stopped but went to the end, to know how good the predictions are.
        prediction_error, prediction_bias: over those, mean |predicted - reached| and mean (predicted - reached)
            score; None without controls.
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


def summarise_predictions(reader: ReplayReader, epochs: int, with_imported: bool = False) -> PredictionSummary:
    """Read what prediction gave.

    Args:
        reader: the database.
        epochs: of a whole attempt.
        with_imported: whether evaluations that come from elsewhere count.
    """
    _, rows = reader.query(
        """WITH others AS (SELECT evaluation FROM replay WHERE source = 'imported' AND NOT ?2)
           SELECT ifnull(sum(status = 'predicted'), 0),
                  (SELECT count(*) FROM learning_curves JOIN evaluations USING (evaluation)
                   WHERE purpose = 'search' AND evaluation NOT IN others),
                  ifnull(sum(iif(status = 'predicted', ?1 - predicted_epoch, 0)), 0),
                  count(error), avg(abs(error)), avg(error)
           FROM predictions WHERE evaluation NOT IN others""",
        (epochs, with_imported),
    )
    return PredictionSummary(*rows[0])


def read_controls(reader: ReplayReader) -> tuple[tuple[float, float], ...]:
    """Predicted and reached score of each evaluation that would have been stopped but went to the end."""
    _, rows = reader.query(
        "SELECT predicted_score, score FROM evaluations WHERE predicted_epoch IS NOT NULL AND status = 'ok'"
        " ORDER BY evaluation"
    )
    return tuple(rows)
