import csv
import gzip
import io
import sys

import numpy as np
import pytest
from PIL import Image

from metaqnn.errors import DataError
from metaqnn.networks.data import DatasetConfig, load_search_data, open_dataset, open_source, tfrecords
from metaqnn.networks.data.mapped_rows import MappedRows


def pictures(folder, names, mode="RGB"):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.new(mode, (5, 6), number if mode == "L" else (number, 2 * number, 3)).save(folder / name)


def table(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def refused(name, part="train", **options):
    with pytest.raises(DataError) as error:
        getattr(open_source(str(name), options), part)()
    assert "\n" not in str(error.value)
    return str(error.value)


NAMES = [f"{number}.png" for number in range(20)]
KINDS = ["cat", "dog"]


def test_a_table_of_paths_and_labels(tmp_path):
    pictures(tmp_path / "pictures", NAMES)
    rows = [(f"pictures/{name}", KINDS[number % 2]) for number, name in enumerate(NAMES)]
    source = open_source(table(tmp_path / "labels.csv", ("path", "label"), *rows))
    train, test = source.train(), source.test()
    assert train.class_names == test.class_names == ("cat", "dog")
    assert (len(train.labels), len(test.labels)) == (16, 4)
    for split in (train, test):  # the red of a picture is its number
        assert np.array_equal(split.images[:, 0, 0, 0] % 2, split.labels)
    again = open_source(table(tmp_path / "labels.csv", ("path", "label"), *rows[::-1])).train()
    assert np.array_equal(train.images, again.images)


@pytest.mark.parametrize("name", ["labels.csv", "train.csv", "trainLabels.csv"])
def test_the_flat_folders_of_kaggle(tmp_path, name):
    pictures(tmp_path / "train", NAMES, "L")
    pictures(tmp_path / "test", ["x.png"], "L")
    table(tmp_path / name, ("id", "breed"), *((each[:-4], KINDS[int(each[:-4]) % 2]) for each in NAMES))
    assert open_source(str(tmp_path)).train().images.shape == (16, 6, 5, 1)


def test_a_column_says_which_part_a_row_belongs_to(tmp_path):
    pictures(tmp_path, NAMES)
    parts = ["train"] * 12 + ["val"] * 4 + ["test"] * 4
    rows = [(name, str(number % 2), part) for number, (name, part) in enumerate(zip(NAMES, parts, strict=True))]
    path = table(tmp_path / "labels.csv", ("file", "class", "split"), *rows)
    train, test = open_source(path).train(), open_source(path).test()
    assert sorted(train.images[:, 0, 0, 0]) == list(range(12))
    assert sorted(test.images[:, 0, 0, 0]) == list(range(16, 20))
    assert [(note.kind, "'val'" in note.text) for note in train.notes] == [("skipped", True)]
    other = open_source(path, {"test_split": "val"}).test()
    assert sorted(other.images[:, 0, 0, 0]) == list(range(12, 16))


def test_columns_by_their_names(tmp_path):
    pictures(tmp_path, NAMES)
    rows = [(str(number), f"p{number}", KINDS[number % 2], name) for number, name in enumerate(NAMES)]
    path = table(tmp_path / "all.csv", ("number", "patient", "finding", "scan"), *rows)
    assert "expected a column of images, which is none of number, patient, finding, scan" in refused(path)
    assert refused(path).endswith("set dataset.image_column to one of them")
    assert len(open_source(path, {"image_column": "scan", "label_column": "finding"}).train().labels) == 16
    assert "no column 'scam'" in refused(path, image_column="scam", label_column="finding")


def test_tables_that_cannot_be_used(tmp_path):
    pictures(tmp_path, NAMES)
    rows = [(name, KINDS[number % 2]) for number, name in enumerate(NAMES)]
    head = ("file", "label")
    assert "expected the image 'no.png'" in refused(table(tmp_path / "a.csv", head, ("no.png", "cat")))
    assert "no file" in refused(table(tmp_path / "b.csv", head, rows[0], ("no.png", "cat")))
    assert "line 3: expected 2 values, got 1" in refused(table(tmp_path / "c.csv", head, rows[0], ("1.png",)))
    assert "got none for '1.png'" in refused(table(tmp_path / "d.csv", head, rows[0], ("1.png", "")))
    assert "each image once" in refused(table(tmp_path / "e.csv", head, *rows, rows[0]))
    assert "got 0 lines" in refused(table(tmp_path / "f.csv"))
    assert "no such file" in refused(tmp_path / "none.csv").casefold()


def shard(path, examples, packed=False):
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path), "GZIP" if packed else "") as writer:
        for features in examples:
            kinds = {}
            for name, value in features.items():
                if isinstance(value, bytes):
                    kinds[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                else:
                    kinds[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
            writer.write(tf.train.Example(features=tf.train.Features(feature=kinds)).SerializeToString())


def encoded(number):
    file = io.BytesIO()
    Image.new("RGB", (5, 6), (number, 2 * number, 3)).save(file, "PNG")
    return file.getvalue()


def test_tfrecord_shards(tmp_path):
    for first, packed in ((0, False), (6, True)):
        part = f"train.tfrecord-0000{first // 6}-of-00002"
        numbers = range(first, first + 6)
        shard(tmp_path / part, [{"image/encoded": encoded(n), "image/class/label": n % 2} for n in numbers], packed)
    shard(tmp_path / "test.tfrecord", [{"image/encoded": encoded(n), "image/class/label": n % 2} for n in (20, 21)])
    source = open_source(str(tmp_path))
    assert source.train().images[:, 0, 0, 0].tolist() == list(range(12))
    assert source.train().labels.tolist() == [0, 1] * 6
    assert source.test().images[:, 0, 0, 0].tolist() == [20, 21]
    raw, sizes = tmp_path / "raw.tfrecord", {"height": 2, "width": 3, "depth": 2}
    shard(
        raw,
        [{"image_raw": bytes([n] * 12), **sizes, "y": KINDS[n % 2].encode()} for n in range(20)],
    )
    assert "set dataset.label_column" in refused(raw)
    train = open_source(str(raw), {"label_column": "y"}).train()
    assert train.images.shape == (16, 2, 3, 2)
    assert train.class_names == ("cat", "dog")
    raw.write_bytes(raw.read_bytes()[:-7])
    assert "cut off or damaged" in refused(raw, label_column="y")
    packed = tmp_path / "packed.tfrecord"
    packed.write_bytes(gzip.compress(b"no"))
    assert "cut off or damaged" in refused(packed)


def test_tfrecords_tell_of_their_images(tmp_path):
    clear = io.BytesIO()
    Image.new("RGBA", (5, 6), (1, 2, 3, 0)).save(clear, "PNG")
    examples = [{"image/encoded": encoded(n), "image/class/label": n % 2} for n in range(19)]
    shard(tmp_path / "a.tfrecord", [*examples, {"image/encoded": clear.getvalue(), "image/class/label": 1}])
    (note,) = open_source(str(tmp_path / "a.tfrecord")).train().notes
    assert note.text.endswith(": training part: 1 of 20 images are transparent in places, which become white")
    shard(tmp_path / "b.tfrecord", [{"image/encoded": b"no image", "image/class/label": 1}])
    assert refused(tmp_path / "b.tfrecord").startswith(f"{tmp_path}/b.tfrecord: record 0: expected an encoded image (")


def test_tfrecords_are_checked_by_their_sums(tmp_path, monkeypatch):
    path = tmp_path / "some.tfrecord"
    shard(path, [{"image/encoded": encoded(n), "image/class/label": n % 2} for n in range(20)])
    whole = path.read_bytes()
    size = 16 + int.from_bytes(whole[:8], "little")
    for place, record in ((size + 30, 1), (2 * size + 9, 2), (3 * size + 2, 3), (size - 2, 0)):
        damaged = bytearray(whole)
        damaged[place] ^= 4  # in the content, in the sum of a length, in a length, in the sum of a content
        path.write_bytes(damaged)
        assert refused(path) == (
            f"{path}: record {record}: its check sum is not that of its content: the file is damaged; get it anew"
        )
    path.write_bytes(whole)
    assert open_source(str(path)).train().notes == ()
    monkeypatch.setitem(sys.modules, "google_crc32c", None)  # as if it were not installed
    tfrecords._checksum.cache_clear()
    try:
        (note,) = open_source(str(path)).train().notes
    finally:
        tfrecords._checksum.cache_clear()
    assert (note.kind, note.text) == (
        "skipped",
        "check sums of records were not looked at: pip install 'metaqnn[tfrecord]' for that",
    )


def test_folders_of_hugging_face(tmp_path):
    import datasets

    def part(numbers):
        columns = {"image": [Image.new("L", (5, 6), n) for n in numbers], "label": [n % 2 for n in numbers]}
        kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=KINDS)})
        return datasets.Dataset.from_dict(columns, features=kinds)

    part(range(20)).save_to_disk(str(tmp_path / "one"))
    source = open_source(str(tmp_path / "one"))
    assert (source.train().images.shape, source.test().images.shape) == ((16, 6, 5, 1), (4, 6, 5, 1))
    assert source.train().class_names == ("cat", "dog")
    both = datasets.DatasetDict({"train": part(range(10)), "validation": part([11, 12]), "test": part([14, 15])})
    both.save_to_disk(str(tmp_path / "both"))
    source = open_source(str(tmp_path / "both"))
    assert source.train().images[:, 0, 0, 0].tolist() == list(range(10))
    assert source.test().images[:, 0, 0, 0].tolist() == [14, 15]
    assert "'validation'" in source.train().notes[0].text
    assert "expected a part 'dev'" in refused(tmp_path / "both", "test", test_split="dev")


def arrays_in(folder, arrays):
    folder.mkdir()
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return str(folder)


def test_npy_pairs_stay_on_the_disk(tmp_path, arrays, archive):
    known = arrays()
    folder = arrays_in(tmp_path / "npy", known)
    mapped, whole = (
        load_search_data(DatasetConfig(name, validation_size=10), seed=3) for name in (folder, str(archive()))
    )
    assert isinstance(mapped.x_train, MappedRows)
    assert mapped.fingerprint == whole.fingerprint
    assert np.array_equal(mapped.x_train, whole.x_train)
    assert np.array_equal(mapped.x_train[[3, 1]], whole.x_train[[3, 1]])
    assert np.array_equal(mapped.x_validation, whole.x_validation)
    assert np.array_equal(open_source(f"{folder}/x_train.npy").test().images, known["x_test"])
    (tmp_path / "npy" / "x_test.npy").unlink()
    assert refused(folder, "test") == f"{folder}/x_test.npy: there is no such file"
    (tmp_path / "npy" / "y_train.npy").write_bytes(b"no array")
    assert "it cannot be read" in refused(folder)


def test_npy_pairs_are_read_as_their_keys_say(tmp_path, arrays):
    known = arrays()
    first = {name: np.moveaxis(array, 3, 1) for name, array in known.items() if array.ndim == 4}
    labels = {name: array for name, array in known.items() if array.ndim == 1}
    folder = arrays_in(tmp_path / "first", {**labels, **first, "x_val": np.zeros(3), "y_val": np.zeros(3)})
    train = open_dataset(DatasetConfig(folder, channels="first")).train()
    assert isinstance(train.images, np.memmap)
    assert np.array_equal(train.images, known["x_train"])
    (note,) = train.notes
    assert note.kind == "skipped"
    assert note.text.startswith("x_val.npy, y_val.npy: not read: a search holds out images of x_train; join them to ")
    shares = {name: (array / 255).astype(np.float32) for name, array in known.items() if array.ndim == 4}
    scaled = open_dataset(DatasetConfig(arrays_in(tmp_path / "scaled", {**labels, **shares}), scale=1.0))
    assert np.array_equal(scaled.train().images, known["x_train"])
    assert np.array_equal(scaled.test().images, known["x_test"])


@pytest.mark.parametrize("mirror", [False, True])
def test_an_epoch_from_the_disk_is_the_same_as_one_from_memory(tmp_path, arrays, archive, mirror):
    from metaqnn.networks.architecture import parse
    from metaqnn.networks.data import fit_statistics
    from metaqnn.networks.training.config import TrainingConfig
    from metaqnn.networks.training.device import prepare_device
    from metaqnn.networks.training.fit_engine import FitEngine

    prepare_device()  # as the tests that train in this process do
    outcomes = []
    for name in (arrays_in(tmp_path / "npy", arrays()), str(archive())):
        data = load_search_data(DatasetConfig(name, validation_size=10), seed=3)
        statistics = fit_statistics("standardize", data.x_train)
        engine = FitEngine(data, statistics, mirror, TrainingConfig(batch_size=7, epochs=2))
        session = engine.open(parse("[C(4,3,1), SM(10)]"), 5, 1)
        outcomes.append([session.run_epoch(epoch, 0.01, lambda: None) for epoch in (1, 2)])
        outcomes[-1].append([weights.tobytes() for weights in session.numpy_weights()])
        session.close()
    assert outcomes[0] == outcomes[1]


def test_a_table_of_one_image_has_none_to_test_on(tmp_path):
    pictures(tmp_path, ["a.png"])
    name = table(tmp_path / "labels.csv", ("path", "label"), ("a.png", "cat"))
    assert "got too few for both; add some" in refused(name)
