"""Predictions of a fresh process, and when two of them agree."""

import numpy as np
import pytest
from trained_networks import random_images

from metaqnn.errors import ExportError
from metaqnn.networks.export.formats import FORMATS, ONNX
from metaqnn.networks.export.reloading import (
    Agreement,
    compare,
    comparison_images,
    program,
    reloaded_predictions,
    spread,
)

ORIGINAL = np.array([[0.7, 0.2, 0.1], [0.1, 0.45, 0.45], [0.0, 0.5, 0.5]], dtype=np.float32)


def changed(row, *values):
    other = ORIGINAL.copy()
    other[row] = values
    return other


def test_equal_predictions_agree():
    assert compare(ORIGINAL, ORIGINAL.copy(), 1e-6) == Agreement(images=3, difference=0.0, image=0, turned=0)


def test_the_largest_difference_is_found():
    agreement = compare(ORIGINAL, changed(1, 0.125, 0.45, 0.425), 1e-6)
    assert agreement == Agreement(3, pytest.approx(0.025, abs=1e-7), 1, 0)


def test_another_class_counts_only_where_the_original_is_sure():
    assert compare(ORIGINAL, changed(2, 0.0, 0.49, 0.51), 0.02).turned == 0
    assert compare(ORIGINAL, changed(0, 0.4, 0.5, 0.1), 0.02).turned == 1


@pytest.mark.parametrize(
    ("original", "reloaded"),
    [
        (ORIGINAL, changed(2, float("nan"), 0.5, 0.5)),
        (changed(2, float("nan"), 0.5, 0.5), ORIGINAL),
        (changed(2, float("nan"), 0.5, 0.5), changed(2, float("nan"), 0.5, 0.5)),
    ],
)
def test_what_is_no_number_agrees_with_nothing(original, reloaded):
    agreement = compare(original, reloaded, 1e-4)
    assert (agreement.difference, agreement.image) == (float("inf"), 2)


def test_other_shapes_do_not_agree():
    assert compare(ORIGINAL, ORIGINAL[:, :2], 1e-4).difference == float("inf")


@pytest.mark.parametrize(("count", "kept"), [(1, 1), (300, 300), (1000, 1000), (5000, 1000)])
def test_images_to_compare_on_are_of_the_validation_images_random_black_and_white(count, kept):
    validation = random_images(count, (4, 3, 2))
    images = comparison_images(validation[spread(count, 1000)])
    assert images.dtype == np.uint8
    assert images.shape == (kept + 10, 4, 3, 2)
    known = {image.tobytes() for image in validation}
    assert len(known) == count
    assert [image.tobytes() in known for image in images] == [True] * kept + [False] * 10
    assert len({image.tobytes() for image in images}) == kept + 10
    assert (np.unique(images[-2]), np.unique(images[-1])) == (0, 255)
    np.testing.assert_array_equal(images, comparison_images(validation[spread(count, 1000)]))


def test_no_program_of_a_fresh_process_mentions_metaqnn_but_to_see_that_it_is_absent(tmp_path):
    for form in FORMATS[:-1]:
        *lines, last = program(form, tmp_path / "model").splitlines()
        assert not [line for line in lines if "metaqnn" in line]
        assert last.startswith("assert not [")


def test_what_cannot_be_loaded_is_refused_with_the_last_words_of_the_process(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"no graph")
    np.save(tmp_path / "images.npy", random_images(3, (8, 8, 1)))
    with pytest.raises(ExportError) as caught:
        reloaded_predictions(ONNX, tmp_path / "m.onnx", tmp_path / "images.npy")
    said = str(caught.value)
    assert said.startswith("loading the ONNX file in a fresh process failed: onnxruntime.")
    assert said.endswith("; nothing was exported")
    assert "\n" not in said
