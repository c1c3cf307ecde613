"""Every space, strategy and evaluator passes the suite of its kind.

Replay memories have theirs in `tests/replay`, and the Keras evaluator its own in `tests/evaluators`.
"""

import os
import subprocess
import sys

import pytest
from contracts.agents import STRATEGIES, accuracy_of, configured, history, make_strategy
from contracts.evaluator_contract import EvaluatorContract
from contracts.records import epoch
from contracts.space_contract import SpaceContract
from contracts.spaces import SPACES
from contracts.strategy_contract import StrategyContract

from metaqnn.core import Attempt, Candidate, Evaluation, Space, Status, Strategy
from metaqnn.search.immediate import ImmediateExecutor


class TestSpaces(SpaceContract):
    @pytest.fixture(params=SPACES)
    def make_space(self, request):
        return SPACES[request.param]


PRESETS = [(name, preset) for name in STRATEGIES for preset in STRATEGIES[name]]

CHEAPLY = {"smac": {"random_first": 3, "random_share": 0.0, "trees": 1, "challengers": 5}}
"""Settings of strategies that take long to think, so that they think less but not otherwise."""


def make_cheaply(name: str, preset: str, space: Space, seed: int) -> Strategy:
    """A preset, with less thinking where it takes long."""
    return make_strategy(configured(name, preset, **CHEAPLY.get(name, {})), space, seed)


class TestStrategies(StrategyContract):
    @pytest.fixture(params=[one for one in PRESETS if one[0] not in CHEAPLY], ids="-".join)
    def make_strategy(self, request):
        return lambda space, seed: make_cheaply(*request.param, space, seed)

    @pytest.fixture(params=["small", "limited", "chain", "listed"])
    def space(self, request):
        return SPACES[request.param]()


class TestSlowStrategies(StrategyContract):
    """The same with a shorter history on one space; other spaces are in `tests/strategies/test_tpe_and_smac.py`."""

    length = 6
    asked = ((1, 0.5), (2, 0.5))  # none of them knows an epsilon

    @pytest.fixture(params=[one for one in PRESETS if one[0] in CHEAPLY], ids="-".join)
    def make_strategy(self, request):
        return lambda space, seed: make_cheaply(*request.param, space, seed)

    @pytest.fixture
    def space(self):
        return SPACES["chain"]()


def proposed_by_all() -> list[str]:
    """What every preset proposes over a chain when it is told what it asked for."""
    lines = []
    for name, preset in PRESETS:
        strategy = make_cheaply(name, preset, SPACES["chain"](), 7)
        lines += [f"{name} {preset} {one.architecture}" for one in history(strategy, 8 if name in CHEAPLY else 30)]
        lines += [f"{v.state} {v.action} {v.value.hex()}" for v in sorted(strategy.values(), key=str)]
    return lines


def test_every_strategy_proposes_the_same_in_another_process():
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from contracts.test_contracts import proposed_by_all
print(*proposed_by_all(), sep="\\n")
"""
    tests = __file__.rsplit("/", 2)[0]
    for hash_seed in ("0", "1"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        ran = subprocess.run(
            [sys.executable, "-c", code, tests], capture_output=True, text=True, check=True, env=environment
        )
        assert ran.stdout.splitlines() == proposed_by_all()


def evaluate(candidate: Candidate) -> Evaluation:
    if candidate.architecture == "[SM(10)]":
        return Evaluation(Status.OUT_OF_MEMORY, "there is no memory")
    accuracy = accuracy_of(candidate.architecture)
    epochs = tuple(epoch(n, 0.001, 1.0, 0.5, 1.0, accuracy * n / 2, 0.0) for n in (1, 2))
    return Evaluation(Status.OK, "", (Attempt(epochs),), 0.0, "function")


class TestFunctionEvaluator(EvaluatorContract):
    @pytest.fixture
    def make_evaluator(self):
        return lambda: ImmediateExecutor(evaluate)

    def test_what_the_function_raises_is_not_hidden(self):
        def fail(candidate):
            raise KeyError(candidate.architecture)

        evaluator = ImmediateExecutor(fail)
        evaluator.submit(self.candidates()[0])
        with pytest.raises(KeyError, match=r"C\(8,3,1\)"):
            evaluator.results(0.0)

    def test_it_answers_in_order_one_at_a_time(self):
        evaluator = ImmediateExecutor(evaluate)
        for candidate in self.candidates():
            evaluator.submit(candidate)
        assert [event.number for _ in range(4) for event in evaluator.results(0.0)] == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_registered_strategy_can_be_configured_and_built(name):
    for preset in STRATEGIES[name]:
        config = configured(name, preset)
        assert (config.name, config.preset) == (name, preset)
        assert config.schedule
        assert config.max_repeats >= 1
        assert isinstance(make_strategy(config, SPACES["small"](), 0), Strategy)
