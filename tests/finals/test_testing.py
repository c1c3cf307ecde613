"""Looks at the test split: what they say is right, recorded, and refused where it would not be honest."""

import json
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from metaqnn.core import TestLook, TrainingSplit
from metaqnn.errors import DataError, MetaqnnError
from metaqnn.networks.data import open_source
from metaqnn.networks.retraining.choice import best_of_each_model, stored_network, trained_finals
from metaqnn.networks.retraining.stored import load_network
from metaqnn.networks.retraining.test_split import open_test_split
from metaqnn.networks.retraining.testing import evaluate, evaluate_ensemble
from metaqnn.replay.finals import FinalMemory, read_test_looks, weights_folder
from metaqnn.replay.reader import ReplayReader

DIGITS = tuple("0123456789")


def said(database, final):
    """What a network says of the test split of digits."""
    with ReplayReader(database) as reader:
        network = load_network(stored_network(reader, final))
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
    with FinalMemory(trained) as memory:
        finals = trained_finals(memory)[:2]
        results = evaluate(memory, finals, "metaqnn evaluate")
        looks = read_test_looks(memory)
    assert [(result.look, result.finals) for result in results] == [
        (look, (final,)) for look, final in zip(looks, finals, strict=True)
    ]
    labels = open_source("digits").test().labels
    for look, final in zip(looks, finals, strict=True):
        assert look.accuracy == np.mean(said(trained, final).argmax(1) == labels)
        assert (look.kind, look.finals, look.images, look.dataset) == ("network", (final.final,), 450, "digits")
        assert look.validation_accuracy == final.validation_accuracy
        low, high = look.interval()
        assert low < look.accuracy < high


def test_an_ensemble_averages_probabilities(device, trained):
    with FinalMemory(trained) as memory:
        finals = best_of_each_model(trained_finals(memory))
        result = evaluate_ensemble(memory, finals, False, "metaqnn ensemble")
    assert len(finals) == 3
    mean = sum(said(trained, final).astype(np.float64) for final in finals) / 3
    assert result.look.accuracy == np.mean(mean.argmax(1) == open_source("digits").test().labels)
    assert (result.look.kind, result.look.finals) == ("average", tuple(final.final for final in finals))


def test_a_greedy_ensemble_is_not_worse_on_its_images_than_the_best_network(trained):
    with FinalMemory(trained) as memory:
        finals = trained_finals(memory)
        result = evaluate_ensemble(memory, finals, True, "metaqnn ensemble --greedy")
        ((numbers,),) = memory.query("SELECT finals FROM test_looks")[1]
    assert result.look.kind == "greedy"
    assert json.loads(numbers) == [final.final for final in result.finals]
    assert result.look.validation_accuracy >= finals[0].validation_accuracy


def refused(memory, finals, *, greedy=None) -> str:
    look = evaluate if greedy is None else partial(evaluate_ensemble, is_greedy=greedy)
    with pytest.raises(MetaqnnError) as error:
        look(memory, finals, command="metaqnn evaluate")
    assert read_test_looks(memory) == []
    return str(error.value)


def test_what_is_refused(trained):
    with FinalMemory(trained) as memory:
        first, second = trained_finals(memory)[:2]
        assert refused(memory, [replace(first, status="training")]) == (
            f"{trained}: final {first.final} is still training, or was interrupted: the same `metaqnn train` goes on "
            "with it"
        )
        assert refused(memory, [replace(first, status="diverged", reason="a reason")]) == (
            f"{trained}: final {first.final} failed (diverged: a reason)"
        )
        assert "members can be selected only on images that they were not trained on" in refused(
            memory, [first, replace(second, part=TrainingSplit.TRAIN_AND_VALIDATION)], greedy=True
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
            f"{trained}: the weights of final {first.final} are missing from {path}: put the file back, or use "
            "`metaqnn train --again`"
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
        open_test_split("digits", names, shape)
