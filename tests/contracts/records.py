"""Records of networks, written in one line each."""

from metaqnn.core import Attempt, CurvePoint, Evaluation, Model, Prediction, Score, Status, score_of_curve
from metaqnn.networks.targets.classes import accuracy

ACCURACY = accuracy(10)
"""What networks of ten classes are compared by."""


def epoch(
    step: int,
    learning_rate: float,
    train_loss: float,
    train_accuracy: float,
    validation_loss: float,
    validation_accuracy: float,
    seconds: float,
) -> CurvePoint:
    """A point of a network's learning curve."""
    figures = {
        "learning_rate": learning_rate,
        "train_loss": train_loss,
        "train_accuracy": train_accuracy,
        "validation_loss": validation_loss,
    }
    return CurvePoint(step, validation_accuracy, seconds, figures)


def evaluation(
    status: Status,
    reason: str = "",
    attempts: tuple[Attempt, ...] = (),
    seconds: float = 0.0,
    device: str = "",
    prediction: Prediction | None = None,
    score: Score = ACCURACY,
) -> Evaluation:
    """What a training gave: its score and its initial learning rate follow from its curves."""
    is_stopped = status is Status.EARLY_STOPPED and prediction is not None
    reached = prediction.score if is_stopped else score_of_curve(score, status, attempts)
    points = attempts[-1].points if attempts else ()
    figures = {"learning_rate": points[0].figures["learning_rate"]} if points else {}
    return Evaluation(status, reached, reason, attempts, figures, seconds, device, prediction)


def model(number: int, architecture: str, layers: int, parameters: int, flops: int) -> Model:
    """A network with its costs."""
    return Model(number, architecture, costs(layers, parameters, flops))


def costs(layers: int, parameters: int, flops: int) -> dict[str, int]:
    """The costs of a network, as its space says them."""
    return {"parameters": parameters, "flops": flops, "layers": layers}
