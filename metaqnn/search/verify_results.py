"""Whether every stored value of a result that follows from others does: of episodes and of their evaluations."""

import math
from collections.abc import Callable, Mapping

from metaqnn.core import (
    RETRYABLE,
    EarlyStopping,
    Episode,
    EpisodeOrigin,
    Evaluation,
    Proposal,
    Recording,
    Reward,
    Status,
    StoredEvaluation,
    score_of_curve,
)
from metaqnn.errors import ReplayError
from metaqnn.search.differences import DifferenceError, expect

FiguresOf = Callable[[Evaluation], Mapping[str, float | None]]
"""From an evaluation to those of its figures that follow from its curve; None for one that may not be there."""


class ResultComparison:
    """Compares results in the order of their episodes.

    Args:
        recording: where they are stored.
        reward, seed, early_stopping, figures_of: as in `metaqnn.search.verify`.

    Attributes:
        ahead: evaluations that ended before the turn of their episodes, which are still in flight.
    """

    def __init__(
        self,
        recording: Recording,
        reward: Reward,
        seed: int,
        early_stopping: EarlyStopping | None,
        figures_of: FiguresOf,
    ):
        self.recording, self.reward, self.seed = recording, reward, seed
        self.early_stopping, self.figures_of = early_stopping, figures_of
        self.ahead = 0
        self._models = {model.model: model for model in recording.models}
        self._latest: dict[int, Episode] = {}  # by model
        self._numbers = set(recording.evaluations)
        self._asked = 0  # evaluations asked for so far, which number them

    def compare(self, episode: Episode) -> None:
        """Derive score and reward of a told episode from its evaluation, and that from its curve.

        Raises:
            DifferenceError: something else is stored.
        """
        place, score = f"episode {episode.number}", self.recording.score
        number = self._latest[episode.model].evaluation if episode.reused else self._next_number()
        expect(place, "the evaluation's number", episode.evaluation, number)
        stored = self._stored(place, episode.evaluation)
        if not episode.reused:
            self._compare_evaluation(episode.evaluation, stored, episode.model, episode.origin)
            if episode.origin is not EpisodeOrigin.IMPORTED:
                self._compare_early_stopping(episode, stored.evaluation)
            _compare_reason(episode.evaluation, stored.evaluation)
        counted, prediction = stored.evaluation.score, stored.evaluation.prediction
        if stored.evaluation.status is Status.EARLY_STOPPED and prediction is not None:
            counted = prediction.score
        expect(place, score.name, episode.score, counted)
        expect(f"evaluation {episode.evaluation}", score.name, stored.evaluation.score, counted)
        reward, tolerance = self.reward(counted, self._models[episode.model].costs), self.reward.tolerance
        if not math.isclose(episode.reward, reward, rel_tol=tolerance, abs_tol=tolerance):
            expect(place, "reward", episode.reward, reward)
        self._latest[episode.model] = episode

    def compare_in_flight(self, proposal: Proposal) -> None:
        """The number reserved for a proposal's evaluation, and that where it has ended already.

        Raises:
            DifferenceError: something else is stored.
        """
        if proposal.evaluation is None:
            return
        place = f"episode {proposal.episode}"
        expect(place, "the evaluation's number", proposal.evaluation, self._next_number())
        if proposal.evaluation in self._numbers:
            stored = self._stored(place, proposal.evaluation)
            self._compare_evaluation(proposal.evaluation, stored, proposal.model.model, proposal.origin)
            _compare_reason(proposal.evaluation, stored.evaluation)
            self.ahead += 1

    def compare_end(self) -> None:
        """Nobody else asked for an evaluation.

        Raises:
            DifferenceError: there is one.
        """
        for number in self.recording.evaluations:
            if not 1 <= number <= self._asked:
                raise DifferenceError(f"evaluation {number}: it is in the database, but no episode asked for it")

    def may_be_retried(self, model: int) -> bool:
        """Whether the last evaluation of a model failed in a way that may be the machine's fault."""
        earlier = self._latest.get(model)
        stored = self.recording.evaluation(earlier.evaluation) if earlier else None
        return stored is not None and stored.evaluation.status in RETRYABLE

    def _next_number(self) -> int:
        self._asked += 1
        return self._asked

    def _stored(self, place: str, number: int) -> StoredEvaluation:
        try:
            stored = self.recording.evaluation(number)
        except ReplayError as error:
            raise DifferenceError(str(error)) from error
        if stored is None:
            raise DifferenceError(f"{place}: its evaluation {number} is missing")
        return stored

    def _compare_evaluation(self, number: int, stored: StoredEvaluation, model: int, origin: EpisodeOrigin) -> None:
        """What is stored of an evaluation follows from its curve."""
        place, evaluation, score = f"evaluation {number}", stored.evaluation, self.recording.score
        expect(place, "model", stored.model, model)
        expect(place, "purpose", stored.purpose, "search")
        if origin is not EpisodeOrigin.IMPORTED:
            expect(place, "seed", stored.seed, self.seed)
        reached = score_of_curve(score, evaluation.status, evaluation.attempts)
        if score.of_curve == "free" and evaluation.status is Status.OK:
            reached = evaluation.score  # nothing says how it follows
        best = None if evaluation.status is Status.EARLY_STOPPED else evaluation.score
        expect(place, f"best_{score.name}", best, reached)
        expect(place, "best_epoch", stored.best_step, evaluation.best_step(score))
        expect(place, f"last_{score.name}", stored.last_score, evaluation.last_score)
        if evaluation.status.has_score:  # a failure may lack the curve of its last attempt
            if evaluation.attempts or score.of_curve != "free":
                expect(place, "attempts", stored.num_attempts, len(evaluation.attempts))
            for name, value in self.figures_of(evaluation).items():
                expect(place, name, evaluation.figures.get(name), value)
            problem = "there is none" if evaluation.score is None else score.problem_with(evaluation.score)
            if problem:
                raise DifferenceError(f"{place}: its status is {evaluation.status}, but its {score.name}: {problem}")
        for attempt, curve in enumerate(evaluation.attempts, start=1):
            steps = [point.step for point in curve.points]
            expect(place, f"the epochs of curve {attempt}", steps, list(range(1, len(steps) + 1)))

    def _compare_early_stopping(self, episode: Episode, evaluation: Evaluation) -> None:
        """Whether and where the evaluation was stopped follows from its curve and what the proposal knew."""
        place, model = f"evaluation {episode.evaluation}", self._models[episode.model]
        if self.early_stopping is None:
            if evaluation.status.has_score:
                expect(place, "status", str(evaluation.status), str(Status.OK))
            expect(place, "the prediction", evaluation.prediction, None)
            return
        difference = self.early_stopping.difference(episode.number, model, evaluation)
        if difference is not None:
            expect(place, *difference)
        self.early_stopping.learn(episode, lambda: (model, evaluation))


def _compare_reason(number: int, evaluation: Evaluation) -> None:
    """What went well needs no reason; everything else has one."""
    if (evaluation.status is Status.OK) != (not evaluation.reason):
        raise DifferenceError(
            f"evaluation {number}: its status is {evaluation.status}, but its reason is {evaluation.reason!r}"
        )
