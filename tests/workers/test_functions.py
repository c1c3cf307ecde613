"""Users' functions and evaluators: in this process, in workers, and whatever they do."""

import functools
import inspect
import operator
import sys
import time
from pathlib import Path

import pytest
from patience import is_within
from workers import answers

from metaqnn.core import (
    Candidate,
    CandidateFinished,
    CandidateStarted,
    EpochFinished,
    Place,
    Setting,
    Status,
    WorkerLost,
)
from metaqnn.errors import ConfigError, PluginError
from metaqnn.workers.evaluating import EvaluatorRunner, evaluated, make_executor
from metaqnn.workers.functions import (
    FunctionEvaluator,
    FunctionOptions,
    imported,
    name_of,
    source_hash,
    why_not_importable,
)

TESTS = str(Path(__file__).parents[1])


def of(function, seed=0, **options) -> FunctionEvaluator:
    return FunctionEvaluator(FunctionOptions(name_of(function), **options), Setting(seed), function)


def curved() -> answers.Curved:
    return answers.Curved(answers.Curved.Options(), Setting())


def here(evaluator, text="0110", **facts):
    """What an evaluator says in this process, as it is recorded."""
    evaluator.start()
    return evaluated(evaluator, Candidate(1, text, 7, **facts))


@pytest.fixture
def ask():
    """Have candidates evaluated in workers; all events."""
    executors = []

    def run(evaluator, *texts, workers=1, seconds=60.0):
        executors.append(make_executor(evaluator, workers, path=[TESTS]))
        for number, text in enumerate(texts, start=1):
            executors[-1].submit(Candidate(number, text, number))
        events, began = [], time.monotonic()
        while sum(isinstance(event, CandidateFinished) for event in events) < len(texts):
            assert is_within(began, seconds), events
            events += executors[-1].results(0.2)
        return events

    yield run
    for executor in executors:
        executor.stop()


def finished(events) -> dict:
    return {event.number: event.evaluation for event in events if isinstance(event, CandidateFinished)}


# What a function is told, and what becomes of its answer


def test_a_bare_number_is_a_score():
    evaluation = here(of(answers.length))
    assert (evaluation.status, evaluation.score, type(evaluation.score)) == (Status.OK, 4.0, float)
    assert (evaluation.reason, evaluation.attempts, evaluation.seconds > 0) == ("", (), True)


def test_it_is_told_the_text_the_actions_and_the_costs():
    evaluation = here(of(answers.told), actions=("0", "1"), costs={"ones": 2})
    assert evaluation.figures == {"actions": 2.0, "ones": 2.0}


def test_it_is_given_the_seed_of_its_candidate_where_it_takes_one():
    assert here(of(answers.seeded)).score == 0.07
    assert here(of(functools.partial(answers.seeded))).score == 0.07
    assert here(of(lambda architecture, *, seed=3: seed)).score == 7.0


@pytest.mark.parametrize(
    ("function", "status", "reason"),
    [
        (answers.raising, Status.FAILED, "KeyError: 'no such\\nkey in 0110'"),
        (answers.without_memory, Status.OUT_OF_MEMORY, "MemoryError: 12 GiB"),
        (answers.nothing, Status.FAILED, "TypeError: expected a number or an Evaluation, got None"),
        (answers.text, Status.FAILED, "TypeError: expected a number or an Evaluation, got '0.5'"),
        (answers.huge, Status.FAILED, "OverflowError: int too large to convert to float"),
        (answers.not_a_number, Status.DIVERGED, "expected a finite score, got nan"),
        (operator.length_hint, Status.OK, ""),  # written in C
    ],
)
def test_whatever_it_does_is_data(function, status, reason):
    evaluation = here(of(function))
    assert (evaluation.status, evaluation.reason) == (status, reason)
    assert (evaluation.score is None) == (status is not Status.OK)


def test_a_failure_counts_as_said_or_as_the_worst_of_two_usual_ends():
    assert of(answers.length).score.failure == 0.0
    assert of(answers.length, direction="minimize").score.failure == 1.0
    score = of(answers.length, score="loss", direction="minimize", failure=9.0).score
    assert (score.name, score.direction, score.failure) == ("loss", "minimize", 9.0)


# An evaluator's answer


def test_what_an_evaluator_says_is_kept_in_plain_numbers():
    evaluation = here(curved())
    assert (evaluation.status, evaluation.score, evaluation.figures) == (Status.OK, 0.5, {"loss": 2.0})
    assert [(p.step, p.score, p.figures) for p in evaluation.curve] == [
        (1, 0.25, {"loss": 1.0}),
        (2, 0.5, {"loss": 0.5}),
    ]
    numbers = [evaluation.score, *evaluation.figures.values()]
    numbers += [number for point in evaluation.curve for number in (point.score, *point.figures.values())]
    assert {type(number) for number in numbers} == {float}


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("outside", Status.FAILED, "expected a share from 0 to 1, got 1.5"),
        ("without", Status.FAILED, "it has no score"),
        ("silent", Status.TIMED_OUT, "the evaluator said timed_out"),
        ("made up", Status.FAILED, "ValueError: 'splendid' is not a valid Status"),
    ],
)
def test_what_cannot_be_is_a_failed_candidate(text, status, reason):
    evaluation = here(curved(), text)
    assert (evaluation.status, evaluation.score, evaluation.reason) == (status, None, reason)


def test_a_runner_starts_its_evaluator_and_reports_every_point():
    runner, reported = EvaluatorRunner(curved(), Place(is_own_process=False)), []
    evaluation = runner.run(Candidate(3, "0", 0), reported.append)
    assert [(event.number, event.attempt, event.point.step) for event in reported] == [(3, 1, 1), (3, 1, 2)]
    assert evaluation.status is Status.OK
    assert runner.run(("0", "1"), reported.append) is None  # there is no speed to measure


# Names


def test_a_name_leads_back_to_the_function():
    for function in (answers.length, answers.Holder.constant):
        assert why_not_importable(function) is None
        assert imported(name_of(function)) is function


def test_what_workers_could_not_find_is_said():
    def inner(architecture):
        return 0

    of_main = type(answers.length)(answers.length.__code__, {}, "length")
    of_main.__module__ = "__main__"
    assert why_not_importable(of_main) == "length is defined in the program itself (__main__); put it in a module"
    for function in (lambda architecture: 0, inner):
        assert why_not_importable(function).endswith("stands inside another function; put it at the top of a module")
    assert why_not_importable(functools.partial(answers.length)) == (
        "it is functools:partial, an object that can be called; put a function at the top of a module"
    )
    wrapped = functools.wraps(answers.length)(lambda architecture: 0)
    assert why_not_importable(wrapped) == "workers.answers:length is another function when it is imported"


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("no_such_module:f", "but ModuleNotFoundError: No module named 'no_such_module'"),
        ("workers.answers:absent", "but AttributeError: module 'workers.answers' has no attribute 'absent'"),
        ("workers.answers:TESTS", "but AttributeError"),
        ("broken_on_import:f", "but ZeroDivisionError: division by zero"),
    ],
)
def test_a_name_that_leads_nowhere(target, problem, tmp_path, monkeypatch):
    (tmp_path / "broken_on_import.py").write_text("1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=problem):
        FunctionEvaluator(FunctionOptions(target), Setting())


def test_a_name_must_be_one_and_of_something_that_can_be_called():
    with pytest.raises(ConfigError, match=r"^function: expected module:name"):
        FunctionOptions("length")
    with pytest.raises(PluginError, match=r"expected a function at workers.answers:__doc__, got 'Functions as users"):
        imported("workers.answers:__doc__")


def test_the_source_is_remembered():
    facts = of(answers.length).facts()
    assert facts["function"] == "workers.answers:length"
    assert facts["source_hash"] == source_hash(answers.length)
    assert len(facts["source_hash"]) == 64
    assert source_hash(answers.length) != source_hash(answers.told)
    assert source_hash(len) == ""
    assert source_hash(functools.partial(answers.length)) == ""


def test_a_changed_source_has_another_hash(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    hashes = []
    for body in ("return 1", "return 2", "return 1"):
        (tmp_path / "changing.py").write_text(f"def f(architecture):\n    {body}\n", encoding="utf-8")
        monkeypatch.delitem(sys.modules, "changing", raising=False)
        inspect.linecache.clearcache()
        hashes.append(source_hash(imported("changing:f")))
    assert (hashes[0] == hashes[2], hashes[0] == hashes[1]) == (True, False)


# In workers


def test_workers_find_a_function_and_give_it_seeds(ask):
    evaluations = finished(ask(of(answers.seeded), "a", "b", "c", workers=2))
    assert {number: evaluation.score for number, evaluation in evaluations.items()} == {1: 0.01, 2: 0.02, 3: 0.03}


def test_a_folder_of_the_drivers_comes_last(ask, tmp_path, monkeypatch):
    (tmp_path / "of_the_user.py").write_text("def f(architecture):\n    return 3\n", encoding="utf-8")
    (tmp_path / "json.py").write_text("1 / 0\n", encoding="utf-8")  # must not stand in for Python's own
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    executor = make_executor(of(imported("of_the_user:f")), 1, path=[str(tmp_path)])
    try:
        executor.submit(Candidate(1, "0", 0))
        events = []
        while not finished(events):
            events += executor.results(0.2)
    finally:
        executor.stop()
    assert finished(events)[1].score == 3.0


def test_an_exception_does_not_end_the_worker(ask):
    events = ask(of(answers.raising), "a", "b")
    assert {evaluation.status for evaluation in finished(events).values()} == {Status.FAILED}
    assert not any(isinstance(event, WorkerLost) for event in events)


def test_a_worker_killed_once_is_forgiven_and_one_always_killed_is_a_crash(ask, tmp_path):
    events = ask(of(answers.once_killed), str(tmp_path / "been here"))
    assert [event.number for event in events if isinstance(event, WorkerLost)] == [1]
    assert finished(events)[1].score == 0.25
    events = ask(of(answers.killed), "a")
    assert len([event for event in events if isinstance(event, WorkerLost)]) == 4
    assert (finished(events)[1].status, finished(events)[1].reason) == (
        *(Status.CRASHED, "the worker process was ended by SIGKILL, 4 times"),
    )
    crashed = finished(ask(of(answers.crashing), "a"))[1]
    assert crashed.status is Status.CRASHED
    assert crashed.reason.startswith("the worker process was ended by SIGABRT")


def test_a_function_that_waits_for_ever_is_ended_by_its_own_limit(ask, monkeypatch):
    monkeypatch.setattr("metaqnn.workers.worker_pool._GRACE_SECONDS", 0.1)
    evaluation = finished(ask(of(answers.deadlocked, max_seconds=0.5), "a"))[1]
    assert (evaluation.status, evaluation.reason) == (
        *(Status.TIMED_OUT, "not finished after evaluator.max_seconds = 0.5, and the worker process hung"),
    )


def test_a_limit_of_a_function_is_checked():
    with pytest.raises(ConfigError, match=r"^max_seconds: expected above 0, or nothing, got 0.0"):
        FunctionOptions("module:name", max_seconds=0.0)


def test_what_was_reported_before_a_crash_is_kept(ask):
    events = ask(curved(), "killed", "0")
    crashed, whole = finished(events)[1], finished(events)[2]
    assert crashed.status is Status.CRASHED
    assert [point.step for point in crashed.curve] == [1, 2]
    assert whole.status is Status.OK
    assert [event.number for event in events if isinstance(event, EpochFinished)] == [1, 1, 2, 2]


def test_a_stop_ends_a_function_that_never_answers():
    executor = make_executor(of(answers.endless), 1, path=[TESTS])
    executor.submit(Candidate(1, "0", 0))
    while not any(isinstance(event, CandidateStarted) for event in executor.results(0.2)):
        pass
    (pid,) = executor.pool.pids
    began = time.monotonic()
    executor.stop()
    assert is_within(began, 2.0)
    assert not Path(f"/proc/{pid}").exists()
