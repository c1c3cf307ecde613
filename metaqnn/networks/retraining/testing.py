"""Looks at the test split: every one of them is recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.core import Retraining, TestLook, TrainingSplit
from metaqnn.errors import ReplayError
from metaqnn.networks.data import DatasetConfig
from metaqnn.networks.retraining.choice import problem_with, stored_network
from metaqnn.networks.retraining.ensembles import accuracy, average, select_greedily
from metaqnn.networks.retraining.messages import DataSource, Predict, Predicted, data_fingerprint
from metaqnn.networks.retraining.pool import predict
from metaqnn.networks.training.backend import recorded_backend, require_backend
from metaqnn.replay.retrainings import RetrainingMemory


@dataclass(frozen=True)
class TestResult:
    """What a look at the test split showed.

    Attributes:
        look: as recorded.
        retrainings: what was tested.
    """

    __test__ = False  # pytest would take it for a test by its name

    look: TestLook
    retrainings: tuple[Retraining, ...]


def evaluate(memory: RetrainingMemory, retrainings: Sequence[Retraining], command: str) -> list[TestResult]:
    """Look at the test split with each of some trained networks.

    Args:
        memory: the database; the looks are recorded before anything is returned.
        retrainings: networks of one data set.
        command: recorded with the looks.

    Raises:
        MetaqnnError: a network cannot be used, or the data are absent or changed.
    """
    said = _ask(memory, retrainings)
    results = []
    for number, retraining in enumerate(retrainings):
        correct = accuracy(said.test.probabilities[number], said.test.labels)
        held_out = accuracy(said.validation.probabilities[number], said.validation.labels)
        validation = None if retraining.split is TrainingSplit.TRAIN_AND_VALIDATION else held_out
        results.append(
            _record(memory, "network", [retraining], [retraining], correct, validation, len(said.test.labels), command)
        )
    return results


def evaluate_ensemble(
    memory: RetrainingMemory, retrainings: Sequence[Retraining], is_greedy: bool, command: str, most: int = 25
) -> TestResult:
    """Look at the test split with an ensemble.

    Args:
        memory: the database.
        retrainings: networks of one data set.
        is_greedy: select members on the validation images, in place of all of them with the same weight.
        command: recorded with the look.
        most: members at most, of a greedy one.

    Raises:
        MetaqnnError: as `evaluate`; or members are to be selected on images that were trained on.
    """
    is_held_out = all(retraining.split is TrainingSplit.TRAIN for retraining in retrainings)
    if is_greedy and not is_held_out:
        raise ReplayError(
            f"{memory.path}: members can be selected only on images that they were not trained on, but these networks "
            "were trained on the validation images; leave --greedy out, or train with --part train"
        )
    said = _ask(memory, retrainings)
    validation = said.validation
    members = list(range(len(retrainings)))
    if is_greedy:
        members = select_greedily(validation.probabilities, validation.labels, most)
    held_out = accuracy(average(validation.probabilities, members), validation.labels) if is_held_out else None
    correct = accuracy(average(said.test.probabilities, members), said.test.labels)
    kind, chosen = "greedy" if is_greedy else "average", [retrainings[index] for index in members]
    return _record(memory, kind, chosen, retrainings, correct, held_out, len(said.test.labels), command)


def _ask(memory: RetrainingMemory, retrainings: Sequence[Retraining]) -> Predicted:
    """The predictions of some networks, after everything that can be refused is."""
    for retraining in retrainings:
        if problem := problem_with(memory, retraining):
            raise ReplayError(f"{memory.path}: {problem}")
    sections = {tuple(sorted(retraining.dataset.items())) for retraining in retrainings}
    if len(sections) != 1:
        raise ReplayError(f"{memory.path}: expected networks of one data set, got several; choose with --dataset")
    source = DataSource(
        DatasetConfig(**retrainings[0].dataset), memory.config()["seed"], data_fingerprint(retrainings[0].data)
    )
    backend = recorded_backend(memory)
    require_backend(backend)
    question = Predict(source, tuple(stored_network(memory, retraining) for retraining in retrainings))
    return predict(question, backend)


def _record(
    memory: RetrainingMemory,
    kind: str,
    chosen: Sequence[Retraining],
    retrainings: Sequence[Retraining],
    correct: float,
    validation: float | None,
    count: int,
    command: str,
) -> TestResult:
    numbers = tuple(retraining.number for retraining in chosen)
    look = TestLook(0, kind, numbers, retrainings[0].dataset["name"], count, correct, validation, command)
    return TestResult(memory.record_look(look), tuple(chosen))
