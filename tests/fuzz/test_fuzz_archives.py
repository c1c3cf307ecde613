"""`.npz` files: arrays of any type and shape, headers that say anything, and damaged archives."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fuzz.cases import fuzzed, mutated, only_sentences
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn

from metaqnn.networks.data import DatasetConfig, load_search_data, open_source

MEMBERS = ("x_train", "y_train", "x_test", "y_test")
FINE = {
    "x_train": np.arange(12 * 4, dtype=np.uint8).reshape(12, 2, 2),
    "y_train": np.arange(12) % 3,
    "x_test": np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2),
    "y_test": np.arange(6) % 3,
}


def archive(compressed: bool = False, **changes) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **(FINE | changes))
    return stream.getvalue()


def array_file(header: bytes, version: bytes, content: bytes) -> bytes:
    """A file of one array that says anything of itself."""
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
    return b"\x93NUMPY" + version + size + header + content


def replaced(name: str, content: bytes, method: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for each, array in FINE.items():
            part = io.BytesIO()
            np.save(part, array)
            file.writestr(f"{each}.npy", content if each == name else part.getvalue())
    return stream.getvalue()


arrays = st.one_of(
    drawn.arrays(drawn.scalar_dtypes(), drawn.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=13)),
    drawn.arrays(st.sampled_from(["u1", ">u2", "f2", "f8", "i8", "u8", "U3", "?", "c8", "S2", "m8[s]"]), st.just(12)),
    drawn.arrays(st.sampled_from(["u1", "f4", "i8"]), st.just((12, 2, 2))),
    st.binary(min_size=48, max_size=48).map(lambda content: np.frombuffer(content, "U1")),
)
described = st.builds(
    "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}".format,
    st.sampled_from(
        ["'|u1'", "'<i8'", "'|O'", "'<U1'", "'|V999999999'", "'<U500000000'", "[('a', '<i4')]", "1", "'x'", "''"]
    ),
    st.sampled_from(["False", "True", "0"]),
    st.sampled_from(
        ["(12,)", "(12, 2, 2)", "(-1,)", "(10**9,)", "(999999999999, 9)", "()", "(0,)", "[12]", "(True,)", "1"]
    ),
).map(str.encode)
headers = described | described.flatmap(mutated) | st.binary(max_size=20)
versions = st.sampled_from([b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x09"])
methods = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
names = st.sampled_from(MEMBERS)
contents = (
    st.dictionaries(names, arrays, max_size=2).map(lambda changes: archive(**changes))
    | st.booleans().flatmap(lambda compressed: mutated(archive(compressed)))
    | st.builds(replaced, names, st.builds(array_file, headers, versions, st.binary(max_size=60)), methods)
    | st.builds(replaced, names, st.binary(max_size=60), methods).flatmap(mutated)
    | st.binary(max_size=40)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("archives")


@fuzzed(300)
@given(content=contents, size=st.integers(1, 12))
def test_an_archive(folder, content, size):
    path = folder / "a.npz"
    path.write_bytes(content)
    with only_sentences(folder):
        open_source(str(path)).test()
    with only_sentences(folder):
        assert load_search_data(DatasetConfig(str(path), validation_size=size), seed=1).x_train.dtype == "uint8"
