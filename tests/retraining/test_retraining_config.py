"""The section `final`: the paper's schedule, the one cycle, and what is refused."""

import math

import pytest

from metaqnn.config import as_mapping
from metaqnn.errors import ConfigError
from metaqnn.networks.retraining.config import OneCycleConfig, PaperConfig, read_recipe


def test_the_default_is_the_one_cycle():
    assert read_recipe(None, "a.yaml") == OneCycleConfig()
    assert read_recipe({"epochs": 5}, "a.yaml") == OneCycleConfig(epochs=5)


def test_the_papers_schedule_for_cifar10():
    recipe = read_recipe({"name": "paper"}, "a.yaml")
    assert recipe == PaperConfig()
    assert recipe.num_epochs == 300
    rates = [recipe.rate(epoch) for epoch in (0, 39.99, 40, 79, 80, 239, 240, 299, 300)]
    assert rates == [0.025, 0.025, 0.0125, 0.0125, 0.0001, 0.0001, 0.00001, 0.00001, 0.00001]
    assert (recipe.optimizer, recipe.momentum, recipe.nesterov, recipe.weight_decay) == ("sgd", 0.9, False, 0.0005)
    assert (recipe.preprocessing, recipe.mirror, recipe.shift, recipe.batch_normalization) == (
        *("global_contrast", True, 5, False),
    )


def test_the_papers_schedule_for_svhn():
    stages = [[0.025, 5], [0.0125, 5], [0.0001, 20], [0.00001, 10]]
    assert read_recipe({"name": "paper", "stages": stages}, "a.yaml").num_epochs == 40


def test_one_cycle_rises_and_falls():
    recipe = OneCycleConfig(epochs=8, learning_rate=0.5, warmup=0.25)
    assert recipe.rate(0) == pytest.approx(0.02)
    assert recipe.rate(1) == pytest.approx(0.26)
    assert recipe.rate(2) == 0.5
    assert recipe.rate(5) == pytest.approx(0.25)
    assert recipe.rate(3) == pytest.approx(0.25 * (1 + math.cos(math.pi / 6)))
    assert recipe.rate(8) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("warmup", [0.0, 1.0])
def test_one_cycle_may_be_half_a_cycle(warmup):
    recipe = OneCycleConfig(epochs=4, learning_rate=0.5, warmup=warmup)
    rates = [recipe.rate(epoch / 2) for epoch in range(8)]
    assert rates == sorted(rates, reverse=warmup == 0.0)
    assert max(rates) <= 0.5


def test_what_is_written_is_read_again():
    for recipe in (OneCycleConfig(epochs=7, shift=2), PaperConfig(stages=((0.5, 3),))):
        assert read_recipe(as_mapping(recipe), "a.yaml") == recipe


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([1], "a.yaml: final: expected keys and values such as 'name: one_cycle', got [1]"),
        ({"name": "papr"}, "a.yaml: final.name: there is no recipe 'papr'; did you mean 'paper'?"),
        ({"epoch": 3}, "a.yaml: final.epoch: there is no such key; did you mean 'epochs'?"),
        ({"epochs": 0}, "a.yaml: final.epochs: expected from 1 to 100000, got 0"),
        ({"learning_rate": 0.0}, "a.yaml: final.learning_rate: expected above 0, got 0.0"),
        ({"warmup": 1.5}, "a.yaml: final.warmup: expected from 0 to 1, got 1.5"),
        ({"momentum": 1.0}, "a.yaml: final.momentum: expected at least 0 and below 1, got 1.0"),
        ({"shift": -1}, "a.yaml: final.shift: expected from 0 to 64 pixels, or nothing, got -1"),
        ({"label_smoothing": 1.0}, "a.yaml: final.label_smoothing: expected at least 0 and below 1, got 1.0"),
        ({"weight_decay": -0.1}, "a.yaml: final.weight_decay: expected at least 0 and below 1, got -0.1"),
        ({"batch_size": 0}, "a.yaml: final.batch_size: expected from 1 to 1048576, got 0"),
        (
            {"name": "paper", "stages": []},
            "a.yaml: final.stages: expected at least one stage [learning rate, epochs], got []",
        ),
        ({"name": "paper", "stages": [[0.0, 3]]}, "a.yaml: final.stages: expected learning rates above 0, got 0.0"),
        (
            {"name": "paper", "stages": [[0.1, 0]]},
            "a.yaml: final.stages: expected from 1 to 100000 epochs in every stage, got 0",
        ),
    ],
)
def test_what_is_refused(content, sentence):
    with pytest.raises(ConfigError) as error:
        read_recipe(content, "a.yaml")
    assert str(error.value) == sentence
