"""Every space, strategy and evaluator passes the suite of its kind.

Replay memories have theirs in `tests/replay`, and the Keras evaluator its own in `tests/evaluators`.
"""

import pytest
from contracts.agents import accuracy_of, configured
from contracts.evaluator_contract import EvaluatorContract
from contracts.space_contract import SpaceContract
from contracts.spaces import SPACES
from contracts.strategy_contract import StrategyContract

from metaqnn.core import Strategy
from metaqnn.evaluators.function_evaluator import FunctionEvaluator
from metaqnn.strategies import STRATEGIES, make_strategy
from metaqnn.trial import Attempt, Candidate, EpochMetrics, Evaluation, Status


class TestSpaces(SpaceContract):
    @pytest.fixture(params=SPACES)
    def make_space(self, request):
        return SPACES[request.param]


class TestStrategies(StrategyContract):
    @pytest.fixture(params=[(name, preset) for name in STRATEGIES for preset in STRATEGIES[name]], ids="-".join)
    def make_strategy(self, request):
        name, preset = request.param
        return lambda space, seed: make_strategy(configured(name, preset), space, seed)

    @pytest.fixture(params=["small", "limited", "chain", "listed"])
    def space(self, request):
        return SPACES[request.param]()


def evaluate(candidate: Candidate) -> Evaluation:
    if candidate.architecture == "[SM(10)]":
        return Evaluation(Status.OUT_OF_MEMORY, "there is no memory")
    accuracy = accuracy_of(candidate.architecture)
    epochs = tuple(EpochMetrics(n, 0.001, 1.0, 0.5, 1.0, accuracy * n / 2, 0.0) for n in (1, 2))
    return Evaluation(Status.OK, "", (Attempt(0.001, epochs),), 0.0, "function")


class TestFunctionEvaluator(EvaluatorContract):
    @pytest.fixture
    def make_evaluator(self):
        return lambda: FunctionEvaluator(evaluate)

    def test_what_the_function_raises_is_not_hidden(self):
        def fail(candidate):
            raise KeyError(candidate.architecture)

        evaluator = FunctionEvaluator(fail)
        evaluator.submit(self.candidates()[0])
        with pytest.raises(KeyError, match=r"C\(8,3,1\)"):
            evaluator.results(0.0)

    def test_it_answers_in_order_one_at_a_time(self):
        evaluator = FunctionEvaluator(evaluate)
        for candidate in self.candidates():
            evaluator.submit(candidate)
        assert [event.number for _ in range(4) for event in evaluator.results(0.0)] == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_registered_strategy_can_be_configured_and_built(name):
    assert "default" in STRATEGIES[name]
    for preset in STRATEGIES[name]:
        config = configured(name, preset)
        assert (config.name, config.preset) == (name, preset)
        assert config.schedule
        assert config.max_repeats >= 1
        assert isinstance(make_strategy(config, SPACES["small"](), 0), Strategy)
