"""Where a search stands when it asks for a proposal: what follows from the episodes alone, however they are stored."""

from collections import deque

from metaqnn.core import Context, Episode, EpisodeOrigin, PendingEpisode, Proposal


class Position:
    """Counts the episodes of a search.

    Args:
        budget: distinct architectures that the search began with.

    Attributes:
        last: number of the last episode.
        distinct, repeats: as in `Context`.
    """

    def __init__(self, budget: int):
        self.budget = budget
        self.last = self.distinct = self.repeats = 0
        self._pending: deque[PendingEpisode] = deque()
        self._seen: tuple[PendingEpisode, ...] | None = ()  # those pending, as contexts have them; None: to be made

    def add(self, record: Episode | Proposal) -> None:
        """Count the next episode, whether it is recorded or in flight."""
        if isinstance(record, Episode):
            number, architecture, is_evaluated = record.number, record.architecture, not record.reused
        else:
            number, architecture, is_evaluated = (
                record.episode,
                record.model.architecture,
                record.evaluation is not None,
            )
        is_new = is_evaluated and record.origin is not EpisodeOrigin.RETRIED
        if record.origin is EpisodeOrigin.SAMPLED:
            self.distinct += is_new
            self.repeats = 0 if is_new else self.repeats + 1
        self._pending.append(PendingEpisode(number, architecture, is_new, record.origin))
        self._seen = None
        self.last = number

    def tell(self, count: int = 1) -> None:
        """The oldest episodes that were pending are told."""
        for _ in range(count):
            self._pending.popleft()
        self._seen = None

    def context(self) -> Context:
        """What the strategy is asked the next episode with."""
        if self._seen is None:
            self._seen = tuple(self._pending)
        return Context(self.last + 1, self.budget, self.distinct, self.repeats, self._seen)
