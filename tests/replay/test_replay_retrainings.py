"""Final trainings and looks in the database: what is recorded is read again."""

import math
from dataclasses import replace

import pytest
from contracts.records import epoch
from small_searches import run_small

from metaqnn.core import TRAINING, CurvePoint, Retraining, TestLook, TrainingSplit
from metaqnn.errors import ReplayError
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import (
    RetrainingMemory,
    kept_file,
    read_retraining,
    read_retraining_curve,
    read_retrainings,
    read_test_looks,
    weights_folder,
)

RECIPE, DATASET, DATA = {"name": "one_cycle", "epochs": 2}, {"name": "digits"}, {"classes": 10}
FINAL = Retraining(1, 3, "[SM(10)]", 7, RECIPE, DATASET, DATA, TrainingSplit.TRAIN, None, 650)
EPOCHS = [
    epoch(1, 0.5, 2.0, 0.25, 1.75, 0.375, 0.5),
    CurvePoint(2, None, 0.25, {"learning_rate": 0.25, "train_loss": 1.0, "train_accuracy": 0.5}),
]


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "small.sqlite"
    run_small(path)
    return path


def test_no_two_databases_share_a_folder(tmp_path):
    assert weights_folder(tmp_path / "digits.sqlite") == tmp_path / "digits.sqlite.finals"
    names = ("run", "run.1", "run.2", "run.sqlite", "run.db")
    assert len({weights_folder(tmp_path / name) for name in names}) == len(names)


def test_a_training_from_the_asking_to_the_end(database):
    second = replace(FINAL, number=2, split=TrainingSplit.TRAIN_AND_VALIDATION, finetuned_from=1)
    with RetrainingMemory(database) as memory:
        memory.add([FINAL, second])
        assert read_retrainings(memory) == [FINAL, second]
        memory.begin(1, [], "a device")
        for point in EPOCHS:
            memory.record_epoch(1, point)
        assert read_retraining(memory, 1) == replace(FINAL, seconds=0.75, device="a device")
        memory.record_end(1, "ok", "", 0.5, "final-1.weights.h5")
    with ReplayReader(database) as reader:
        ended = replace(FINAL, status="ok", score=0.5, seconds=0.75, device="a device")
        assert read_retraining(reader, 1) == replace(ended, weights="final-1.weights.h5")
        assert read_retraining_curve(reader, 1) == EPOCHS
        assert read_retraining_curve(reader, 2) == []
    assert [path.name for path in database.parent.glob("small.sqlite*") if "lock" not in path.name] == ["small.sqlite"]


def test_a_training_that_goes_on_has_the_epochs_of_its_checkpoint_alone(database):
    with RetrainingMemory(database) as memory:
        memory.add([FINAL])
        memory.begin(1, [], "a device")
        for point in EPOCHS:
            memory.record_epoch(1, point)
        memory.begin(1, EPOCHS[:1], "another")
        assert read_retraining_curve(memory, 1) == EPOCHS[:1]
        assert read_retraining(memory, 1) == replace(FINAL, seconds=0.5, device="another")


def test_a_training_that_is_asked_for_again_has_nothing(database):
    with RetrainingMemory(database) as memory:
        memory.add([FINAL])
        memory.begin(1, EPOCHS, "a device")
        memory.record_end(1, "crashed", "because", None, None)
        memory.restart(1)
        assert read_retraining(memory, 1) == replace(FINAL, device="a device")
        assert read_retraining(memory, 1).status == TRAINING
        assert read_retraining_curve(memory, 1) == []


def test_what_is_no_number_is_null(database):
    with RetrainingMemory(database) as memory:
        memory.add([FINAL])
        memory.begin(1, [replace(EPOCHS[0], figures=EPOCHS[0].figures | {"train_loss": math.nan})], "a device")
        (stored,) = read_retraining_curve(memory, 1)
        assert math.isnan(stored.figures["train_loss"])
        assert memory.query("SELECT train_loss, train_accuracy FROM final_curves")[1] == [(None, 0.25)]
        assert replace(stored, figures=stored.figures | {"train_loss": 2.0}) == EPOCHS[0]


def test_looks_are_numbered_and_dated(database):
    looks = [
        TestLook(0, "network", (1,), "digits", 450, 0.98, 0.97, "metaqnn evaluate small.sqlite"),
        TestLook(0, "greedy", (1, 2, 1), "digits", 450, 0.99, None, "metaqnn ensemble small.sqlite --greedy"),
    ]
    with RetrainingMemory(database) as memory:
        memory.add([FINAL])
        recorded = [memory.record_look(look) for look in looks]
        assert [replace(look, look=0, looked_at="") for look in recorded] == looks
        assert [look.look for look in recorded] == [1, 2]
        assert read_test_looks(memory) == recorded
        _, rows = memory.query("SELECT final, recipe, dataset, test_accuracy FROM final_networks")
    assert rows == [(1, "one_cycle", "digits", 0.98)]


def test_a_final_that_does_not_exist(database):
    with ReplayReader(database) as reader, pytest.raises(ReplayError) as error:
        read_retraining(reader, 1)
    sentence = f"{database}: there is no retraining 1; nothing was trained with `metaqnn train` yet"
    assert str(error.value) == sentence
    with RetrainingMemory(database) as memory:
        memory.add([FINAL])
        with pytest.raises(ReplayError, match=r": there is no retraining 9; its retrainings are numbered 1 to 1$"):
            read_retraining(memory, 9)


def test_an_absent_database_is_not_created(tmp_path):
    with pytest.raises(ReplayError, match="there is no such replay database"):
        RetrainingMemory(tmp_path / "absent.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_one_writer_at_a_time(database):
    with RetrainingMemory(database), pytest.raises(ReplayError, match="another search or training is running"):
        RetrainingMemory(database)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x.keras", "/etc/passwd", "sub/x.keras", "x\0", "out.keras", "circle", "in/../x", "dir"]
)
def test_a_name_that_leads_out_of_the_folder_is_not_followed(tmp_path, name):
    database = tmp_path / "a.sqlite"
    folder = weights_folder(database)
    folder.mkdir()
    (tmp_path / "x.keras").touch()
    (folder / "out.keras").symlink_to("../x.keras")
    (folder / "circle").symlink_to("circle")
    (folder / "dir").symlink_to("..")
    with pytest.raises(ReplayError) as caught:
        kept_file(database, name, "the weights of final 1")
    assert str(caught.value) == (
        f"{database}: the weights of final 1 cannot be {name!r}: expected the plain name of a file in {folder}, and no "
        "link that leads out of it; put the file there, or use `metaqnn train --retrain`"
    )


def test_names_in_the_folder_and_links_within_it_are_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    database = tmp_path / "a.sqlite"
    weights_folder(database).symlink_to("elsewhere")  # the folder may lie anywhere; what it holds may not
    (tmp_path / "elsewhere" / "x.keras").touch()
    (tmp_path / "elsewhere" / "link.keras").symlink_to("x.keras")
    for name in ("x.keras", "link.keras", "absent.keras"):
        assert kept_file(database, name, "it") == weights_folder(database) / name
