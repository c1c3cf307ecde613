import pickle

import example_searches
import metaqnn_countermeasures as example
import pytest

from metaqnn.core import Candidate, Setting, Status
from metaqnn.testing import EvaluatorContract, SpaceContract


class TestSpace(SpaceContract):
    @pytest.fixture
    def make_space(self):
        return lambda: example.Countermeasures(example.Budget(budget=6, levels=(1, 3)))


class TestEvaluator(EvaluatorContract):
    @pytest.fixture
    def make_evaluator(self):
        return lambda: example.CorrelationAttack(example.Attacks(attacks=2, traces=100), Setting(seed=0))

    @pytest.fixture
    def candidates(self):
        costs = {"price": 1, "countermeasures": 1}
        return [Candidate(1, "desync1", seed=3, actions=("desync1", "stop"), costs=costs)]


def test_no_architecture_costs_more_than_the_budget():
    space = example.Countermeasures(example.Budget(budget=6))
    prices = [space.costs(space.parse(text))["price"] for text in space.architectures()]
    assert (min(prices), max(prices)) == (0, 6)


def test_what_moves_the_leakage_hides_the_key():
    evaluator = pickle.loads(pickle.dumps(example.CorrelationAttack(example.Attacks(4, 300), Setting(seed=0))))
    evaluator.start()
    found = {}
    for chosen in ("none", "desync4"):
        answer = evaluator.evaluate(Candidate(1, chosen, seed=5, actions=(chosen,) * (chosen != "none")), print)
        assert answer.status is Status.OK
        found[chosen] = answer.score
    assert found["none"] == 0 < found["desync4"]


def test_the_reward_takes_the_price_off_and_the_score_adds_it_again():
    reward = example.ThriftyProtection(example.Thrift(per_price=2.0), example.CorrelationAttack.score)
    assert reward(50.0, {"price": 10}) == 30.0
    assert reward(None, {"price": 10}) == -20.0
    assert reward.score_for(30.0, {"price": 10}) == 50.0


def test_a_search_of_ten(tmp_path):
    assert example_searches.search("countermeasures", 10, tmp_path).is_file()
