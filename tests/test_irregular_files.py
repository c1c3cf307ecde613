"""Only regular files are opened as data: what waits, has no end, or swells when it is unpacked ends in a sentence."""

import gzip
import os
import socket
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metaqnn.config import load_yaml
from metaqnn.errors import DataError, MetaqnnError
from metaqnn.files import open_regular
from metaqnn.networks.data import open_source
from metaqnn.networks.data.sources import require_room
from metaqnn.networks.export.architecture_file import read_description
from metaqnn.networks.released_file import read_released
from metaqnn.networks.retraining.stored import StoredNetwork, load_network
from metaqnn.networks.retraining.trainer import is_checkpoint_of
from metaqnn.workers.memory import machine_bytes
from metaqnn.workflows import load_experiment
from metaqnn.workflows.table_files import load_benchmark

GIBIBYTE = 2**30


def table_of(path: Path):
    description = path.with_name("table.yaml")
    text = f"space: {{name: chain, choices: [2, 2]}}\ntable: {{file: {path.name}}}\n"
    description.write_text(text, encoding="utf-8")
    return load_benchmark(description)


def folder_with(path: Path):
    """A data set of images one of which is at `path`: in the training part, and in the test part."""
    for part in ("train", "test"):
        for name in ("ant", "bee"):
            (path.parent / "pets" / part / name).mkdir(parents=True, exist_ok=True)
            Image.new("L", (4, 4)).save(path.parent / "pets" / part / name / "0.png")
    return path.parent / "pets"


def trained(path: Path):
    folder = folder_with(path)
    path.rename(folder / "train" / "bee" / "1.png")
    return open_source(str(folder)).train()


def trained_behind_a_link(path: Path):
    folder = folder_with(path)
    (folder / "train" / "bee" / "1.png").symlink_to(path)
    return open_source(str(folder)).train()


def read_for_the_test(path: Path):
    folder = folder_with(path)
    (folder / "test" / "bee" / "1.png").symlink_to(path)
    return open_source(str(folder)).test()


PLACES = {
    "an experiment": ("a.yaml", load_experiment),
    "a table file": ("b.yaml", load_benchmark),
    "a table": ("c.csv", table_of),
    "a packed table": ("c.csv.gz", table_of),
    "a CSV to import": ("d.csv", read_released),
    "an archive": ("e.npz", lambda path: open_source(str(path)).train()),
    "an archive's test part": ("f.npz", lambda path: open_source(str(path)).test()),
    "an image": ("g.png", trained),
    "an image behind a link": ("h", trained_behind_a_link),
    "a test image": ("i", read_for_the_test),
    "an architecture": ("j.json", read_description),
    "weights": ("k.weights.h5", lambda path: load_network(StoredNetwork(str(path), "[SM(2)]", (2, 2, 1), "none"))),
}


def linked(path: Path, kind: str):
    inner = path.with_name("inner")
    KINDS[kind](inner)
    path.symlink_to(inner)


def sparse(path: Path):
    with path.open("wb") as file:
        file.truncate(2 * GIBIBYTE)


def listening(path: Path):
    here = Path.cwd()
    os.chdir(path.parent)  # the whole path may be too long for a socket
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


KINDS = {
    "a named pipe": os.mkfifo,
    "a socket": listening,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a pipe behind a link": lambda path: linked(path, "a named pipe"),
    "a loop": lambda path: path.symlink_to(path.name),
    "a sparse file": sparse,
    "a folder": Path.mkdir,
    "nothing": lambda path: path.symlink_to("absent"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file_of_data_is_refused(tmp_path, place, kind):
    name, read = PLACES[place]
    KINDS[kind](tmp_path / name)
    tracemalloc.start()
    try:
        with pytest.raises(MetaqnnError) as error:
            read(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()
    said = str(error.value)
    assert str(tmp_path) in said
    assert "\n" not in said
    told = {"a pipe behind a link": "a named pipe"}.get(kind, kind)
    if told in ("a named pipe", "a socket", "a device"):
        assert told in said


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_checkpoint_is_none(tmp_path, kind):
    KINDS[kind](tmp_path / "x.npz")
    assert is_checkpoint_of(tmp_path / "x.npz", "mine") is False


def test_a_link_to_a_file_is_that_file(tmp_path):
    (tmp_path / "a.yaml").write_text("name: x", encoding="utf-8")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    assert load_yaml(tmp_path / "b.yaml") == {"name": "x"}


def test_a_name_that_no_file_can_have():
    for name in ("a\0b", "x" * 5000):
        with pytest.raises(OSError, match=r"null|long"):
            open_regular(name)


# What swells


@pytest.mark.parametrize("unit", [b"\0", b"\n"])
def test_a_packed_table_that_swells(tmp_path, unit):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"architecture,reward,target\n") + gzip.compress(unit * 2**23) * 256)
    with pytest.raises(MetaqnnError) as error:
        table_of(path)
    said = "it has more than 1,048,576 characters in a line, 1,073,741,824 in all, or 2,097,152 lines"
    assert str(error.value) == f"{path}: expected a table that can be read, but {said}"


def test_an_archive_that_says_that_it_swells(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x_train=np.zeros((4, 2, 2), np.uint8), y_train=np.arange(4) % 2)
    with zipfile.ZipFile(path, "a") as file:
        file.infolist()[0].file_size = 2**50
        file.comment = b"written anew"
    with pytest.raises(
        DataError, match=r"x_train: expected data that fit into the memory of this machine .*, got 1\.0"
    ):
        open_source(str(path)).train()


def test_an_array_that_says_that_it_has_no_end(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, y_train=np.arange(4) % 2)
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 1000, 1000), }"
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("x_train.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(DataError, match="x_train: it is damaged: "):
        open_source(str(path)).train()


def png(width: int, height: int) -> bytes:
    """An image that is all header."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [12_000, 40_000])
def test_an_image_that_swells(tmp_path, size):
    (tmp_path / "x").write_bytes(png(size, size))
    with pytest.raises(DataError, match=r"expected an image, but it cannot be read: .*decompression bomb"):
        trained_behind_a_link(tmp_path / "x")


def test_images_that_no_memory_holds(tmp_path):
    (tmp_path / "x").write_bytes(png(9000, 9000))
    for name in ("ant", "bee"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(machine_bytes() // 9000**2 + 1):
            (tmp_path / "pets" / name / f"{number}.png").symlink_to(tmp_path / "x")
    with pytest.raises(DataError, match=r"pets: expected data that fit into the memory of this machine \("):
        open_source(str(tmp_path / "pets")).train()


def test_a_picture_of_another_kind_starts_no_other_program(tmp_path):
    (tmp_path / "x").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\n%%EOF\n")
    with pytest.raises(DataError, match="its content is no image"):
        trained_behind_a_link(tmp_path / "x")


def test_what_fits_has_room():
    require_room(machine_bytes(), "x")
    with pytest.raises(DataError, match="x: expected data that fit"):
        require_room(machine_bytes() + 1, "x")
