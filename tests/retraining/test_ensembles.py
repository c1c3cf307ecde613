"""Averages and greedy selection, against hand-computed cases."""

import numpy as np
import pytest

from metaqnn.networks.retraining.ensembles import average, select_greedily
from metaqnn.networks.targets import Classes, Labels, Numbers

LABELS = np.array([0, 1, 0, 1])
TARGET = Classes(("left", "right"))


def network(*right: float) -> np.ndarray:
    """Probabilities of two classes, given those of the right one for each image."""
    return np.array([[p, 1 - p] if label == 0 else [1 - p, p] for p, label in zip(right, LABELS, strict=True)])


def accuracy(probabilities, labels):
    return TARGET.measure(probabilities, labels).score


def test_accuracy():
    assert accuracy(network(0.9, 0.6, 0.4, 0.1), LABELS) == 0.5
    assert accuracy(network(0.9, 0.6, 0.6, 0.51), LABELS) == 1.0


def test_an_average_counts_members_as_often_as_they_stand():
    probabilities = np.stack([network(1.0, 0.0, 1.0, 0.5), network(0.0, 0.5, 0.5, 0.5)])
    assert np.allclose(average(probabilities), network(0.5, 0.25, 0.75, 0.5))
    assert np.allclose(average(probabilities, [0, 0, 0, 1]), network(0.75, 0.125, 0.875, 0.5))


def test_selection_begins_with_the_best_and_adds_what_helps():
    # Alone: 3, 3 and 2 right. The first with the second: 0.75, 0.55, 0.65, 0.55, all right.
    best, other, bad = network(0.9, 0.9, 0.9, 0.2), network(0.6, 0.2, 0.4, 0.9), network(0.1, 0.2, 0.6, 0.6)
    members = select_greedily(TARGET, np.stack([bad, best, other]), LABELS)
    assert members[:2] == [1, 2]
    assert accuracy(average(np.stack([bad, best, other]), members), LABELS) == 1.0


def test_selection_takes_one_network_alone_where_nothing_helps():
    perfect, bad = network(1.0, 1.0, 1.0, 1.0), network(0.4, 0.4, 0.4, 0.4)
    assert select_greedily(TARGET, np.stack([bad, perfect]), LABELS) == [1]


def test_selection_is_never_worse_on_its_images_than_the_best_network():
    rng = np.random.Generator(np.random.Philox(0))
    for _ in range(20):
        labels = rng.integers(0, 3, 40)
        probabilities = rng.dirichlet(np.ones(3), (6, 40))
        members = select_greedily(TARGET, probabilities, labels)
        assert 1 <= len(members) <= 25
        alone = max(accuracy(one, labels) for one in probabilities)
        assert accuracy(average(probabilities, members), labels) >= alone


@pytest.mark.parametrize("most", [1, 2])
def test_selection_ends_at_its_most(most):
    probabilities = np.stack([network(0.9, 0.9, 0.9, 0.2), network(0.6, 0.2, 0.4, 0.9)])
    assert len(select_greedily(TARGET, probabilities, LABELS, most)) == most


def test_labels_are_selected_by_exact_match():
    wanted = np.array([[1, 0], [0, 1]])
    # Each is right about one image; their mean is 0.6, 0.25 and 0.25, 0.6, right about both.
    first, second = np.array([[0.8, 0.1], [0.1, 0.4]]), np.array([[0.4, 0.4], [0.4, 0.8]])
    target = Labels(("cat", "dog"))
    members = select_greedily(target, np.stack([first, second]), wanted)
    assert members[:2] == [0, 1]
    said = average(np.stack([first, second]), members)
    assert target.measure(said, wanted).score == 1.0


def test_numbers_are_averaged_and_selected_by_r2():
    wanted = np.array([[0.0], [1.0], [2.0]])
    target = Numbers(("length",), (1.0,), (0.816,))
    above, below, far = wanted + 0.5, wanted - 0.5, wanted + 5
    members = select_greedily(target, np.stack([far, above, below]), wanted)
    assert members == [1, 2]
    assert average(np.stack([far, above, below]), members) == pytest.approx(wanted)
