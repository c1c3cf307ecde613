import statistics

import example_searches
import metaqnn_side_channel as example
import numpy as np
import pytest

from metaqnn.core import Candidate, Setting
from metaqnn.seeding import Stream, integer_seed
from metaqnn.testing import DatasetContract, EvaluatorContract, SpaceContract

FACTS = {"classes": 9}


def make_evaluator(**options):
    dataset = example.AesLeakage(example.LeakageOptions())
    return example.GuessingEntropy(example.AttackOptions(**options), Setting(seed=0, dataset=dataset))


class TestDataset(DatasetContract):
    @pytest.fixture
    def make_dataset(self):
        return lambda: example.AesLeakage(example.LeakageOptions())


class TestSpace(SpaceContract):
    @pytest.fixture
    def make_space(self):
        return lambda: example.TraceNetworks(example.NetworkOptions(), FACTS)


class TestEvaluator(EvaluatorContract):
    @pytest.fixture
    def make_evaluator(self):
        return lambda: make_evaluator(epochs=1)

    @pytest.fixture
    def candidates(self):
        return [Candidate(1, "selu C(4,11) BN A(25) FC(20) SM(9)", seed=3)]


def test_the_s_box_is_that_of_fips_197():
    assert example.SBOX[[0x00, 0x01, 0x53, 0xFF]].tolist() == [0x63, 0x7C, 0xED, 0x16]
    assert sorted(example.SBOX) == list(range(256))


def test_traces_leak_at_their_points():
    data = example.AesLeakage(example.LeakageOptions(noise=0.0, jitter=0)).train()
    moving = np.flatnonzero(np.ptp(data.inputs[..., 0], axis=0))
    assert moving.tolist() == [150, 340, 345, 530]


@pytest.mark.long
def test_the_median_random_network_misses_rank_0_and_a_good_one_reaches_it():
    evaluator = make_evaluator()
    evaluator.start()
    space = example.TraceNetworks(example.NetworkOptions(), evaluator.facts())

    def entropy(number, architecture):
        candidate = Candidate(number, architecture, integer_seed(0, "candidate", number))
        return evaluator.evaluate(candidate, lambda attempt, point: None)

    streams = [Stream(0, "random networks", number) for number in range(7)]
    texts = [space.walk(lambda key, choices, s=s: s.integer(len(choices))).architecture for s in streams]
    assert statistics.median(entropy(*pair).score for pair in enumerate(texts)) > 0
    good = entropy(0, "selu C(8,11) A(5) C(8,11) BN A(5) FC(20) SM(9)")
    assert good.score < 1
    assert good.figures.get("traces_to_rank_0", 100) <= 100


@pytest.mark.long
def test_a_search_of_ten(tmp_path):
    assert example_searches.search("side_channel", 10, tmp_path).is_file()
