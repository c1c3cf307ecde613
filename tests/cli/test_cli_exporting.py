"""`metaqnn export` as people type it: what it prints, and what it refuses before anything is loaded."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from test_cli_refusals import mounted
from trained_networks import add_retraining, random_images, random_network, recipe_of, save_as_before

from metaqnn.cli.exporting import _accuracies
from metaqnn.networks.export.card import ValidationScore
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.retrainings import weights_folder

NETWORK = "[C(4,3,1), P(2,2), SM(10)]"


def test_an_export_says_what_it_is_and_how_it_is_loaded(metaqnn, finished, tmp_path):
    network = random_network(NETWORK, (8, 8, 1), "standardize", batch_normalization=True)
    facts = {"recipe": recipe_of("standardize", True), "score": 0.9867}
    add_retraining(finished, 2, network, architecture=NETWORK, **facts)
    target = tmp_path / "it's mine.onnx"
    result = metaqnn("export", finished, "--model", 2, "--to", target)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    kilobytes = f"{target.stat().st_size / 1000:.1f} kB"
    assert lines[:4] == [
        "Writing retraining 1 of model 2: ONNX file ...",
        "Loading it in a fresh process and comparing what it predicts with the original ...",
        f"Exported retraining 1 of model 2 (validation accuracy 98.67 %) to {target}: ONNX file, {kilobytes}.",
        f"  {NETWORK}",
    ]
    assert lines[4].startswith("The largest difference of a probability from the original's is ")
    assert lines[4].endswith(" on 310 images (allowed: 0.0001).")
    card, description = tmp_path / "README.md", tmp_path / "it's mine.onnx.json"
    assert lines[5] == f"Model card: {card}; classes and architecture: {description}"
    assert lines[6] == "Load it; it takes uint8 images of shape (number, 8, 8, 1):"
    snippet = "\n".join(line.removeprefix("    ") for line in lines[7:])
    assert snippet.count("\n") == 2
    # The three lines, as somebody copies them into a program of their own.
    images = random_images(5, (8, 8, 1), "of somebody else")
    np.save(tmp_path / "images.npy", images)
    code = f"import numpy\nimages = numpy.load('images.npy')\n{snippet}\nnumpy.save('answers.npy', probabilities)"
    subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, check=True)
    expected = np.asarray(network(images, training=False))
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), expected, rtol=0, atol=1e-4)


def test_a_network_of_an_older_database_is_exported_as_before(metaqnn, finished, tmp_path):
    network = random_network(NETWORK, (8, 8, 1), "standardize", batch_normalization=True)
    add_retraining(
        finished, 2, None, architecture=NETWORK, recipe=recipe_of("standardize", True), weights="final-1.keras"
    )
    weights_folder(finished).mkdir(exist_ok=True)
    save_as_before(network, weights_folder(finished) / "final-1.keras")
    result = metaqnn("export", finished, "--to", tmp_path / "mine.keras")
    assert (result.code, result.err) == (0, "")
    import keras

    images = random_images(20, (8, 8, 1), "of somebody else")
    said = keras.models.load_model(tmp_path / "mine.keras")(images)
    np.testing.assert_allclose(np.asarray(said), np.asarray(network(images)), rtol=0, atol=1e-6)


def test_an_architecture_needs_no_training(metaqnn, finished, tmp_path):
    result = metaqnn("export", finished, "--model", 5, "--to", tmp_path / "architecture.json")
    assert (result.code, result.err) == (0, "")
    content = json.loads((tmp_path / "architecture.json").read_text(encoding="utf-8"))
    size = f"{(tmp_path / 'architecture.json').stat().st_size / 1000:.1f} kB"
    assert result.out.splitlines() == [
        f"Exported model 5 to {tmp_path / 'architecture.json'}: architecture, {size}.",
        f"  {content['architecture']}",
        "Read it:",
        "    from metaqnn.networks.export.architecture_file import build_described, read_architecture",
        f"    architecture = read_architecture({str(tmp_path / 'architecture.json')!r})",
        f"    network = build_described({str(tmp_path / 'architecture.json')!r})"
        "  # fresh weights; from preprocessed images to logits",
    ]


def test_a_database_that_is_searched_at_the_moment_can_be_exported_from(metaqnn, finished, tmp_path):
    with SQLiteReplayMemory(finished):
        result = metaqnn("export", finished, "--model", 1, "--to", tmp_path / "architecture.json")
    assert result.code == 0, result.err


def test_without_finals_it_says_how_one_is_trained(refused, finished, tmp_path):
    assert refused("export", finished, "--to", tmp_path / "model.keras") == (
        f"{finished}: expected a trained network, but there is none yet; train it with "
        f"`metaqnn train {finished} --top 5`"
    )
    assert refused("export", finished, "--model", 3, "--to", tmp_path / "model.onnx") == (
        f"{finished}: expected a trained network of model 3, but there is none yet; train it with "
        f"`metaqnn train {finished} --model 3`"
    )


@pytest.mark.parametrize("target", ["model.keras", "model.onnx", "folder", "architecture.json"])
def test_numbers_that_do_not_exist(refused, finished, tmp_path, target):
    add_retraining(finished)
    for option, number, sentence in [
        ("--model", 13, "there is no model 13; its models are numbered 1 to 12"),
        ("--model", -1, "there is no model -1; its models are numbered 1 to 12"),
        ("--retraining", 2, "there is no retraining 2; its retrainings are numbered 1 to 1"),
    ]:
        assert refused("export", finished, option, number, "--to", tmp_path / target) == f"{finished}: {sentence}"


def test_a_final_that_has_not_ended_or_lost_its_weights(refused, finished, tmp_path):
    add_retraining(finished, status="training", score=None, weights=None)
    add_retraining(finished, status="diverged", reason="the loss is not finite", score=None, weights=None)
    add_retraining(finished, content=None)
    said = [refused("export", finished, "--retraining", n, "--to", tmp_path / "model.keras") for n in (1, 2, 3)]
    assert said == [
        f"{finished}: retraining 1 is still training, or was interrupted: the same `metaqnn train` goes on with it",
        f"{finished}: retraining 2 failed (diverged: the loss is not finite)",
        f"{finished}: the weights of retraining 3 are missing from {finished}.finals/final-3.weights.h5: "
        "put the file back, or use `metaqnn train --retrain`",
    ]


@pytest.mark.parametrize("name", ["model.keras", "folder", "architecture.json"])
def test_a_target_that_exists(refused, finished, tmp_path, name):
    target = tmp_path / name
    if "." in name:
        target.write_text("mine", encoding="utf-8")
    else:
        target.mkdir()
    assert refused("export", finished, "--model", 1, "--to", target) == (
        f"{target}: expected a new name, but it exists; choose another, or remove it first"
    )


def test_an_ending_that_is_none(refused, finished, tmp_path):
    assert refused("export", finished, "--to", tmp_path / "model.pb") == (
        f"{tmp_path / 'model.pb'}: expected a name that ends in one of .keras, .onnx, .tflite, .pt2, .json, or one "
        "without an ending for a TensorFlow SavedModel folder, got '.pb'"
    )


def test_onnx_that_is_not_installed(refused, finished, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    target = tmp_path / "model.onnx"
    assert refused("export", finished, "--to", target) == (
        f"{target}: this needs the package onnxruntime, not installed here; pip install 'metaqnn[onnx]'"
    )


def test_a_folder_that_is_not_there(refused, finished, tmp_path):
    target = tmp_path / "absent" / "model.keras"
    assert refused("export", finished, "--to", target) == (
        f"{target}: expected a folder that exists, but {target.parent} is none; make it first"
    )
    assert refused("export", finished, "--to", finished / "model.keras").endswith(f"{finished} is none; make it first")


@pytest.mark.parametrize("name", ["architecture.json", "model.keras"])
def test_a_folder_that_cannot_be_written(refused, finished, tmp_path, name):
    add_retraining(finished)
    folder = tmp_path / "mounted"
    with mounted(folder, "ro"):
        assert refused("export", finished, "--model", 1, "--to", folder / name) == (
            f"{folder / name}: expected a place that can be written, but Read-only file system; choose another"
        )


def test_a_disk_that_is_full_leaves_nothing(refused, finished, tmp_path):
    folder = tmp_path / "mounted"
    with mounted(folder, "size=4k"):
        (folder / "full").write_bytes(bytes(4096))
        assert refused("export", finished, "--model", 1, "--to", folder / "architecture.json") == (
            f"{folder / 'architecture.json'}: expected a place that can be written, but No space left on device; "
            "choose another"
        )
        assert [path.name for path in folder.iterdir()] == ["full"]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (ValidationScore(0.98, 0.98, 300), "98.00 % before, 98.00 % after."),
        (ValidationScore(0.98, 0.976, 2000, 500), "98.00 % before, 97.60 % after (ranges chosen on 500 of them)."),
        (
            ValidationScore(0.98, 0.97, 2000, 500),
            "98.00 % before, 97.00 % after (ranges chosen on 500 of them): 1.00 points lost; without --int8 it is "
            "none.",
        ),
    ],
)
def test_an_accuracy_before_and_after(found, line):
    assert _accuracies(found) == f"Accuracy on {found.images:,} validation images: {line}"


def test_options_that_do_not_go_together(refused, finished, tmp_path):
    assert refused("export", finished, "--model", 1, "--retraining", 1, "--to", tmp_path / "model.keras") == (
        "expected --model or --retraining, got both; a retraining belongs to one model (see metaqnn export --help)"
    )
    assert refused("export", finished, "--to", tmp_path / "model.keras", "--verify-on", "test") == (
        "expected no --verify-on test: an export is calibrated and compared on validation images, always; a test split "
        "tells something only while nothing is chosen by it, so only `metaqnn evaluate` looks, and records it (see "
        "metaqnn export --help)"
    )
    assert refused("export", finished) == "Missing option '--to'. (see metaqnn export --help)"


def test_databases_that_are_none(refused, finished, tmp_path):
    target = tmp_path / "architecture.json"
    absent = tmp_path / "absent.sqlite"
    assert refused("export", absent, "--to", target) == (
        f"{absent}: there is no such replay database; start a search first, or check the path"
    )
    new = shutil.copy(finished, tmp_path / "new.sqlite")
    new.unlink()
    SQLiteReplayMemory(new).close()
    assert refused("export", new, "--to", target) == (
        f"{new}: no search has written to this database yet; start one with `metaqnn search`"
    )
