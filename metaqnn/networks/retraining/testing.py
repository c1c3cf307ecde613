"""Looks at the test split: every one of them is recorded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from metaqnn.core import Retraining, Score, TestCheck, TestLook, TrainingSplit
from metaqnn.errors import DataError, ReplayError
from metaqnn.networks.data import DatasetConfig
from metaqnn.networks.retraining.choice import problem_with, stored_network
from metaqnn.networks.retraining.ensembles import average, select_greedily
from metaqnn.networks.retraining.messages import DataSource, Predict, Predictions, data_fingerprint
from metaqnn.networks.retraining.pool import predict
from metaqnn.networks.targets import Measured, recorded_target
from metaqnn.networks.training.backend import recorded_backend, require_backend
from metaqnn.replay.retrainings import RetrainingMemory


@dataclass(frozen=True)
class TestResult:
    """What a look at the test split showed.

    Attributes:
        look: as recorded.
        retrainings: what was tested.
        score: what the look measured.
    """

    __test__ = False  # pytest would take it for a test by its name

    look: TestLook
    retrainings: tuple[Retraining, ...]
    score: Score


@dataclass(frozen=True)
class TestTerms:
    """How a look at the test split is taken.

    Attributes:
        command: recorded with it.
        allow_duplicates: whether test images may be training images, too.
        announce: called with a line for each doubt.
    """

    __test__ = False

    command: str
    allow_duplicates: bool = False
    announce: Callable[[str], None] = lambda line: None


def evaluate(memory: RetrainingMemory, retrainings: Sequence[Retraining], terms: TestTerms) -> list[TestResult]:
    """Look at the test split with each of some trained networks.

    Args:
        memory: the database; the looks are recorded before anything is returned.
        retrainings: networks of one data set.
        terms: how.

    Raises:
        MetaqnnError: a network cannot be used, the data are absent or changed, or test images are training images.
    """
    validation, test = _ask(memory, retrainings, terms)
    results = []
    for number, retraining in enumerate(retrainings):
        target = recorded_target(retraining.data)
        found = target.measure(test.said[number], test.targets)
        held_out = target.measure(validation.said[number], validation.targets).score
        known = None if retraining.split is TrainingSplit.TRAIN_AND_VALIDATION else held_out
        count = len(test.targets)
        results.append(_record(memory, "network", [retraining], [retraining], found, known, count, terms.command))
    return results


def evaluate_ensemble(
    memory: RetrainingMemory, retrainings: Sequence[Retraining], is_greedy: bool, terms: TestTerms, most: int = 25
) -> TestResult:
    """Look at the test split with an ensemble.

    Args:
        memory: the database.
        retrainings: networks of one data set.
        is_greedy: select members on the validation images, in place of all of them with the same weight.
        terms: how.
        most: members at most, of a greedy one.

    Raises:
        MetaqnnError: as `evaluate`; or members are to be selected on images that were trained on.
    """
    is_held_out = all(retraining.split is TrainingSplit.TRAIN for retraining in retrainings)
    if is_greedy and not is_held_out:
        raise ReplayError(
            f"{memory.path}: members can be selected only on images that they were not trained on, but these networks "
            "were trained on the validation images; leave --greedy out, or train with --split train"
        )
    validation, test = _ask(memory, retrainings, terms)
    members, target = list(range(len(retrainings))), recorded_target(retrainings[0].data)
    if is_greedy:
        members = select_greedily(target, validation.said, validation.targets, most)
    held_out = None
    if is_held_out:
        held_out = target.measure(average(validation.said, members), validation.targets).score
    found = target.measure(average(test.said, members), test.targets)
    kind, chosen = "greedy" if is_greedy else "average", [retrainings[index] for index in members]
    return _record(memory, kind, chosen, retrainings, found, held_out, len(test.targets), terms.command)


def _ask(
    memory: RetrainingMemory, retrainings: Sequence[Retraining], terms: TestTerms
) -> tuple[Predictions, Predictions]:
    """The predictions of some networks for both splits, after everything that can be refused is."""
    for retraining in retrainings:
        if problem := problem_with(memory, retraining):
            raise ReplayError(f"{memory.path}: {problem}")
    sections = [DatasetConfig.recorded(retraining.dataset, str(memory.path)) for retraining in retrainings]
    if any(section != sections[0] for section in sections):
        raise ReplayError(f"{memory.path}: expected networks of one data set, got several; choose with --dataset")
    source = DataSource(
        sections[0],
        memory.config()["seed"],
        data_fingerprint(retrainings[0].data),
    )
    backend = recorded_backend(memory)
    require_backend(backend)
    networks = tuple(stored_network(memory, retraining) for retraining in retrainings)
    said = predict(Predict(source, networks, terms.allow_duplicates), backend)
    name, doubts = source.dataset.name, said.check.doubts
    memory.record_check(TestCheck(0, name, said.check.examples, terms.command, doubts))
    if said.validation is None or said.test is None:
        raise DataError(
            f"{name}: {doubts[0]}; take them out of one of the parts, or say --allow-duplicates to test all the same"
        )
    for doubt in doubts:
        terms.announce(f"Doubt: {doubt}.")
    return said.validation, said.test


def _record(
    memory: RetrainingMemory,
    kind: str,
    chosen: Sequence[Retraining],
    retrainings: Sequence[Retraining],
    found: Measured,
    validation: float | None,
    count: int,
    command: str,
) -> TestResult:
    numbers = tuple(retraining.number for retraining in chosen)
    name, figures = retrainings[0].dataset["name"], found.figures
    look = TestLook(0, kind, numbers, name, count, found.score, validation, command, figures=figures)
    score = recorded_target(retrainings[0].data).score
    return TestResult(memory.record_look(look), tuple(chosen), score)
