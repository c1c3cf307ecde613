"""`describe` and `datasets`."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"


def test_describe_gives_known_numbers(metaqnn):
    result = metaqnn("describe", "[C(64,3,1), P(2,2), SM(10)]")
    # C: (3*3*3+1)*64 parameters and 2*32*32*27*64 FLOPs; SM: 16*16*64*10+10 and 2*16*16*64*10.
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "[C(64,3,1), P(2,2), SM(10)] on 32x32x3\n"
        "  layer      output    parameters      flops  dropout\n"
        "                                              after\n"
        "  ---------------------------------------------------\n"
        "  C(64,3,1)  32x32x64       1,792  3,538,944\n"
        "  P(2,2)     16x16x64           0          0  0.5\n"
        "  SM(10)     10           163,850    327,680\n"
        "  total                   165,642  3,866,624\n"
        "\n"
    )


def test_describe_for_programs(metaqnn):
    rows = json.loads(metaqnn("describe", "C(8,3,1),D(1,1),GAP(4),SM(4)", "--input", "6x5x2", "--format", "json").out)
    assert rows == [
        {"layer": "C(8,3,1)", "output": "6x5x8", "parameters": 152, "flops": 8640, "dropout_after": ""},
        {"layer": "GAP(4)", "output": "4", "parameters": 36, "flops": 1920, "dropout_after": ""},
        {"layer": "SM(4)", "output": "4", "parameters": 20, "flops": 32, "dropout_after": ""},
        {"layer": "total", "output": "", "parameters": 208, "flops": 10592, "dropout_after": ""},
    ]
    text = metaqnn("describe", "[SM(10)]", "--format", "csv").out
    assert next(csv.DictReader(io.StringIO(text))) == {
        "layer": "SM(10)",
        "output": "10",
        "parameters": "30730",
        "flops": "61440",
        "dropout_after": "",
    }


def test_describe_of_a_huge_network(metaqnn):
    result = metaqnn("describe", "[C(999999999,9,1), SM(10)]", "--input", "999999x999999x999999")
    assert (result.code, result.err) == (0, "")
    assert max(map(len, result.out.splitlines())) <= 80
    # 1e6 x 1e6 positions, 81 x 1e6 x 1e9 multiply-adds at each; SM adds 2 x 1e22.
    assert "1.620e+29" in result.out


def test_a_typo_in_a_network_is_pointed_at(metaqnn):
    result = metaqnn("describe", "[C(64,3,1), P(2,2, SM(10)]")
    assert result.code == 2
    assert result.out == ""
    assert result.err == (
        "metaqnn: expected ')' as in P(f,s) at character 18, got ','\n"
        "  [C(64,3,1), P(2,2, SM(10)]\n"
        "                   ^\n"
    )


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ("[C(64,3,1)]", "a network must end with SM(classes); add it"),
        ("[P(5,3), SM(10)]", "P(5,3) does not fit on an image of 4x4"),
        ("[SM(10), SM(10)]", "nothing may follow SM(10), but SM(10) does"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused(refused, network, sentence):
    assert sentence in refused("describe", network, "--input", "4x4x3")


def test_datasets_lists_all_of_them(metaqnn):
    rows = json.loads(metaqnn("datasets", "--format", "json").out)
    assert [row["name"] for row in rows] == ["digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "svhn"]
    assert rows[0] == {
        "name": "digits",
        "image": "8x8x1",
        "classes": 10,
        "train": 1347,
        "test": 450,
        "there": "yes",
        "read_from": "inside scikit-learn",
    }
    assert [row["there"] for row in rows[1:]] == ["no"] * 5


def test_datasets_finds_what_is_there(metaqnn, tmp_path, monkeypatch):
    import numpy as np

    monkeypatch.setenv("METAQNN_DATA", str(tmp_path))
    np.savez(tmp_path / "mnist.npz", x_train=[1])
    rows = {row["name"]: row for row in json.loads(metaqnn("datasets", "--format", "json").out)}
    assert (rows["mnist"]["there"], rows["mnist"]["read_from"]) == ("yes", str(tmp_path / "mnist.npz"))
    assert rows["svhn"]["there"] == "no"


def test_datasets_fits_the_screen(metaqnn):
    result = metaqnn("datasets")
    assert (result.code, result.err) == (0, "")
    assert max(map(len, result.out.splitlines())) <= 80
    # Where a path has no room beside the others it stands below, wrapped but not cut.
    assert "inside scikit-learn" in result.out
    assert "svhn.npz" in result.out.replace("\n      ", "")


def test_datasets_says_what_it_understands(metaqnn, tmp_path, monkeypatch):
    import numpy as np

    monkeypatch.chdir(tmp_path)
    images = np.random.Generator(np.random.Philox(0)).integers(0, 256, (50, 8, 8), dtype=np.uint8)
    names = np.array(["left", "right"])[np.arange(50) % 2]
    np.savez("own.npz", x_train=images[:40], y_train=names[:40], x_test=images[39:], y_test=names[39:])
    result = metaqnn("datasets", "./own.npz")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "./own.npz\n"
        "  part   images  size   lowest  highest\n"
        "  -------------------------------------\n"
        "  train      40  8x8x1       0      255\n"
        "  test       11  8x8x1       0      255\n"
        "\n"
        "Images of each class\n"
        "  class  train  test\n"
        "  ------------------\n"
        "  left      20     5\n"
        "  right     20     6\n"
        "\n"
        "What was noticed\n"
        "  kind   value\n"
        "  ------------------------------------------------------------------------------\n"
        "  fact   x_train is uint8 of shape (40, 8, 8)\n"
        "  fact   x_test is uint8 of shape (11, 8, 8)\n"
        "  doubt  1 of 11 test images is a training image, too, so that the test accuracy\n"
        "         would be too good\n"
        "\n"
    )
    closed = json.loads(metaqnn("datasets", "./own.npz", "--no-test", "--format", "json").out)
    assert closed["classes"] == [{"class": "left", "train": 20}, {"class": "right", "train": 20}]
    assert [row["kind"] for row in closed["notes"]] == ["fact"]


def test_a_look_of_datasets_is_recorded_where_a_database_is_named(metaqnn, tmp_path):
    from metaqnn.replay.reader import ReplayReader
    from metaqnn.replay.retrainings import read_test_checks, read_test_looks
    from metaqnn.workflows import verify_database

    path = tmp_path / "small.sqlite"
    shutil.copy(GOLDEN / "schema_v5.sqlite", path)
    result = metaqnn("datasets", "digits", "--db", path)
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("Nothing looks wrong.\n")
    with ReplayReader(path) as reader:
        (check,) = read_test_checks(reader)
        assert read_test_looks(reader) == []
        found = verify_database(reader)
    assert (check.look, check.dataset, check.examples, check.found) == (1, "digits", 450, ())
    assert check.command == f"metaqnn datasets digits --db {path}"
    assert (found.difference, found.looks) == (None, 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--no-test"], "expected the PATH or NAME of a data set beside these options"),
        (["digits", "--set", "training.epochs=3"], "--set training.epochs=3: expected a key of the section dataset"),
        (["digits", "--set", "dataset.scale=15"], "dataset.scale: there is no such key"),
        (["nothing"], "'nothing' is neither a data set nor a path"),
        (["./nowhere.npz"], "nowhere.npz: there is no such file"),
        (["digits", "--db", "nowhere.sqlite"], "nowhere.sqlite: there is no such"),
    ],
)
def test_what_datasets_refuses(refused, words, sentence):
    assert sentence in refused("datasets", *words)
