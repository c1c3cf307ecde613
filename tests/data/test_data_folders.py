import shutil

import numpy as np
import pytest
from PIL import Image

from metaqnn.errors import DataError
from metaqnn.networks.data import open_source

PLAIN = [f"{kind}/{i}.png" for kind in ("bee", "ant") for i in range(10)]
APART = [f"{part}/{kind}/{i}.png" for part in ("train", "test") for kind in ("bee", "ant") for i in range(3)]


def message_of(folder, part="train") -> str:
    with pytest.raises(DataError) as error:
        getattr(open_source(str(folder)), part)()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_files_become_pixels(images):
    train = open_source(str(images(APART))).train()
    assert train.class_names == ("ant", "bee")
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert train.images.shape == (6, 6, 5, 3)  # ants were written as numbers 3 to 5, bees as 0 to 2
    assert train.images[:, 0, 0].tolist() == [[i, 2 * i, 3] for i in (3, 4, 5, 0, 1, 2)]


def test_grey_files_have_one_channel(images):
    train = open_source(str(images(PLAIN, mode="L"))).train()
    assert train.images.shape == (16, 6, 5, 1)
    assert len(np.unique(train.images)) == 16


def test_one_colour_image_makes_all_rgb(images):
    folder = images(PLAIN, mode="L")
    for file in folder.glob("*/*.png"):
        if file.parent.name == "bee":
            Image.new("RGBA", (5, 6), (1, 2, 3, 4)).save(file)
    train = open_source(str(folder)).train()
    assert train.images.shape == (16, 6, 5, 3)
    assert train.images[-1, 0, 0].tolist() == [251, 251, 251]  # nearly transparent, on white


def test_a_fifth_is_the_test_part(images):
    folder = images(PLAIN)
    train, test = open_source(str(folder)).train(), open_source(str(folder)).test()
    assert np.bincount(train.labels).tolist() == [8, 8]
    assert np.bincount(test.labels).tolist() == [2, 2]
    numbers = [*train.images[:, 0, 0, 0], *test.images[:, 0, 0, 0]]
    assert sorted(numbers) == list(range(20))


def test_the_test_part_follows_from_the_names_alone(images, tmp_path):
    folder = images(PLAIN)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for file in sorted(folder.glob("*/*.png"), reverse=True):  # created in another order
        (moved / file.parent.name).mkdir(exist_ok=True)
        shutil.copy(file, moved / file.parent.name)
    for part in ("train", "test"):
        first, second = (getattr(open_source(str(path)), part)() for path in (folder, moved))
        assert np.array_equal(first.images, second.images)


def test_a_search_opens_no_test_image(images):
    folder = images(APART)
    for file in folder.glob("test/*/*.png"):
        file.write_bytes(b"no image")
    assert len(open_source(str(folder)).train().images) == 6
    assert message_of(folder, "test").startswith(f"{folder / 'test/ant/0.png'}: expected an image")


def test_a_search_opens_no_image_of_the_fifth(images):
    folder = images(PLAIN)
    tests = set(open_source(str(folder)).test().images[:, 0, 0, 0].tolist())
    for number, name in enumerate(PLAIN):
        if number in tests:
            (folder / name).write_bytes(b"no image")
    assert len(open_source(str(folder)).train().images) == 16


def test_other_files_are_no_images(images):
    folder = images([*PLAIN, "ant/a.JPG", "ant/b.bmp", "ant/c.gif", "ant/d.webp", "ant/e.jpeg"])
    (folder / "readme.txt").write_text("insects")
    (folder / "ant" / "notes.txt").write_text("insects")
    (folder / "ant" / "._0.png").write_text("macOS")
    (folder / ".hidden").mkdir()
    source = open_source(str(folder))
    assert len(source.train().labels) + len(source.test().labels) == 25


def test_train_may_be_a_class(images):
    folder = images([f"{kind}/{i}.png" for kind in ("train", "tram") for i in range(5)])
    assert open_source(str(folder)).train().class_names == ("train", "tram")


def test_there_may_be_no_test_part(images):
    folder = images([name for name in APART if name.startswith("train")])
    assert len(open_source(str(folder)).train().labels) == 6
    assert message_of(folder, "test") == (
        f"{folder / 'test'}: expected a folder of images for each class, as in 'train' beside it, got none"
    )


def test_images_of_different_sizes(images):
    folder = images(APART)
    Image.new("RGB", (7, 8)).save(folder / "test/bee/1.png")
    assert message_of(folder, "test") == (
        f"expected images of one size, got 5x6 in {folder / 'train/ant/0.png'} and 7x8 in "
        f"{folder / 'test/bee/1.png'}; bring all images to one size"
    )
    Image.new("RGB", (7, 8)).save(folder / "train/bee/0.png")
    assert message_of(folder) == (
        f"expected images of one size, got 5x6 in {folder / 'train/ant/0.png'} and 7x8 in "
        f"{folder / 'train/bee/0.png'}; bring all images to one size"
    )


def test_an_unreadable_image(images):
    folder = images(APART)
    file = folder / "train/ant/1.png"
    file.write_bytes(b"no image")
    assert message_of(folder) == (
        f"{file}: expected an image, but it cannot be read: its content is no image "
        "(PNG, JPEG, BMP, GIF, WEBP, TIFF, AVIF)"
    )


def test_a_truncated_image(images):
    folder = images(APART)
    file = folder / "train/ant/1.png"
    Image.effect_noise((5, 6), 50).save(file)
    file.write_bytes(file.read_bytes()[:-30])
    assert message_of(folder).startswith(f"{file}: expected an image, but it cannot be read: ")


def test_images_of_16_bits(images):
    folder = images(APART, mode="I;16")
    file = folder / "train/ant/0.png"
    assert message_of(folder) == (
        f"{file}: expected 8 bits a channel, got 16; set dataset.depth to the bits that its values use, as 12 or 16, "
        "or convert it to 8 bits"
    )


def test_an_absent_folder(tmp_path):
    source = open_source(str(tmp_path / "none"))
    assert source.available() is False
    assert message_of(tmp_path / "none") == f"{tmp_path / 'none'}: there is no such folder"


def test_folders_without_classes(images):
    folder = images(["ant/0.png"])
    assert message_of(folder) == (f"{folder}: expected a folder of images for each of two or more classes, got ['ant']")
    (folder / "bee").mkdir()
    assert message_of(folder) == (
        f"{folder / 'bee'}: expected images (.png, .jpg, .jpeg, .jfif, .bmp, .gif, .webp, .tif, .tiff, .avif), got none"
    )


def test_a_class_of_the_test_part_alone(images):
    folder = images([*APART, "test/wasp/0.png"])
    assert open_source(str(folder)).train().class_names == ("ant", "bee")
    assert message_of(folder, "test") == (f"{folder / 'test'}: 'wasp' is no class of the training part (ant, bee)")


def test_a_class_in_other_than_unicode(images):
    folder = images(APART)
    (folder / "train" / "ant").rename(folder / "train" / "\udcff")
    assert message_of(folder).startswith("expected names of classes in Unicode, ")
