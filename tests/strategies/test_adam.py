"""Adam by hand."""

import numpy as np
import pytest

from metaqnn.strategies.adam import Adam


def test_the_first_step_is_the_learning_rate_whatever_the_gradient():
    weights = np.array([1.0, 1.0, 1.0])
    Adam(weights, 0.1).climb(np.array([0.5, -200.0, 0.0]))
    assert weights == pytest.approx([1.1, 0.9, 1.0], abs=1e-8)


def test_the_second_step():
    weights = np.array([0.0])
    adam = Adam(weights, 0.1)
    adam.climb(np.array([1.0]))
    adam.climb(np.array([-2.0]))
    mean = (0.9 * 0.1 * 1.0 + 0.1 * -2.0) / (1 - 0.9**2)
    square = (0.999 * 0.001 * 1.0 + 0.001 * 4.0) / (1 - 0.999**2)
    assert weights[0] == pytest.approx(0.1 * (1.0 + mean / square**0.5), abs=1e-8)


def test_it_climbs_to_the_top():
    weights = np.array([3.0, -2.0])
    adam = Adam(weights, 0.05)
    for _ in range(2000):
        adam.climb(-2.0 * (weights - np.array([1.0, 0.5])))
    assert weights == pytest.approx([1.0, 0.5], abs=1e-3)
