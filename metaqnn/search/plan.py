"""What a search is to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchPlan:
    """What a search is, apart from its parts.

    Attributes:
        seed: all randomness derives from it.
        models: the budget of distinct architectures.
        lookahead: L.
        max_seconds: wall clock over all runs; None is no limit.
        elapsed_seconds: what earlier runs took.
        checkpoint_seconds: the stored values are refreshed at most this often.
        budget: of distinct architectures when the search began; None is `models`.
    """

    seed: int
    models: int
    lookahead: int
    max_seconds: float | None = None
    elapsed_seconds: float = 0.0
    checkpoint_seconds: float = 10.0
    budget: int | None = None
