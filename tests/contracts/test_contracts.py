"""Every space, strategy and evaluator passes the suite of its kind.

Replay memories have theirs in `tests/replay`, and the evaluator of networks its own in `tests/evaluators`.
"""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from contracts.agents import STRATEGIES, accuracy_of, configured, history, make_strategy
from contracts.executor_contract import ExecutorContract
from contracts.records import epoch, evaluation
from contracts.spaces import SPACES

from metaqnn.core import (
    Attempt,
    Candidate,
    CurvePoint,
    Dataset,
    Evaluation,
    Evaluator,
    Prediction,
    Score,
    Setting,
    Space,
    Split,
    Status,
    Strategy,
)
from metaqnn.networks.data.digits import Digits
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.search.immediate import ImmediateExecutor
from metaqnn.testing import DatasetContract, EvaluatorContract, SpaceContract, StrategyContract
from metaqnn.workers.functions import FunctionEvaluator, FunctionOptions


class TestSpaces(SpaceContract):
    @pytest.fixture(params=SPACES)
    def make_space(self, request):
        return SPACES[request.param]

    def test_networks_have_layers_parameters_and_flops(self, space, trajectories):
        if not isinstance(space, LayerSpace):
            pytest.skip("no networks of layers")
        for trajectory in trajectories[:20]:
            costs = space.costs(space.parse(trajectory.architecture))
            assert list(costs) == ["parameters", "flops", "layers"]
            assert all(isinstance(value, int) for value in costs.values())
            assert 1 <= costs["layers"] <= space.max_steps
            assert min(costs["parameters"], costs["flops"]) >= 0


PRESETS = [(name, preset) for name in STRATEGIES for preset in STRATEGIES[name].PRESETS]

CHEAPLY = {
    ("smac", "default"): {"random_first": 3, "random_share": 0.0, "trees": 1, "challengers": 5},
    ("q_learning", "default"): {"planning": {"neighbours": 15}},
    ("bananas", "default"): {"random_first": 10, "ensemble": 2, "neighbours": 3, "variations": 10},
    ("gaussian_process", "default"): {"random_first": 10, "neighbours": 3, "variations": 10, "random_walks": 5},
}
"""Settings of strategies that take long to think, so that they think less but not otherwise."""

SLOW = ("smac",)
"""Those that take long all the same."""


def make_cheaply(name: str, preset: str, space: Space, seed: int) -> Strategy:
    """A preset, with less thinking where it takes long."""
    return make_strategy(configured(name, preset, **CHEAPLY.get((name, preset), {})), space, seed)


class TestStrategies(StrategyContract):
    recorded = tuple({"epsilon": epsilon} for epsilon in (0.0, 0.7, 1.0))

    @pytest.fixture(params=[one for one in PRESETS if one[0] not in SLOW], ids="-".join)
    def make_strategy(self, request):
        return lambda space, seed: make_cheaply(*request.param, space, seed)

    @pytest.fixture(params=["small", "limited", "chain", "listed"])
    def space(self, request):
        return SPACES[request.param]()


class TestSlowStrategies(StrategyContract):
    """The same with a shorter history on one space; other spaces are in `tests/strategies/test_tpe_and_smac.py`."""

    length = 6
    numbers = (1, 2)

    @pytest.fixture(params=[one for one in PRESETS if one[0] in SLOW], ids="-".join)
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
        lines += [f"{name} {preset} {one.architecture}" for one in history(strategy, 8 if name in SLOW else 30)]
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
        return Evaluation(Status.OUT_OF_MEMORY, reason="there is no memory")
    accuracy = accuracy_of(candidate.architecture)
    points = tuple(epoch(n, 0.001, 1.0, 0.5, 1.0, accuracy * n / 2, 0.0) for n in (1, 2))
    return evaluation(Status.OK, "", (Attempt(points),), 0.0, "function")


class TestImmediateExecutor(ExecutorContract):
    @pytest.fixture
    def make_executor(self):
        return lambda: ImmediateExecutor(evaluate)

    def test_what_the_function_raises_is_not_hidden(self):
        def fail(candidate):
            raise KeyError(candidate.architecture)

        executor = ImmediateExecutor(fail)
        executor.submit(self.candidates()[0])
        with pytest.raises(KeyError, match=r"C\(8,3,1\)"):
            executor.results(0.0)

    def test_it_answers_in_order_one_at_a_time(self):
        executor = ImmediateExecutor(evaluate)
        for candidate in self.candidates():
            executor.submit(candidate)
        assert [event.number for _ in range(4) for event in executor.results(0.0)] == [1, 1, 2, 2, 3, 3]


CANDIDATES = [
    Candidate(number, text, seed=5, actions=tuple(text), costs={"steps": len(text)})
    for number, text in enumerate(("0110", "1", "111"), start=1)
]


class Curves(Evaluator):
    """Counts ones along a text; what has none fails."""

    score = Score("ones", low=0.0, high=9.0, of_curve="last")

    def facts(self):
        return {"digits": ["0", "1"], "longest": 9}

    def evaluate(self, candidate, report):
        if "0" not in candidate.architecture[:1]:
            return Evaluation(Status.FAILED, reason="it begins with a one")
        points = []
        for step in range(1, len(candidate.architecture) + 1):
            ones = candidate.architecture[:step].count("1")
            points.append(CurvePoint(step, float(ones), figures={"zeros": step - ones}))
            report(1, points[-1])
        return Evaluation(Status.OK, points[-1].score, attempts=(Attempt(tuple(points)),), figures={"seed": 1.5})


class TestCurves(EvaluatorContract):
    @pytest.fixture
    def make_evaluator(self):
        return lambda: Curves(Curves.Options(), Setting())

    @pytest.fixture
    def candidates(self):
        return CANDIDATES


def share_of_ones(architecture, seed):
    """A user's function."""
    return architecture.text.count("1") / len(architecture.text) + seed


class TestFunctionEvaluator(EvaluatorContract):
    @pytest.fixture
    def make_evaluator(self):
        options = FunctionOptions(function=f"{__name__}:share_of_ones")
        return lambda: FunctionEvaluator(options, Setting())

    @pytest.fixture
    def candidates(self):
        return CANDIDATES


class TestDigits(DatasetContract):
    @pytest.fixture
    def make_dataset(self):
        return lambda: Digits(Digits.Options())


# The suites can fail


class Remembering(Curves):
    """Its answers depend on how many there were."""

    def start(self, place=None):
        self.asked = 0

    def evaluate(self, candidate, report):
        self.asked += 1
        return self.asked / 10


class Early(Curves):
    """Stops without a context."""

    def evaluate(self, candidate, report):
        return Evaluation(Status.EARLY_STOPPED, 1.0, "enough", prediction=Prediction(1, 1.0, 0.5, 1.5))


class Skipping(Curves):
    """Its steps begin at 0."""

    def evaluate(self, candidate, report):
        return Evaluation(Status.OK, 1.0, attempts=(Attempt((CurvePoint(0, 1.0),)),))


class Outside(Curves):
    """A score out of its range."""

    def evaluate(self, candidate, report):
        return Evaluation(Status.OK, 10.0)


class Odd(Curves):
    """Facts that JSON does not know."""

    def facts(self):
        return {"shape": np.zeros(3)}


class Unpicklable(Curves):
    """Cannot be sent."""

    def __init__(self, options, setting):
        super().__init__(options, setting)
        self.function = lambda: None


@pytest.mark.parametrize(
    ("kind", "test", "error"),
    [
        (Remembering, "test_one_candidate_has_one_answer_to_the_bit", AssertionError),
        (Remembering, "test_the_number_of_an_episode_changes_nothing", AssertionError),
        (Early, "test_answers_are_whole", AssertionError),
        (Outside, "test_answers_are_whole", AssertionError),
        (Skipping, "test_curves_count_from_1_and_figures_are_numbers", AssertionError),
        (Outside, "test_a_score_follows_from_its_curve_as_it_says", IndexError),
        (Odd, "test_facts_are_json_like_and_the_same_each_time", TypeError),
        (Unpicklable, "test_it_can_be_sent_to_a_worker_before_it_is_started", (AttributeError, pickle.PicklingError)),
    ],
)
def test_an_evaluator_that_breaks_its_contract_is_found(kind, test, error):
    suite = EvaluatorContract()

    def make():
        return kind(kind.Options(), Setting())

    given = {"make_evaluator": make, "candidates": CANDIDATES[:2]}
    function = getattr(suite, test)
    wanted = function.__code__.co_varnames[1 : function.__code__.co_argcount]
    if "evaluator" in wanted:
        given["evaluator"] = suite.started(make)
    with pytest.raises(error):
        function(**{name: given[name] for name in wanted})


class Growing(Dataset):
    """Another one each time."""

    read = 0

    def train(self):
        Growing.read += 1
        return Split(np.full((4, 2), Growing.read), np.array([0, 1, 0, 1]), ("a", "b"))

    def test(self):
        return Split(np.zeros((1, 2)), np.array([0]), ("a", "b"))


def test_a_data_set_that_breaks_its_contract_is_found():
    with pytest.raises(AssertionError):
        DatasetContract().test_read_again_it_is_the_same_to_the_bit(Growing(), Growing)
    with pytest.raises(AssertionError):
        DatasetContract().test_both_parts_are_of_one_kind(Growing())


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_registered_strategy_can_be_configured_and_built(name):
    for preset in STRATEGIES[name].PRESETS:
        config = configured(name, preset)
        assert (config.name, config.preset) == (name, preset)
        assert config.schedule
        assert config.max_repeats >= 1
        assert isinstance(make_strategy(config, SPACES["small"](), 0), Strategy)
