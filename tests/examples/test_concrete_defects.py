import example_searches
import metaqnn_concrete_defects as example
import pytest

from metaqnn.core import Candidate, Setting
from metaqnn.testing import DatasetContract, EvaluatorContract


def make_dataset():
    return example.ConcreteSurfaces(example.SurfaceOptions(images=200))


class TestDataset(DatasetContract):
    @pytest.fixture
    def make_dataset(self):
        return make_dataset


class TestEvaluator(EvaluatorContract):
    @pytest.fixture
    def make_evaluator(self):
        options = example.TrainingOptions(held_out=50, epochs=1)
        return lambda: example.AllLabelsRight(options, Setting(seed=0, dataset=make_dataset()))

    @pytest.fixture
    def candidates(self):
        return [Candidate(1, "[C(8,3,1), P(3,2), SM(5)]", seed=3)]


def test_several_labels_hold_for_one_image():
    targets = make_dataset().train().targets
    assert targets.shape == (200, 5)
    assert targets.sum(1).max() > 1
    assert set(targets.flat) == {0, 1}


def test_a_network_gets_some_images_right_altogether():
    evaluator = example.AllLabelsRight(
        example.TrainingOptions(held_out=50, epochs=2), Setting(seed=0, dataset=make_dataset())
    )
    evaluator.start()
    answer = evaluator.evaluate(Candidate(1, "[C(8,3,1), P(3,2), SM(5)]", seed=3), lambda attempt, point: None)
    assert 0 < answer.score <= answer.figures["labels_right"] < 1


@pytest.mark.long
def test_a_search_of_ten(tmp_path):
    assert example_searches.search("concrete_defects", 10, tmp_path).is_file()
