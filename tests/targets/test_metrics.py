"""Measures of predictions, against numbers computed by hand and against scikit-learn's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from metaqnn.networks.targets.metrics import (
    average_precision,
    exact_match,
    mean_absolute_error,
    mean_average_precision,
    r2,
    root_mean_squared_error,
)


def test_exact_match_by_hand():
    wanted = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
    said = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 0], [1, 1, 0]])
    assert exact_match(said, wanted) == 0.5  # one label wrong is as bad as all
    assert exact_match(said, wanted) == reference.accuracy_score(wanted, said)


def test_average_precision_by_hand():
    # In order of the scores: right, wrong, right. Precision 1 at recall 1/2, and 2/3 at recall 1.
    assert average_precision(np.array([0.9, 0.8, 0.7]), np.array([1, 0, 1])) == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)
    # Equal scores are one threshold: precision 2/3 at recall 1, whatever their order.
    assert average_precision(np.array([0.5, 0.5, 0.5]), np.array([1, 0, 1])) == pytest.approx(2 / 3)
    assert average_precision(np.array([0.5, 0.5, 0.5]), np.array([0, 1, 1])) == pytest.approx(2 / 3)


@given(st.integers(0, 2**31), st.integers(2, 60), st.integers(1, 5), st.booleans())
def test_mean_average_precision_is_scikit_learns(seed, rows, labels, has_ties):
    rng = np.random.Generator(np.random.Philox(seed))
    wanted = (rng.random((rows, labels)) < 0.3).astype(np.int64)
    wanted[0] = 1  # of a label that never occurs it has no value
    scores = rng.integers(0, 4, wanted.shape) / 4 if has_ties else rng.random(wanted.shape)
    expected = reference.average_precision_score(wanted, scores, average="macro")
    assert mean_average_precision(scores, wanted) == pytest.approx(expected, abs=1e-12)


def test_labels_that_never_occur_are_left_out_of_the_mean():
    wanted, scores = np.array([[1, 0], [0, 0]]), np.array([[0.9, 0.1], [0.2, 0.8]])
    assert mean_average_precision(scores, wanted) == 1.0
    assert math.isnan(mean_average_precision(scores, np.zeros((2, 2), np.int64)))


def test_r2_by_hand():
    wanted = np.array([[1.0], [2.0], [3.0]])
    assert r2(wanted, wanted) == 1.0
    assert r2(np.full((3, 1), 2.0), wanted) == 0.0  # the mean
    assert r2(np.array([[1.0], [2.0], [2.0]]), wanted) == 0.5  # 1 of 2
    assert r2(np.array([[3.0], [2.0], [1.0]]), wanted) == -3.0  # 8 of 2
    assert r2(np.array([[0.0], [0.0]]), np.array([[5.0], [5.0]])) == 0.0
    assert r2(np.array([[5.0], [5.0]]), np.array([[5.0], [5.0]])) == 1.0


def test_errors_by_hand():
    wanted, said = np.array([[0.0, 10.0], [0.0, 10.0]]), np.array([[3.0, 10.0], [4.0, 12.0]])
    assert root_mean_squared_error(said, wanted) == pytest.approx((math.sqrt(12.5) + math.sqrt(2)) / 2)
    assert mean_absolute_error(said, wanted) == pytest.approx((3 + 4 + 0 + 2) / 4)


@given(st.integers(0, 2**31), st.integers(2, 40), st.integers(1, 4))
def test_measures_of_numbers_are_scikit_learns(seed, rows, numbers):
    rng = np.random.Generator(np.random.Philox(seed))
    wanted, said = rng.normal(size=(2, rows, numbers)) * 5 + 3
    assert r2(said, wanted) == pytest.approx(reference.r2_score(wanted, said), abs=1e-9)
    assert root_mean_squared_error(said, wanted) == pytest.approx(reference.root_mean_squared_error(wanted, said))
    assert mean_absolute_error(said, wanted) == pytest.approx(reference.mean_absolute_error(wanted, said))
