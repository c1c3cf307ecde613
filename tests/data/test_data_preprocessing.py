import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as drawn

from metaqnn.networks.data import fit_statistics

# Two images of one row, two columns and one channel.
IMAGES = np.array([[[[10], [200]]], [[[30], [200]]]], dtype=np.uint8)


def test_none_scales_to_one():
    numbers = fit_statistics("none", IMAGES).apply(np.array([[[[0], [51], [255]]]], dtype=np.uint8))
    assert numbers.dtype == np.float32
    assert numbers.ravel().tolist() == [0, np.float32(0.2), 1]


def test_mean_by_hand():
    statistics = fit_statistics("mean", IMAGES)
    assert statistics.mean.tolist() == [[[20], [200]]]
    assert statistics.deviation is None
    numbers = statistics.apply(np.array([[[[71], [149]]]], dtype=np.uint8))
    assert numbers.ravel().tolist() == [np.float32(0.2), np.float32(-0.2)]


def test_standardize_by_hand():
    statistics = fit_statistics("standardize", IMAGES)
    assert statistics.deviation.tolist() == [[[10], [1]]]  # the second pixel is constant
    assert statistics.apply(IMAGES).ravel().tolist() == [-1, 0, 1, 0]


def test_global_contrast_by_hand():
    statistics = fit_statistics("global_contrast", IMAGES)
    assert statistics.mean is None
    assert statistics.apply(IMAGES).ravel().tolist() == [-1, 1, -1, 1]
    flat = np.full((1, 64, 64, 3), 255, dtype=np.uint8)
    assert not statistics.apply(flat).any()


@pytest.mark.parametrize("kind", ["none", "mean", "standardize", "global_contrast"])
@given(images=drawn(np.uint8, st.tuples(*[st.integers(1, 4)] * 4)))
def test_each_image_is_treated_alone(kind, images):
    statistics = fit_statistics(kind, images)
    whole = statistics.apply(images)
    assert whole.dtype == np.float32
    assert whole.shape == images.shape
    assert np.isfinite(whole).all()
    single = np.concatenate([statistics.apply(images[i : i + 1]) for i in range(len(images))])
    assert np.array_equal(whole, single)


def test_statistics_of_many_images_are_exact():
    images = (np.arange(1300 * 12) ** 2 % 256).astype(np.uint8).reshape(1300, 2, 2, 3)  # more than two chunks
    statistics = fit_statistics("standardize", images)
    wide = images.astype(np.float64)
    np.testing.assert_allclose(statistics.mean, wide.mean(axis=0), rtol=1e-7)
    np.testing.assert_allclose(statistics.deviation, wide.std(axis=0), rtol=1e-7)
    backwards = fit_statistics("standardize", images[::-1])
    assert np.array_equal(statistics.mean, backwards.mean)
    assert np.array_equal(statistics.deviation, backwards.deviation)


def test_an_unknown_kind():
    with pytest.raises(ValueError, match=r"^expected a preprocessing of none, mean, .*, got 'zca'$"):
        fit_statistics("zca", IMAGES)
