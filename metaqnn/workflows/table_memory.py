"""The replay memory of an enumeration: each seed's trainings are rows of a table, and nothing is learned."""

from collections.abc import Callable, Sequence

from metaqnn.core import Episode, Evaluation, Proposal, WorkerLost, WorkerReady
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.search.ram_memory import RamMemory


class TableMemory(RamMemory):
    """The rows of a table that have one seed, from the evaluation `first`; only evaluations are kept."""

    def __init__(self, table: SQLiteReplayMemory, seed: int, first: int, on_recorded: Callable[[Evaluation], None]):
        super().__init__()
        self._table, self._seed, self._on_recorded = table, seed, on_recorded
        self._next = (1, 1, first)

    def record_worker(self, event: WorkerReady | WorkerLost) -> None:
        """Keep a fact about a worker process."""
        self._table.record_worker(event)

    def evaluation(self, number: int | None) -> Evaluation | None:
        """A recorded evaluation, of an earlier run too."""
        return self._table.evaluation(number)

    def record_evaluations(self, ended: Sequence[tuple[Proposal, Evaluation]]) -> None:
        """Record evaluations that finished before their turns."""
        for proposal, evaluation in ended:
            assert proposal.evaluation is not None, "what reuses an evaluation is not evaluated"
            self._keep(proposal.evaluation, proposal.model.model, evaluation)

    def record(self, episode: Episode, evaluation: Evaluation | None) -> None:
        """Record an evaluation in its turn, unless that is done."""
        if evaluation is not None and self.evaluation(episode.evaluation) is None:
            self._keep(episode.evaluation, episode.model, evaluation)

    def _keep(self, number: int, model: int, evaluation: Evaluation) -> None:
        self._table.record_table_evaluation(number, model, self._seed, evaluation)
        self._on_recorded(evaluation)
