"""An executor that answers at once, in this process: for tables and whatever else is known already."""

from collections import deque
from collections.abc import Callable

from metaqnn.core import Candidate, CandidateFinished, CandidateStarted, Evaluation, Event, Executor


class ImmediateExecutor(Executor):
    """Answers each candidate with `function(candidate)`, one after another.

    Args:
        function: from a candidate to its evaluation; what it raises ends the search.
    """

    def __init__(self, function: Callable[[Candidate], Evaluation]):
        self._function = function
        self._queue: deque[Candidate] = deque()

    def submit(self, candidate: Candidate) -> None:
        """Queue a candidate."""
        self._queue.append(candidate)

    def results(self, timeout: float) -> list[Event]:
        """Answer the next candidate."""
        if not self._queue:
            return []
        candidate = self._queue.popleft()
        return [CandidateStarted(candidate.number), CandidateFinished(candidate.number, self._function(candidate))]

    def stop(self) -> None:
        """Forget what was queued."""
        self._queue.clear()
