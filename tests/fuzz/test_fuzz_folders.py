"""Folders of images: damaged files of every kind, names of every kind, and things that are no files."""

import io
import os
import shutil
from pathlib import Path

import pytest
from fuzz.cases import fuzzed, mutated, only_sentences
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from metaqnn.networks.data import DatasetConfig, load_search_data, open_dataset

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damage that it can do with


def encoded(kind: str, mode: str) -> bytes:
    image, stream = Image.effect_noise((5, 6), 60).convert(mode), io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


KINDS = {
    ".png": [encoded("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")],
    ".jpg": [encoded("JPEG", mode) for mode in ("L", "RGB", "CMYK")],
    ".bmp": [encoded("BMP", mode) for mode in ("1", "L", "P", "RGB")],
    ".gif": [encoded("GIF", mode) for mode in ("L", "P")],
    ".tif": [encoded("TIFF", mode) for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F")],
    ".avif": [encoded("AVIF", mode) for mode in ("RGB", "RGBA")],
    ".webp": [encoded("WEBP", mode) for mode in ("RGB", "RGBA")],
}
ENDINGS = [*KINDS, ".txt", "", ".PNG"]
originals = st.sampled_from([content for contents in KINDS.values() for content in contents])
images = originals | originals.flatmap(mutated) | st.binary(max_size=20)
names = st.sampled_from(["a", "b", "train", "test", ".x", "\u00e9", "\udcff", "x" * 200, "a\n"])
folders = names | st.sampled_from(["val", "Valid", "a/val", "a/b", "train/a/b", "__MACOSX"])
entries = st.lists(
    st.tuples(folders, names, st.sampled_from(ENDINGS), images | st.sampled_from(["pipe", "loop", "folder", "device"])),
    max_size=4,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("folders")


def place(path: Path, content: bytes | str) -> None:
    """Put something there, if nothing is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(path):
        return
    if content == "pipe":
        os.mkfifo(path)
    elif content == "folder":
        path.mkdir()
    elif isinstance(content, str):
        path.symlink_to(path.name if content == "loop" else "/dev/zero")
    else:
        path.write_bytes(content)


@fuzzed(200)
@given(
    damaged=images,
    kind=st.sampled_from([*KINDS]),
    others=entries,
    has_parts=st.booleans(),
    size=st.integers(1, 9),
    keys=st.sampled_from([{}, {"decoding": 1}, {"layout": "classes"}, {"layout": "parts", "depth": 16}]),
)
def test_a_folder(folder, damaged, kind, others, has_parts, size, keys):
    pets = folder / "pets"
    shutil.rmtree(pets, ignore_errors=True)
    for name in ("a", "b"):
        for part in ("train", "test") if has_parts else (".",):
            for number in range(2):
                place(pets / part / name / f"{number}.png", KINDS[".png"][1])
    place(pets / ("train" if has_parts else ".") / "b" / f"damaged{kind}", damaged)
    for parent, name, ending, content in others:
        if not any(path.is_file() for path in ((pets / parent), *(pets / parent).parents)):
            place(pets / parent / f"{name}{ending}", content)
    with only_sentences(folder):
        open_dataset(DatasetConfig(str(pets), **keys)).test()
    with only_sentences(folder):
        assert load_search_data(DatasetConfig(str(pets), validation_size=size, **keys), seed=1).x_train.dtype == "uint8"
