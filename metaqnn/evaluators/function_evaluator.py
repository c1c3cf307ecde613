"""The evaluator that asks a function, in this process and at once: for tables, benchmarks and one's own rewards."""

from collections.abc import Callable

from metaqnn.core import Candidate, Evaluation
from metaqnn.evaluators.pool_evaluator import PoolEvaluator
from metaqnn.workers.inline import InlinePool
from metaqnn.workers.runner import Runner


class FunctionEvaluator(PoolEvaluator):
    """Answers each candidate with `function(candidate)`.

    Args:
        function: from a candidate to its evaluation; what it raises ends the search.
    """

    def __init__(self, function: Callable[[Candidate], Evaluation]):
        super().__init__(InlinePool(lambda: FunctionRunner(function)))


class FunctionRunner(Runner):
    """Answers a payload with `function(payload)`."""

    def __init__(self, function: Callable):
        self._function = function

    def run(self, payload, report):
        """Call the function."""
        return self._function(payload)
