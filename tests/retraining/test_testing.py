"""Looks at the test split: what they say is right, recorded, and refused where it would not be honest."""

import json
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from metaqnn.core import TestLook, TrainingSplit
from metaqnn.errors import DataError, MetaqnnError
from metaqnn.networks.data import DatasetConfig, load_search_data, open_source
from metaqnn.networks.retraining.choice import best_of_each_model, best_retrainings, stored_network
from metaqnn.networks.retraining.messages import DataSource, Predict
from metaqnn.networks.retraining.stored import load_network
from metaqnn.networks.retraining.test_split import open_test_split
from metaqnn.networks.retraining.testing import TestTerms, evaluate, evaluate_ensemble
from metaqnn.networks.retraining.worker import _predict as predict_with
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import RetrainingMemory, read_test_checks, read_test_looks, weights_folder

DIGITS = tuple("0123456789")


def said(database, retraining):
    """What a network says of the test split of digits."""
    with ReplayReader(database) as reader:
        network = load_network(stored_network(reader, retraining))
    return network.predict(open_source("digits").test().images, verbose=0)


@pytest.mark.parametrize(
    ("correct", "count", "low", "high"),
    # Known values of Wilson's interval: 0 of 10, 10 of 10, 81 of 263 (Newcombe, 1998, table I).
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_of_a_look(correct, count, low, high):
    look = TestLook(1, "network", (1,), "digits", count, correct / count, None, "metaqnn evaluate")
    assert look.interval() == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_a_look_counts_what_the_network_says(device, trained):
    with RetrainingMemory(trained) as memory:
        retrainings = best_retrainings(memory)[:2]
        results = evaluate(memory, retrainings, TestTerms("metaqnn evaluate"))
        looks, (check,) = read_test_looks(memory), read_test_checks(memory)
    assert (check.look, check.dataset, check.examples, check.found) == (1, "digits", 450, ())
    assert [(result.look, result.retrainings) for result in results] == [
        (look, (retraining,)) for look, retraining in zip(looks, retrainings, strict=True)
    ]
    labels = open_source("digits").test().labels
    for look, retraining in zip(looks, retrainings, strict=True):
        assert look.score == np.mean(said(trained, retraining).argmax(1) == labels)
        assert (look.kind, look.retrainings, look.examples, look.dataset) == (
            "network",
            (retraining.number,),
            450,
            "digits",
        )
        assert look.validation_score == retraining.score
        low, high = look.interval()
        assert low < look.score < high


def test_an_ensemble_averages_probabilities(device, trained):
    with RetrainingMemory(trained) as memory:
        retrainings = best_of_each_model(best_retrainings(memory))
        result = evaluate_ensemble(memory, retrainings, False, TestTerms("metaqnn ensemble"))
    assert len(retrainings) == 3
    mean = sum(said(trained, retraining).astype(np.float64) for retraining in retrainings) / 3
    assert result.look.score == np.mean(mean.argmax(1) == open_source("digits").test().labels)
    assert (result.look.kind, result.look.retrainings) == (
        "average",
        tuple(retraining.number for retraining in retrainings),
    )


def test_a_greedy_ensemble_is_not_worse_on_its_images_than_the_best_network(trained):
    with RetrainingMemory(trained) as memory:
        retrainings = best_retrainings(memory)
        result = evaluate_ensemble(memory, retrainings, True, TestTerms("metaqnn ensemble --greedy"))
        ((numbers,),) = memory.query("SELECT finals FROM test_looks WHERE kind != 'checked'")[1]
    assert result.look.kind == "greedy"
    assert json.loads(numbers) == [retraining.number for retraining in result.retrainings]
    assert result.look.validation_score >= retrainings[0].score


def refused(memory, retrainings, *, greedy=None) -> str:
    look = evaluate if greedy is None else partial(evaluate_ensemble, is_greedy=greedy)
    with pytest.raises(MetaqnnError) as error:
        look(memory, retrainings, terms=TestTerms("metaqnn evaluate"))
    assert read_test_looks(memory) == []
    return str(error.value)


def test_what_is_refused(trained):
    with RetrainingMemory(trained) as memory:
        first, second = best_retrainings(memory)[:2]
        assert refused(memory, [replace(first, status="training")]) == (
            f"{trained}: retraining {first.number} is still training, or was interrupted: the same `metaqnn train` "
            "goes on with it"
        )
        assert refused(memory, [replace(first, status="diverged", reason="a reason")]) == (
            f"{trained}: retraining {first.number} failed (diverged: a reason)"
        )
        assert "members can be selected only on images that they were not trained on" in refused(
            memory, [first, replace(second, split=TrainingSplit.TRAIN_AND_VALIDATION)], greedy=True
        )
        assert "expected networks of one data set, got several" in refused(
            memory, [first, replace(second, dataset={**second.dataset, "name": "mnist"})]
        )
        assert refused(memory, [replace(first, data={**first.data, "data_hash": "0"})]) == (
            "the data set digits holds other images than those that the networks were trained on; bring the old ones "
            "back, or train again"
        )
        path = weights_folder(trained) / first.weights
        path.unlink()
        assert refused(memory, [first]) == (
            f"{trained}: the weights of retraining {first.number} are missing from {path}: put the file back, or use "
            "`metaqnn train --retrain`"
        )


@pytest.mark.parametrize(
    ("names", "shape", "sentence"),
    [
        (DIGITS, (9, 8, 1), "the test split of digits: expected images of 9x8x1 as trained on, got 8x8x1"),
        (("a", "b"), (8, 8, 1), "the test split of digits: expected the classes a, b as trained on, got 0, 1"),
    ],
)
def test_a_test_split_of_another_kind_is_refused(names, shape, sentence):
    with pytest.raises(DataError, match=re.escape(sentence)):
        open_test_split(DatasetConfig("digits"), names, shape)


def test_test_images_that_are_training_images_are_found_before_a_network_is_asked(tmp_path):
    images = np.random.Generator(np.random.Philox(0)).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    path, labels = tmp_path / "own.npz", np.arange(40) % 2
    np.savez(path, x_train=images[:30], y_train=labels[:30], x_test=images[25:], y_test=labels[25:])
    config = DatasetConfig(str(path), validation_size=10)
    source = DataSource(config, 0, load_search_data(config, 0).fingerprint)
    found = predict_with(Predict(source, ()))
    assert (found.validation, found.test) == (None, None)
    assert (found.check.examples, found.check.duplicates) == (15, 5)
    assert found.check.doubts == (
        "5 of 15 test images are training images, too, so that the test accuracy would be too good",
    )
