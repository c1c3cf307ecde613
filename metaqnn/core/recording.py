"""A recorded search as a whole, for those who rebuild it."""

from collections.abc import Callable
from dataclasses import dataclass

from metaqnn.core.episode import Episode, Model, Proposal, QValue
from metaqnn.core.evaluation import Evaluation
from metaqnn.core.score import Score


@dataclass(frozen=True)
class StoredEvaluation:
    """An evaluation with what is stored beside it, which must follow from it.

    Attributes:
        evaluation: with its curves.
        model: what was evaluated.
        seed: with which it was.
        best_step: as stored.
        last_score: as stored.
        num_attempts: as stored.
        purpose: why it was evaluated: `search`, or `table` where a whole space is.
    """

    evaluation: Evaluation
    model: int
    seed: int
    best_step: int | None
    last_score: float | None
    num_attempts: int
    purpose: str = "search"


@dataclass(frozen=True)
class Recording:
    """A search, or imported episodes, as they stand in a replay memory at one instant.

    Attributes:
        episodes: in order.
        proposals: in order.
        models: in order.
        values_as_of: the episode of the last checkpoint of the strategy's values.
        values: those of that checkpoint.
        score: what is measured.
        evaluation: one by its number; None where there is none. Raises ReplayError where it cannot be read.
        is_import: whether all episodes come from another program.
        evaluations: the numbers of all of them, in order.
    """

    episodes: tuple[Episode, ...]
    proposals: tuple[Proposal, ...]
    models: tuple[Model, ...]
    values_as_of: int
    values: tuple[QValue, ...]
    score: Score
    evaluation: Callable[[int], StoredEvaluation | None]
    is_import: bool = False
    evaluations: tuple[int, ...] = ()
