"""LiteRT files, in floats and in whole numbers of 8 bits."""

import numpy as np
import pytest
from trained_networks import add_retraining, random_images, random_network, recipe_of

from metaqnn.errors import DataError, ExportError
from metaqnn.networks.export.card import ValidationScore
from metaqnn.networks.export.export import _require_score, export_network
from metaqnn.networks.export.formats import LITERT, LITERT_INT8
from metaqnn.networks.export.litert_file import write_litert

NETWORK = "[C(16,3,1), P(2,2), FC(64), SM(10)]"


def test_whole_numbers_are_smaller_and_nearly_the_same(tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    network, images = random_network(NETWORK, (8, 8, 1), "standardize", True), random_images(60, (8, 8, 1))
    expected, sizes = np.asarray(network(images)), []
    for calibration, is_per_channel, tolerance in ((None, True, 1e-5), (images, True, 0.1), (images, False, 0.1)):
        path = tmp_path / "model.tflite"
        write_litert(network, path, calibration, is_per_channel)
        sizes.append(path.stat().st_size)
        predict = Interpreter(str(path)).get_signature_runner()
        for some in (images, images[:1]):  # any number of images
            found = predict(images=some)["probabilities"]
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, expected[: len(some)], rtol=0, atol=tolerance)
        with pytest.raises(ValueError, match="expected type UINT8"):
            predict(images=images / 255)
    assert sizes[2] < sizes[1] < sizes[0] * 0.4  # a quarter, and some thousand bytes whatever the network


@pytest.mark.long
def test_int8_from_a_database(searched, tmp_path):
    network = random_network(NETWORK, (8, 8, 1), "global_contrast")
    add_retraining(searched, 2, network, architecture=NETWORK, recipe=recipe_of("global_contrast"))
    done = export_network(searched, tmp_path / "model.tflite", is_int8=True)
    assert done.format == LITERT_INT8
    assert (done.accuracy.images, done.accuracy.calibration) == (300, 300)
    assert abs(done.accuracy.before - done.accuracy.after) <= 0.05
    assert f"| 300 | {100 * done.accuracy.after:.2f} % |" in done.companions[0].read_text(encoding="utf-8")


def test_ranges_are_not_chosen_on_other_images(searched, tmp_path):
    data = {"data_hash": "another", "input_shape": [8, 8, 1], "classes": 10}
    add_retraining(searched, 2, b"", data=data)
    with pytest.raises(DataError) as caught:
        export_network(searched, tmp_path / "model.tflite", is_int8=True)
    assert str(caught.value) == (
        "digits: expected the images that retraining 1 was trained on, to choose the ranges of int8 on those for "
        "validation, but they changed; put them back, or leave --int8 out"
    )
    assert not (tmp_path / "model.tflite").exists()


def test_int8_that_loses_much_is_refused():
    _require_score(ValidationScore(0.98, 0.95, 300, 300), LITERT_INT8)
    _require_score(ValidationScore(0.98, 0.5, 300), LITERT)  # floats are compared number by number
    with pytest.raises(ExportError) as caught:
        _require_score(ValidationScore(0.98, 0.92, 300, 300), LITERT_INT8)
    assert str(caught.value) == (
        "the LiteRT int8 file is right on 92.00 % of 300 validation images where the original is on 98.00 %: expected "
        "to lose at most 5 points; nothing was exported: leave --int8 out, or export another network"
    )
