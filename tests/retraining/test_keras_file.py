"""A .keras file takes images on the scale it was trained on, says NaN to others, and knows its classes."""

from urllib.parse import unquote

import numpy as np
import pytest
from trained_networks import random_images, random_network

from metaqnn.networks.architecture import parse
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.data.search_data import SearchData
from metaqnn.networks.export.export import _has_dark_images
from metaqnn.networks.export.keras_file import with_guarded_input

TEXT = "[C(8,3,1), P(3,2), FC(16), SM(10)]"
IMAGES = random_images(20, (8, 8, 1))
NAMES = ["cat", 'it\'s "odd"', "Zürich", "a/b.c~d", "猫", "class>5", "100 %", "\\", "", "9"]


def saved(folder, network, **options):
    """The model after a way through a file, as anybody loads it."""
    import keras

    path = folder / "model.keras"
    graph = compile_network(parse(TEXT), (8, 8, 1), batch_normalization=True)
    with_guarded_input(network, graph, **{"class_names": NAMES, "takes_unit_range": True} | options).save(path)
    return keras.models.load_model(path)


@pytest.fixture(scope="module")
def network():
    return random_network(TEXT, (8, 8, 1), "standardize", True)


@pytest.fixture(scope="module")
def model(network, tmp_path_factory):
    return saved(tmp_path_factory.mktemp("keras"), network)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_every_scale_of_the_same_images_gets_the_same_answer(network, model):
    expected = np.asarray(network(IMAGES))
    scales = [IMAGES, IMAGES.astype("float64"), IMAGES.astype("int32"), IMAGES / 255, (IMAGES / 255).astype("float32")]
    for images in scales:
        np.testing.assert_allclose(model(images), expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(model(IMAGES), model(IMAGES[..., 0]))  # gray images without their last axis
    mixed = np.concatenate([IMAGES[:10] / 255, IMAGES[10:]])  # each image for itself
    np.testing.assert_allclose(model(mixed), expected, rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    "images",
    [IMAGES / 127.5 - 1, IMAGES.astype("int32") * 257, (IMAGES - 130.0) / 60, np.full((1, 8, 8, 1), np.nan)],
    ids=["from -1 to 1", "16 bits", "standardized", "no numbers"],
)
def test_values_outside_both_scales_get_no_answer(model, images):
    assert np.isnan(np.asarray(model(images))).all()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_network_of_dark_images_takes_zeros_and_ones_as_they_are(network, tmp_path):
    dark = IMAGES // 128
    model = saved(tmp_path, network, takes_unit_range=False)
    np.testing.assert_allclose(model(dark), network(dark), rtol=0, atol=1e-6)
    assert np.abs(np.asarray(model(dark)) - np.asarray(network(dark * 255))).max() > 0.001


@pytest.mark.parametrize("images", [IMAGES[0], IMAGES[:, :5], np.zeros((2, 8, 8, 3))], ids=["one", "size", "colour"])
def test_other_shapes_are_refused(model, images):
    with pytest.raises(ValueError, match=r"expected shape|total size of the tensor must be unchanged"):
        model(images)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_last_layer_is_named_after_the_classes(model, network, tmp_path):
    def names(loaded):
        return [unquote(name.replace("\\", "%")) for name in loaded.layers[-1].name.split(">")[1:]]

    assert names(model) == NAMES
    many = [f"tench, Tinca tinca: kind {i} of a thousand" for i in range(1000)]
    assert names(saved(tmp_path, network, class_names=many)) == many
    assert saved(tmp_path, network, class_names=None).layers[-1].name == "class_names"


@pytest.mark.parametrize(("brightest", "is_dark"), [(255, False), (2, False), (1, True), (0, False)])
def test_images_without_a_value_above_one_are_dark_but_for_black_ones(brightest, is_dark):
    bright, other = np.full((2, 3, 3, 1), 200, np.uint8), np.full((1, 3, 3, 1), brightest, np.uint8)
    labels = np.zeros(2, np.int64)
    for parts in ((bright, other), (other, bright)):
        data = SearchData(parts[0], labels, parts[1], labels, ("a",), "", "")
        assert _has_dark_images(data) is is_dark
