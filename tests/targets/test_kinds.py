"""Classes, labels and numbers: their scores, what a failure counts as, their losses, and what a database keeps."""

import json
import math

import numpy as np
import pytest

from metaqnn.core import Score
from metaqnn.errors import DataError
from metaqnn.networks.targets import BESIDE_SCORES, Classes, Labels, Numbers, recorded_target, target_of

LABELS = np.array([[1, 0], [1, 0], [0, 0], [1, 1]])
NUMBERS = np.array([[1.0, 10.0], [3.0, 10.5], [5.0, 11.0], [7.0, 11.5]])


def labels():
    return target_of("labels", ("cat", "dog"), LABELS)


def numbers(score=None):
    return target_of("numbers", ("age", "weight"), NUMBERS, score)


def test_a_failure_counts_as_what_an_answer_without_looking_reaches():
    assert Classes(("a", "b", "c", "d")).score.failure == 0.25
    assert labels().score.failure == 0.5  # the set {cat}, said to every image
    assert labels().measure(np.tile([0.9, 0.1], (4, 1)), LABELS).score == 0.5
    mean = np.tile(NUMBERS.mean(axis=0), (4, 1))
    for target in (numbers(), numbers("negative_rmse")):
        assert target.measure(mean, NUMBERS).score == pytest.approx(target.score.failure)


def test_every_score_says_which_way_it_is_better():
    said = {target.score.label for target in (labels(), numbers(), numbers("negative_rmse"))}
    assert said == {
        "exact match (higher is better)",
        "r2 (higher is better)",
        "negative rmse (higher is better)",
    }
    assert Classes(("a", "b")).score.label == "accuracy"
    assert Score("loss", "minimize").label == "loss (lower is better)"
    assert numbers().score.told(0.5) == "r2 0.5, higher is better"
    assert labels().score.told(0.5) == "exact match 50.00 %, higher is better"
    assert Classes(("a", "b")).score.told(0.5) == "50.00 %"


def test_labels_hold_above_one_half():
    said = np.array([[0.51, 0.5], [0.9, 0.1], [0.4, 0.49], [0.6, 0.7]])
    measured = labels().measure(said, LABELS)
    assert measured.score == 1.0
    assert measured.figures == {"mean_average_precision": 1.0}


def test_outputs_measure_as_the_predictions_of_them_do():
    rng = np.random.Generator(np.random.Philox(1))
    outputs = rng.normal(size=(4, 2))
    by_outputs = labels().measure_outputs(outputs, LABELS)
    by_predictions = labels().measure(1 / (1 + np.exp(-outputs)), LABELS)
    assert (by_outputs.score, by_outputs.figures) == (by_predictions.score, by_predictions.figures)
    target = numbers("negative_rmse")
    by_outputs = target.measure_outputs(outputs, NUMBERS)
    by_predictions = target.measure(outputs * target.deviation + target.mean, NUMBERS)
    assert by_outputs.score == pytest.approx(by_predictions.score)
    assert set(by_outputs.figures) == {"r2", "mean_absolute_error"} <= BESIDE_SCORES


def test_losses_by_hand():
    outputs = np.zeros((4, 2))  # probabilities of one half
    assert labels().measure_outputs(outputs, LABELS).loss == pytest.approx(math.log(2))
    # Frequencies 3/4 and 1/4: the entropy of 3/4 for both.
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert labels().constant_loss(LABELS) == pytest.approx(entropy)
    assert numbers().measure_outputs(outputs, NUMBERS).loss == pytest.approx(1)  # standardised
    assert numbers().constant_loss(NUMBERS) == pytest.approx(1)


@pytest.mark.parametrize("target", [Classes(("a", "b")), labels(), numbers()], ids=lambda each: each.kind)
def test_losses_of_tensors_are_those_of_arrays(target, device):
    import keras

    wanted = {"classes": np.array([0, 1, 1, 0]), "labels": LABELS, "numbers": NUMBERS}[target.kind]
    outputs = np.random.Generator(np.random.Philox(2)).normal(size=(4, 2)).astype(np.float32)
    tensors = keras.ops.convert_to_tensor(outputs), keras.ops.convert_to_tensor(target.encode(wanted))
    assert float(np.mean(target.losses(*tensors))) == pytest.approx(target.measure_outputs(outputs, wanted).loss, 1e-5)
    sums = keras.ops.convert_to_numpy(target.sums(*tensors))
    if target.kind != "numbers":  # whose R squared on examples is that of the training images in all
        assert target.training_score(sums, 4) == pytest.approx(target.measure_outputs(outputs, wanted).score)


@pytest.mark.parametrize("target", [labels(), numbers(), numbers("negative_rmse")], ids=lambda each: each.score.name)
def test_heads_give_what_people_use(target, device):
    import keras

    outputs = np.array([[0.0, 1.0], [2.0, -3.0]], np.float32)
    found = keras.ops.convert_to_numpy(target.head()(outputs))
    if target.kind == "labels":
        expected = 1 / (1 + np.exp(-outputs))
    else:
        expected = outputs * NUMBERS.std(axis=0) + NUMBERS.mean(axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "target", [Classes(("0", "1")), labels(), numbers(), numbers("negative_rmse")], ids=lambda each: each.score.name
)
def test_what_a_database_keeps_is_the_target_again(target):
    facts = target.facts()
    kept = json.loads(json.dumps({"classes": 2, **({"target": facts} if facts else {})}))
    again = recorded_target(kept, target.names)
    assert (type(again), again.score, again.facts()) == (type(target), target.score, facts)


def test_numbers_that_never_vary_are_refused():
    with pytest.raises(DataError, match="expected numbers that vary, but weight is 3 for every training image"):
        target_of("numbers", ("age", "weight"), np.array([[1.0, 3.0], [2.0, 3.0]]))


def test_means_and_deviations_are_of_the_training_images():
    assert isinstance(numbers(), Numbers)
    assert numbers().mean == (4.0, 10.75)
    assert numbers().deviation == pytest.approx((math.sqrt(5), math.sqrt(0.3125)))
    np.testing.assert_allclose(numbers().encode(NUMBERS).mean(axis=0), 0, atol=1e-7)
    assert isinstance(labels(), Labels)
    assert labels().frequencies == (0.75, 0.25)
