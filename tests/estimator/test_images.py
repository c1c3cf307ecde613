"""What a row of X is as an image, and the 8 bits of its pixels."""

import re

import numpy as np
import pytest

from metaqnn.errors import MetaqnnError
from metaqnn.estimators.images import PixelScale, image_shape


@pytest.mark.parametrize(
    ("shape", "said", "expected"),
    [
        ((10, 64), None, (8, 8, 1)),
        ((10, 1), None, (1, 1, 1)),
        ((10, 30), None, (1, 30, 1)),
        ((10, 4), (1, 4), (1, 4, 1)),
        ((10, 12), (2, 2, 3), (2, 2, 3)),
        ((10, 12), [3, np.int64(4)], (3, 4, 1)),
        ((10, 6, 7), None, (6, 7, 1)),
        ((10, 6, 7), (6, 7), (6, 7, 1)),
        ((10, 6, 7, 3), None, (6, 7, 3)),
        ((10, 6, 7, 3), (6, 7, 3), (6, 7, 3)),
    ],
)
def test_a_row_is_an_image(shape, said, expected):
    assert image_shape(shape, said) == expected


@pytest.mark.parametrize(
    ("shape", "said", "message"),
    [
        (
            (10, 64),
            (8, 9),
            "input_shape: expected a shape of 64 pixels, as many as X has features, got 8x9x1 = 72",
        ),
        (
            (10, 6, 7),
            (7, 6),
            "input_shape: expected the shape of the images in X, 6x7x1, or None, got 7x6x1",
        ),
        (
            (10, 64),
            64,
            "input_shape: expected (height, width), (height, width, channels) or None, got 64; each at least 1",
        ),
        ((10, 64), (8, 0), "input_shape: expected (height, width), (height, width, channels) or None, got (8, 0)"),
        ((10, 64), "8x8", "input_shape: expected (height, width), (height, width, channels) or None, got '8x8'"),
        ((10, 3, 32, 32), None, "X: expected the channels last, got shape (10, 3, 32, 32); move axis 1 to the end"),
        ((10, 2, 2, 2, 2), None, "X: expected rows of features or images of shape (number, height, width) or (number,"),
    ],
)
def test_another_shape_is_refused(shape, said, message):
    with pytest.raises(MetaqnnError, match=f"^{re.escape(message)}") as refused:
        image_shape(shape, said)
    assert isinstance(refused.value, ValueError)


def test_bytes_stay_as_they_are():
    pixels = np.arange(256, dtype=np.uint8).reshape(4, 64)
    scale = PixelScale.fitted(pixels[:1], is_each_feature=True)
    assert scale.apply(pixels) is pixels
    # Values of another type mean the same then: 0 to 255, clipped.
    assert scale.apply(np.array([[-1.0, 0.4, 0.6, 254.9, 300.0]])).tolist() == [[0, 0, 1, 255, 255]]


def test_one_scale_for_an_image():
    values = np.array([[0.0, 4.0], [8.0, 16.0]])
    scale = PixelScale.fitted(values, is_each_feature=False)
    assert (scale.low, scale.high) == (0, 16)
    assert scale.apply(values).tolist() == [[0, 64], [128, 255]]  # 63.75 and 127.5, rounded to even
    assert scale.apply(np.array([[-3.0, 17.0]])).tolist() == [[0, 255]]
    assert scale.apply(values.astype(np.uint8)).tolist() == [[0, 64], [128, 255]]


def test_one_scale_a_feature():
    values = np.array([[1.0, -100.0, 7.0], [2.0, 100.0, 7.0], [1.5, 0.0, 7.0]])
    scale = PixelScale.fitted(values, is_each_feature=True)
    assert scale.low.tolist() == [1, -100, 7]
    assert scale.apply(values).tolist() == [[0, 0, 0], [255, 255, 0], [128, 128, 0]]
    assert scale.apply(np.array([[0.0, 1e9, 9.0]])).tolist() == [[0, 255, 0]], "a constant feature says nothing"


@pytest.mark.parametrize("largest", [1e-300, 1.0, 1e300, np.finfo(np.float64).max])
def test_no_number_is_too_small_or_too_large(largest):
    values = np.array([[-largest], [0.0], [largest]])
    assert PixelScale.fitted(values, True).apply(values).tolist() == [[0], [128], [255]]


def test_whole_numbers_from_0_to_255_come_back_whatever_their_type():
    values = np.arange(256).reshape(1, 16, 16)
    for kind in (np.float64, np.float32, np.int64):
        pixels = PixelScale.fitted(values.astype(kind), False).apply(values.astype(kind))
        assert np.array_equal(pixels, values)


def test_what_is_fitted_in_parts_is_what_is_fitted_at_once(monkeypatch):
    values = np.linspace(-1, 1, 300).reshape(100, 3)
    scale = PixelScale.fitted(values, True)
    whole = scale.apply(values)
    monkeypatch.setattr("metaqnn.estimators.images._CHUNK", 7)
    assert np.array_equal(scale.apply(values), whole)
