"""Every row of the table of arrays in docs/reference/data.md."""

import re
from pathlib import Path

import numpy as np
import pytest

from metaqnn.errors import DataError
from metaqnn.networks.data import DatasetConfig, load_search_data, open_dataset
from metaqnn.networks.data.description import describe_search
from metaqnn.workflows.describe_data import describe_data

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "data.md"

RANDOM = np.random.default_rng(0)
LABELS, TEST_LABELS = np.arange(40) % 4, np.arange(8) % 4
TEXTS, TEST_TEXTS = np.array(list("abcd"))[LABELS], np.array(list("abcd"))[TEST_LABELS]


def pixels(number, *shape, high=255):
    """Images that are all different, and reach the highest value."""
    images = RANDOM.integers(0, high + 1, (number, *shape), dtype=np.uint8)
    images[:, 0] = high
    return images


X, X_TEST = pixels(40, 8, 8, 3), pixels(8, 8, 8, 3)
DARK, DARK_TEST = pixels(40, 8, 8, high=15), pixels(8, 8, 8, high=15)
BINARY, BINARY_TEST = pixels(40, 8, 8, high=1), pixels(8, 8, 8, high=1)
BANDS, BANDS_TEST = pixels(40, 10, 16, 16), pixels(8, 10, 16, 16)
TWELVE_BITS = RANDOM.integers(0, 4096, (48, 8, 8), dtype=np.uint16)
TWELVE_BITS[:, 0] = 4095
TWO_CLASSES = X.copy()
TWO_CLASSES[1] = TWO_CLASSES[0]
BLANK = X.copy()
BLANK[0] = 7
OBJECTS = np.array([np.zeros((i, i), np.uint8) for i in range(1, 41)], dtype=object)
NO_NUMBERS = X.astype(float)
NO_NUMBERS[0, 0, 0, 0] = np.nan

READ, REFUSED, OF_TEST = "read", "refused", "the test part cannot be used: "

# row -> members that differ, keys of the section, what is said of it in part
ROWS = {
    "`uint8` from 0 to 255": ({}, {}, READ),
    "whole numbers from 0 to 255 of another type": ({"x_train": X.astype(np.float32)}, {}, READ),
    "floats from 0 to 1": (
        {"x_train": X / 255},
        {},
        (REFUSED, "set dataset.scale to the value that is white, such as 1"),
    ),
    "floats from 0 to 1, `scale: 1`": ({"x_train": X / 255, "x_test": X_TEST / 255}, {"scale": 1}, READ),
    "`uint16` from 0 to 4095": (
        {"x_train": TWELVE_BITS[:40]},
        {},
        (REFUSED, "set dataset.scale to the value that is white, such as 4095"),
    ),
    "`uint16` from 0 to 4095, `scale: 4095`": (
        {"x_train": TWELVE_BITS[:40], "x_test": TWELVE_BITS[40:]},
        {"scale": 4095},
        READ,
    ),
    "values above `scale`": ({}, {"scale": 15}, (REFUSED, "expected values from 0 to dataset.scale (15), got")),
    "negative values, or values that are no numbers": (
        {"x_train": NO_NUMBERS},
        {},
        (REFUSED, "expected uint8 images from 0 to 255, got float64 from nan to nan"),
    ),
    "`uint8` from 0 to 15": (
        {"x_train": DARK, "x_test": DARK_TEST},
        {},
        "no value is above 15 of 255, so that the images are nearly black; dataset.scale: 15 makes that white",
    ),
    "`uint8` of 0 and 1": (
        {"x_train": BINARY, "x_test": BINARY_TEST},
        {},
        "no value is above 1 of 255, so that the images are nearly black; dataset.scale: 1 makes that white",
    ),
    "`uint8` from 0 to 15, `scale: 15`": ({"x_train": DARK, "x_test": DARK_TEST}, {"scale": 15}, READ),
    "shape (number, height, width)": ({"x_train": X[..., 0], "x_test": X_TEST[..., 0]}, {}, READ),
    "shape (number, height, width, channels)": ({"x_train": X, "x_test": X_TEST}, {}, READ),
    "shape (number, 3, height, width)": (
        {"x_train": pixels(40, 3, 8, 8)},
        {},
        (REFUSED, "set dataset.channels to 'first', or to 'last' if these are images of 3 rows"),
    ),
    "shape (number, 10, height, width): ten bands, or ten rows": (
        {"x_train": BANDS},
        {},
        (REFUSED, "images of 10 rows and 16 channels, or of 16 rows with 10 channels first; set dataset.channels"),
    ),
    "shape (number, 10, height, width), `channels: first`": (
        {"x_train": BANDS, "x_test": BANDS_TEST},
        {"channels": "first"},
        READ,
    ),
    "as many channels as rows and columns": (
        {"x_train": pixels(40, 8, 8, 8), "x_test": pixels(8, 8, 8, 8)},
        {},
        "images of 8x8x8 may have their channels first: see dataset.channels",
    ),
    "another number of axes": ({"x_train": pixels(40, 192)}, {}, (REFUSED, "expected images of shape")),
    "images of different sizes, as Python objects": (
        {"x_train": OBJECTS},
        {},
        (REFUSED, "x_train: expected one array of numbers, got Python objects (images of different sizes?)"),
    ),
    "labels from 0 to c - 1": ({"y_train": LABELS.astype(np.uint8)}, {}, READ),
    "labels in a column, shape (number, 1)": ({"y_train": LABELS[:, None]}, {}, READ),
    "labels that are texts": ({"y_train": TEXTS, "y_test": TEST_TEXTS}, {}, READ),
    "labels with gaps, or from 1": ({"y_train": LABELS + 1}, {}, (REFUSED, "got labels from 1 to 4")),
    "labels that are floats, truth values or bytes": (
        {"y_train": TEXTS.astype("S")},
        {},
        (REFUSED, "got |S1; store y_train.astype(str)"),
    ),
    "labels as Python objects": (
        {"y_train": TEXTS.astype(object)},
        {},
        (REFUSED, "y_train: expected whole numbers or texts, got Python objects, which are never read"),
    ),
    "one column a class": ({"y_train": np.eye(4)[LABELS]}, {}, (REFUSED, "not one column a class")),
    "`x_val` and `y_val`": (
        {"x_val": X_TEST, "y_val": TEST_LABELS},
        {},
        "x_val, y_val: not read: a search holds out images of x_train; join them to x_train and y_train to use them",
    ),
    "no test part": ({"x_test": None, "y_test": None}, {}, f"{OF_TEST}own.npz: expected a member x_test"),
    "whole numbers as test labels beside texts as training labels": (
        {"y_train": TEXTS},
        {},
        f"{OF_TEST}own.npz: y_test: expected texts as in y_train (a, b, c, d), got whole numbers",
    ),
    "a text among the test labels that is no class": (
        {"y_train": TEXTS, "y_test": np.array(list("abcdabce"))},
        {},
        f"{OF_TEST}own.npz: y_test: 'e' is no class of the training part",
    ),
    "test images of another size": (
        {"x_test": pixels(8, 9, 8, 3)},
        {},
        f"{OF_TEST}the test split of own.npz: expected images of 8x8x3 as trained on, got 9x8x3",
    ),
    "a test part on another scale than the training part": (
        {"x_test": pixels(8, 8, 8, 3, high=1)},
        {},
        "the test part is on another scale than the training part: values up to 1 beside up to 255",
    ),
    "a class without a test image": ({"y_test": TEST_LABELS % 3}, {}, "the class 3 has no test image"),
    "a test image that is a training image": (
        {"x_test": np.concatenate([X[:2], X_TEST[2:]])},
        {},
        "2 of 8 test images are training images, too, so that the test accuracy would be too good",
    ),
    "a training image in two classes": (
        {"x_train": TWO_CLASSES},
        {},
        "2 images are in more than one class, such as 0 and 1",
    ),
    "a validation image that is a training image": (
        {"x_train": np.concatenate([X[:20], X[:20]])},
        {"validation_size": 20},
        "validation images are training images, too, so that the score is too good",
    ),
    "an image of a single value throughout": ({"x_train": BLANK}, {}, "1 image is of a single value throughout"),
    "`channels` or `scale` for what is no `.npz` file": (
        {},
        {"name": "digits", "scale": 15},
        (
            REFUSED,
            "dataset.scale: expected nothing, as it says how an .npz file or a folder of .npy files is read and digits "
            "is none",
        ),
    ),
}


def notes_of(keys):
    """What is said of the file in the working directory, but for plain facts."""
    if "name" in keys:  # of a data set with a name these keys are its own
        open_dataset(DatasetConfig(**keys))
    if "validation_size" in keys:
        config = DatasetConfig("./own.npz", **keys)
        description = describe_search(load_search_data(config, 0), config)
        return [note["text"] for note in description["notes"] if note["kind"] != "fact"]
    found = describe_data("./own.npz", [f"dataset.{key}={value}" for key, value in keys.items()])
    assert len(found.parts) == 1 or [part.images for part in found.parts] == [40, 8]
    return [note.text for note in found.notes if note.kind != "fact"]


@pytest.mark.parametrize("row", ROWS)
def test_a_row(row, tmp_path, monkeypatch):
    changes, keys, expected = ROWS[row]
    monkeypatch.chdir(tmp_path)
    members = {"x_train": X, "y_train": LABELS, "x_test": X_TEST, "y_test": TEST_LABELS} | changes
    np.savez("own.npz", **{name: member for name, member in members.items() if member is not None})
    if isinstance(expected, tuple):
        with pytest.raises(DataError, match=re.escape(expected[1])):
            notes_of(keys)
        return
    notes = notes_of(keys)
    if expected == READ:
        assert notes == []
    else:
        (note,) = notes
        assert expected in note.replace("./own", "own")


def test_every_row_of_the_page_is_run():
    table = PAGE.read_text(encoding="utf-8").partition("| In the file |")[2].partition("\n\n")[0]
    assert [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:]] == list(ROWS)


def test_what_is_read_is_what_is_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def images(x, **keys):
        np.savez("own.npz", x_train=x, y_train=LABELS)
        return open_dataset(DatasetConfig("./own.npz", **keys)).train().images

    assert np.array_equal(images(X / 255, scale=1), X)
    assert np.array_equal(images(DARK, scale=15)[..., 0], DARK * 17)
    assert np.array_equal(images(BINARY.astype(bool), scale=1)[..., 0], BINARY * 255)
    assert np.array_equal(images(BANDS, channels="first"), np.moveaxis(BANDS, 1, 3))
    assert np.array_equal(images(BANDS, channels="last"), BANDS)
    assert np.array_equal(
        images(np.array([0, 2048, 4095] * 40)[:40].reshape(40, 1, 1), scale=4095)[:3].ravel(), [0, 128, 255]
    )


def test_a_search_from_before_shapes_were_doubted_reads_what_it_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("own.npz", x_train=BANDS, y_train=LABELS)
    stored = DatasetConfig.recorded({"name": "./own.npz", "validation_size": 10}, "small.sqlite")
    assert np.array_equal(open_dataset(stored).train().images, BANDS)
