"""Exports that are loaded by processes which never import metaqnn, and what is refused."""

import json
import resource
import subprocess
import sys

import numpy as np
import pytest
from machine_faults import limited
from trained_networks import KINDS, add_retraining, random_network, recipe_of, save

from metaqnn.errors import DataError, ExportError
from metaqnn.networks.data import open_source
from metaqnn.networks.export import conversion, reloading
from metaqnn.networks.export.conversion import Job, convert
from metaqnn.networks.export.export import export_network
from metaqnn.networks.export.formats import FORMATS, KERAS, LITERT, ONNX, SAVED_MODEL, TORCH
from metaqnn.networks.export.placing import new_place
from metaqnn.networks.export.reloading import program
from metaqnn.networks.retraining.stored import StoredNetwork
from metaqnn.replay.retrainings import weights_folder

NETWORKS = (
    "[C(8,3,1), P(3,2), FC(16), SM(10)]",
    "[C(8,5,2), C(6,3,1), GAP(10), SM(10)]",
    "[P(5,3), FC(12), SM(10)]",
    "[C(8,3,1), C(8,3,1), P(2,2), SM(10)]",
)
"""One a preprocessing; every other one is trained with batch normalisation."""


@pytest.fixture(scope="module")
def networks():
    """The trained networks, in the order of the retrainings."""
    made = zip(NETWORKS, KINDS, strict=True)
    return [random_network(text, (8, 8, 1), kind, i % 2 == 1) for i, (text, kind) in enumerate(made)]


@pytest.fixture
def trained(searched, networks):
    """A search with four retrainings, the last of them the best."""
    for i, (network, text) in enumerate(zip(networks, NETWORKS, strict=True)):
        facts = {"recipe": recipe_of(KINDS[i], i % 2 == 1), "score": 0.9 + 0.01 * i}
        add_retraining(searched, i + 1, network, architecture=text, **facts)
    return searched


@pytest.fixture
def folder(tmp_path):
    """An empty folder to export to."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def stored_at(folder, network, text, kind, normalised=False, shape=(8, 8, 1)) -> StoredNetwork:
    """A network in a file of its own."""
    save(network, folder / "original.weights.h5")
    return StoredNetwork(str(folder / "original.weights.h5"), text, shape, kind, normalised)


@pytest.mark.long
def test_every_form_predicts_the_same_of_the_whole_test_split_in_a_process_without_metaqnn(networks, tmp_path):
    # The one place outside evaluate and ensemble that opens a test split: to compare predictions, not to judge by.
    images = open_source("digits").test().images
    np.save(tmp_path / "images.npy", images)
    programs, wanted = ["import numpy, sys"], {}
    for number, network in enumerate(networks):
        stored = stored_at(tmp_path, network, NETWORKS[number], KINDS[number], number % 2 == 1)
        expected = np.asarray(network(images, training=False))
        assert np.ptp(expected, axis=0).max() > 0.001
        for form in (KERAS, ONNX, SAVED_MODEL, LITERT):
            target = tmp_path / f"exported-{number}{form.ending}"
            answers = tmp_path / f"answers-{number}{form.ending}.npy"
            files = (target, tmp_path / "images.npy", tmp_path / "original.npy")
            convert(Job(form.name, stored, *map(str, files)))
            programs.append(f"sys.argv[1:] = [{str(tmp_path / 'images.npy')!r}, {str(answers)!r}]")
            programs.append(program(form, target))
            wanted[answers] = (expected, form.tolerance)
    ran = subprocess.run(
        [sys.executable, "-P", "-c", "\n".join(programs)], cwd="/", capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert len(wanted) == 16
    for answers, (expected, tolerance) in wanted.items():
        found = np.load(answers)
        assert found.shape == (450, 10)
        # Called directly and through `predict`, Keras itself differs in the last digit.
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, err_msg=answers.name)
        np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1), err_msg=answers.name)


@pytest.mark.parametrize(
    "form", [pytest.param(ONNX, id="file"), pytest.param(SAVED_MODEL, id="folder", marks=pytest.mark.long)]
)
def test_an_export_arrives_when_a_fresh_process_agrees(trained, folder, form, monkeypatch):
    if form.backend:  # it is written with that backend, whatever is set
        monkeypatch.setenv("KERAS_BACKEND", "none of these")
    target, said = folder / f"model{form.ending}", []
    done = export_network(trained, target, announce=said.append)
    assert (done.target, done.format, done.model, done.retraining.number) == (target, form, 4, 4)
    assert done.architecture == NETWORKS[3]
    assert done.input_shape == (8, 8, 1)
    assert done.agreement.images == 310  # the validation images and ten more
    assert done.agreement.difference <= form.tolerance
    assert done.agreement.turned == 0
    assert said == [
        f"Writing retraining 4 of model 4: {form.name} ...",
        "Loading it in a fresh process and comparing what it predicts with the original ...",
    ]
    beside = [] if target.is_dir() else ["README.md", f"{target.name}.json"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([target.name, *beside])
    assert all(path.is_file() for path in done.companions)
    files = [target] if target.is_file() else [path for path in target.rglob("*") if path.is_file()]
    assert done.size == sum(path.stat().st_size for path in files if path not in done.companions) > 0
    if form is ONNX:
        import onnx

        notes = {entry.key: entry.value for entry in onnx.load(target).metadata_props}
        assert notes["architecture"] == NETWORKS[3]
        assert json.loads(notes["class_names"]) == list("0123456789")


def test_an_export_that_predicts_something_else_is_removed(trained, folder, networks, monkeypatch):
    monkeypatch.setattr(
        reloading, "reloaded_predictions", lambda form, path, images: np.asarray(networks[0](np.load(images)))
    )
    with pytest.raises(ExportError) as caught:
        export_network(trained, folder / "model.onnx")
    said = str(caught.value)
    assert said.startswith(
        "the ONNX file does not predict what retraining 4 does: expected probabilities within 0.0001, but image "
    )
    assert said.endswith(" get another class; nothing was exported: export another network, or to another format")
    assert not list(folder.iterdir())


@pytest.mark.long
def test_no_room_while_it_is_converted(trained, folder):
    with limited(resource.RLIMIT_FSIZE, 24_000), pytest.raises(ExportError) as caught:  # the images have room
        export_network(trained, folder / "model.keras")
    assert str(caught.value).startswith("expected to write a file of this size, but ")
    assert "File too large" in str(caught.value)
    assert not list(folder.iterdir())


def test_a_target_that_appeared_in_the_meantime_is_kept(tmp_path):
    target = tmp_path / "model.keras"

    def export_beside_another():
        with new_place(target) as part:
            part.write_text("ours", encoding="utf-8")
            target.write_text("theirs", encoding="utf-8")

    with pytest.raises(ExportError, match="expected a new name, but it exists"):
        export_beside_another()
    assert target.read_text(encoding="utf-8") == "theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_of_weights_that_is_damaged(trained, folder):
    weights = weights_folder(trained) / "final-2.weights.h5"
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(ExportError) as caught:
        export_network(trained, folder / "model.onnx", retraining=2)
    assert str(caught.value) == (
        f"{weights}: expected the weights of {NETWORKS[1]}, but it is too small or too large for them; put the right "
        "file back, or use `metaqnn train --retrain`"
    )
    assert not list(folder.iterdir())


def test_images_of_another_shape(trained, folder):
    other = add_retraining(trained, score=0.5)
    data = {**other.data, "input_shape": [32, 32, 3]}
    add_retraining(trained, data=data, content=b"")
    with pytest.raises(DataError) as caught:
        export_network(trained, folder / "model.keras", retraining=6)
    assert str(caught.value) == (
        "digits: expected images of 32x32x3, as retraining 6 was trained on, got 8x8x1; put the images back that it "
        "was trained on"
    )


def test_images_that_are_not_here(trained, folder, monkeypatch, tmp_path):
    absent = str(tmp_path / "absent.npz")
    add_retraining(trained, dataset={"name": absent, "validation_size": 10}, content=b"")
    said = []
    with pytest.raises(DataError, match=r"absent\.npz"):
        export_network(trained, folder / "model.keras", retraining=5, announce=said.append)
    assert said == [f"The data set {absent} is not on this machine; trying to download it ..."]


def test_a_fault_of_a_process_is_told_by_its_last_words():
    with pytest.raises(ExportError) as caught:
        reloading._run(["-c", "import sys; print('first', file=sys.stderr); 1 / 0"], "trying")
    assert str(caught.value) == "trying failed: ZeroDivisionError: division by zero; nothing was exported"
    with pytest.raises(ExportError, match=r"^trying failed: exit code 7; nothing was exported$"):
        reloading._run(["-c", "raise SystemExit(7)"], "trying")


def test_the_forms_that_hold_weights_are_those_that_the_process_knows():
    assert [form for form in FORMATS if form.tolerance] == [KERAS, ONNX, SAVED_MODEL, LITERT, TORCH]
    assert conversion.REFUSED not in (0, 1, 2)  # what Python itself ends with
