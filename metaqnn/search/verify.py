"""Proof that a database is what its seed and its recorded rewards make it: every proposal and every Q-value."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from metaqnn.core import Strategy
from metaqnn.errors import MetaqnnError, ReplayError
from metaqnn.replay.finals import misplaced, read_finals
from metaqnn.replay.importing import read_imported_rows
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.imported import difference_from_rows
from metaqnn.search.prospects import Prospects
from metaqnn.search.reward import Reward
from metaqnn.space.base import Space
from metaqnn.strategies.schedule import Progress, Schedule
from metaqnn.training.config import TrainingConfig
from metaqnn.training.prediction import Predictor
from metaqnn.trial import (
    RETRYABLE,
    Episode,
    Evaluation,
    Model,
    Prediction,
    Proposal,
    QValue,
    Source,
    Status,
)

_PREDICTION_TOLERANCE = 1e-6
"""A regression's last digits depend on the version of the libraries that fit it."""

_REWARD_TOLERANCE = 1e-12
"""A cost-aware reward takes logarithms, whose last bit differs between C libraries."""


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
    reader: ReplayReader,
    space: Space,
    make_strategy: Callable[[], Strategy],
    schedule: Schedule,
    reward: Reward,
    lookahead: int,
    seed: int,
    training: TrainingConfig,
    on_episode: Callable[[int], None] = lambda number: None,
) -> Verification:
    """Rebuild a search from its seed and its recorded results, and compare.

    Imported episodes are told, not proposed: their rewards and what is learned from them follow from their results.
    Of an imported database the results must be those of its file's rows.

    Args:
        reader: the database; what a running search adds meanwhile is not looked at.
        space, make_strategy, schedule, reward, lookahead, seed, training: what the search was started with.
        on_episode: called with the number of each episode when it is checked.
    """
    comparison = _Comparison(reader, space, make_strategy(), schedule, reward, lookahead, seed, training)
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
        reader: ReplayReader,
        space: Space,
        strategy: Strategy,
        schedule: Schedule,
        reward: Reward,
        lookahead: int,
        seed: int,
        training: TrainingConfig,
    ):
        self.reader, self.space, self.strategy, self.schedule = reader, space, strategy, schedule
        self.reward, self.lookahead, self.seed, self.training = reward, lookahead, seed, training
        self.prospects = Prospects(training, reward, lookahead, seed) if training.prediction else None
        with reader.snapshot():
            self.episodes = list(reader.episodes())
            self.proposals = reader.proposals()
            self.models = {model.model: model for model in reader.models()}
            self.finals = read_finals(reader)
            self.as_of, self.values = reader.values()
            self.rows = read_imported_rows(reader) if reader.is_import() else None
        self.imported = sum(episode.source is Source.IMPORTED for episode in self.episodes)
        self.records = [*self.episodes, *self.proposals]
        self.progress = Progress()
        self.told = 0
        self.latest: dict[int, Episode] = {}  # by model
        self.known: dict[str, int] = {}  # architecture -> model
        self.checked_episodes = self.checked_proposals = self.checked_values = 0
        self.values_compared = False

    def run(self, on_episode: Callable[[int], None]) -> None:
        self._compare_models()
        for final in self.finals:
            if final.weights is not None and (problem := misplaced(self.reader.path, final.weights)):
                raise _DifferenceError(f"final {final.final}: its weights {problem}")
        difference = difference_from_rows(self.rows, self.episodes, self.space) if self.rows is not None else None
        if difference:
            raise _DifferenceError(difference)
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
                f"checkpoints: the Q-values are as of episode {self.as_of}, but only {len(self.episodes)} are recorded"
            )
        used = {record.model if isinstance(record, Episode) else record.model.model for record in self.records}
        for model in self.models:
            if model not in used:
                raise _DifferenceError(f"model {model}: it is in the database, but no episode proposed it")

    def _tell_until(self, number: int) -> None:
        while self.told < min(number, len(self.episodes)):
            self._compare_values()
            self.strategy.tell(self.episodes[self.told])
            self.told += 1
        self._compare_values()

    def _compare_models(self) -> None:
        for model in self.models.values():
            place = f"model {model.model}"
            try:
                cost = self.space.cost(self.space.parse(model.architecture))
            except MetaqnnError as error:
                problem = str(error).splitlines()[0]
                raise _DifferenceError(
                    f"{place}: its architecture {model.architecture!r} is none: {problem}"
                ) from error
            for name in ("layers", "parameters", "flops"):
                _expect(place, name, getattr(model, name), getattr(cost, name))

    def _compare_proposal(self, number: int, record: Episode | Proposal) -> None:
        """Sample the episode again."""
        place = f"episode {number}"
        in_flight = isinstance(record, Proposal)
        model = record.model if in_flight else self.models[record.model]
        reused = record.evaluation is None if in_flight else record.reused
        if record.source is Source.SAMPLED:
            if self.schedule.is_over(self.progress):
                raise _DifferenceError(f"{place}: it is recorded, but the schedule was over before it")
            epsilon = self.schedule.epsilon(self.progress)
            _expect(place, "epsilon", record.epsilon, epsilon)
            architecture = self.strategy.ask(number, epsilon).architecture
            _expect(place, "the architecture", model.architecture, architecture)
            is_new = architecture not in self.known
            _expect(place, "reused", reused, not is_new)
            self.progress = self.schedule.advance(self.progress, is_new)
            if is_new:
                self.known[architecture] = len(self.known) + 1
            _expect(place, "the model's number", model.model, self.known[architecture])
        elif record.source is Source.RETRIED:
            _expect(place, "epsilon", record.epsilon, None)
            earlier = self.latest.get(model.model)
            evaluation = self.reader.evaluation(earlier.evaluation) if earlier else None
            if evaluation is None or evaluation.status not in RETRYABLE:
                raise _DifferenceError(
                    f"{place}: it is a retry, but model {model.model} had no crash or time-out before"
                )
            _expect(place, "reused", reused, False)
        else:
            self._compare_imported(number, record, model)
        iteration = self.progress.distinct if self.rows is None else len(self.known)
        _expect(place, "iteration", record.iteration, iteration)

    def _compare_imported(self, number: int, episode: Episode, model: Model) -> None:
        """Nothing proposed it, but it comes first, and its number follows from its place."""
        place = f"episode {number}"
        if number > self.imported:
            raise _DifferenceError(f"{place}: it is imported, but an episode before it was not")
        if episode.reused and model.architecture not in self.known:
            raise _DifferenceError(f"{place}: it reuses a result of model {model.model}, but there is none before it")
        _expect(
            place, "the model's number", model.model, self.known.setdefault(model.architecture, len(self.known) + 1)
        )

    def _compare_result(self, episode: Episode) -> None:
        """Derive accuracy and reward from the evaluation and its curve."""
        place = f"episode {episode.number}"
        if episode.reused:
            _expect(place, "the evaluation's number", episode.evaluation, self.latest[episode.model].evaluation)
        try:
            evaluation = self.reader.evaluation(episode.evaluation)
        except ReplayError as error:
            raise _DifferenceError(str(error)) from error
        if evaluation is None:
            raise _DifferenceError(f"{place}: its evaluation {episode.evaluation} is missing")
        if not episode.reused:
            self._compare_evaluation(episode, evaluation)
            if episode.source is not Source.IMPORTED:
                self._compare_prediction(episode, evaluation)
        _expect(place, "accuracy", episode.accuracy, evaluation.accuracy)
        reward = self.reward(evaluation.accuracy, self.models[episode.model])
        tolerance = _REWARD_TOLERANCE if self.reward.config.name == "cost_aware" else 0.0
        if not math.isclose(episode.reward, reward, rel_tol=tolerance, abs_tol=tolerance):
            _expect(place, "reward", episode.reward, reward)
        self.latest[episode.model] = episode

    def _compare_evaluation(self, episode: Episode, evaluation: Evaluation) -> None:
        """The stored summary of a training follows from its curve."""
        place = f"evaluation {episode.evaluation}"
        stored = self.reader.evaluation_row(episode.evaluation)
        _expect(place, "model", stored["model"], episode.model)
        if episode.source is not Source.IMPORTED:
            _expect(place, "seed", stored["seed"], self.seed)
        for column, value in (
            ("best_accuracy", evaluation.best_accuracy),
            ("best_epoch", evaluation.best_epoch),
            ("last_accuracy", evaluation.last_accuracy),
        ):
            _expect(place, column, stored[column], value)
        if evaluation.status in (Status.OK, Status.PREDICTED):  # a failure may lack the curve of its last attempt
            _expect(place, "attempts", stored["attempts"], len(evaluation.attempts))
            _expect(place, "learning_rate", stored["learning_rate"], evaluation.learning_rate)
        for number, attempt in enumerate(evaluation.attempts, start=1):
            epochs = [metrics.epoch for metrics in attempt.epochs]
            _expect(place, f"the epochs of curve {number}", epochs, list(range(1, len(epochs) + 1)))

    def _compare_prediction(self, episode: Episode, evaluation: Evaluation) -> None:
        """Whether and where the training was stopped early follows from the curve and what the proposal knew."""
        place, model = f"evaluation {episode.evaluation}", self.models[episode.model]
        prospect = self.prospects.of(episode.number, model) if self.prospects else None
        epochs = evaluation.attempts[-1].epochs if evaluation.attempts else ()
        expected = None
        if prospect is not None:
            expected = Predictor(self.training.prediction, self.training, prospect).first_verdict(epochs)
        is_stopped = expected is not None and not prospect.is_control
        has_result = evaluation.status in (Status.OK, Status.PREDICTED)
        if has_result:
            status = Status.PREDICTED if is_stopped else Status.OK
            _expect(place, "status", str(evaluation.status), str(status))
        if is_stopped and (has_result or len(epochs) > expected.epoch):  # a failure may have come just after it
            _expect(place, "the last epoch", len(epochs), expected.epoch)
        expected = expected if has_result else None
        if not _is_close(evaluation.prediction, expected):
            _expect(place, "the prediction", evaluation.prediction, expected)
        if self.prospects:
            self.prospects.learn(episode, model, evaluation)

    def _compare_values(self) -> None:
        """Compare the Q-values when exactly the episodes are told that the stored ones are as of."""
        if self.told != self.as_of or self.values_compared:
            return
        self.values_compared = True
        stored = {(v.state, v.action): v for v in self.values}
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


def _is_close(stored: Prediction | None, rebuilt: Prediction | None) -> bool:
    if stored is None or rebuilt is None:
        return stored is rebuilt
    pairs = ((stored.accuracy, rebuilt.accuracy), (stored.low, rebuilt.low), (stored.high, rebuilt.high))
    return stored.epoch == rebuilt.epoch and all(math.isclose(*pair, rel_tol=_PREDICTION_TOLERANCE) for pair in pairs)


def _expect(place: str, what: str, stored: object, rebuilt: object) -> None:
    if stored != rebuilt:
        raise _DifferenceError(
            f"{place}: {what} is {stored!r} in the database, but {rebuilt!r} follows from seed and results"
        )
