"""`architecture.json`: what stands in it, and that it is the network again when it is read."""

import json
import sqlite3
from contextlib import closing

import pytest
from trained_networks import add_retraining

from metaqnn.errors import ExportError, ReplayError
from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.costs import describe
from metaqnn.networks.export.architecture_file import build_described, read_architecture, read_description
from metaqnn.networks.export.export import export_network
from metaqnn.networks.export.formats import ARCHITECTURE
from metaqnn.replay.reader import ReplayReader
from metaqnn.version import __version__


def rows(database, sql):
    with ReplayReader(database) as reader:
        return reader.query(sql)[1]


def exported(database, folder, **which) -> dict:
    target = folder / "architecture.json"
    done = export_network(database, target, **which)
    assert (done.target, done.format, done.agreement, done.size) == (target, ARCHITECTURE, None, target.stat().st_size)
    content = json.loads(target.read_text(encoding="utf-8"))
    assert (done.model, done.architecture) == (content["source"]["model"], content["architecture"])
    target.unlink()
    return content


def test_every_model_of_a_search_is_described_also_one_that_failed(searched, tmp_path):
    for model, text, parameters, flops in rows(searched, "SELECT model, architecture, parameters, flops FROM models"):
        target = tmp_path / f"{model}.json"
        export_network(searched, target, model=model)
        content = json.loads(target.read_text(encoding="utf-8"))
        assert read_architecture(target) == parse(text)
        assert isinstance(read_architecture(target), Architecture)
        assert read_description(target) == content
        assert (content["architecture"], content["parameters"], content["flops"]) == (text, parameters, flops)
        evaluations = rows(
            searched,
            f"SELECT evaluation, seed, status, best_accuracy FROM evaluations WHERE model = {model} ORDER BY 1",
        )
        listed = content["search"]["evaluations"]
        assert [(e["evaluation"], e["seed"], e["status"], e["validation_accuracy"]) for e in listed] == evaluations
        accuracies = [row[-1] for row in evaluations if row[-1] is not None]
        assert content["search"]["validation_accuracy"] == (accuracies[-1] if accuracies else None)
        assert content["finals"] == []


def test_the_layout_is_the_documented_one(searched, tmp_path):
    content = exported(searched, tmp_path, model=3)
    described = describe(content["architecture"], (8, 8, 1))
    layers = content.pop("layers")
    assert [layer["layer"] for layer in layers] == [str(layer) for layer in described.architecture]
    assert [tuple(layer["output_shape"]) for layer in layers] == [cost.shape for cost in described.layers]
    assert sum(layer["parameters"] for layer in layers) == content.pop("parameters") == described.parameters
    assert sum(layer["flops"] for layer in layers) == content.pop("flops") == described.flops
    assert content.pop("architecture") == str(described.architecture)
    assert [e["purpose"] for e in content.pop("search")["evaluations"]] == ["search"]
    assert "build_described(FILE)" in content.pop("rebuild")
    assert content == {
        "kind": "metaqnn architecture",
        "format": 1,
        "metaqnn_version": __version__,
        "input_shape": [8, 8, 1],
        "classes": 10,
        "class_names": list("0123456789"),
        "preprocessing": {"kind": "none", "text": "pixels / 255"},
        "batch_normalization": False,
        "dataset": "digits",
        "source": {"experiment": "small", "seed": 3, "model": 3, "final": None},
        "finals": [],
    }


def test_a_final_is_described_as_it_was_trained(searched, tmp_path):
    recipe = {"name": "one_cycle", "preprocessing": "standardize", "batch_normalization": True}
    with ReplayReader(searched) as reader:
        data = reader.config()["data"] | {"data_hash": "of other images", "input_shape": [32, 32, 3], "classes": 4}
    dataset = {"name": "absent.npz", "preprocessing": "mean"}
    add_retraining(searched, 2, content=None, score=0.5)
    add_retraining(
        *(searched, 2),
        content=None,
        architecture="[C(4,3,1), SM(4)]",
        recipe=recipe,
        data=data,
        dataset=dataset,
        seed=7,
        score=0.75,
    )
    content = exported(searched, tmp_path, retraining=2)  # needs no weights
    assert content["architecture"] == "[C(4,3,1), SM(4)]"
    assert (content["input_shape"], content["classes"], content["class_names"]) == ([32, 32, 3], 4, None)
    assert (content["preprocessing"]["kind"], content["batch_normalization"]) == ("standardize", True)
    assert content["dataset"] == "absent.npz"
    assert content["source"] == {"experiment": "small", "seed": 3, "model": 2, "final": 2}
    assert content["finals"] == [
        {
            "final": 2,
            "dataset": "absent.npz",
            "part": "train",
            "seed": 7,
            "recipe": recipe,
            "status": "ok",
            "validation_accuracy": 0.75,
            "parameters": 100,
            "weights": "final-2.weights.h5",
        }
    ]
    assert exported(searched, tmp_path, retraining=1)["preprocessing"]["kind"] == "none"  # as the data set says
    assert [retraining["final"] for retraining in exported(searched, tmp_path, model=2)["finals"]] == [1, 2]


def test_without_a_number_it_is_the_best_final_and_else_the_best_model(searched, tmp_path):
    best = rows(searched, "SELECT model FROM leaderboard LIMIT 1")[0][0]
    assert exported(searched, tmp_path)["source"] == {"experiment": "small", "seed": 3, "model": best, "final": None}
    add_retraining(searched, 1, score=0.5)
    add_retraining(searched, 2, content=None, score=0.9)  # cannot be used
    assert exported(searched, tmp_path)["source"]["final"] == 1


def test_class_names_are_those_of_the_very_images_or_unknown(searched, tmp_path):
    with closing(sqlite3.connect(searched)) as connection, connection:
        connection.execute(
            "UPDATE config SET value = json_set(value, '$.data_hash', 'of other digits') WHERE key = 'data'"
        )
    assert exported(searched, tmp_path, model=1)["class_names"] is None


def test_a_search_that_trained_nothing_needs_a_number(searched, tmp_path):
    with closing(sqlite3.connect(searched)) as connection, connection:
        connection.execute("UPDATE evaluations SET status = 'crashed', best_accuracy = NULL")
    with pytest.raises(ReplayError) as caught:
        export_network(searched, tmp_path / "architecture.json")
    assert str(caught.value) == (f"{searched}: no network was trained to the end yet; name a model with --model")
    assert exported(searched, tmp_path, model=1)["search"]["validation_accuracy"] is None


def test_of_a_table_it_is_the_mean_over_the_trainings(searched, tmp_path):
    with closing(sqlite3.connect(searched)) as connection, connection:
        connection.execute("INSERT INTO config VALUES ('purpose', '\"table\"')")
        connection.execute(
            "UPDATE evaluations SET purpose = 'table', model = 1, best_accuracy = NULL, status = 'crashed'"
        )
        connection.execute("UPDATE evaluations SET best_accuracy = 0.5, status = 'ok' WHERE evaluation = 1")
        connection.execute("UPDATE evaluations SET best_accuracy = 0.75, status = 'ok' WHERE evaluation = 2")
    content = exported(searched, tmp_path)
    assert content["source"]["model"] == 1
    assert content["search"]["validation_accuracy"] == 0.625


def test_a_preprocessing_that_is_no_name_is_damage(searched, tmp_path):
    with closing(sqlite3.connect(searched)) as connection, connection:
        (text,) = connection.execute("SELECT value FROM config WHERE key = 'experiment'").fetchone()
        content = json.loads(text)
        content["dataset"]["preprocessing"] = [["word"]]
        connection.execute("UPDATE config SET value = ? WHERE key = 'experiment'", (json.dumps(content),))
    with pytest.raises(ReplayError, match="table config, row 'experiment': expected a name as preprocessing, got"):
        export_network(searched, tmp_path / "network.json")


@pytest.mark.usefixtures("device")
def test_what_is_described_can_be_built(searched, tmp_path):
    add_retraining(searched, 1, architecture="[C(4,3,1), SM(10)]", recipe={"name": "x", "batch_normalization": True})
    export_network(searched, tmp_path / "final.json", retraining=1)
    network = build_described(tmp_path / "final.json")
    assert network.input_shape == (None, 8, 8, 1)
    assert [type(layer).__name__ for layer in network.layers] == [
        "Conv2D",
        "BatchNormalization",
        "ReLU",
        "Flatten",
        "Dense",
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "another"}, "expected an architecture, as `metaqnn export --to NAME.json` writes it"),
        ({"format": 2}, "expected format 1 of an architecture, got 2; upgrade metaqnn"),
        (
            {"architecture": "[C(4,3,1)]"},
            "expected a network and the shape of its images, but [C(4,3,1)]: a network must",
        ),
        ({"input_shape": None}, "expected a network and the shape of its images, but 'NoneType' object"),
        ({"parameters": 7}, "expected 650 parameters for [SM(10)], got 7; the file was changed: export it again"),
        ({"flops": None}, "expected 1,280 flops for [SM(10)], got None; the file was changed: export it again"),
    ],
)
def test_a_file_that_was_changed_is_refused(tmp_path, change, sentence):
    good = {"kind": "metaqnn architecture", "format": 1, "architecture": "[SM(10)]", "input_shape": [8, 8, 1]}
    good |= {"parameters": 650, "flops": 1280}
    path = tmp_path / "architecture.json"
    path.write_text(json.dumps(good), encoding="utf-8")
    assert str(read_architecture(path)) == "[SM(10)]"
    path.write_text(json.dumps(good | change), encoding="utf-8")
    with pytest.raises(ExportError) as caught:
        read_architecture(path)
    assert str(caught.value).startswith(f"{path}: {sentence}")


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "architecture.json"
    with pytest.raises(ExportError) as caught:
        read_architecture(path)
    assert (
        str(caught.value) == f"{path}: expected a file that can be read, but No such file or directory; check the path"
    )
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ExportError, match="expected JSON, as `metaqnn export --to NAME"):
        read_architecture(path)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(ExportError, match="expected an architecture, as"):
        read_architecture(path)
