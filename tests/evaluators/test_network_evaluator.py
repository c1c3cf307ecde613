"""Worker processes: real ones, really killed."""

import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path
from weakref import WeakKeyDictionary

import pytest
from contracts.executor_contract import ExecutorContract
from machine_faults import no_space
from patience import is_within, patience

from metaqnn.core import (
    Candidate,
    CandidateFinished,
    CandidateStarted,
    EpochFinished,
    Setting,
    Status,
    WorkerLost,
    WorkerReady,
)
from metaqnn.errors import EvaluatorError, MachineError
from metaqnn.networks.data import DatasetConfig, load_search_data
from metaqnn.networks.evaluator import NetworkEvaluator
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.workers.evaluating import make_executor
from metaqnn.workers.memory import IDLE_BYTES, machine_bytes

DATASET = DatasetConfig("digits", train_limit=200, validation_size=100)
TRAINING = TrainingConfig(epochs=3, learning_rate=0.01, max_restarts=0, restart_accuracy=0.0)
SMALL = "[C(8,3,1), SM(10)]"
# Ten thousand epochs: never done while a test waits.
LONG = replace(TRAINING, epochs=10_000)


@pytest.fixture
def make():
    executors = []

    def make_evaluator(training=TRAINING, workers=1, facts=()):
        evaluator = NetworkEvaluator(training, Setting(0, None, DATASET))
        evaluator._facts |= facts
        executors.append(make_executor(evaluator, workers))
        return executors[-1]

    yield make_evaluator
    for executor in executors:
        executor.stop()


class TestNetworkEvaluator(ExecutorContract):
    patience = 120.0

    @pytest.fixture
    def make_executor(self, make):
        return lambda: make(replace(TRAINING, epochs=1))


UNSEEN = WeakKeyDictionary()
"""By evaluator: events that came together with an awaited one, after it."""


def wait_for(evaluator, wanted, seconds=90.0):
    """All events up to the first that `wanted` accepts; the next call begins after it."""
    events, began = [], time.monotonic()
    while is_within(began, seconds):
        coming = UNSEEN.pop(evaluator, []) or evaluator.results(0.2)
        for position, event in enumerate(coming, start=1):
            events.append(event)
            if wanted(event):
                UNSEEN[evaluator] = coming[position:]
                return events
    raise AssertionError(f"not seen within {seconds} s; seen: {events}")


def is_gone(pid):
    """Whether a process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_candidates_are_trained_with_their_curves_in_two_processes(make):
    evaluator = make(workers=2)
    for number in (1, 2, 3):
        evaluator.submit(Candidate(number, SMALL, seed=0))
    missing = {1, 2, 3}

    def was_last(event):
        if isinstance(event, CandidateFinished):
            missing.discard(event.number)
        return not missing

    events = wait_for(evaluator, was_last)
    answers = {e.number: e.evaluation for e in events if isinstance(e, CandidateFinished)}
    assert sorted(answers) == [1, 2, 3]
    assert {e.worker for e in events if isinstance(e, WorkerReady)} == {1, 2}
    assert {e.number for e in events if isinstance(e, CandidateStarted)} == {1, 2, 3}
    epochs = [(e.attempt, e.point.step) for e in events if isinstance(e, EpochFinished) and e.number == 2]
    assert epochs == [(1, 1), (1, 2), (1, 3)]
    curves = [[replace(point, seconds=0) for point in answers[n].attempts[0].points] for n in (1, 2, 3)]
    assert curves[0] == curves[1] == curves[2], "one seed, one curve, whichever process"
    assert answers[1].status is Status.OK
    assert answers[1].score > 0.5
    assert "1 of" in answers[1].device or "GPU" in answers[1].device


@pytest.mark.long  # tests/workers/test_worker_pool.py does the same with workers that start in no time
def test_a_killed_worker_is_replaced_and_its_candidate_tried_again_three_times(make):
    evaluator = make(LONG)
    evaluator.submit(Candidate(5, SMALL, seed=0))
    for kill in range(1, 5):
        events = wait_for(evaluator, lambda event: isinstance(event, EpochFinished))
        pid = next(event.pid for event in events if isinstance(event, WorkerReady))
        os.kill(pid, signal.SIGKILL)
        if kill < 4:
            lost = wait_for(evaluator, lambda event: isinstance(event, WorkerLost))[-1]
            assert (lost.worker, lost.number) == (1, 5)
            assert lost.reason.startswith("the worker process was ended by SIGKILL")
    finished = wait_for(evaluator, lambda event: isinstance(event, CandidateFinished))[-1]
    assert finished.number == 5
    assert finished.evaluation.status is Status.CRASHED
    assert "ended by SIGKILL" in finished.evaluation.reason
    assert finished.evaluation.reason.endswith("4 times")


def test_a_worker_that_crashes_by_itself_is_a_result_at_once(make):
    evaluator = make(LONG)
    evaluator.submit(Candidate(1, SMALL, seed=0))
    events = wait_for(evaluator, lambda event: isinstance(event, EpochFinished))
    os.kill(next(event.pid for event in events if isinstance(event, WorkerReady)), signal.SIGSEGV)
    finished = wait_for(evaluator, lambda event: isinstance(event, CandidateFinished))[-1]
    assert finished.evaluation.status is Status.CRASHED
    assert "ended by SIGSEGV" in finished.evaluation.reason


def test_time_is_up_in_the_middle_of_a_candidate_and_the_worker_goes_on(make):
    limit = round(patience(2.0))  # so that some epochs end before it also beside a busy neighbour
    evaluator = make(replace(LONG, max_seconds=float(limit)))
    evaluator.submit(Candidate(1, SMALL, seed=0))
    events = wait_for(evaluator, lambda event: isinstance(event, CandidateFinished))
    assert events[-1].evaluation.status is Status.TIMED_OUT
    assert events[-1].evaluation.reason == f"not finished after training.max_seconds = {limit}"
    assert len(events[-1].evaluation.attempts[0].points) > 1
    assert not any(isinstance(event, WorkerLost) for event in events)


def test_a_worker_that_is_stopped_past_the_limit_is_replaced_and_does_not_count(make, monkeypatch):
    monkeypatch.setattr("metaqnn.workers.worker_pool._GRACE_SECONDS", 0.5)
    limit = round(patience(3.0))
    evaluator = make(replace(LONG, max_seconds=float(limit)))
    evaluator.submit(Candidate(1, SMALL, seed=0))
    events = wait_for(evaluator, lambda event: isinstance(event, EpochFinished))
    pid = next(event.pid for event in events if isinstance(event, WorkerReady))
    os.kill(pid, signal.SIGSTOP)
    events = wait_for(evaluator, lambda event: isinstance(event, CandidateFinished))
    assert events[-1].evaluation.status is Status.TIMED_OUT
    assert events[-1].evaluation.reason.endswith(f"max_seconds = {limit}")  # of the second time, which ends itself
    lost = [event.reason for event in events if isinstance(event, WorkerLost)]
    assert lost == ["worker 1 was stopped meanwhile"]
    assert is_gone(pid)


def test_a_worker_is_replaced_after_a_number_of_candidates(make, monkeypatch):
    monkeypatch.setattr("metaqnn.workers.worker_pool._TASKS_PER_WORKER", 1)
    evaluator = make()
    pids = []
    for number in (1, 2):
        evaluator.submit(Candidate(number, SMALL, seed=0))
        events = wait_for(evaluator, lambda event: isinstance(event, CandidateFinished))
        pids += [event.pid for event in events if isinstance(event, WorkerReady)]
        assert events[-1].evaluation.status is Status.OK
        assert not any(isinstance(event, WorkerLost) for event in events)
    assert len(set(pids)) == 2
    assert is_gone(pids[0])


# Memory


def test_what_cannot_fit_is_answered_without_an_epoch_and_the_worker_goes_on(make):
    evaluator = make(replace(TRAINING, epochs=1, max_memory=1.0))
    evaluator.submit(Candidate(1, "[FC(4000000), SM(10)]", seed=0))
    evaluator.submit(Candidate(2, "[SM(10)]", seed=0))
    events = wait_for(evaluator, lambda event: isinstance(event, CandidateFinished) and event.number == 2)
    answers = {event.number: event.evaluation for event in events if isinstance(event, CandidateFinished)}
    assert answers[1].status is Status.TOO_LARGE
    assert re.fullmatch(r"training it takes about \d+\.\d\d GiB, and there are 0\.25", answers[1].reason)
    assert answers[1].attempts == ()
    assert answers[1].device != ""
    assert answers[2].status is Status.OK
    assert [event.number for event in events if isinstance(event, EpochFinished)] == [2]
    assert len([event for event in events if isinstance(event, WorkerReady)]) == 1
    assert not any(isinstance(event, WorkerLost) for event in events)


def test_a_fresh_worker_that_outgrows_its_bound_is_ended_and_its_candidate_to_blame(make):
    evaluator = make(LONG)
    evaluator.submit(Candidate(1, SMALL, seed=0))
    events = wait_for(evaluator, lambda event: isinstance(event, EpochFinished))
    (worker,) = evaluator.pool._workers
    assert worker.channel.resident_bytes() > 2**27
    evaluator.pool._memory_guard._capacities["", None] = 2**20
    events = wait_for(evaluator, lambda event: isinstance(event, CandidateFinished))
    lost = next(event for event in events if isinstance(event, WorkerLost))
    evaluation = events[-1].evaluation
    assert (lost.worker, lost.number) == (1, 1)
    assert evaluation.status is Status.OUT_OF_MEMORY
    assert evaluation.reason == lost.reason
    assert re.fullmatch(r"the worker process grew to 0\.\d\d GiB, and the most is 0\.00", evaluation.reason)
    assert len(evaluation.attempts[0].points) > 0
    assert is_gone(worker.channel.pid)
    assert worker.channel.resident_bytes() == 0
    (successor,) = evaluator.pool.pids
    assert not is_gone(successor)


def test_what_a_worker_holds_of_others_is_not_its_candidates_fault(make):
    evaluator = make(LONG)
    evaluator.submit(Candidate(1, SMALL, seed=0))
    wait_for(evaluator, lambda event: isinstance(event, EpochFinished))
    (worker,) = evaluator.pool._workers
    worker.tasks_done = 1  # as if it had trained another before
    evaluator.pool._memory_guard._capacities["", None] = 2**20
    lost = wait_for(evaluator, lambda event: isinstance(event, WorkerLost))[-1]
    evaluator.pool._memory_guard._capacities["", None] = machine_bytes()
    assert lost.number == 1
    events = wait_for(evaluator, lambda event: isinstance(event, EpochFinished))
    assert events[-1].number == 1
    assert not any(isinstance(event, CandidateFinished) for event in events)
    assert worker.channel.pid not in evaluator.pool.pids


def test_a_bound_that_a_bare_worker_exceeds_is_one_sentence(make):
    evaluator = make(LONG)
    evaluator.pool._memory_guard._capacities["", None] = 2**20
    evaluator.submit(Candidate(1, SMALL, seed=0))
    with pytest.raises(
        EvaluatorError, match="expected more memory: before anything was trained, the worker process grew to"
    ):
        wait_for(evaluator, lambda event: False)
    assert evaluator.pool.pids == ()


def test_what_does_not_fit_beside_another_waits_for_it(make):
    evaluator = make(LONG, workers=2)
    evaluator.pool._memory_guard._capacities["", None] = 2 * IDLE_BYTES + 2**20
    evaluator.submit(Candidate(1, SMALL, seed=0))
    evaluator.submit(Candidate(2, "[FC(4000), SM(10)]", seed=0))
    assert [worker.task and worker.task.number for worker in evaluator.pool._workers] == [1, None]
    evaluator.pool._memory_guard._capacities["", None] = 2 * IDLE_BYTES + 2**30
    evaluator.results(0.0)
    assert [worker.task.number for worker in evaluator.pool._workers] == [1, 2]


def test_a_worker_with_a_gpu_hears_what_comes_next_and_takes_it(make):
    evaluator = make(replace(TRAINING, epochs=1))
    for number in (1, 2, 3):
        evaluator.submit(Candidate(number, SMALL, seed=0))
    assert evaluator.pool._workers[0].prepares is None
    wait_for(evaluator, lambda event: isinstance(event, WorkerReady))
    evaluator.pool._workers[0].is_gpu = True
    events = wait_for(evaluator, lambda event: isinstance(event, CandidateFinished) and event.number == 2)
    assert evaluator.pool._workers[0].prepares in (2, 3)
    events += wait_for(evaluator, lambda event: isinstance(event, CandidateFinished))
    assert [event.number for event in events if isinstance(event, CandidateFinished)] == [1, 2, 3]


def test_an_idle_worker_that_has_grown_is_replaced(make, monkeypatch):
    monkeypatch.setattr("metaqnn.workers.worker_pool._MAX_GROWTH", -1)  # any size counts as grown
    evaluator = make(replace(TRAINING, epochs=1))
    evaluator.submit(Candidate(1, SMALL, seed=0))
    events = wait_for(evaluator, lambda event: isinstance(event, CandidateFinished))
    assert events[-1].evaluation.status is Status.OK
    pid = next(event.pid for event in events if isinstance(event, WorkerReady))
    assert is_gone(pid)
    (successor,) = evaluator.pool.pids
    assert not is_gone(successor)


def test_stopping_takes_less_than_two_seconds_and_leaves_no_process(make):
    evaluator = make(LONG)
    evaluator.submit(Candidate(1, SMALL, seed=0))
    events = wait_for(evaluator, lambda event: isinstance(event, EpochFinished))
    pid = next(event.pid for event in events if isinstance(event, WorkerReady))
    began = time.monotonic()
    evaluator.stop()
    assert is_within(began, 2.0)
    assert is_gone(pid)


def test_a_worker_that_sees_other_data_refuses(make):
    evaluator = make(facts={"data_hash": "another"})
    evaluator.submit(Candidate(1, SMALL, seed=0))
    with pytest.raises(EvaluatorError, match="failed: DataError: the data set digits changed while"):
        wait_for(evaluator, lambda event: False)


def test_the_calibration_measures_something_plausible(make):
    speed = make().measure_speed(["[SM(10)]", "[C(16,3,1), SM(10)]", "[C(16,3,1), C(16,3,1), SM(10)]"])
    assert 1e7 < speed.operations_per_second < 1e16
    assert 0 <= speed.setup_seconds < 60
    assert 0 < speed.step_seconds < 60


def test_a_fault_of_the_machine_is_no_measurement():
    evaluator = NetworkEvaluator(TRAINING, Setting(0, None, DATASET))
    evaluator.data = load_search_data(DATASET, 0)
    evaluator.make_engine = lambda data: no_space()  # as an engine does whose kernels have no room on the disk
    with pytest.raises(MachineError, match="expected space on the disk"):
        evaluator.measure_speed(("[SM(10)]",))
