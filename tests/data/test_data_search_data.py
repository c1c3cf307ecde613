import numpy as np
import pytest

from metaqnn.config import read_section
from metaqnn.errors import ConfigError, DataError
from metaqnn.networks.data import DatasetConfig, load_search_data

DIGITS = DatasetConfig("digits", validation_size=300)


def test_digits_for_a_search():
    data = load_search_data(DIGITS, seed=0)
    assert data.x_train.shape == (1047, 8, 8, 1)
    assert data.x_validation.shape == (300, 8, 8, 1)
    assert data.x_train.dtype == data.x_validation.dtype == np.uint8
    assert data.y_train.dtype == data.y_validation.dtype == np.int64
    assert data.input_shape == (8, 8, 1)
    assert data.classes == 10
    assert data.class_names == tuple("0123456789")
    # 133 136 133 137 136 136 136 134 131 135 digits are left beside the test part, times 300 / 1347
    assert np.bincount(data.y_validation).tolist() == [30, 30, 30, 31, 30, 30, 30, 30, 29, 30]


def test_one_seed_gives_one_split_for_ever():
    data = load_search_data(DIGITS, seed=0)
    assert data.data_hash == "4aea5a8a6af1ea3547e41723035842a87a3b0a48e9417dd21981909f8e034a82"
    assert data.split_hash == "f5ed4bececbf1f851ae7564e39242be507c8fe0d7844049d296ec24c014a6ee5"
    again = load_search_data(DIGITS, seed=0)
    assert np.array_equal(again.x_validation, data.x_validation)


def test_another_seed_gives_another_split_of_the_same_data():
    first, second = (load_search_data(DIGITS, seed) for seed in (0, 1))
    assert first.data_hash == second.data_hash
    assert first.split_hash != second.split_hash


def test_images_keep_their_labels(archive, arrays):
    config = DatasetConfig(str(archive()), validation_size=10, train_limit=20)
    data, known = load_search_data(config, seed=5), arrays()
    label_of = dict(zip((x.tobytes() for x in known["x_train"]), known["y_train"], strict=True))
    assert len(label_of) == 40
    for images, labels in ((data.x_train, data.y_train), (data.x_validation, data.y_validation)):
        assert [label_of[image.tobytes()] for image in images] == labels.tolist()
    assert np.bincount(data.y_train).tolist() == [2] * 10
    assert np.bincount(data.y_validation).tolist() == [1] * 10
    assert not {x.tobytes() for x in data.x_train} & {x.tobytes() for x in data.x_validation}


def test_a_limit_leaves_the_validation_images_alone(archive):
    name = str(archive())
    whole = load_search_data(DatasetConfig(name, validation_size=10), seed=0)
    limited = load_search_data(DatasetConfig(name, validation_size=10, train_limit=7), seed=0)
    all_left = load_search_data(DatasetConfig(name, validation_size=10, train_limit=30), seed=0)
    assert np.array_equal(whole.x_validation, limited.x_validation)
    assert len(limited.x_train) == 7
    assert whole.data_hash == limited.data_hash
    assert whole.split_hash != limited.split_hash
    assert whole.split_hash == all_left.split_hash


def test_one_changed_pixel_or_label_changes_the_hash(archive, arrays):
    known = arrays()
    hashes = {load_search_data(DatasetConfig(str(archive()), validation_size=10), 0).data_hash}
    known["x_train"][0, 0, 0, 0] += 1
    hashes.add(load_search_data(DatasetConfig(str(archive(**known)), validation_size=10), 0).data_hash)
    known["y_train"][0] += 1
    hashes.add(load_search_data(DatasetConfig(str(archive(**known)), validation_size=10), 0).data_hash)
    assert len(hashes) == 3


def test_too_many_images_asked_for():
    with pytest.raises(DataError) as error:
        load_search_data(DatasetConfig("digits"), seed=0)
    assert str(error.value) == (
        "dataset.validation_size: expected fewer than the 1347 images of the training part of digits, got 5000"
    )
    with pytest.raises(DataError) as error:
        load_search_data(DatasetConfig("digits", validation_size=300, train_limit=1048), seed=0)
    assert str(error.value) == (
        "dataset.train_limit: expected at most the 1047 images of digits that the validation split leaves, got 1048"
    )


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({}, "x.yaml: dataset.name: this key must be given"),
        ({"name": " "}, "x.yaml: dataset.name: expected the name of a data set, or a path, got ' '"),
        (
            {"name": "mnist", "train_limit": 0},
            "x.yaml: dataset.train_limit: expected at least 1 image, or nothing, got 0",
        ),
        (
            {"name": "mnist", "validation_size": 0},
            "x.yaml: dataset.validation_size: expected at least 1 image, got 0",
        ),
        (
            {"name": "mnist", "preprocessing": "standardise"},
            "x.yaml: dataset.preprocessing: 'standardise' is not one of its values; did you mean 'standardize'?",
        ),
    ],
)
def test_a_section_checks_itself(section, message):
    with pytest.raises(ConfigError) as error:
        read_section(DatasetConfig, section, "dataset", "x.yaml")
    assert str(error.value) == message


def test_a_section_built_in_code_checks_its_choice():
    with pytest.raises(ConfigError) as error:
        DatasetConfig("mnist", preprocessing="zca")
    assert str(error.value) == ("preprocessing: expected one of none, mean, global_contrast, standardize, got 'zca'")
