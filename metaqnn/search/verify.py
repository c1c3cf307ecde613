"""Proof that a database is what its seed and its recorded rewards make it: every proposal and every Q-value."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from metaqnn.core import (
    RETRYABLE,
    EarlyStopping,
    Episode,
    EpisodeOrigin,
    Evaluation,
    Model,
    Proposal,
    QValue,
    Recording,
    Reward,
    Space,
    Status,
    StoredEvaluation,
    Strategy,
    score_of_curve,
)
from metaqnn.errors import MetaqnnError, ReplayError
from metaqnn.search.position import Position

FiguresOf = Callable[[Evaluation], Mapping[str, float | None]]
"""From an evaluation to those of its figures that follow from its curve; None for one that may not be there."""


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Attributes:
        episodes, proposals, q_values: how many of each were rebuilt.
        difference: the first difference in one sentence; None where everything is equal.
    """

    episodes: int
    proposals: int
    q_values: int
    difference: str | None


class _DifferenceError(Exception):
    """Ends the comparison at the first difference."""


def verify(
    recording: Recording,
    space: Space,
    strategy: Strategy,
    budget: int,
    reward: Reward,
    lookahead: int,
    seed: int,
    early_stopping: EarlyStopping | None = None,
    on_episode: Callable[[int], None] = lambda number: None,
    figures_of: FiguresOf = lambda evaluation: {},
) -> Verification:
    """Rebuild a search from its seed and its recorded results, and compare.

    Imported episodes are told, not proposed: their rewards and what is learned from them follow from their results.

    Args:
        recording: what a running search adds meanwhile is not looked at.
        space, strategy, budget, reward, lookahead, seed, early_stopping: what the search was started with, anew.
        on_episode: called with the number of each episode when it is checked.
        figures_of: what of the figures of an evaluation with a score follows from its curve.
    """
    comparison = _Comparison(recording, space, strategy, budget, reward, lookahead, seed, early_stopping, figures_of)
    difference = None
    try:
        comparison.run(on_episode)
    except _DifferenceError as error:
        difference = str(error)
    return Verification(
        comparison.checked_episodes, comparison.checked_proposals, comparison.checked_values, difference
    )


class _Comparison:
    def __init__(
        self,
        recording: Recording,
        space: Space,
        strategy: Strategy,
        budget: int,
        reward: Reward,
        lookahead: int,
        seed: int,
        early_stopping: EarlyStopping | None,
        figures_of: FiguresOf,
    ):
        self.recording, self.space, self.strategy = recording, space, strategy
        self.reward, self.lookahead, self.seed, self.early_stopping = reward, lookahead, seed, early_stopping
        self.figures_of, self.episodes = figures_of, recording.episodes
        self.models = {model.model: model for model in recording.models}
        self.imported = sum(episode.origin is EpisodeOrigin.IMPORTED for episode in self.episodes)
        self.records: list[Episode | Proposal] = [*self.episodes, *recording.proposals]
        self.position = Position(budget)
        self.told = 0
        self.latest: dict[int, Episode] = {}  # by model
        self.known: dict[str, int] = {}  # architecture -> model
        self.checked_episodes = self.checked_proposals = self.checked_values = 0
        self.values_compared = False

    def run(self, on_episode: Callable[[int], None]) -> None:
        self._compare_models()
        for number, record in enumerate(self.records, start=1):
            stored = record.number if isinstance(record, Episode) else record.episode
            _expect(f"episode {number}", "its number", stored, number)
            if number > self.imported:
                self._tell_until(max(self.imported, number - self.lookahead))
            self._compare_proposal(number, record)
            if isinstance(record, Episode):
                self._compare_result(record)
                self.checked_episodes += 1
            else:
                self.checked_proposals += 1
            on_episode(number)
        self._tell_until(len(self.episodes))
        if not self.values_compared:
            raise _DifferenceError(
                f"checkpoints: the Q-values are as of episode {self.recording.values_as_of}, but only "
                f"{len(self.episodes)} are recorded"
            )
        used = {record.model if isinstance(record, Episode) else record.model.model for record in self.records}
        for model in self.models:
            if model not in used:
                raise _DifferenceError(f"model {model}: it is in the database, but no episode proposed it")

    def _tell_until(self, number: int) -> None:
        while self.told < min(number, len(self.episodes)):
            self._compare_values()
            self.strategy.tell(self.episodes[self.told])
            self.position.tell()
            self.told += 1
        self._compare_values()

    def _compare_models(self) -> None:
        for model in self.models.values():
            place = f"model {model.model}"
            try:
                costs = self.space.costs(self.space.parse(model.architecture))
            except MetaqnnError as error:
                problem = str(error).splitlines()[0]
                raise _DifferenceError(
                    f"{place}: its architecture {model.architecture!r} is none: {problem}"
                ) from error
            for name in dict.fromkeys((*costs, *model.costs)):
                _expect(place, name, model.costs.get(name), costs.get(name))

    def _compare_proposal(self, number: int, record: Episode | Proposal) -> None:
        """Sample the episode again."""
        place = f"episode {number}"
        model = record.model if isinstance(record, Proposal) else self.models[record.model]
        reused = record.evaluation is None if isinstance(record, Proposal) else record.reused
        if record.origin is EpisodeOrigin.SAMPLED:
            context = self.position.context()
            if self.strategy.is_exhausted(context):
                raise _DifferenceError(f"{place}: it is recorded, but the search was over before it")
            trajectory = self.strategy.ask(context)
            for name in dict.fromkeys((*trajectory.recorded, *record.recorded)):
                _expect(place, name, record.recorded.get(name), trajectory.recorded.get(name))
            architecture = trajectory.architecture
            _expect(place, "the architecture", model.architecture, architecture)
            is_new = architecture not in self.known
            _expect(place, "reused", reused, not is_new)
            if is_new:
                self.known[architecture] = len(self.known) + 1
            _expect(place, "the model's number", model.model, self.known[architecture])
        elif record.origin is EpisodeOrigin.RETRIED:
            for name, value in record.recorded.items():
                _expect(place, name, value, None)
            earlier = self.latest.get(model.model)
            stored = self.recording.evaluation(earlier.evaluation) if earlier else None
            if stored is None or stored.evaluation.status not in RETRYABLE:
                raise _DifferenceError(
                    f"{place}: it is a retry, but model {model.model} had no crash or time-out before"
                )
            _expect(place, "reused", reused, False)
        else:
            self._compare_imported(number, reused, model)
        self.position.add(record)
        iteration = len(self.known) if self.recording.is_import else self.position.distinct
        _expect(place, "iteration", record.iteration, iteration)

    def _compare_imported(self, number: int, reused: bool, model: Model) -> None:
        """Nothing proposed it, but it comes first, and its number follows from its place."""
        place = f"episode {number}"
        if number > self.imported:
            raise _DifferenceError(f"{place}: it is imported, but an episode before it was not")
        if reused and model.architecture not in self.known:
            raise _DifferenceError(f"{place}: it reuses a result of model {model.model}, but there is none before it")
        _expect(
            place, "the model's number", model.model, self.known.setdefault(model.architecture, len(self.known) + 1)
        )

    def _compare_result(self, episode: Episode) -> None:
        """Derive score and reward from the evaluation and its curve."""
        place, score = f"episode {episode.number}", self.recording.score
        if episode.reused:
            _expect(place, "the evaluation's number", episode.evaluation, self.latest[episode.model].evaluation)
        try:
            stored = self.recording.evaluation(episode.evaluation)
        except ReplayError as error:
            raise _DifferenceError(str(error)) from error
        if stored is None:
            raise _DifferenceError(f"{place}: its evaluation {episode.evaluation} is missing")
        if not episode.reused:
            self._compare_evaluation(episode, stored)
            if episode.origin is not EpisodeOrigin.IMPORTED:
                self._compare_early_stopping(episode, stored.evaluation)
        counted, prediction = stored.evaluation.score, stored.evaluation.prediction
        if stored.evaluation.status is Status.EARLY_STOPPED and prediction is not None:
            counted = prediction.score
        _expect(place, score.name, episode.score, counted)
        _expect(f"evaluation {episode.evaluation}", score.name, stored.evaluation.score, counted)
        reward, tolerance = self.reward(counted, self.models[episode.model].costs), self.reward.tolerance
        if not math.isclose(episode.reward, reward, rel_tol=tolerance, abs_tol=tolerance):
            _expect(place, "reward", episode.reward, reward)
        self.latest[episode.model] = episode

    def _compare_evaluation(self, episode: Episode, stored: StoredEvaluation) -> None:
        """What is stored of an evaluation follows from its curve."""
        place, evaluation, score = f"evaluation {episode.evaluation}", stored.evaluation, self.recording.score
        _expect(place, "model", stored.model, episode.model)
        if episode.origin is not EpisodeOrigin.IMPORTED:
            _expect(place, "seed", stored.seed, self.seed)
        reached = score_of_curve(score, evaluation.status, evaluation.attempts)
        if score.of_curve == "free" and evaluation.status is Status.OK:
            reached = evaluation.score  # nothing says how it follows
        best = None if evaluation.status is Status.EARLY_STOPPED else evaluation.score
        _expect(place, f"best_{score.name}", best, reached)
        _expect(place, "best_epoch", stored.best_step, evaluation.best_step(score))
        _expect(place, f"last_{score.name}", stored.last_score, evaluation.last_score)
        if evaluation.status.has_score:  # a failure may lack the curve of its last attempt
            if evaluation.attempts or score.of_curve != "free":
                _expect(place, "attempts", stored.num_attempts, len(evaluation.attempts))
            for name, value in self.figures_of(evaluation).items():
                _expect(place, name, evaluation.figures.get(name), value)
            problem = "there is none" if evaluation.score is None else score.problem_with(evaluation.score)
            if problem:
                raise _DifferenceError(f"{place}: its status is {evaluation.status}, but its {score.name}: {problem}")
        for number, attempt in enumerate(evaluation.attempts, start=1):
            steps = [point.step for point in attempt.points]
            _expect(place, f"the epochs of curve {number}", steps, list(range(1, len(steps) + 1)))

    def _compare_early_stopping(self, episode: Episode, evaluation: Evaluation) -> None:
        """Whether and where the evaluation was stopped follows from its curve and what the proposal knew."""
        place, model = f"evaluation {episode.evaluation}", self.models[episode.model]
        if self.early_stopping is None:
            if evaluation.status.has_score:
                _expect(place, "status", str(evaluation.status), str(Status.OK))
            _expect(place, "the prediction", evaluation.prediction, None)
            return
        difference = self.early_stopping.difference(episode.number, model, evaluation)
        if difference is not None:
            _expect(place, *difference)
        self.early_stopping.learn(episode, lambda: (model, evaluation))

    def _compare_values(self) -> None:
        """Compare the Q-values when exactly the episodes are told that the stored ones are as of."""
        if self.told != self.recording.values_as_of or self.values_compared:
            return
        self.values_compared = True
        stored = {(v.state, v.action): v for v in self.recording.values}
        rebuilt = {(v.state, v.action): v for v in self.strategy.values()}
        for key in sorted(stored.keys() | rebuilt.keys()):
            self.checked_values += 1
            place = f"Q-value of {key[1]} in state {key[0]}"
            if key not in stored or key not in rebuilt:
                where = "missing in the database" if key in rebuilt else "in the database, but was never updated"
                raise _DifferenceError(f"{place}: it is {where}")
            _compare_value(place, stored[key], rebuilt[key])


def _compare_value(place: str, stored: QValue, rebuilt: QValue) -> None:
    _expect(place, "value", stored.value, rebuilt.value)
    _expect(place, "updates", stored.updates, rebuilt.updates)


def _expect(place: str, what: str, stored: object, rebuilt: object) -> None:
    if stored != rebuilt:
        raise _DifferenceError(
            f"{place}: {what} is {stored!r} in the database, but {rebuilt!r} follows from seed and results"
        )
