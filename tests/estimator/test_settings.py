"""The experiment behind a classifier's parameters."""

import re

import numpy as np
import pytest

from metaqnn import MetaQNNClassifier
from metaqnn.errors import ConfigError
from metaqnn.estimators.settings import WHERE, DataFacts, experiment_content
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.workflows import read_experiment

DIGITS = DataFacts(1347, (8, 8, 1), 10, 0.1)
MNIST = DataFacts(60_000, (28, 28, 1), 10, 0.11)
IRIS = DataFacts(150, (1, 4, 1), 3, 1 / 3)


def experiment(facts=DIGITS, **parameters):
    parameters = MetaQNNClassifier(**parameters).get_params()
    return read_experiment(experiment_content(parameters, facts, "x.npz", 7), WHERE)


def test_defaults_of_small_images():
    digits = experiment()
    assert (digits.seed, digits.search.models, digits.search.lookahead) == (7, 30, 2)
    assert (digits.dataset.validation_size, digits.dataset.preprocessing) == (269, "standardize")
    assert (digits.space.options.max_depth, digits.space.options.convolution.filters) == (6, (16, 32, 64))
    assert digits.space.options.limits.flops is None
    assert (digits.strategy.name, digits.strategy.options.preset) == ("q_learning", "default")
    assert (digits.training.epochs, digits.training.batch_size, digits.training.learning_rate) == (20, 128, 0.003)
    assert digits.training.restart_accuracy / 10 == pytest.approx(0.1 + 0.05 * 0.9)
    assert (digits.final.name, digits.final.batch_size, digits.final.learning_rate) == ("one_cycle", 128, 0.1)


def test_defaults_of_larger_images_and_of_a_row_of_features():
    mnist, iris = experiment(MNIST), experiment(IRIS)
    assert mnist.dataset.validation_size == 5000
    assert (mnist.space.options.max_depth, mnist.space.options.limits.flops) == (8, 20_000_000)
    assert (mnist.training.epochs, mnist.training.learning_rate, mnist.training.restart_epoch) == (10, 0.001, 1)
    assert (iris.space.options.max_depth, iris.space.options.convolution.receptive_fields) == (4, (1, 3))
    assert (iris.training.batch_size, iris.final.batch_size) == (8, 8)
    assert iris.final.learning_rate == pytest.approx(0.1 / 16)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 30, 1), (2, 2, 3), (7, 9, 1), (8, 8, 1), (32, 32, 3), (600, 600, 3)])
@pytest.mark.parametrize(("images", "classes"), [(2, 2), (40, 40), (5000, 1000)])
def test_every_shape_has_a_space(shape, images, classes):
    found = experiment(DataFacts(images, shape, classes, 1 / classes))
    LayerSpace(found.space.options, {"input_shape": shape, "classes": classes})  # refuses limits that no network keeps
    assert 1 <= found.dataset.validation_size < images


@pytest.mark.parametrize(
    ("images", "classes", "fraction", "expected"),
    [(100, 3, None, 20), (8, 4, None, 4), (6, 4, None, 3), (2, 2, None, 1), (100, 3, 0.33, 33), (10, 2, 0.999, 9)],
)
def test_images_held_out(images, classes, fraction, expected):
    facts = DataFacts(images, (8, 8, 1), classes, 0.5)
    assert experiment(facts, validation_fraction=fraction).dataset.validation_size == expected


def test_what_the_user_says_wins():
    found = experiment(
        models=np.int64(5),
        epochs=3,
        strategy="random",
        max_depth=2,
        filters=(8,),
        receptive_fields=np.array([3]),
        pooling=[],
        neurons=(),
        workers=4,
        final={"epochs": 7, "batch_size": 32},
        settings={"training.batch_size": np.int64(16), "dataset.mirror": True, "final.mirror": False},
    )
    assert (found.search.models, found.search.lookahead) == (5, 4)
    assert (found.training.epochs, found.training.decay_epochs, found.training.batch_size) == (3, 1, 16)
    assert found.strategy.name == "random"
    assert (found.space.options.max_depth, found.space.options.convolution.receptive_fields) == (2, (3,))
    assert (found.space.options.pooling, found.space.options.fully_connected.neurons) == ((), ())
    assert (found.final.epochs, found.final.batch_size, found.final.mirror) == (7, 32, False)
    assert found.dataset.mirror


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"models": 0}, "MetaQNNClassifier: search.models: expected from 1 to 10000000, got 0"),
        ({"models": 2.5}, "MetaQNNClassifier: search.models: expected a whole number or nothing, got the number 2.5"),
        ({"epochs": 0}, "MetaQNNClassifier: training.epochs: expected at least 1, got 0"),
        ({"epochs": "ten"}, "MetaQNNClassifier: training.epochs: expected a whole number, got the text 'ten'"),
        ({"strategy": "qlearning"}, "MetaQNNClassifier: strategy.name: there is no strategy 'qlearning'; did you mean"),
        ({"filters": 16}, "MetaQNNClassifier: space.convolution.filters: expected a list in which each item is"),
        ({"final": "long"}, "MetaQNNClassifier: final.name: there is no recipe 'long'"),
        ({"final": 3}, "MetaQNNClassifier: final: expected keys and values such as 'name: one_cycle', got 3"),
        ({"validation_fraction": 1.0}, "validation_fraction: expected a share above 0 and below 1, or None, got 1.0"),
        ({"validation_fraction": 20}, "validation_fraction: expected a share above 0 and below 1, or None, got 20"),
        (
            {"settings": {"batch_size": 3}},
            "settings: expected dotted keys such as 'training.batch_size', got 'batch_size'",
        ),
        (
            {"settings": {"training.": 3}},
            "settings: expected dotted keys such as 'training.batch_size', got 'training.'",
        ),
        ({"settings": {3: 3}}, "settings: expected dotted keys such as 'training.batch_size', got 3"),
        ({"settings": {"seed.x": 3}}, "settings: seed.x: 'seed' holds a value, not a section"),
        ({"settings": {"training.batchsize": 3}}, "MetaQNNClassifier: training.batchsize: there is no such key"),
    ],
)
def test_what_cannot_be_is_refused(parameters, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        experiment(**parameters)
