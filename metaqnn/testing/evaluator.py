"""What every evaluator keeps (`metaqnn.core.Evaluator`)."""

import json
import math
import pickle
from collections.abc import Callable
from dataclasses import replace

import pytest

from metaqnn.core import Candidate, CurvePoint, Evaluation, Evaluator, Limits, Score, SpeedMeasurement, Status, scored


class EvaluatorContract:
    """Subclass it as `TestX` with two fixtures.

    `make_evaluator` is a function that makes the evaluator anew, not yet started; `candidates` are some candidates that
    it can evaluate, with actions and costs as their space says them, and without a context.
    """

    @pytest.fixture
    def evaluator(self, make_evaluator: Callable[[], Evaluator]) -> Evaluator:
        """The evaluator under test, sent to a worker as a search does, and started there."""
        return self.started(make_evaluator)

    @staticmethod
    def started(make_evaluator: Callable[[], Evaluator]) -> Evaluator:
        """One that was sent and started."""
        evaluator: Evaluator = pickle.loads(pickle.dumps(make_evaluator()))
        evaluator.start()
        return evaluator

    @staticmethod
    def answer(evaluator: Evaluator, candidate: Candidate) -> tuple[Evaluation, list[tuple[int, CurvePoint]]]:
        """What it answers, as it is recorded, and what it reported on the way."""
        reported: list[tuple[int, CurvePoint]] = []
        found = evaluator.evaluate(candidate, lambda attempt, point: reported.append((attempt, point)))
        if isinstance(found, Evaluation):
            return found, reported
        assert isinstance(found, int | float), f"expected an Evaluation or a number, got {found!r}"
        return scored(found, evaluator.score), reported

    @staticmethod
    def outcome(evaluation: Evaluation) -> str:
        """What must reproduce to the bit, as text because a loss may be NaN: everything but times."""
        curves = [[(p.step, p.score, dict(p.figures)) for p in attempt.points] for attempt in evaluation.attempts]
        kept = evaluation.status, evaluation.score, curves, dict(evaluation.figures), evaluation.prediction
        return repr(kept)

    def test_it_can_be_sent_to_a_worker_before_it_is_started(self, make_evaluator):
        sent = pickle.loads(pickle.dumps(make_evaluator()))
        assert type(sent) is type(make_evaluator())
        assert sent.score == make_evaluator().score
        assert sent.facts() == make_evaluator().facts()

    def test_it_says_what_it_measures_before_it_is_started(self, make_evaluator):
        evaluator = make_evaluator()
        assert isinstance(evaluator.score, Score)
        assert isinstance(evaluator.limits, Limits)

    def test_facts_are_json_like_and_the_same_each_time(self, make_evaluator):
        facts = make_evaluator().facts()
        assert json.loads(json.dumps(facts, allow_nan=False)) == json.loads(json.dumps(make_evaluator().facts()))
        assert all(isinstance(name, str) for name in facts)

    def test_answers_are_whole(self, evaluator, candidates):
        score = evaluator.score
        for candidate in candidates:
            found, _ = self.answer(evaluator, candidate)
            assert isinstance(found.status, Status)
            assert found.status is not Status.EARLY_STOPPED, "without a context it is evaluated to the end"
            assert found.prediction is None
            if found.status is Status.OK:
                assert score.problem_with(found.score) is None
                assert found.reason == ""
            else:
                assert found.score is None
                assert found.reason
                assert "\n" not in found.reason
            assert found.seconds >= 0.0

    def test_curves_count_from_1_and_figures_are_numbers(self, evaluator, candidates):
        for candidate in candidates:
            found, _ = self.answer(evaluator, candidate)
            for attempt in found.attempts:
                assert [point.step for point in attempt.points] == list(range(1, 1 + len(attempt.points)))
            points = [point for attempt in found.attempts for point in attempt.points]
            for figures in (found.figures, *(point.figures for point in points)):
                assert all(name.isidentifier() and isinstance(value, int | float) for name, value in figures.items())
            for point in points:
                assert point.score is None or math.isnan(point.score) or not evaluator.score.problem_with(point.score)
                assert point.seconds >= 0.0

    def test_what_it_reports_is_in_the_curve(self, evaluator, candidates):
        for candidate in candidates:
            found, reported = self.answer(evaluator, candidate)
            curves = [(n, repr(p)) for n, attempt in enumerate(found.attempts, 1) for p in attempt.points]
            assert [(attempt, repr(point)) for attempt, point in reported] in ([], curves)

    def test_a_score_follows_from_its_curve_as_it_says(self, evaluator, candidates):
        score = evaluator.score
        for candidate in candidates:
            found, _ = self.answer(evaluator, candidate)
            values = [point.score for point in found.curve if point.score is not None and math.isfinite(point.score)]
            if found.status is Status.OK and score.of_curve != "free":
                assert found.score == (score.best(values) if score.of_curve == "best" else found.curve[-1].score)

    def test_one_candidate_has_one_answer_to_the_bit(self, evaluator, make_evaluator, candidates):
        first = [self.outcome(self.answer(evaluator, candidate)[0]) for candidate in candidates]
        again = self.started(make_evaluator)
        backwards = [self.outcome(self.answer(again, candidate)[0]) for candidate in reversed(candidates)]
        assert backwards[::-1] == first, "an answer depends on the candidate alone, not on what was asked before"

    def test_the_number_of_an_episode_changes_nothing(self, evaluator, candidates):
        for candidate in candidates[:1]:
            other = replace(candidate, number=candidate.number + 50)
            assert self.outcome(self.answer(evaluator, other)[0]) == self.outcome(self.answer(evaluator, candidate)[0])

    def test_what_it_says_of_a_candidate_beforehand_is_a_number(self, evaluator, candidates):
        for candidate in candidates:
            assert evaluator.need_bytes(candidate) >= 0
            evaluator.prepare(candidate)

    def test_its_speed_is_measured_or_there_is_none(self, evaluator, candidates):
        speed = evaluator.measure_speed(tuple(candidate.architecture for candidate in candidates))
        if speed is not None:
            assert isinstance(speed, SpeedMeasurement)
            assert speed.operations_per_second > 0
            assert min(speed.setup_seconds, speed.step_seconds) >= 0
