"""Early stopping of networks: what a proposal knew of those evaluated before, as reproducible as the proposal."""

import heapq
import math
from bisect import bisect_right
from collections.abc import Callable

from metaqnn.core import EarlyStopping, Episode, Evaluation, Model, Prediction, Reward, Score, Status
from metaqnn.networks.curve_extrapolation import ExtrapolationRule
from metaqnn.networks.curve_prediction import RegressionRule
from metaqnn.networks.rungs import Rungs
from metaqnn.networks.stopping_rule import EarlyStoppingContext, ReferenceCurve, StoppingRule
from metaqnn.networks.successive_halving import SuccessiveHalvingRule
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.early_stopping_config import RegressionConfig, SuccessiveHalvingConfig
from metaqnn.seeding import Stream

_TOLERANCE = 1e-6
"""A regression's last digits depend on the version of the libraries that fit it; those of other rules on nothing."""


def make_rule(training: TrainingConfig, context: EarlyStoppingContext, score: Score) -> StoppingRule | None:
    """What judges a candidate by the recipe; None where nothing does.

    Args:
        training: the recipe.
        context: what was known when the candidate was proposed.
        score: what is measured.
    """
    config = training.early_stopping
    if config is None:
        return None
    if isinstance(config, RegressionConfig):
        return RegressionRule(config, training, context, score)
    if isinstance(config, SuccessiveHalvingConfig):
        return SuccessiveHalvingRule(config, training, context, score)
    return ExtrapolationRule(config, training, context, score)


class NetworkEarlyStopping(EarlyStopping):
    """Gathers reference curves as episodes are told, and hands out those that an episode may know.

    Args:
        training: the recipe, with its section `early_stopping`.
        reward: what "best" means.
        lookahead: L; episode n knows the episodes up to n - L.
        seed: decides which networks are controls.
    """

    def __init__(self, training: TrainingConfig, reward: Reward, lookahead: int, seed: int):
        if training.early_stopping is None:
            raise ValueError("expected a recipe with the section early_stopping")
        self.training, self.config = training, training.early_stopping
        self.reward, self.lookahead, self.seed = reward, lookahead, seed
        looks = self.config.looks(training.epochs, training.restart_epoch)
        self._last_look = looks[-1]
        self._rungs = None
        if isinstance(self.config, SuccessiveHalvingConfig):
            self._rungs = Rungs(looks, reward, self.config.most_references)
        self._episodes: list[int] = []
        self._readers: list[Callable[[], tuple[Model, Evaluation]]] = []
        self._references: dict[int, ReferenceCurve] = {}  # by place in the order of telling; what was needed so far
        self._kth_best: list[float] = []  # reward of the rank that counts (or the lowest) after each reference
        self._best: list[float] = []  # a heap of the so many best rewards

    def learn(self, episode: Episode, read: Callable[[], tuple[Model, Evaluation]]) -> None:
        """Take note of an episode that was evaluated; called in the order of telling."""
        if episode.score is None:
            return
        if self._rungs is not None:
            self._rungs.learn(episode.number, read)
        if episode.is_predicted:
            return
        push = heapq.heappush if len(self._best) < self.config.best_rank else heapq.heappushpop
        push(self._best, episode.reward)
        self._episodes.append(episode.number)
        self._readers.append(read)
        self._kth_best.append(self._best[0])

    def _reference(self, place: int) -> ReferenceCurve:
        if place not in self._references:
            model, evaluation = self._readers[place]()
            score = evaluation.measured
            assert score is not None, "its episode has it"
            self._references[place] = ReferenceCurve(model.costs, evaluation.curve[: self._last_look], score)
        return self._references[place]

    def context(self, number: int, model: Model) -> EarlyStoppingContext | None:
        """What episode `number` may predict the end of its network by; None while too little is known.

        None, too, where the reward does not say which score would earn it.
        """
        known = bisect_right(self._episodes, number - self.lookahead)
        if known < max(self.config.min_networks, self.config.best_rank):
            return None
        target = self.reward.score_for(self._kth_best[known - 1], model.costs)
        if target is None:
            return None
        return EarlyStoppingContext(
            model.costs,
            tuple(self._reference(place) for place in range(max(0, known - self.config.most_references), known)),
            target,
            Stream(self.seed, "control", number).uniform() < self.config.control_share,
            self._rungs.reached(number - self.lookahead, model.costs) if self._rungs else None,
        )

    def difference(self, number: int, model: Model, evaluation: Evaluation) -> tuple[str, object, object] | None:
        """Whether and where the training was stopped follows from the curve and what the proposal knew."""
        context, epochs, expected, stopped = self.context(number, model), evaluation.curve, None, None
        if context is not None:
            rule = make_rule(self.training, context, self.reward.score)
            assert rule is not None, "the recipe has the section"
            expected = rule.first_verdict(epochs)
            stopped = None if context.is_control else expected
            for place, attempt in enumerate(evaluation.attempts[:-1], start=1):
                # Given up after its last epoch, before anybody looked.
                earlier = rule.first_verdict(attempt.points[:-1])
                if earlier and not context.is_control:
                    return f"the last epoch of attempt {place}", len(attempt.points), earlier.step
        has_result = evaluation.status.has_score
        status = Status.EARLY_STOPPED if stopped else Status.OK
        if has_result and evaluation.status is not status:
            return "status", str(evaluation.status), str(status)
        # A failure may have come just after it.
        if stopped and (has_result or len(epochs) > stopped.step) and len(epochs) != stopped.step:
            return "the last epoch", len(epochs), stopped.step
        expected = expected if has_result else None
        if not self._is_same(evaluation.prediction, expected):
            return "the prediction", evaluation.prediction, expected
        return None

    def _is_same(self, stored: Prediction | None, rebuilt: Prediction | None) -> bool:
        if not isinstance(self.config, RegressionConfig) or stored is None or rebuilt is None:
            return stored == rebuilt
        pairs = ((stored.score, rebuilt.score), (stored.low, rebuilt.low), (stored.high, rebuilt.high))
        return stored.step == rebuilt.step and all(math.isclose(*pair, rel_tol=_TOLERANCE) for pair in pairs)
