"""The contract that every source keeps."""

import subprocess
import sys

import numpy as np
import pytest

from metaqnn.errors import DataError
from metaqnn.networks.data import catalogue, open_source
from metaqnn.networks.data.sources import ImageSplit

KEPT = ("mnist", "fashion_mnist", "cifar10", "cifar100", "svhn")


@pytest.fixture(params=["digits", "npz", "texts", "folder", "split folder", *KEPT])
def source(request, archive, images, monkeypatch):
    name = request.param
    if name == "digits":
        return open_source(name)
    if name == "npz":
        return open_source(str(archive()))
    if name == "texts":
        names = np.array(["cat", "ant"])
        return open_source(str(archive(y_train=names[np.arange(40) % 2], y_test=names[np.arange(10) % 2])))
    if name == "folder":
        return open_source(str(images([f"{kind}/{i}.png" for kind in "ab" for i in range(10)])))
    if name == "split folder":
        files = [f"{part}/{kind}/{i}.png" for part in ("train", "test") for kind in "ab" for i in range(3)]
        return open_source(str(images(files)))
    monkeypatch.setenv("METAQNN_DATA", str(archive(f"kept/{name}.npz").parent))
    return open_source(name)


def test_both_parts_have_one_form(source):
    train, test = source.train(), source.test()
    assert isinstance(train, ImageSplit)
    assert isinstance(test, ImageSplit)  # which checks types, shapes and ranges
    assert train.images.shape[1:] == test.images.shape[1:]
    assert train.class_names == test.class_names


def test_reading_twice_gives_the_same(source):
    for part in (source.train, source.test):
        first, second = part(), part()
        assert np.array_equal(first.images, second.images)
        assert np.array_equal(first.labels, second.labels)


def test_the_parts_share_no_image(source):
    train, test = source.train(), source.test()
    seen = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in seen for image in test.images)


def test_it_says_where_it_is(source):
    assert source.available() is True
    assert source.location()


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    train, test = open_source("digits").train(), open_source("digits").test()
    assert train.images.shape == (1347, 8, 8, 1)
    assert test.images.shape == (450, 8, 8, 1)
    assert np.bincount(train.labels).sum() + np.bincount(test.labels).sum() == 1797
    # 178 182 177 183 181 182 181 179 174 180 digits of each class, times 450 / 1797
    assert np.bincount(test.labels).tolist() == [45, 46, 44, 46, 45, 46, 45, 45, 43, 45]
    assert (train.images.min(), train.images.max()) == (0, 255)
    both = np.concatenate([train.images, test.images])
    assert both.astype(int).sum() == np.rint(load_digits().images * 255 / 16).sum()
    assert open_source("digits").location() == "inside scikit-learn"


def test_images_and_labels_keep_their_order(arrays, archive):
    train = open_source(str(archive())).train()
    assert np.array_equal(train.images, arrays()["x_train"])
    assert np.array_equal(train.labels, arrays()["y_train"])
    assert train.class_names == tuple("0123456789")


def test_the_catalogue_tells_the_truth_about_digits():
    row = catalogue()[0]
    train, test = open_source("digits").train(), open_source("digits").test()
    assert (row.name, row.input_shape, row.classes) == ("digits", train.images.shape[1:], len(train.class_names))
    assert (row.num_train, row.num_test) == (len(train.labels), len(test.labels))
    assert row.available


def test_every_name_of_the_catalogue_opens(archive, monkeypatch, tmp_path):
    path = archive("kept/svhn.npz")
    monkeypatch.setenv("METAQNN_DATA", str(path.parent))
    rows = {row.name: row for row in catalogue()}
    assert tuple(rows) == ("digits", *KEPT)
    for name, row in rows.items():
        assert open_source(name).location() == row.location
        assert row.available == (name in ("digits", "svhn"))
    assert rows["svhn"].location == str(path)
    assert rows["mnist"].location == str(tmp_path / "cache" / "mnist.npz")
    assert rows["cifar100"].classes == 100


def test_the_catalogue_imports_no_library():
    program = (
        "import sys; from metaqnn.networks.data import catalogue; catalogue(); "
        "print([m for m in ('sklearn', 'scipy', 'PIL', 'keras', 'tensorflow') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_an_unknown_name_is_offered_the_nearest():
    with pytest.raises(DataError) as error:
        open_source("cifar11")
    assert str(error.value) == (
        "'cifar11' is neither a data set nor a path to an .npz file or a folder of images; did you mean 'cifar10'?"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"inputs": np.zeros((2, 3, 3), np.uint8)},
            "expected uint8 images of shape (number, height, width, channels), got uint8 of shape (2, 3, 3)",
        ),
        (
            {"inputs": np.zeros((2, 3, 3, 1), np.float32)},
            "expected uint8 images of shape (number, height, width, channels), got float32 of shape (2, 3, 3, 1)",
        ),
        (
            {"inputs": np.zeros((2, 0, 3, 1), np.uint8)},
            "expected uint8 images of shape (number, height, width, channels), got uint8 of shape (2, 0, 3, 1)",
        ),
        (
            {"targets": np.zeros(2, np.int32)},
            "expected int64 labels of shape (number,), got int32 of shape (2,)",
        ),
        (
            {"targets": np.zeros(3, np.int64)},
            "expected one label an image, got 2 images and 3 labels",
        ),
        (
            {"inputs": np.zeros((0, 3, 3, 1), np.uint8), "targets": np.zeros(0, np.int64)},
            "expected at least one image, got none",
        ),
        (
            {"class_names": ("all",)},
            "expected at least two classes, got 1",
        ),
        (
            {"targets": np.array([0, 2])},
            "expected labels from 0 to 1, got labels from 0 to 2",
        ),
        (
            {"targets": np.array([-1, 1])},
            "expected labels from 0 to 1, got labels from -1 to 1",
        ),
    ],
)
def test_a_split_checks_itself(change, message):
    good = {"inputs": np.zeros((2, 3, 3, 1), np.uint8), "targets": np.array([0, 1]), "class_names": ("a", "b")}
    with pytest.raises(DataError) as error:
        ImageSplit(**{**good, **change})
    assert str(error.value) == message
