"""The contract of a reward: what a strategy learns from an evaluation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from metaqnn.core.options import NoOptions
from metaqnn.core.score import Score


class Reward(ABC):
    """Maps a score and costs to the number that strategies learn from; more is better, whatever the score's direction.

    Args:
        options: the section `reward`, as `Options`.
        score: what is measured; it says what a failure counts as.

    Examples:
        >>> from dataclasses import dataclass
        >>> from metaqnn.core import Reward, Score
        >>> @dataclass(frozen=True)
        ... class PerStep:
        ...     weight: float = 0.01
        >>> class Short(Reward):
        ...     '''Takes something off for each step of an architecture.'''
        ...     Options = PerStep
        ...
        ...     def __call__(self, score, costs):
        ...         return self.score.gain(self.counted(score)) - self.options.weight * costs["steps"]
        >>> reward = Short(PerStep(), Score("exact_match", low=0.0, high=1.0, failure=0.1))
        >>> round(reward(0.9, {"steps": 5}), 3), round(reward(None, {"steps": 5}), 3)
        (0.85, 0.05)
    """

    Options: ClassVar[type] = NoOptions

    tolerance: ClassVar[float] = 0.0
    """Relative difference of two rewards that are the same: above 0 where C libraries round differently."""

    def __init__(self, options: Any, score: Score):
        self.options, self.score = options, score

    def counted(self, score: float | None) -> float:
        """The score, or what a failure counts as."""
        return self.score.failure if score is None else score

    @abstractmethod
    def __call__(self, score: float | None, costs: Mapping[str, float]) -> float:
        """The reward.

        Args:
            score: measured or predicted; None for a failure.
            costs: of the architecture, by name.
        """

    def score_for(self, reward: float, costs: Mapping[str, float]) -> float | None:
        """The score, within its range, that would earn an architecture a reward: for early stopping.

        None is unknown, as here: then nothing is stopped early.
        """
        return None
