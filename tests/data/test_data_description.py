"""What a database keeps of its data: the same for equal searches, bounded, and no reason not to resume."""

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metaqnn.core import Note
from metaqnn.errors import DamageError
from metaqnn.networks.data import DatasetConfig, load_search_data
from metaqnn.networks.data.description import Look, compare_parts, describe_search, read_description
from metaqnn.networks.evaluator import NetworkEvaluator
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows import SearchOptions, load_experiment, run_search, verify_database

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))  # for the helper small_searches
from small_searches import SMALL_YAML, judged, run_small

DIGITS = DatasetConfig("digits", validation_size=300)
GOLDEN = Path(__file__).parents[1] / "golden"


def described(config):
    data = load_search_data(config, 0)
    found = {"description": json.loads(json.dumps(describe_search(data, config)))}
    return data, read_description(found, Path("small.sqlite"))


def test_digits_are_described_as_they_are():
    data, found = described(DIGITS)
    assert found.input_shape == (8, 8, 1)
    assert [(part.name, part.images, part.low, part.high) for part in found.parts] == [
        ("train", 1047, 0, 255),
        ("validation", 300, 0, 255),
    ]
    assert found.parts[1].counts == (30, 30, 30, 31, 30, 30, 30, 30, 29, 30)
    assert found.notes == ()
    assert [thumbnail.label for thumbnail in found.thumbnails] == ["0", "1", "2"]
    for label, thumbnail in enumerate(found.thumbnails):
        assert np.array_equal(thumbnail.array(), data.x_train[data.y_train == label][0])


def test_a_large_image_is_drawn_by_the_means_of_squares(archive):
    pixels = np.zeros((40, 100, 50, 4), np.uint8)
    pixels[:, :3, :3] = 90
    pixels[:, 0, 0] = np.arange(40)[:, None]
    config = DatasetConfig(str(archive(x_train=pixels)), validation_size=10)
    data, found = described(config)
    small = found.thumbnails[0].array()
    assert small.shape == (34, 17, 3)
    first = int(data.x_train[data.y_train == 0][0, 0, 0, 0])
    assert small[0, 0].tolist() == [(8 * 90 + first) // 9] * 3
    assert not small[1:].any()


def test_a_description_is_bounded():
    data = load_search_data(DIGITS, 0)
    notes = (*(Note("skipped", f"{n} {'x' * 1000}") for n in range(100)), Note("doubt", "the last"))
    found = describe_search(replace(data, notes=notes), DIGITS)
    assert len(found["notes"]) == 30
    assert found["notes"][-2:] == [
        {"kind": "doubt", "text": "the last"},
        {"kind": "skipped", "text": "72 more notes are left out here"},
    ]
    assert len(json.dumps(found)) < 60_000


def test_where_images_are_standardized_their_scale_does_not_matter(archive):
    config = DatasetConfig(str(archive(x_train=np.arange(40 * 25).reshape(40, 5, 5) % 16)), validation_size=10)
    assert any("nearly black" in text for text in described(config)[1].of_kind("doubt"))
    assert not any(
        "nearly black" in note for note in described(replace(config, preprocessing="standardize"))[1].of_kind("doubt")
    )


def test_images_are_the_same_only_to_the_bit():
    images = np.random.Generator(np.random.Philox(0)).integers(0, 256, (1200, 4, 4, 1), dtype=np.uint8)
    labels = np.arange(1200) % 3
    pieces = [Look(images[:700], labels[:700]), Look(images[700:1000], labels[700:1000])]
    tested = np.concatenate([images[1000:], images[600:750]])
    tested[-1, 0, 0, 0] ^= 1
    look = Look(tested, np.zeros(len(tested), np.int64))
    duplicates, notes = compare_parts(pieces, look, ("a", "b", "c"))
    assert duplicates == 149
    assert [note.text for note in notes] == [
        "149 of 350 test images are training images, too, so that the test accuracy would be too good",
        "the classes b, c have no test image",
    ]


def test_a_search_says_what_looks_wrong_each_time_and_resumes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = np.random.Generator(np.random.Philox(0)).integers(0, 16, (60, 8, 8), dtype=np.uint8)
    # A test part that cannot be read: nothing of it is looked at.
    np.savez("own.npz", x_train=images, y_train=np.arange(60) % 10, x_val=images, x_test=np.zeros(0), y_test=[])
    (tmp_path / "small.yaml").write_text(SMALL_YAML)
    database = tmp_path / "small.sqlite"
    for models, more in ((6, ()), (8, ()), (12, ("dataset.channels=last",))):
        lines = []
        own = ("dataset={name: ./own.npz, validation_size: 20}", *more)
        with judged():
            run_search(load_experiment("small.yaml", own), database, SearchOptions(models), announce=lines.append)
        assert lines[:2] == [
            "Passed over: x_val: not read: a search holds out images of x_train; join them to x_train and y_train to "
            "use them.",
            "Doubt: no value is above 15 of 255, so that the images are nearly black; dataset.scale: 15 makes that "
            "white.",
        ]
    with ReplayReader(database) as reader:
        assert verify_database(reader).difference is None
        assert read_description(reader.config()["data"], database).of_kind("doubt") == [lines[1][7:-1]]


@pytest.mark.parametrize("version", [1, 4, 5])
def test_a_database_that_is_older_than_descriptions_goes_on(version, tmp_path):
    old = Path(shutil.copy(GOLDEN / f"schema_v{version}.sqlite", tmp_path / "small.sqlite"))
    run_small(old, models=13)
    with ReplayReader(old) as reader:
        assert read_description(reader.config()["data"], old) is None
        assert verify_database(reader).difference is None


def test_a_worker_needs_no_description_to_know_its_data():
    from metaqnn.core import Setting
    from metaqnn.networks.training.config import TrainingConfig

    facts = NetworkEvaluator(TrainingConfig(), Setting(0, None, DIGITS)).facts()
    assert set(facts["description"]) == {"class_names", "input_shape", "parts", "notes", "thumbnails"}
    assert "description" not in NetworkEvaluator(TrainingConfig(), Setting(0, None, DIGITS))._facts


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda found: found.update(parts=3), "description.parts: expected a list"),
        (lambda found: found.update(more=3), "description.more: there is no such key"),
        (lambda found: found["thumbnails"][0].update(pixels="AA=="), "pixels: expected as many in base 64"),
        (lambda found: found["thumbnails"][0].update(pixels="\u00e9"), "pixels: expected as many in base 64"),
        (lambda found: found["thumbnails"][0].update(shape=[8, 4, 2]), "shape: expected one channel or three"),
        (lambda found: found["thumbnails"][0].update(shape=[64, 1, 1]), "shape: expected at most 48 by 48"),
    ],
)
def test_what_is_no_description_is_damage(change, told, tmp_path):
    path = Path(shutil.copy(GOLDEN / "schema_v6.sqlite", tmp_path / "bad.sqlite"))
    with closing(sqlite3.connect(path)) as connection, connection:
        ((text,),) = connection.execute("SELECT value FROM config WHERE key = 'data'")
        data = json.loads(text)
        change(data["description"])
        connection.execute("UPDATE config SET value = ? WHERE key = 'data'", (json.dumps(data),))
    with ReplayReader(path) as reader, pytest.raises(DamageError) as error:
        read_description(reader.config()["data"], path)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
