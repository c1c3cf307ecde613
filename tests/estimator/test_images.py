"""What a row of X is as an image, and the 8 bits of its pixels."""

import re

import numpy as np
import pytest

from metaqnn.errors import DataError, MetaqnnError
from metaqnn.estimators.images import PixelScale, image_shape
from metaqnn.estimators.units import outliers


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


BYTES = np.arange(256).reshape(4, 8, 8)
SHARES = BYTES / 255
WORDS = BYTES * 257
ARBITRARY = np.linspace(0, 1, 256).reshape(4, 8, 8) ** 2


@pytest.mark.parametrize("fitted", [BYTES.astype(np.uint8), BYTES, BYTES * 1.0, SHARES, SHARES.astype("f4"), WORDS])
@pytest.mark.parametrize("asked", [BYTES.astype(np.uint8), BYTES * 1.0, SHARES, SHARES.astype("f4"), WORDS * 1.0])
def test_bytes_shares_and_words_are_the_same_pixels(fitted, asked):
    scale = PixelScale.fitted(fitted, False)
    assert np.array_equal(scale.apply(scale.converted(asked)), BYTES)


def test_shares_that_are_black_and_white_are_shares():
    scale, masks = PixelScale.fitted(SHARES, False), np.array([[[0.0, 1.0]]])
    assert scale.apply(scale.converted(masks)).tolist() == [[[0, 255]]]


def test_black_and_white_bytes_are_the_same_as_any_numbers():
    masks = np.array([[[0, 1, 0, 1]]])
    for kind in (np.uint8, np.float64):
        scale = PixelScale.fitted(masks.astype(kind), False)
        again = [scale.apply(scale.converted(masks.astype(other))).tolist() for other in (np.uint8, np.float64)]
        assert again[0] == again[1] == scale.apply(masks.astype(kind)).tolist()


@pytest.mark.parametrize(
    ("fitted", "asked", "words"),
    [
        (BYTES.astype(np.uint8), ARBITRARY, "0 to 255, got 0 to 1"),
        (BYTES.astype(np.uint8), np.array([[[0.0, 1.0]]]), "0 to 255, got 0 to 1"),
        (BYTES.astype(np.uint8), 2 * ARBITRARY - 1, "0 to 255, got -1 to 1"),
        (BYTES.astype(np.uint8), np.where(BYTES < 160, 0.0, BYTES) - 128, "0 to 255, got -128 to 127"),
        (BYTES.astype(np.uint8), BYTES * 16, "0 to 255, got 0 to 4080"),
        (BYTES.astype(np.uint8), 65535 * ARBITRARY.astype("f4"), "0 to 255, got 0 to 65535"),
        (BYTES // 16, BYTES / 255 * 0.9, "0 to 15, got 0 to 0.9"),
        (ARBITRARY, BYTES.astype(np.uint8), "0 to 1, got 0 to 255"),
        (ARBITRARY * 255, ARBITRARY, "0 to 255, got 0 to 1"),
        (BYTES * 16, BYTES.astype(np.uint8) // 32, "0 to 4080, got 0 to 7"),
        (np.array([[[0, 1]]]), np.array([[[0, 255]]]), "0 to 1, got 0 to 255"),
    ],
)
def test_another_scale_is_refused(fitted, asked, words):
    message = f"X: expected numbers on the scale of fit, {words}; scale them as they were for fit"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        PixelScale.fitted(fitted, False).converted(asked)


@pytest.mark.parametrize(
    ("fitted", "asked"),
    [
        (BYTES.astype(np.uint8), np.zeros((1, 8, 8))),
        (BYTES.astype(np.uint8), np.ones((1, 8, 8), np.uint8)),
        (BYTES.astype(np.uint8), ARBITRARY * 255),
        (BYTES.astype(np.uint8), BYTES * 1.1 - 10),
        (ARBITRARY, ARBITRARY[1:2]),
        (ARBITRARY, ARBITRARY * 1.3),
        (ARBITRARY, np.zeros((1, 8, 8))),
        (np.zeros((4, 8, 8)), ARBITRARY),
        (ARBITRARY - 5, ARBITRARY[:1] - 5),
    ],
)
def test_the_same_scale_is_left_as_it_is(fitted, asked):
    scale = PixelScale.fitted(fitted, False)
    assert scale.converted(asked) is asked


def test_features_of_their_own_have_no_scale_in_common():
    values = np.array([[0.0, 1000.0], [1.0, 2000.0]])
    assert PixelScale.fitted(values, True).converted(100 * values).tolist() == (100 * values).tolist()


def test_a_network_of_an_older_version_does_not_know_its_unit():
    scale = PixelScale(np.asarray(0.0), np.asarray(255.0))
    pixels = np.ones((1, 8, 8), np.uint8)
    assert scale.converted(pixels) is pixels


DIGITS = np.random.default_rng(0).integers(0, 17, (200, 8, 8)).astype(float)


def test_one_value_far_out_is_told():
    spoilt = DIGITS.copy()
    spoilt[3, 4, 4] = 1e6
    assert outliers(spoilt, False) == (
        "X: one value in a thousand at most is as far out as 1e+06, all others lie within 8 of the median, and they "
        "are left with a single shade; mend or clip such values if they are mistakes"
    )
    spoilt[3, 4, 4] = -400
    assert "as far out as -400, all others lie within 8 of the median, and they are left with 5 of 256 s" in str(
        outliers(spoilt, False)
    )


def test_one_feature_far_out_is_told():
    values = np.random.default_rng(0).normal(size=(100, 3))
    values[7, 1] = 1e300
    assert str(outliers(values, True)).startswith(
        "feature 1 of X: one value in a thousand at most is as far out as 1e+300"
    )


@pytest.mark.parametrize(
    "values",
    [
        DIGITS,
        DIGITS.astype(np.uint8),
        np.random.default_rng(0).normal(size=(100, 8, 8)),
        np.random.default_rng(0).lognormal(size=(1000, 8, 8)),
        np.where(np.random.default_rng(0).random((100, 8, 8)) < 0.01, 1000.0, 0.0),
        np.zeros((5, 8, 8)),
    ],
)
def test_usual_values_are_not_told(values):
    assert outliers(values, False) is None
