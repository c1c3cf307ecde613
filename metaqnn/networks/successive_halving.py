"""Successive halving without waiting: at each rung a network goes on if it is among the best that came so far.

Sources: Jamieson and Talwalkar, Non-stochastic best arm identification (AISTATS 2016, arXiv 1502.07943), for halving;
Li et al., A system for massively parallel hyperparameter tuning (MLSys 2020, arXiv 1810.05934), for its asynchronous
form. What differs: a network that is stopped is never resumed, so a rung decides once, when the network comes to it.
"""

from collections.abc import Sequence

from metaqnn.core import CurvePoint, Prediction, Score
from metaqnn.networks.curve_extrapolation import Extrapolation
from metaqnn.networks.stopping_rule import EarlyStoppingContext, StoppingRule, best_score
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.early_stopping_config import SuccessiveHalvingConfig


class SuccessiveHalvingRule(StoppingRule):
    """Stops at a rung what is not among the best of all that came to it, this one included.

    What it counts as is what its neighbours among the networks trained to the end let expect.
    """

    def __init__(
        self, config: SuccessiveHalvingConfig, training: TrainingConfig, context: EarlyStoppingContext, score: Score
    ):
        super().__init__(training, context, score)
        assert context.rungs is not None, "successive halving is told what was reached at each rung"
        self.rungs, self.reduction_factor = context.rungs, config.reduction_factor
        self.extrapolation = Extrapolation(context, score)

    def _verdict(self, epochs: Sequence[CurvePoint]) -> Prediction | None:
        if goes_on(best_score(epochs), self.rungs[len(epochs)], self.reduction_factor):
            return None
        return self.extrapolation.prediction(epochs)

    @property
    def _missed(self) -> str:
        return f"not among the best 1/{self.reduction_factor} at this rung"


def goes_on(reached: float, others: Sequence[float], reduction_factor: int) -> bool:
    """Whether a network is among the best n / eta of the n at a rung, itself among them, or the best of all.

    Args:
        reached: its best score so far.
        others: those of the others at this rung.
        reduction_factor: eta.
    """
    rank = 1 + sum(other > reached for other in others)
    return rank == 1 or rank * reduction_factor <= len(others) + 1
