"""The contract of displays: they see a search happen in its own process, and change nothing.

What keeps a search elsewhere is a `metaqnn.core.SearchObserver`, which has a process of its own.
"""

from dataclasses import dataclass

from metaqnn.core.episode import Episode, Proposal
from metaqnn.core.events import Event
from metaqnn.core.score import Score


@dataclass(frozen=True)
class SearchStatus:
    """Where a search stands, for displays.

    Attributes:
        models_done: distinct architectures told.
        models_total: the budget of distinct architectures.
        episodes: told; none of what the search began with counts here or below.
        reused: episodes that needed no evaluation.
        failed: models whose last evaluation failed.
        epsilon: of the newest proposal; None where the strategy has none.
        best_score: so far; None before the first success.
        best_architecture: likewise.
        elapsed_seconds: over all runs.
        seconds_per_model: mean over this run, or over all runs before its first; None when unknown.
        score: what is measured.
    """

    models_done: int
    models_total: int
    episodes: int
    reused: int
    failed: int
    epsilon: float | None
    best_score: float | None
    best_architecture: str | None
    elapsed_seconds: float
    seconds_per_model: float | None
    score: Score


class Observer:
    """Sees a search happen. Every method may be left out; none may change the search."""

    def on_start(self, status: SearchStatus) -> None:
        """The loop begins or goes on."""

    def on_event(self, event: Event) -> None:
        """The executor reports something."""

    def on_proposal(self, proposal: Proposal) -> None:
        """An episode is in flight."""

    def on_episode(self, episode: Episode, status: SearchStatus) -> None:
        """An episode is recorded; it is told next."""

    def on_end(self, status: SearchStatus) -> None:
        """The loop ends, whatever the cause."""
