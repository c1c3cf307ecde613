"""Model cards: metadata as the Hub reads it, and figures that the database holds."""

from dataclasses import replace

import pytest
import yaml
from trained_networks import add_retraining, recipe_of

from metaqnn.core import TestLook, TrainingSplit, share_interval
from metaqnn.networks.export.card import ValidationScore, model_card, read_facts
from metaqnn.networks.export.formats import FORMATS, KERAS, LITERT_INT8
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import RetrainingMemory


def facts_of(database, looks=(), **changed):
    retraining = add_retraining(database, 2, score=0.98, recipe=recipe_of("standardize"), **changed)
    with RetrainingMemory(database) as memory:
        for look in looks:
            memory.record_look(look)
    with ReplayReader(database) as reader:
        return read_facts(reader, retraining)


def parts_of(card):
    _, metadata, text = card.split("---\n", 2)
    return yaml.safe_load(metadata), text


def test_the_interval_is_wilsons():
    # By hand: (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), with p 0.98, n 300, z 1.959964.
    assert share_interval(0.98, 300) == pytest.approx((0.957060, 0.990802), abs=1e-6)


def test_a_card_holds_what_the_database_does(searched):
    looks = [
        TestLook(0, "network", (1,), "digits", 450, 0.96, 0.98, ""),
        TestLook(0, "average", (1, 1), "digits", 450, 0.97, 0.98, ""),
    ]
    facts = facts_of(searched, looks)
    metadata, text = parts_of(model_card(facts, KERAS, "best.keras", "uint8 images", None))
    assert metadata["library_name"] == "keras"
    assert metadata["pipeline_tag"] == "image-classification"
    assert {"metaqnn", "keras"} < set(metadata["tags"])
    assert (metadata["datasets"], metadata["metrics"]) == (["digits"], ["accuracy"])
    (entry,) = metadata["model-index"]
    assert entry["name"] == "best"
    found = [(each["dataset"]["split"], each["metrics"][0]["value"]) for each in entry["results"]]
    assert found == [
        ("validation", facts.description["search"]["validation_accuracy"]),
        ("validation", 0.98),
        ("test", 0.96),
    ]
    for result in entry["results"]:  # what the Hub asks of each
        assert result["task"]["type"] == "image-classification"
        assert result["dataset"]["type"] == result["dataset"]["name"] == "digits"
        assert result["metrics"][0]["type"] == "accuracy"
    assert "| validation, after retraining | 300 | 98.00 % | 95.71 % to 99.08 % |" in text
    assert "| test, look 1 (20" in text
    assert "Looks at test splits in the database: 2, with this network alone: 1." in text
    assert "1047 training and 300 validation images of 8 x 8 x 1" in text
    assert "keras.models.load_model('best.keras')" in text
    assert "seed 3: 12 architectures were proposed, of which this is number 2" in text
    for title in ("# best", "## Use", "## Data", "## Search", "## Scores", "## Intended use", "## Limits"):
        assert f"\n{title}\n" in text


def test_int8_is_measured_before_and_after(searched):
    facts = facts_of(searched)
    metadata, text = parts_of(model_card(facts, LITERT_INT8, "a.tflite", "", ValidationScore(0.98, 0.97, 300, 200)))
    assert "int8" in metadata["tags"]
    assert "| validation, before the export | 300 | 98.00 % |" in text
    assert "| validation, in int8, calibrated on 200 of them | 300 | 97.00 % |" in text
    assert "were chosen on 200 validation images without their labels" in text


def test_images_that_were_trained_on_measure_nothing(searched):
    retraining_facts = {"split": TrainingSplit.TRAIN_AND_VALIDATION}
    facts = facts_of(searched, **retraining_facts)
    facts = replace(facts, retraining=replace(facts.retraining, score=None))
    _, text = parts_of(model_card(facts, LITERT_INT8, "a.tflite", "", ValidationScore(1.0, 1.0, 300, 300)))
    assert "after retraining" not in text
    assert "100.00 %" not in text
    assert "learned from both parts" in text


def test_folders_stay_private_and_texts_stay_texts(searched):
    facts = facts_of(searched, dataset={"name": "/home/somebody/flowers of mine.npz"})
    assert model_card(facts, KERAS, "a.keras", "", None).count("somebody") == 0
    facts.description["class_names"] = ["a`b\n## c", *map(str, range(200))]
    metadata, text = parts_of(model_card(facts, KERAS, "a.keras", "", None))
    assert metadata["datasets"] == ["flowers-of-mine.npz"]
    assert "classes: `a b ## c`, `0`" in text
    assert "`98` and 101 more" in text


def test_every_format_that_predicts_has_a_card(searched):
    facts = facts_of(searched)
    libraries = [
        parts_of(model_card(facts, each, f"x{each.ending}", "", None))[0]["library_name"] for each in FORMATS[:-1]
    ]
    assert libraries == ["keras", "onnx", "tensorflow", "tflite", "pytorch"]
