"""Files of weights: read into the network that is meant, refused in one sentence else, and never run."""

import io
import json
import re
import resource
import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest
from machine_faults import limited, no_more_files
from trained_networks import KINDS, add_retraining, random_images, random_network, recipe_of, save, save_as_before

from metaqnn.errors import ExportError, MachineError, MetaqnnError, ReplayError
from metaqnn.networks.export.export import export_network
from metaqnn.networks.retraining.stored import StoredNetwork, load_network
from metaqnn.networks.retraining.testing import TestTerms, evaluate
from metaqnn.replay.retrainings import RetrainingMemory, weights_folder

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NETWORK, SHAPE = "[C(4,3,1), P(2,2), FC(6), SM(10)]", (8, 8, 1)
KERNEL = "layers/dense/vars/0"


@pytest.fixture
def kept(tmp_path):
    """A network with batch normalisation and numbers of each pixel, in a file."""
    save(random_network(NETWORK, SHAPE, "standardize", True), tmp_path / "kept.weights.h5")
    return StoredNetwork(str(tmp_path / "kept.weights.h5"), NETWORK, SHAPE, "standardize", True)


def refusal(stored: StoredNetwork) -> str:
    """Why a file is not taken; a sentence that says what to do."""
    with pytest.raises(ReplayError) as caught:
        load_network(stored)
    said = str(caught.value)
    start, end = (
        f"{stored.path}: expected the weights of ",
        "; put the right file back, or use `metaqnn train --retrain`",
    )
    assert said.startswith(f"{start}{stored.architecture}, but ")
    assert said.endswith(end)
    assert "\n" not in said
    return said.removesuffix(end).partition(", but ")[2]


def test_a_machine_that_cannot_read_it_is_no_damage(kept):
    with no_more_files(), pytest.raises(MachineError, match=r"kept.weights.h5: expected to open one more file, but"):
        load_network(kept)
    with limited(resource.RLIMIT_FSIZE, 0), pytest.raises(MachineError, match="expected to write a file of this size"):
        load_network(kept)
    load_network(kept)


@pytest.mark.parametrize("write", [save, save_as_before], ids=["weights", "keras"])
@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_saved_says_the_same_again(tmp_path, kind, normalised, write):
    network = random_network(NETWORK, SHAPE, kind, normalised)
    path = tmp_path / ("kept.weights.h5" if write is save else "kept.keras")
    write(network, path)
    again = load_network(StoredNetwork(str(path), NETWORK, list(SHAPE), kind, normalised))
    images = random_images(20, SHAPE, "test")
    assert np.array_equal(np.asarray(again(images)), np.asarray(network(images)))


def with_code(marker, path, text_of_layers) -> None:
    """A Keras file with a layer that writes a file when it is run."""
    import keras

    def run(x):
        open(marker, "w").close()
        return x

    keras.Sequential(
        [keras.Input(SHAPE, dtype="uint8"), keras.layers.Rescaling(1 / 255), keras.layers.Lambda(run), *text_of_layers]
    ).save(path)
    marker.unlink()


@pytest.mark.parametrize("name", ["final-1.keras", "final-1.weights.h5", "final-1.h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_code_in_a_file_never_runs(device, searched, tmp_path, name):
    import keras

    folder, marker = weights_folder(searched), tmp_path / "it_ran"
    folder.mkdir()
    written = folder / ("whole.h5" if name.endswith("h5") else "whole.keras")
    with_code(marker, written, [keras.layers.Flatten(), keras.layers.Dense(7), keras.layers.Softmax()])
    written.rename(folder / name)
    text = "[FC(7), SM(10)]"
    assert refusal(StoredNetwork(str(folder / name), text, SHAPE, "none"))
    if name.endswith("keras"):  # the two doors to it, each in a process of its own
        retraining = add_retraining(searched, content=None, architecture=text, recipe=recipe_of("none"), weights=name)
        with pytest.raises(ExportError, match=rf"{name}: expected the weights of {re.escape(text)}, but .*retrain`$"):
            export_network(searched, tmp_path / "out.keras")
        with (
            RetrainingMemory(searched) as memory,
            pytest.raises(MetaqnnError, match=r"final-1.keras: expected the weights"),
        ):
            evaluate(memory, [retraining], TestTerms("metaqnn evaluate"))
    assert not marker.exists()
    assert not (tmp_path / "out.keras").exists()


def test_weights_beside_code_are_taken_without_it(device, tmp_path):
    import keras

    marker, path = tmp_path / "it_ran", tmp_path / "kept.keras"
    with_code(marker, path, [keras.layers.Flatten(), keras.layers.Dense(10), keras.layers.Softmax()])
    network = load_network(StoredNetwork(str(path), "[SM(10)]", SHAPE, "none"))
    network(random_images(2, SHAPE))
    assert "Lambda" not in {type(layer).__name__ for layer in network.layers}
    assert not marker.exists()


def external_link(file):
    del file[KERNEL]
    file[KERNEL] = h5py.ExternalLink("elsewhere.h5", "x")


def soft_link(file):
    del file[KERNEL]
    file[KERNEL] = h5py.SoftLink("/layers/dense_1/vars/0")


def external_data(file):
    kernel = file[KERNEL]
    size, shape = kernel.nbytes, kernel.shape
    del file[KERNEL]
    file.create_dataset(KERNEL, shape, "f4", external=[("elsewhere.bin", 0, size)])


def virtual_data(file):
    shape = file[KERNEL].shape
    del file[KERNEL]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource("elsewhere.h5", "x", shape)
    file.create_virtual_dataset(KERNEL, layout)


def endless(file):
    del file[KERNEL]
    file.create_dataset(KERNEL, (10**6, 10**6), "f4", chunks=(100, 100))


def texts(file):
    del file[KERNEL]
    file[KERNEL] = ["no number"]


def missing(file):
    del file[KERNEL]


def another_shape(file):
    del file[KERNEL]
    file[KERNEL] = np.zeros((3, 3), "f4")


def circle(file):
    del file[KERNEL]
    file[KERNEL] = file["layers"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        *[(change, "it names data that lie elsewhere") for change in (external_link, soft_link, external_data)],
        (virtual_data, "it names data that lie elsewhere"),
        *[(change, "it holds other data, or more of them") for change in (endless, texts)],
        *[(change, "it cannot be read (") for change in (missing, another_shape, circle)],
    ],
)
def test_a_file_that_was_made_up_is_refused(kept, change, reason):
    with h5py.File(kept.path, "r+") as file:
        change(file)
    assert refusal(kept).startswith(reason)


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"\0" * 20_000, b"\x89HDF\r\n\x1a\n" + bytes(20_000)])
def test_what_is_no_file_of_weights_is_refused(kept, tmp_path, content):
    (tmp_path / "kept.weights.h5").write_bytes(content)
    assert refusal(kept) in ("it is too small or too large for them", "it cannot be read (OSError)")


def test_a_network_of_any_size_is_not_built_for_a_small_file(kept):
    assert refusal(replace(kept, architecture="[FC(999999999), SM(10)]")) == "it is too small or too large for them"


def test_a_place_without_a_file_is_told(kept, tmp_path):
    assert refusal(replace(kept, path=str(tmp_path))) == "it cannot be read (Is a directory)"
    assert refusal(replace(kept, preprocessing="nonsense")).startswith("it cannot be read (")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.weights.h5", None),
        ("model.weights.h5", bytes(10**8)),
        ("config.json", None),
        ("config.json", b"[" * 100_000),
        ("config.json", b"no JSON"),
        ("config.json", b"{}"),
        ("config.json", b" " * 10**8),
        ("config.json", json.dumps({"config": {"layers": [{"class_name": "Normalization", "config": {"mean": 1}}]}})),
    ],
)
def test_an_archive_that_was_made_up_is_refused(tmp_path, kept, name, content):
    path = tmp_path / "kept.keras"
    save_as_before(random_network(NETWORK, SHAPE, "standardize", True), path)
    made_up = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made_up, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        if content is not None:
            new.writestr(name, content)
    path.write_bytes(made_up.getvalue())
    said = refusal(replace(kept, path=str(path)))
    assert said.startswith("it cannot be read (") or said == f"its {name} is too large for them"
