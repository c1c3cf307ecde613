"""What is no array but hands out (image, label) pairs."""

import numpy as np
import pytest

from metaqnn.errors import DataError
from metaqnn.estimators.checks import as_arrays


class Pairs:
    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        return self.images[row], self.labels[row]


IMAGES = np.arange(4 * 30, dtype=np.uint8).reshape(4, 6, 5)


def test_pairs_become_arrays():
    images, labels = as_arrays(Pairs(IMAGES, ["b", "a", "b", "a"]))
    assert np.array_equal(images[..., 0], IMAGES)
    assert labels == ["b", "a", "b", "a"]
    assert as_arrays(Pairs(IMAGES, [0, 1, 0, 1]), [5, 6, 7, 8])[1] == [5, 6, 7, 8]


def test_images_alone_serve_to_predict():
    images, labels = as_arrays(iter(IMAGES))
    assert np.array_equal(images[..., 0], IMAGES)
    assert labels is None


def test_arrays_and_tables_stay_what_they_are():
    table = IMAGES.reshape(4, -1)
    for given in (table, table.tolist(), "text", None):
        images, labels = as_arrays(given, [0, 1])
        assert images is given
        assert labels == [0, 1]


def test_what_holds_no_images_is_refused():
    with pytest.raises(DataError, match=r"^X: expected images of shape .* got an array of shape \(5,\)$"):
        as_arrays(iter(np.ones((3, 5))))
