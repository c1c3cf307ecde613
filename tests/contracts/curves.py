"""Made-up trainings whose curve follows from how it will end, so that the end can be told from the beginning."""

from zlib import crc32

from contracts.agents import accuracy_of
from contracts.records import costs, epoch

from metaqnn.core import Candidate, CurvePoint, Evaluation
from metaqnn.networks.stopping_rule import EarlyStoppingContext, ReferenceCurve
from metaqnn.networks.targets.classes import accuracy
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.early_stopping_config import RegressionConfig
from metaqnn.networks.training.recipe import Engine, EpochOutcome, Session, train

EPOCHS = 10


def accuracy_after(epoch: int, final: float) -> float:
    """Half of what is missing is learned in every epoch, and the last reaches `final`."""
    return final * (1 - 0.5**epoch) / (1 - 0.5**EPOCHS)


def curve(final: float, epochs: int = EPOCHS, rate: float = 0.001) -> tuple[CurvePoint, ...]:
    """The beginning of a training that ends at `final`."""
    accuracies = [accuracy_after(epoch, final) for epoch in range(1, epochs + 1)]
    return tuple(epoch(n, rate, 1 - a, a, 1 - a, a, 0.0) for n, a in enumerate(accuracies, start=1))


def references(count: int = 40, low: float = 0.5, high: float = 0.95) -> tuple[ReferenceCurve, ...]:
    """Networks trained to the end, evenly spread from `low` to `high` but in no order."""
    finals = [low + (high - low) * (7 * i % count) / (count - 1) for i in range(count)]
    return tuple(ReferenceCurve(costs(3, 1000 + i, 50_000 + i), curve(final), final) for i, final in enumerate(finals))


def context(target: float = 0.95, is_control: bool = False) -> EarlyStoppingContext:
    """What is known of a network like those."""
    return EarlyStoppingContext(costs(3, 1000, 50_000), references(), target, is_control)


class CurveEngine(Engine):
    """Trains nothing: every network reaches `final(architecture)` along `curve`.

    Args:
        final: the accuracy in the end, by the architecture's text, or an exception that the first epoch raises.
        wasted: so many attempts learn nothing.
    """

    def __init__(self, final, wasted: int = 0):
        self.final, self.wasted = final, wasted
        self.num_epochs = 0

    def open(self, architecture, seed, attempt):
        """An attempt."""
        return _CurveSession(self, (lambda _: 0.0) if attempt <= self.wasted else self.final, str(architecture))


class _CurveSession(Session):
    def __init__(self, engine, final, architecture):
        self.engine, self.final, self.architecture = engine, final, architecture

    def run_epoch(self, epoch, learning_rate, check_time):
        self.engine.num_epochs += 1
        accuracy = accuracy_after(epoch, self.final(self.architecture))
        return EpochOutcome(1 - accuracy, accuracy, 1 - accuracy, accuracy)

    def numpy_weights(self):
        return []

    def close(self):
        pass


def final_of(architecture: str) -> float:
    """Where a network ends: from 0.4 to 0.9."""
    return 0.4 + accuracy_of(architecture) / 2


def does_crash(architecture: str) -> bool:
    """One network in five crashes."""
    return crc32(architecture.encode()) % 5 == 0


TRAINING = TrainingConfig(
    epochs=EPOCHS,
    restart_accuracy=0.3,  # a tenth is reached by all of them
    early_stopping=RegressionConfig(min_networks=10, control_share=0.2),
)
"""Looks after epochs 2 to 5."""


def trained(crashes=does_crash, training=TRAINING):
    """A function that trains candidates by the recipe; those that `crashes` says crash in their first epoch."""

    def final(architecture: str) -> float:
        if crashes(architecture):
            raise OSError("the machine is on fire")
        return final_of(architecture)

    def function(candidate: Candidate) -> Evaluation:
        return train(candidate, CurveEngine(final), training, accuracy(3))

    return function
