"""Dropout masks with TensorFlow: a byte decides each number, whatever the type, the shape or the machine."""

import numpy as np
import pytest


@pytest.fixture
def dropped(device):
    import tensorflow as tf

    from metaqnn.networks.primitives.tensorflow_primitives import TensorFlowPrimitives

    def run(shape, rate, step, use_bfloat16=False):
        primitives = TensorFlowPrimitives(use_bfloat16)
        ones = primitives.to_compute(tf.ones(shape))
        return primitives.to_single(primitives.dropout(ones, rate, tf.constant(7), tf.constant(step))).numpy()

    return run


@pytest.mark.parametrize(("rate", "bytes_dropped"), [(0.25, 64), (1 / 3, 85), (1 / 12, 21), (0.5, 128), (0.999, 255)])
def test_the_share_is_the_rate_to_a_256th_and_the_mean_stays(dropped, rate, bytes_dropped):
    numbers = dropped((100, 1001), rate, 0)
    share = bytes_dropped / 256
    assert set(np.unique(numbers)) == {np.float32(0), np.float32(1 / (1 - share))}
    assert abs(np.mean(numbers == 0) - share) < 5 * np.sqrt(share * (1 - share) / numbers.size)


def test_the_masks_are_those_recorded(dropped):
    """They decide every training's result: other ones need another version of the engine."""
    assert np.packbits(dropped((3, 11), 0.5, 0) != 0).tobytes().hex() == "521be4be00"


def test_a_step_has_a_mask_of_its_own_in_any_type(dropped):
    first, second = (dropped((40, 50), 0.5, step) for step in (0, 1))
    assert 0.4 < np.mean(first == second) < 0.6
    np.testing.assert_array_equal(dropped((40, 50), 0.5, 0, use_bfloat16=True), first)
    np.testing.assert_array_equal(dropped((2000,), 0.5, 0), first.ravel())
