"""Mirrored and shifted images: which pixels go where, and that a seed decides everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.networks.retraining.augmentation import Augmentation, shift_of

SHAPE = (6, 5, 2)


def images_of(count: int, shape=SHAPE) -> np.ndarray:
    return (np.arange(count * np.prod(shape)) % 251).astype(np.uint8).reshape(count, *shape)


@pytest.mark.parametrize(
    ("shift", "shape", "expected"),
    [(None, (8, 8, 1), 1), (None, (28, 28, 1), 3), (None, (32, 32, 3), 4), (None, (1, 7, 1), 0), (5, (4, 9, 1), 3)],
)
def test_the_largest_shift(shift, shape, expected):
    assert shift_of(shift, shape) == expected


def test_without_anything_it_is_the_order():
    images, order = images_of(4), np.array([2, 0, 3, 1])
    result = Augmentation(order, False, 0, 7, 1).apply(images)
    assert np.array_equal(result, images[order])
    result[:] = 0
    assert images.any(), "it is a copy"


def test_about_half_are_mirrored_and_nothing_else():
    # 400 fair flips: within 5 standard deviations of 10 of the mean but once in two million seeds.
    images = images_of(400)
    result = Augmentation(np.arange(400), True, 0, 7, 1).apply(images)
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(result, images, strict=True)]
    same = [np.array_equal(a, b) for a, b in zip(result, images, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 150 < sum(mirrored) < 250


@settings(max_examples=30, deadline=None)
@given(shift=st.integers(1, 3), seed=st.integers(0, 10**6), epoch=st.integers(1, 100))
def test_every_image_is_one_of_its_shifts(shift, seed, epoch):
    images = images_of(20)
    result = Augmentation(np.arange(20), False, shift, seed, epoch).apply(images)
    padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
    height, width = SHAPE[:2]
    for number, image in enumerate(result):
        choices = [
            padded[number, down : down + height, right : right + width]
            for down in range(2 * shift + 1)
            for right in range(2 * shift + 1)
        ]
        assert any(np.array_equal(image, choice) for choice in choices)


def test_every_shift_happens():
    # 9 places, 400 images: one is left out once in 9 * (8/9)**400, that is in 10**19 seeds.
    images = np.zeros((400, 3, 3, 1), np.uint8)
    images[:, 1, 1] = 9
    result = Augmentation(np.arange(400), False, 1, 0, 1).apply(images)
    assert (result.reshape(400, 9) == 9).any(axis=0).all()


def test_seed_and_epoch_decide():
    images, order = images_of(50), np.arange(50)
    first = Augmentation(order, True, 2, 5, 3).apply(images)
    assert np.array_equal(first, Augmentation(order, True, 2, 5, 3).apply(images))
    assert not np.array_equal(first, Augmentation(order, True, 2, 5, 4).apply(images))
    assert not np.array_equal(first, Augmentation(order, True, 2, 6, 3).apply(images))


def test_parts_of_an_epoch_are_the_whole():
    images, order = images_of(50), np.arange(50)[::-1]
    epoch = Augmentation(order, True, 2, 5, 3)
    parts = [epoch.apply(images, slice(start, start + 7)) for start in range(0, 50, 7)]
    assert np.array_equal(np.concatenate(parts), epoch.apply(images))
