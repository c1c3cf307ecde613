"""The recipe against a scripted engine: attempts, rates, restarts, failures."""

import math
from dataclasses import replace

import pytest
from contracts.records import ACCURACY
from machine_faults import FAULTS

from metaqnn.config import KeyValueError
from metaqnn.core import Candidate, Status
from metaqnn.errors import MachineError
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.recipe import Engine, EpochOutcome, OutOfTimeError, Session, failure_of, train

CANDIDATE = Candidate(7, "[C(64,3,1), SM(10)]", seed=0)
CONFIG = TrainingConfig(epochs=6, decay_epochs=2, learning_rate=0.1)


class ScriptedEngine(Engine):
    """Answers with the accuracies of a script, one list an attempt; an exception in it is raised."""

    def __init__(self, *attempts, on_open=None):
        self.attempts = attempts
        self.on_open = on_open
        self.opened, self.rates, self.closed = [], [], 0

    def open(self, architecture, seed, attempt):
        if self.on_open is not None:
            raise self.on_open
        self.opened.append((str(architecture), seed, attempt))
        self.rates.append([])
        return ScriptedSession(self, self.attempts[attempt - 1])


class ScriptedSession(Session):
    def __init__(self, engine, accuracies):
        self.engine, self.accuracies = engine, accuracies

    def run_epoch(self, epoch, learning_rate, check_time):
        check_time()
        self.engine.rates[-1].append(learning_rate)
        value = self.accuracies[epoch - 1]
        if isinstance(value, Exception):
            raise value
        loss = math.nan if value is None else 1.0
        return EpochOutcome(loss, 0.5, loss, value or 0.1)

    def numpy_weights(self):
        return []

    def close(self):
        self.engine.closed += 1


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_machine_is_no_result_of_the_network(name):
    """Wherever it comes from: while a network is built, trained, or its epoch is reported."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        FAULTS[name]()
    met = caught.value
    for engine in (ScriptedEngine([0.3, met]), ScriptedEngine(on_open=met)):
        with pytest.raises(MachineError):
            train(CANDIDATE, engine, CONFIG, ACCURACY)
    engine = ScriptedEngine([0.3])
    with pytest.raises(MachineError):
        train(CANDIDATE, engine, CONFIG, ACCURACY, lambda attempt, point: FAULTS[name]())
    assert engine.closed == 1


def test_the_reward_is_the_best_accuracy_and_all_epochs_are_kept():
    engine = ScriptedEngine([0.3, 0.5, 0.8, 0.6, 0.8, 0.7])
    evaluation = train(CANDIDATE, engine, CONFIG, ACCURACY, device="here")
    assert evaluation.status is Status.OK
    assert (evaluation.score, evaluation.best_step(ACCURACY), evaluation.last_score) == (0.8, 3, 0.7)
    assert [m.score for m in evaluation.attempts[0].points] == [0.3, 0.5, 0.8, 0.6, 0.8, 0.7]
    assert evaluation.device == "here"
    assert engine.opened == [("[C(64,3,1), SM(10)]", 0, 1)]
    assert engine.closed == 1


def test_the_rate_falls_by_a_fifth_every_five_epochs_in_the_paper():
    config = TrainingConfig()
    rates = [config.rate(0.001, epoch) for epoch in range(1, 21)]
    assert rates == pytest.approx([0.001] * 5 + [0.0002] * 5 + [0.00004] * 5 + [0.000008] * 5)


def test_an_attempt_no_better_than_chance_restarts_at_0_4_of_the_rate_with_all_its_epochs():
    # 1.5 / 10 exactly is no better than chance; a hair above is.
    engine = ScriptedEngine([0.15], [0.1], [0.1501, 0.2, 0.3, 0.4, 0.5, 0.6])
    evaluation = train(CANDIDATE, engine, CONFIG, ACCURACY)
    assert evaluation.status is Status.OK
    assert [attempt.points[0].figures["learning_rate"] for attempt in evaluation.attempts] == pytest.approx(
        [0.1, 0.04, 0.016]
    )
    assert [len(attempt.points) for attempt in evaluation.attempts] == [1, 1, 6]
    assert engine.rates[2] == pytest.approx([0.016] * 2 + [0.0032] * 2 + [0.00064] * 2)
    assert evaluation.figures["learning_rate"] == pytest.approx(0.016)
    assert [attempt for _, _, attempt in engine.opened] == [1, 2, 3]
    assert engine.closed == 3


def test_the_paper_allows_five_restarts_and_then_the_network_never_learned():
    engine = ScriptedEngine(*[[0.1]] * 6)
    evaluation = train(CANDIDATE, engine, CONFIG, ACCURACY)
    assert evaluation.status is Status.NEVER_LEARNED
    assert evaluation.reason == "no better than chance after epoch 1 at any of 6 learning rates"
    assert len(evaluation.attempts) == 6
    assert evaluation.score is None
    assert evaluation.best_step(ACCURACY) is None
    assert evaluation.last_score == 0.1


def test_the_epoch_that_decides_on_a_restart_is_configurable():
    config = replace(CONFIG, restart_epoch=3)
    engine = ScriptedEngine([0.1, 0.1, 0.1], [0.1, 0.1, 0.2, 0.1, 0.1, 0.1])
    evaluation = train(CANDIDATE, engine, config, ACCURACY)
    assert evaluation.status is Status.OK
    assert [len(attempt.points) for attempt in evaluation.attempts] == [3, 6]


def test_a_loss_that_is_no_number_late_is_divergence_and_early_a_restart():
    late = train(CANDIDATE, ScriptedEngine([0.5, 0.6, None]), CONFIG, ACCURACY)
    assert (late.status, late.reason) == (Status.DIVERGED, "the loss was not a number in epoch 3")
    assert late.last_score == 0.1
    early = train(CANDIDATE, ScriptedEngine([None], [0.5] * 6), CONFIG, ACCURACY)
    assert early.status is Status.OK
    always = train(CANDIDATE, ScriptedEngine(*[[None]] * 6), CONFIG, ACCURACY)
    assert always.status is Status.DIVERGED
    assert always.reason.startswith("the loss was not a number, also at a learning rate of 0.00102")


def test_what_a_framework_raises_is_the_candidates_result():
    crashed = train(CANDIDATE, ScriptedEngine([0.5, RuntimeError("bad\nkernel")]), CONFIG, ACCURACY)
    assert (crashed.status, crashed.reason) == (Status.CRASHED, "RuntimeError: bad kernel")
    assert len(crashed.attempts[0].points) == 1
    memory = train(CANDIDATE, ScriptedEngine([MemoryError("12 GiB")]), CONFIG, ACCURACY)
    assert (memory.status, memory.reason) == (Status.OUT_OF_MEMORY, "MemoryError: 12 GiB")
    unbuilt = train(CANDIDATE, ScriptedEngine(on_open=ValueError("no such shape")), CONFIG, ACCURACY)
    assert (unbuilt.status, unbuilt.reason) == (Status.BUILD_FAILED, "ValueError: no such shape")


@pytest.mark.parametrize(
    "text",
    ["RESOURCE_EXHAUSTED: out of memory", "CUDA out of memory. Tried to allocate", "OOM when allocating tensor"],
)
def test_out_of_memory_is_recognised_in_every_frameworks_words(text):
    assert failure_of(RuntimeError(text), is_built=True)[0] is Status.OUT_OF_MEMORY


def test_a_candidate_past_its_time_is_timed_out_with_its_curve():
    evaluation = train(CANDIDATE, ScriptedEngine([0.5, OutOfTimeError()]), replace(CONFIG, max_seconds=9.0), ACCURACY)
    assert (evaluation.status, evaluation.reason) == (Status.TIMED_OUT, "not finished after training.max_seconds = 9")
    assert len(evaluation.attempts[0].points) == 1


def test_the_clock_is_checked_against_max_seconds():
    evaluation = train(CANDIDATE, ScriptedEngine([0.5] * 6), replace(CONFIG, max_seconds=1e-9), ACCURACY)
    assert evaluation.status is Status.TIMED_OUT


def test_every_epoch_is_reported_as_it_ends():
    reported = []
    train(CANDIDATE, ScriptedEngine([0.1], [0.5] * 6), CONFIG, ACCURACY, lambda *args: reported.append(args))
    assert [(attempt, metrics.step) for attempt, metrics in reported] == [(1, 1)] + [(2, e) for e in range(1, 7)]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("epochs", 0, "at least 1"),
        ("batch_size", 0, "at least 1"),
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", math.inf, "above 0"),
        ("decay_factor", 1.5, "above 0 and at most 1"),
        ("beta_1", 1.0, "at least 0 and below 1"),
        ("max_restarts", -1, "from 0 to 100"),
        ("weight_decay", -0.1, "at least 0"),
        ("max_seconds", 0.0, "above 0, or nothing"),
    ],
)
def test_impossible_numbers_are_refused(key, value, expected):
    with pytest.raises(KeyValueError, match=f"{key}: expected {expected}, got"):
        TrainingConfig(**{key: value})
