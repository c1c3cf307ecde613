import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.errors import DataError
from metaqnn.networks.data import stratified
from metaqnn.seeding import Stream


@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.data())
def test_sizes_are_exact_and_classes_in_proportion(labels, data):
    labels = np.array(labels)
    size = data.draw(st.integers(0, len(labels)))
    chosen, others = stratified(labels, size, Stream(3, "test"))
    assert len(chosen) == size
    assert sorted([*chosen, *others]) == list(range(len(labels)))
    assert np.all(np.diff(chosen) > 0)
    assert np.all(np.diff(others) > 0)
    for label in np.unique(labels):
        share = (labels == label).sum() * size / len(labels)
        assert abs((labels[chosen] == label).sum() - share) < 1


def test_largest_remainders_by_hand():
    # Of 5, 3 and 2 rows, 4 in 10 are 2.0, 1.2 and 0.8: the third class gets the one that is left.
    labels = np.repeat([0, 1, 2], [5, 3, 2])
    chosen, _ = stratified(labels, 4, Stream(0, "test"))
    assert np.bincount(labels[chosen]).tolist() == [2, 1, 1]
    # Half of 3, 3 and 2 are 1.5, 1.5 and 1.0: a tie, so the lower label.
    labels = np.repeat([0, 1, 2], [3, 3, 2])
    chosen, _ = stratified(labels, 4, Stream(0, "test"))
    assert np.bincount(labels[chosen]).tolist() == [2, 1, 1]


def test_one_stream_gives_one_split():
    labels = np.arange(20) % 2
    recorded = [2, 3, 4, 7, 8, 9]
    assert stratified(labels, 6, Stream(0, "test"))[0].tolist() == recorded
    assert stratified(labels, 6, Stream(0, "test"))[0].tolist() == recorded
    assert stratified(labels, 6, Stream(1, "test"))[0].tolist() != recorded


@pytest.mark.parametrize("size", [-1, 4])
def test_an_impossible_size(size):
    with pytest.raises(DataError) as error:
        stratified(np.array([0, 1, 0]), size, Stream(0, "test"))
    assert str(error.value) == f"expected a selection of 0 to 3 images, got {size}"
