import zipfile

import numpy as np
import pytest

from metaqnn.errors import DataError
from metaqnn.networks.data import DatasetConfig, load_search_data, open_source


def message_of(path, part="train") -> str:
    with pytest.raises(DataError) as error:
        getattr(open_source(str(path)), part)()
    text = str(error.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


@pytest.mark.parametrize("garbage", [b"no array", b"\x93NUMPY\x01\x00"])
def test_a_search_never_reads_the_test_part(archive, garbage):
    path = archive(x_test=None, y_test=None)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("x_test.npy", garbage)
        file.writestr("y_test.npy", garbage)
    assert load_search_data(DatasetConfig(str(path), validation_size=10), seed=0).x_train.shape == (30, 6, 5, 3)
    assert message_of(path, "test").startswith("x_test: it is damaged: ")


def test_a_search_needs_no_test_part(archive):
    path = archive(x_test=None, y_test=None)
    assert len(open_source(str(path)).train().images) == 40
    assert message_of(path, "test") == (
        "expected a member x_test beside others of x_train, y_train, x_test and y_test, got x_train, y_train"
    )


def test_grey_images_get_a_channel(archive):
    path = archive(x_train=np.zeros((40, 6, 5), np.uint8))
    assert open_source(str(path)).train().images.shape == (40, 6, 5, 1)


@pytest.mark.parametrize("dtype", [np.int32, np.uint16, np.float32, np.float64])
def test_whole_numbers_of_another_type_are_pixels(archive, arrays, dtype):
    path = archive(x_train=arrays(dtype=dtype)["x_train"])
    assert np.array_equal(open_source(str(path)).train().images, arrays()["x_train"])


def test_labels_may_stand_in_a_column(archive):
    path = archive(y_train=(np.arange(40, dtype=np.uint8) % 10)[:, np.newaxis])
    assert open_source(str(path)).train().labels.tolist() == [*range(10)] * 4


def test_texts_become_classes_in_sorted_order(archive):
    path = archive(y_train=np.array(["dog", "cat"] * 20), y_test=np.array(["dog"] * 10))
    train, test = open_source(str(path)).train(), open_source(str(path)).test()
    assert train.class_names == test.class_names == ("cat", "dog")
    assert train.labels.tolist() == [1, 0] * 20
    assert test.labels.tolist() == [1] * 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"y_train": None},
            "expected a member y_train beside others of x_train, y_train, x_test and y_test, "
            "got x_train, x_test, y_test",
        ),
        ({"y_train": np.arange(39) % 10}, "expected one label an image, got 40 images and 39 labels"),
        (
            {"x_train": np.zeros((0, 6, 5), np.uint8), "y_train": np.zeros(0, int)},
            "expected at least one image, got none",
        ),
        (
            {"x_train": np.zeros((0, 6, 5)), "y_train": np.zeros(0, int)},
            "expected at least one image, got none",
        ),
        (
            {"x_train": np.zeros((40, 30), np.uint8)},
            "x_train: expected images of shape (number, height, width) or (number, height, width, channels), "
            "got shape (40, 30); store signals as (number, 1, length) and set space.one_dimensional to true",
        ),
        (
            {"x_train": np.zeros((40, 3, 32, 32), np.uint8)},
            "x_train: expected the channels last, got shape (40, 3, 32, 32); set dataset.channels to 'first', or "
            "to 'last' if these are images of 3 rows",
        ),
        (
            {"x_train": np.linspace(0, 1, 40 * 30).reshape(40, 6, 5)},
            "x_train: expected uint8 images from 0 to 255, got float64 from 0.0 to 1.0; "
            "scale them to 0 to 255, round, and store them as uint8, or set dataset.scale to the value that is white, "
            "such as 1",
        ),
        (
            {"x_train": np.eye(6)[np.newaxis].repeat(40, axis=0)},
            "x_train: expected uint8 images from 0 to 255, got float64 from 0.0 to 1.0; "
            "scale them to 0 to 255, round, and store them as uint8, or set dataset.scale to the value that is white, "
            "such as 1",
        ),
        (
            {"x_train": np.full((40, 6, 5), 256)},
            "x_train: expected uint8 images from 0 to 255, got int64 from 256 to 256; "
            "scale them to 0 to 255, round, and store them as uint8, or set dataset.scale to the value that is white, "
            "such as 511",
        ),
        (
            {"x_train": np.full((40, 6, 5), np.nan)},
            "x_train: expected uint8 images from 0 to 255, got float64 from nan to nan; "
            "scale them to 0 to 255, round, and store them as uint8",
        ),
        ({"x_train": np.full((40, 6, 5), "a")}, "x_train: expected uint8 images, got <U1"),
        (
            {"x_train": np.array([np.zeros((i, i), np.uint8) for i in range(1, 41)], dtype=object)},
            "x_train: expected one array of numbers, got Python objects (images of different sizes?); "
            "bring all images to one size",
        ),
        (
            {"y_train": np.eye(10)[np.arange(40) % 10]},
            "y_train: expected targets that can be read in one way, got shape (40, 10) with a single 1 in every row: "
            "one class, or several labels; store the number of the class, not one column a class, or set "
            "dataset.target to 'labels'",
        ),
        (
            {"y_train": np.arange(40) % 10 * 1.0},
            "y_train: expected labels that are whole numbers or texts, got float64; store y_train.astype(int), or set "
            "dataset.target to 'numbers'",
        ),
        (
            {"y_train": np.arange(40) % 10 + 1},
            "y_train: expected labels from 0 to 9 without gaps for 10 classes, got labels from 1 to 10",
        ),
        (
            {"y_train": np.arange(40) % 2 * 2},
            "y_train: expected labels from 0 to 1 without gaps for 2 classes, got labels from 0 to 2",
        ),
        ({"y_train": np.zeros(40, int)}, "expected at least two classes, got 1"),
    ],
)
def test_unusable_arrays_are_refused(archive, changes, message):
    assert message_of(archive(**changes)) == message


def test_test_labels_are_those_of_the_training_part(archive):
    assert message_of(archive(y_test=np.full(10, 10)), "test") == (
        "expected labels from 0 to 9, got labels from 10 to 10"
    )
    texts = archive(y_train=np.array(["a", "b"] * 20), y_test=np.array(["a", "c"] * 5))
    assert message_of(texts, "test") == "y_test: 'c' is no class of the training part (a, b)"


def test_an_absent_file(tmp_path):
    source = open_source(str(tmp_path / "no.npz"))
    assert source.available() is False
    assert message_of(tmp_path / "no.npz") == "there is no such file"


def test_what_is_no_archive(tmp_path, archive):
    incomplete = "it is no complete .npz file; write it with numpy.savez (x_train, y_train, x_test and y_test)"
    text = tmp_path / "text.npz"
    text.write_text("x_train")
    assert message_of(text) == incomplete
    truncated = archive("truncated.npz")
    truncated.write_bytes(truncated.read_bytes()[:2000])
    assert message_of(truncated) == incomplete
    folder = tmp_path / "folder.npz"
    folder.mkdir()
    assert message_of(folder).startswith("it cannot be read: ")


def test_a_damaged_member(archive):
    path = archive()
    content = bytearray(path.read_bytes())
    content[1000] ^= 1  # a pixel of x_train
    path.write_bytes(content)
    assert message_of(path) == "x_train: it is damaged: Bad CRC-32 for file 'x_train.npy'"


def test_a_damaged_directory(archive):
    path = archive()
    path.write_bytes(path.read_bytes().replace(b"PK\x01\x02", b"PK\x01\x00"))
    assert message_of(path) == "it cannot be read: Bad magic number for central directory"


@pytest.mark.parametrize("code", [0x7FFFFFFF, 0x110000, 0xD800])
def test_a_text_of_no_character_is_damaged(archive, code):
    labels = np.array([97, code] * 20, "<u4").view("U1")
    assert message_of(archive(y_train=labels)) in (
        "y_train: it is damaged: expected texts, got other data",
        "expected names of classes in Unicode, got one with half of a character; rename it",
    )


@pytest.mark.parametrize(
    "name", ["a\0.npz", "./a\0b", "x" * 300 + ".npz", "./" + "x" * 300, "~nobody at all/x", "/dev/null"]
)
def test_a_name_that_none_can_have(name):
    with pytest.raises(DataError):
        open_source(name).train()
    with pytest.raises(DataError):
        open_source(name).test()
