"""Labels and numbers: from .npz and .npy files, from tables, and from folders with a table beside the images."""

import csv

import numpy as np
import pytest
from PIL import Image

from metaqnn.errors import ConfigError, DataError
from metaqnn.networks.data import DatasetConfig, data_facts, load_search_data, open_source
from metaqnn.networks.data.registry import open_dataset

LABELS = np.array([[number % 2, number % 3 == 0] for number in range(40)], int)
NUMBERS = np.array([[number / 10, 100.5 - number] for number in range(40)])
NAMES = [f"{number}.png" for number in range(20)]


def searched(path, **section):
    return load_search_data(DatasetConfig(str(path), **{"validation_size": 10} | section), seed=0)


def refused(path, **section):
    with pytest.raises(DataError) as error:
        searched(path, **section)
    assert "\n" not in str(error.value)
    return str(error.value)


def folder_of(tmp_path, *rows, name="labels.csv", inside=""):
    (tmp_path / inside).mkdir(exist_ok=True)
    for number, each in enumerate(NAMES):
        Image.new("L", (5, 6), number).save(tmp_path / inside / each)
    with (tmp_path / name).open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path


def by_pixel(split):
    """Targets by the value of the image's pixels, which is its number."""
    return dict(zip(split.images[:, 0, 0, 0].tolist(), split.labels.tolist(), strict=True))


# Arrays


def test_labels_from_an_archive(archive):
    path = archive(y_train=LABELS, y_test=LABELS[:10], target_names=np.array(["odd", "third"]))
    train, test = open_source(str(path)).train(), open_source(str(path)).test()
    assert (train.kind, train.class_names, test.class_names) == ("labels", ("odd", "third"), ("odd", "third"))
    assert np.array_equal(train.labels, LABELS)
    data = searched(path)
    assert data.target.score.name == "exact_match"
    assert data_facts(data)["target"] == {"kind": "labels", "majority": data.target.majority}


def test_images_without_any_label_are_legal(archive):
    empty = LABELS * (np.arange(40) < 30)[:, np.newaxis]
    assert searched(archive(y_train=empty)).target.kind == "labels"
    # One label alone is a column that is said to be one: of its own it is two classes.
    assert searched(archive(y_train=LABELS[:, :1])).target.kind == "classes"
    assert searched(archive(y_train=LABELS[:, :1]), target="labels").target.names == ("0",)


def test_numbers_from_an_archive(archive):
    data = searched(archive(y_train=NUMBERS, y_test=NUMBERS[:10]))
    assert (data.target.kind, data.target.score.name, data.y_train.dtype) == ("numbers", "r2", np.float64)
    assert data.target.mean == pytest.approx(data.y_train.mean(axis=0))
    assert searched(archive(y_train=NUMBERS[:, 0])).y_train.shape == (30, 1)
    assert searched(archive(y_train=NUMBERS), score="negative_rmse").target.score.name == "negative_rmse"
    # Whole numbers are classes unless it is said what they are.
    whole = searched(archive(y_train=np.arange(40) * 3), target="numbers")
    assert whole.target.kind == "numbers"


def test_folders_of_npy_files(tmp_path, arrays):
    members = {**arrays(), "y_train": LABELS, "y_test": LABELS[:10], "target_names": np.array(["odd", "third"])}
    for name, array in members.items():
        np.save(tmp_path / f"{name}.npy", array)
    assert open_source(str(tmp_path)).train().kind == "labels"
    assert open_source(str(tmp_path)).test().class_names == ("odd", "third")


@pytest.mark.parametrize(
    ("targets", "section", "message"),
    [
        (
            np.column_stack([LABELS, NUMBERS]),
            {},
            "y_train: expected targets of one kind, got shape (40, 4) in which column 0 has 0 and 1 alone, as labels "
            "and column 2 has numbers with fractions",
        ),
        (np.where(NUMBERS == 0.5, np.nan, NUMBERS), {}, "1e+100, got nan in row 5, column 0 (0)"),
        (
            np.where(NUMBERS == 0.5, 1e308, NUMBERS),
            {},
            "y_train: expected numbers from -1e+100 to 1e+100, got 1e+308 in row 5, column 0 (0)",
        ),
        (LABELS + 1, {"target": "labels"}, "expected labels as one column each with 1 where it holds and 0 where it"),
        (LABELS, {"target": "numbers", "score": "r2"}, None),
        (LABELS, {"score": "r2"}, "dataset.score: expected nothing, as only numbers have a choice of scores"),
        (np.arange(40) % 10, {"target": "labels"}, "expected labels as one column each"),
        (np.ones((40, 2)) * 1.5, {}, "expected numbers that vary, but 0 is 1.5 for every training image"),
    ],
)
def test_what_is_refused(archive, targets, section, message):
    if message is None:
        assert searched(archive(y_train=targets), **section).target.kind == "numbers"
    else:
        assert message in refused(archive(y_train=targets), **section)


def test_names_for_every_column(archive):
    assert "expected a column for each of 1 name (odd), got 2" in refused(
        archive(y_train=LABELS, target_names=np.array(["odd"]))
    )
    assert "no two of them the same" in refused(archive(y_train=LABELS, target_names=np.array(["odd", "odd"])))


def test_a_section_that_contradicts_itself():
    with pytest.raises(ConfigError, match="score: expected nothing, as only numbers have a choice of scores"):
        DatasetConfig("digits", target="labels", score="r2")
    with pytest.raises(ConfigError, match="target: expected classes, labels, numbers, or nothing, got 'label'"):
        DatasetConfig("digits", target="label")


# The split


def test_sets_of_labels_keep_their_proportions(archive):
    data = searched(archive(y_train=LABELS), validation_size=20)
    for part in (data.y_train, data.y_validation):
        assert part.sum(axis=0) == pytest.approx([10, 7], abs=1)


def test_numbers_keep_their_distribution(archive):
    data = searched(archive(y_train=NUMBERS), validation_size=8)
    # One of each eighth of the numbers in their order.
    assert sorted((data.y_validation[:, 0] * 10 // 5).astype(int)) == list(range(8))


def test_validation_numbers_that_do_not_vary(archive):
    targets = np.zeros((40, 1))
    targets[::7] = 0.5
    path = archive(y_train=targets)
    assert "expected validation images between which '0' varies" in refused(path, validation_size=1)
    assert searched(path, validation_size=1, score="negative_rmse").target.score.name == "negative_rmse"


# Tables and folders


@pytest.mark.parametrize("mark", [";", "|"])
@pytest.mark.parametrize("inside", ["", "images"])
def test_a_folder_with_lists_of_labels(tmp_path, mark, inside):
    said = [mark.join(name for name, holds in zip(("cat", "dog"), row, strict=True) if holds) for row in LABELS[:20]]
    folder = folder_of(tmp_path, ("file", "labels"), *zip(NAMES, said, strict=True), inside=inside)
    train, test = open_source(str(folder)).train(), open_source(str(folder)).test()
    assert (train.kind, train.class_names, len(test.labels)) == ("labels", ("cat", "dog"), 4)
    found = by_pixel(train) | by_pixel(test)
    assert [found[number] for number in range(20)] == LABELS[:20].tolist()
    assert [0, 0] in found.values()  # an empty cell


def test_a_folder_with_a_column_for_each_label(tmp_path):
    rows = [(name, *row) for name, row in zip(NAMES, LABELS[:20].tolist(), strict=True)]
    folder = folder_of(tmp_path, ("file", "cat", "dog"), *rows)
    train = open_source(str(folder)).train()
    assert (train.kind, train.class_names) == ("labels", ("cat", "dog"))
    assert all(row == LABELS[number].tolist() for number, row in by_pixel(train).items())


def test_a_folder_with_numbers(tmp_path):
    rows = [(name, *row) for name, row in zip(NAMES, NUMBERS[:20].tolist(), strict=True)]
    folder = folder_of(tmp_path, ("file", "age", "weight"), *rows)
    train, test = open_source(str(folder)).train(), open_source(str(folder)).test()
    assert (train.kind, train.class_names) == ("numbers", ("age", "weight"))
    assert all(row == NUMBERS[number].tolist() for number, row in (by_pixel(train) | by_pixel(test)).items())


def test_columns_that_are_named(tmp_path):
    rows = [(name, number, number % 2, number % 3) for number, name in enumerate(NAMES)]
    path = folder_of(tmp_path, ("file", "serial", "age", "weight"), *rows) / "labels.csv"
    section = DatasetConfig(
        str(path), target="numbers", validation_size=4, options={"label_columns": ["weight", "age"]}
    )
    train = open_dataset(section).train()
    assert train.class_names == ("weight", "age")
    assert by_pixel(train)[5] == [2.0, 1.0]


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (("file", "age"), lambda n: ("old" if n == 3 else n + 0.5,), "line 2 has a number and line 5 a text"),
        (("file", "labels"), lambda n: ("a;b" if n else "a|b",), "expected one sign between labels"),
        (("file", "labels"), lambda n: ("a;b;a" if n == 3 else "a;b",), "line 5: expected different labels with ';'"),
        (("file", "cat", "dog"), lambda n: (n % 2, n + 0.5), "expected targets of one kind in its columns"),
        (
            ("file", "age", "mass"),
            lambda n: (n + 0.5, "" if n == 3 else 0.5),
            "line 5: expected a number in the column",
        ),
        (("file", "age"), lambda n: ("1e200" if n == 3 else n + 0.5,), "from -1e+100 to 1e+100, got '1e200'"),
    ],
)
def test_tables_of_two_kinds_or_with_gaps(tmp_path, header, row, message):
    folder = folder_of(tmp_path, header, *((name, *row(number)) for number, name in enumerate(NAMES)))
    found = refused(folder, validation_size=4)
    assert message in found
    assert str(folder / "labels.csv") in found


def test_every_image_needs_a_row(tmp_path):
    rows = [(name, *row) for name, row in zip(NAMES, LABELS[:20].tolist(), strict=True)]
    folder = folder_of(tmp_path, ("file", "cat", "dog"), *rows[:-1])
    assert "expected a row for every image, got none for" in refused(folder, validation_size=4)


def test_a_label_that_the_training_part_does_not_know(tmp_path):
    rows = [(name, "cat;dog" if number else "bird", "test" if number % 4 == 0 else "train")
            for number, name in enumerate(NAMES)]  # fmt: skip
    folder = folder_of(tmp_path, ("file", "labels", "split"), *rows)
    with pytest.raises(DataError, match="'bird' is no label of the training part"):
        open_source(str(folder)).test()
