import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metaqnn.errors import DataError
from metaqnn.networks.data import open_source
from metaqnn.networks.data.copies import NAME, copies, copies_folder, keep_copy, remove_copy
from metaqnn.networks.data.examples import is_source, whole
from metaqnn.networks.training.device import prepare_device


class Pairs:
    """The protocol of a PyTorch Dataset: pairs by their number, and how many there are; iteration has no end."""

    def __init__(self, images, labels, classes=None):
        self.images, self.labels = images, labels
        if classes:
            self.classes = classes

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        return self.images[row % len(self.images)], self.labels[row % len(self.images)]


IMAGES = (np.arange(20 * 30 * 3) % 251).astype(np.uint8).reshape(20, 6, 5, 3)
LABELS = np.arange(20) % 2
ORDER = np.array([7, 3, *range(19, 7, -1), 0, 1, 2, 4, 5, 6])


def copied(dataset, part="train"):
    return getattr(open_source(NAME, {"hash": keep_copy(dataset).hash}), part)()


def refused(dataset):
    with pytest.raises(DataError) as error:
        copied(dataset)
    assert "\n" not in str(error.value)
    return str(error.value)


SOURCES = {
    "pairs": lambda: Pairs(IMAGES, LABELS),
    "arrays": lambda: (IMAGES, LABELS),
    "pictures": lambda: Pairs([Image.fromarray(image) for image in IMAGES], LABELS.tolist()),
    "floats up to 1": lambda: Pairs((IMAGES / 255).astype(np.float32), LABELS),
    "floats up to 255": lambda: Pairs(IMAGES.astype(np.float32), LABELS.astype(float)),
    "a column a class": lambda: Pairs(IMAGES, np.eye(2)[LABELS]),
    "batches": lambda: Pairs([IMAGES[:12], IMAGES[12:]], [LABELS[:12], LABELS[12:]]),
    "a generator": lambda: ((image, label) for image, label in zip(IMAGES, LABELS, strict=True)),
    "dictionaries": lambda: [{"image": image, "label": label} for image, label in zip(IMAGES, LABELS, strict=True)],
    "another order": lambda: Pairs(IMAGES[ORDER], LABELS[ORDER]),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_the_same_data_are_one_copy_whatever_holds_them(kind):
    source = SOURCES[kind]()
    split = copied({"train": iter(source)} if isinstance(source, list) else source)
    assert split.class_names == ("0", "1")
    assert {(image.tobytes(), label) for image, label in zip(split.images, split.labels, strict=True)} == {
        (image.tobytes(), label) for image, label in zip(IMAGES, LABELS, strict=True)
    }
    assert split.notes == ()
    keep_copy((IMAGES, LABELS))
    assert len(list(copies_folder().iterdir())) == 1


def test_both_parts_and_the_names_of_classes():
    both = {
        "train": Pairs(IMAGES, LABELS, ["cat", "dog"]),
        "test": (IMAGES[:4], LABELS[:4]),
        "validation": Pairs([], []),
    }
    train, test = copied(both), copied(both, "test")
    assert train.class_names == test.class_names == ("cat", "dog")
    assert len(test.labels) == 4
    assert [note.kind for note in train.notes] == ["skipped"]
    with pytest.raises(DataError, match="give the test part with it"):
        copied((IMAGES, LABELS), "test")


def test_grey_pictures_among_coloured_ones_become_coloured():
    pictures = [Image.fromarray(image) for image in IMAGES]
    pictures[0] = pictures[0].convert("L")
    assert copied(Pairs(pictures, LABELS)).images.shape == (20, 6, 5, 3)


def test_what_cannot_be_copied_is_one_sentence():
    assert "expected images of one size, got 6x5x3 and, in example 1, 5x5x3" in refused(
        Pairs([IMAGES[0], IMAGES[0, 1:]], [0, 1])
    )
    assert "before they are normalised" in refused(Pairs(IMAGES / 100 - 1, LABELS))
    assert "bring them to one range" in refused(Pairs([IMAGES[0] / 255, IMAGES[1] * 1.0], [0, 1]))
    assert "expected the channels last" in refused(Pairs(np.moveaxis(IMAGES, 3, 1).repeat(3, 3), LABELS))
    assert "got -1" in refused(Pairs(IMAGES, LABELS - 1))
    assert "got images without labels" in refused(Pairs(IMAGES, [None] * 20))
    assert "at least one image, got none" in refused(Pairs([], []))
    assert "example 0 cannot be read: TypeError" in refused(Pairs(IMAGES, None))
    assert "expected a part 'train', got test" in refused({"test": Pairs(IMAGES, LABELS)})
    assert list(copies_folder().iterdir()) == []


def test_a_copy_that_went_is_asked_for_again():
    options = keep_copy((IMAGES, LABELS))
    source = open_source(NAME, {"hash": options.hash})
    (Path(source.location()) / "facts.json").unlink()
    with pytest.raises(DataError, match=r"is not there any more; call metaqnn\.search again with the same data set"):
        source.train()


def test_copies_are_listed_and_removed_and_nothing_else_is():
    hashes = [keep_copy((IMAGES[:count], LABELS[:count])).hash for count in (10, 20)]
    mine = copies_folder() / "mine"
    mine.mkdir()
    (mine / "facts.json").write_text("{}")
    found = copies()
    assert {each.hash: each.images for each in found} == {hashes[0]: (10, 0), hashes[1]: (20, 0)}
    assert all(each.size > 900 and each.copied_at.startswith("20") for each in found)
    for wrong in ("", "0" * 64, "mine"):
        with pytest.raises(DataError, match=r"--remove-copy: expected the beginning of one copy's hash, got "):
            remove_copy(wrong)
    (copies_folder() / hashes[0] / "notes.txt").write_text("mine, too")
    with pytest.raises(DataError, match=r"expected the files of a copy alone, got notes\.txt; move that away$"):
        remove_copy(hashes[0])
    assert (copies_folder() / hashes[0] / "x_train.npy").is_file()
    assert remove_copy(hashes[1][:20]).hash == hashes[1]
    assert sorted(entry.name for entry in copies_folder().iterdir()) == sorted([hashes[0], "mine"])
    link = copies_folder() / hashes[1]
    link.symlink_to(mine)
    assert [each.hash for each in copies()] == [hashes[0]]


def test_what_is_a_source():
    assert is_source(Pairs(IMAGES, LABELS))
    for other in (IMAGES, [1], "digits", {"name": "digits"}, None, 3):
        assert not is_source(other)


def test_pictures_are_told_of_and_stand_upright_as_files_do():
    turned = Image.fromarray(IMAGES[0])
    turned.getexif()[0x0112] = 3  # upside down
    clear = Image.new("RGBA", (5, 6), (50, 60, 70, 0))
    animation = io.BytesIO()
    frames = [Image.new("RGB", (5, 6), colour) for colour in ("blue", "red")]
    frames[0].save(animation, "GIF", save_all=True, append_images=frames[1:])
    pictures = [Image.fromarray(image) for image in IMAGES[:16]]
    pictures += [turned, clear, clear, Image.open(animation)]
    images, _, notes = whole(Pairs(pictures, LABELS), "X")
    assert np.array_equal(images[16], IMAGES[0][::-1, ::-1])
    assert (images[17] == 255).all()
    assert [note.text for note in notes] == [
        "X: 2 of 20 images are transparent in places, which become white",
        "X: 1 of 20 images have several frames, of which the first is taken",
    ]
    wide = Image.fromarray(np.full((6, 5), 300, np.uint16))
    with pytest.raises(DataError, match=r"^X: example 3: expected 8 bits a channel, got 16; convert it to 8 bits$"):
        whole(Pairs([*pictures[:3], wide], LABELS), "X")


def test_in_memory_labels_stay_as_they_are():
    images, labels, notes = whole(Pairs(IMAGES, ["b", "a"] * 10), "X")
    assert np.array_equal(images, IMAGES)
    assert labels == ["b", "a"] * 10
    assert notes == ()
    assert whole(iter(IMAGES), "X")[1] is None


TORCH = """
import numpy as np, torch
from torch.utils.data import DataLoader, Subset, TensorDataset
from metaqnn.networks.data.copies import keep_copy
images = (np.arange(20 * 90) % 251).astype(np.uint8).reshape(20, 6, 5, 3)
labels = np.arange(20) % 2
tensors = TensorDataset(torch.tensor(images).permute(0, 3, 1, 2) / 255, torch.tensor(labels))
whole = keep_copy((images, labels)).hash
shuffled = DataLoader(tensors, 7, shuffle=True)
assert {keep_copy(each).hash for each in (tensors, shuffled, Subset(tensors, range(20)))} == {whole}
assert keep_copy(Subset(tensors, range(10))).hash != whole
assert keep_copy(DataLoader(tensors, 4, sampler=range(8))).hash == keep_copy((images[:8], labels[:8])).hash
print("as arrays")
"""


@pytest.mark.long
def test_data_sets_of_pytorch(tmp_path):
    pytest.importorskip("torch")
    ran = subprocess.run([sys.executable, "-c", TORCH], capture_output=True, text=True, check=False)
    assert ran.stdout == "as arrays\n", ran.stderr


def test_data_sets_of_tensorflow_and_hugging_face():
    import datasets
    import tensorflow as tf

    prepare_device()  # before anything is computed, as the tests that train in this process do
    pairs = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS))
    hashes = {
        keep_copy(each).hash for each in (pairs, pairs.batch(7), pairs.shuffle(20, seed=1).batch(3), (IMAGES, LABELS))
    }
    assert len(hashes) == 1
    kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["0", "1"])})
    rows = {"image": [Image.fromarray(image) for image in IMAGES], "label": LABELS.tolist()}
    saved = datasets.Dataset.from_dict(rows, features=kinds)
    hashes.add(keep_copy(saved).hash)
    hashes.add(keep_copy(datasets.DatasetDict({"train": saved})).hash)
    assert len(hashes) == 1
