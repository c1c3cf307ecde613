"""What everything that has candidates evaluated keeps (`metaqnn.core.Executor`).

The suite of another one, in `tests/evaluators`, is

    from contracts.executor_contract import ExecutorContract

    class TestNetworkEvaluator(ExecutorContract):
        patience = 120.0

        @pytest.fixture
        def make_executor(self): ...
"""

import time

import pytest
from patience import is_within

from metaqnn.core import (
    Candidate,
    CandidateFinished,
    CandidateStarted,
    EpochFinished,
    Evaluation,
    Executor,
    SpeedMeasurement,
    Status,
)


class ExecutorContract:
    """Subclass it as `TestX` with a fixture `make_executor`: a function that makes the executor anew."""

    architectures = ("[C(8,3,1), SM(10)]", "[C(8,1,1), P(2,2), SM(10)]", "[SM(10)]")
    """What is evaluated; override where it knows other networks."""

    patience = 10.0
    """Seconds to wait for an answer."""

    @pytest.fixture
    def executor(self, make_executor):
        executor = make_executor()
        yield executor
        executor.stop()

    def candidates(self, first: int = 1) -> list[Candidate]:
        return [Candidate(number, text, 0) for number, text in enumerate(self.architectures, start=first)]

    def answers(self, executor: Executor, count: int) -> list:
        """All events until so many candidates are finished."""
        events, began = [], time.monotonic()
        while sum(isinstance(event, CandidateFinished) for event in events) < count:
            assert is_within(began, self.patience), f"no answer within {self.patience} s, only {events}"
            events += executor.results(0.2)
        return events

    @staticmethod
    def evaluations(events: list) -> dict[int, Evaluation]:
        return {event.number: event.evaluation for event in events if isinstance(event, CandidateFinished)}

    @staticmethod
    def outcome(evaluation: Evaluation) -> tuple:
        """What must reproduce: everything but times."""
        curves = [(point.step, point.score, point.figures) for a in evaluation.attempts for point in a.points]
        return evaluation.status, evaluation.score, evaluation.figures, curves

    def test_each_candidate_is_answered_once(self, executor):
        for candidate in self.candidates():
            executor.submit(candidate)
        events = self.answers(executor, len(self.architectures))
        events += executor.results(0.0)
        finished = [event.number for event in events if isinstance(event, CandidateFinished)]
        assert sorted(finished) == [candidate.number for candidate in self.candidates()]
        for number in finished:
            own = [e for e in events if isinstance(e, CandidateStarted | EpochFinished | CandidateFinished)]
            own = [type(event) for event in own if event.number == number]
            assert own[0] is CandidateStarted
            assert own[-1] is CandidateFinished
            assert set(own[1:-1]) <= {EpochFinished}

    def test_answers_are_whole(self, executor):
        for candidate in self.candidates():
            executor.submit(candidate)
        for evaluation in self.evaluations(self.answers(executor, len(self.architectures))).values():
            assert isinstance(evaluation.status, Status)
            if evaluation.status is Status.OK:
                assert evaluation.reason == ""
                assert 0.0 <= evaluation.score <= 1.0
                assert 0.0 <= evaluation.last_score <= evaluation.score
                for attempt in evaluation.attempts:
                    assert [point.step for point in attempt.points] == list(range(1, 1 + len(attempt.points)))
            else:
                assert evaluation.reason
                assert evaluation.score is None
            assert evaluation.seconds >= 0.0

    def test_one_candidate_has_one_answer(self, make_executor):
        outcomes = []
        for first in (1, 50):
            executor = make_executor()
            for candidate in self.candidates(first):
                executor.submit(candidate)
            found = self.evaluations(self.answers(executor, len(self.architectures)))
            outcomes.append([self.outcome(found[number]) for number in sorted(found)])
            executor.stop()
        assert outcomes[0] == outcomes[1]

    def test_no_candidate_no_answer(self, executor):
        began = time.monotonic()
        assert self.evaluations(executor.results(0.05)) == {}
        assert is_within(began, 5.0)

    def test_a_stop_drops_what_is_in_flight(self, executor):
        for candidate in self.candidates():
            executor.submit(candidate)
        began = time.monotonic()
        executor.stop()
        assert is_within(began, 2.0)
        assert self.evaluations(executor.results(0.05)) == {}

    def test_stopping_twice_does_nothing_more(self, make_executor):
        executor = make_executor()
        executor.submit(self.candidates()[0])
        executor.stop()
        executor.stop()
        assert self.evaluations(executor.results(0.0)) == {}

    def test_its_speed_is_measured_or_there_is_none(self, executor):
        speed = executor.measure_speed(self.architectures)
        if speed is not None:
            assert isinstance(speed, SpeedMeasurement)
            assert speed.operations_per_second > 0
            assert min(speed.setup_seconds, speed.step_seconds) >= 0
