"""The reward that is the score itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from metaqnn.config import require
from metaqnn.core import Reward, Score


@dataclass(frozen=True)
class ScoreRewardOptions:
    """The section `reward` for `name: score`.

    Attributes:
        failure: the score that a failed candidate counts as; `declared` is what the evaluator says, as
            chance for a classifier.
    """

    failure: Literal["declared"] | float = "declared"


class ScoreReward(Reward):
    """The score, with the sign that makes more of it better.

    Args:
        options: what a failure counts as.
        score: what is measured.

    Raises:
        KeyValueError: a failure counts as what cannot be a score.
    """

    Options = ScoreRewardOptions

    def __init__(self, options: Any, score: Score):
        super().__init__(options, score)
        if options.failure != "declared":
            problem = score.problem_with(options.failure)
            require(
                problem is None,
                "failure",
                f"'declared' or a number from {score.low:g} to {score.high:g}",
                options.failure,
            )

    def counted(self, score: float | None) -> float:
        """The score, or what a failure counts as."""
        if score is None and self.options.failure != "declared":
            return float(self.options.failure)
        return super().counted(score)

    def __call__(self, score: float | None, costs: Mapping[str, float]) -> float:
        """The reward; costs do not matter."""
        return self.score.gain(self.counted(score))

    def score_for(self, reward: float, costs: Mapping[str, float]) -> float:
        """The reward with its sign taken back, within the range of the score."""
        return min(self.score.high, max(self.score.low, self.score.gain(reward)))
