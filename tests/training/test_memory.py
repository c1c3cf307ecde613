"""How much memory a training needs, by hand."""

import pytest

from metaqnn.config import KeyValueError
from metaqnn.networks.architecture import parse
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.memory import GIBIBYTE, too_large, training_bytes

NETWORK = "[C(4,3,1), P(2,2), SM(10)]"
IMAGES = (8, 8, 1)

# By hand: the outputs have 8x8x4 = 256, 4x4x4 = 64 and 10 numbers, and dropout follows the pool. Kept are the image,
# the outputs, the pool's 2.25 times, and four times the largest: 64 + 256 + 2.25 x 64 + 10 + 4 x 256.
NUMBERS_AN_IMAGE = 64 + 256 + 144 + 10 + 1024
# 9 x 4 + 4 = 40 weights and biases in the convolution and 64 x 10 + 10 = 650 in the softmax: weight, gradient and
# Adam's two moments of 4 bytes each.
WEIGHT_BYTES = 4 * 4 * 690


@pytest.mark.parametrize("number_bytes", [2, 4])
@pytest.mark.parametrize("batch_size", [1, 100, 4096])
def test_the_memory_of_a_training_by_hand(batch_size, number_bytes):
    expected = WEIGHT_BYTES + number_bytes * batch_size * NUMBERS_AN_IMAGE
    assert training_bytes(parse(NETWORK), IMAGES, batch_size, number_bytes) == expected


def test_numbers_have_four_bytes_unless_told_otherwise():
    assert training_bytes(parse(NETWORK), IMAGES, 100) == training_bytes(parse(NETWORK), IMAGES, 100, 4)


@pytest.mark.parametrize("text", [NETWORK, "[SM(10)]", "[C(16,3,1), C(16,3,1), GAP(10), SM(10)]"])
def test_more_images_a_step_need_more_memory(text):
    sizes = [training_bytes(parse(text), IMAGES, batch) for batch in (1, 2, 3, 128, 4096)]
    assert sizes == sorted(set(sizes))


def test_the_paper_s_largest_layers_take_gigabytes():
    text = "[" + "C(512,5,1), " * 6 + "SM(10)]"
    # Each layer's output is 32 x 32 x 512 numbers: 0.25 GiB for 128 images.
    assert 3 < training_bytes(parse(text), (32, 32, 3), 128) / GIBIBYTE < 6


def test_without_dropout_nothing_is_kept_twice():
    difference = training_bytes(parse(NETWORK), IMAGES, 10) - training_bytes(parse(NETWORK), IMAGES, 10, 4, False)
    assert difference == 4 * 10 * 80  # 1.25 times the pool's 64 numbers


def test_gap_holds_an_image_for_each_class():
    # The image, 16x16x100 numbers for GAP and 100 for the softmax, and four times the largest.
    numbers = 16 * 16 + 25_600 + 100 + 4 * 25_600
    weights = 4 * 4 * (200 + 10_100)
    assert training_bytes(parse("[GAP(100), SM(100)]"), (16, 16, 1), 7) == weights + 4 * 7 * numbers


def test_what_fits_is_not_too_large_and_of_unknown_memory_nothing_is_said():
    assert too_large(1000, 1000) is None
    assert too_large(1000, None) is None


def test_too_large_is_said_in_one_sentence():
    assert too_large(6 * GIBIBYTE, 3 * GIBIBYTE) == "training it takes about 6.00 GiB, and there are 3.00"


# The setting


@pytest.mark.parametrize("value", [0.0, 0.99, -1.0, float("nan")])
def test_less_memory_than_a_framework_takes_is_refused(value):
    with pytest.raises(KeyValueError, match="max_memory: expected at least 1, or nothing, got"):
        TrainingConfig(max_memory=value)


def test_a_gibibyte_and_no_limit_are_accepted():
    assert (TrainingConfig(max_memory=1.0).max_memory, TrainingConfig().max_memory) == (1.0, None)
