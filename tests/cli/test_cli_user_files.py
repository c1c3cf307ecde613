"""No command costs the user a file: what has a name that a command writes is kept, moved aside, or refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from metaqnn.networks.data.svhn import fetch_svhn
from metaqnn.replay.retrainings import weights_folder

GOLDEN = Path(__file__).parents[1] / "golden"
QUICK = ["--set", "final.epochs=1", "--set", "final.batch_size=512"]
TABLE = """
name: cubes
space: {name: chain, choices: [2, 2]}
table: {file: cubes.csv}
"""
CSV = "architecture,reward,judge\n00,0.1,0.1\n01,0.2,0.2\n10,0.3,0.3\n11,0.4,0.4\n"
SMALL = """
name: tiny
seed: 5
dataset: {name: digits, validation_size: 1247, train_limit: 100}
space:
  max_depth: 1
  convolution: {filters: [4], receptive_fields: [1], strides: [1]}
training: {epochs: 1}
"""


@pytest.fixture
def searched(tmp_path):
    return Path(shutil.copy(GOLDEN / "schema_v3.sqlite", tmp_path / "small.sqlite"))


def state(folder: Path) -> dict[str, bytes | str | None]:
    """Every file with its bytes, every link with where it leads, every folder."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(folder.rglob("*"))
    }


def occupy(*paths: Path) -> None:
    """Put a file, a folder with a file, or a link there, in turn."""
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 3 == 0:
            path.write_text(f"mine: {path.name}", encoding="utf-8")
        elif number % 3 == 1:
            path.mkdir()
            (path / "mine").write_text("mine", encoding="utf-8")
        else:
            path.symlink_to("small.sqlite")


@pytest.mark.parametrize("shift", [0, 1, 2])
@pytest.mark.parametrize(
    ("words", "target"),
    [
        (["replay", "copy", "small.sqlite", "new.sqlite"], "new.sqlite"),
        (["replay", "export", "small.sqlite", "--layout", "metaqnn2017", "--out", "new.csv"], "new.csv"),
        (["replay", "export", "small.sqlite", "--layout", "tables", "--out", "new"], "new"),
        (["replay", "import", str(GOLDEN / "replay_database.csv"), "new.sqlite", "--experiment", "svhn"], "new.sqlite"),
        (["export", "small.sqlite", "--model", "1", "--to", "new.json"], "new.json"),
        (["report", "small.sqlite", "--top", "1", "--out", "new"], "new/report.html"),
    ],
)
def test_names_beside_a_target_are_the_users(metaqnn, searched, tmp_path, words, target, shift):
    target = tmp_path / target
    names = [target.with_name(f"{target.name}{ending}") for ending in (".part", ".part-journal", ".tmp")]
    names.append(target.with_name(f"{target.stem}.part{target.suffix or '.x'}"))
    occupy(*names[shift:], *names[:shift])
    before = state(tmp_path)
    result = metaqnn(*words)
    assert result.code == 0, result.err
    after = state(tmp_path)
    assert {name: after[name] for name in before} == before
    assert target.exists()
    assert not list(tmp_path.rglob(".metaqnn*"))


@pytest.mark.parametrize("name", ["report.html", "figures/trace.png", "figures/trace.svg"])
@pytest.mark.parametrize("is_link", [True, False])
def test_a_report_writes_over_nothing_but_a_reports(metaqnn, refused, searched, tmp_path, name, is_link):
    words = ("report", searched, "--top", 1, "--out", "page")
    mine = tmp_path / "page" / name
    mine.parent.mkdir(parents=True)
    if is_link:
        (tmp_path / "elsewhere").write_text("mine", encoding="utf-8")
        mine.symlink_to(tmp_path / "elsewhere")
    else:
        mine.write_text("mine", encoding="utf-8")
    assert refused(*words).startswith(f"page/{name}: expected an earlier report's file, or none; move it away, or")
    mine.unlink()
    assert metaqnn(*words).code == 0
    first = (tmp_path / "page" / name).stat().st_ino
    assert metaqnn(*words).code == 0
    assert (tmp_path / "page" / name).stat().st_ino != first


def test_a_comparison_moves_the_earlier_one_aside(metaqnn, tmp_path):
    (tmp_path / "cubes.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "cubes.yaml").write_text(TABLE, encoding="utf-8")
    for name in ("compare.csv", "compare.png"):
        (tmp_path / name).write_text(f"mine: {name}", encoding="utf-8")
    words = ("compare", "cubes.yaml", "--strategies", "random", "--seeds", 1, "--evaluations", 3, "--format", "json")
    result = metaqnn(*words, "--out", ".")
    assert result.code == 0, result.err
    assert "mine" not in result.out
    for stem, suffix in (("compare", ".csv"), ("compare", ".png")):
        (moved,) = tmp_path.glob(f"{stem}.2*{suffix}")
        assert moved.read_text(encoding="utf-8") == f"mine: {stem}{suffix}"
        assert f"The earlier {stem}{suffix} was moved to {moved.name}.\n" in result.err
        assert (tmp_path / f"{stem}{suffix}").read_bytes()[:4] != b"mine"


@pytest.mark.parametrize("name", ["table.yaml", pytest.param("table.csv.gz", marks=pytest.mark.long)])
def test_an_enumeration_writes_over_no_table(metaqnn, refused, tmp_path, name):
    (tmp_path / "tiny.yaml").write_text(SMALL, encoding="utf-8")
    (tmp_path / name).write_text("mine", encoding="utf-8")
    words = ("enumerate", "tiny.yaml", "--workers", 1, "--table", "table.yaml")
    assert refused(*words) == f"{name}: expected a new file, but it exists; choose another name"
    assert not (tmp_path / "replay_db").exists()
    result = metaqnn(*words, "--fresh")
    assert result.code == 0, result.err
    (moved,) = (path for path in tmp_path.glob("table.*2*") if path.read_bytes() == b"mine")
    assert f"The earlier {name} was moved to {moved.name}." in result.out
    assert {"table.yaml", "table.csv.gz"} < {path.name for path in tmp_path.iterdir()}


def test_a_training_writes_over_no_final_that_its_database_does_not_know(metaqnn, searched):
    folder = weights_folder(searched)
    occupy(
        folder / "final-1.weights.h5",
        folder / "final-1.checkpoint.npz.part",
        folder / "final-1.part.keras",
        folder / "final-1.keras",
    )
    (folder / "final-1.checkpoint.npz").write_text("mine too", encoding="utf-8")
    before = state(folder)
    result = metaqnn("train", searched, "--top", 1, *QUICK)
    assert result.code == 0, result.err
    (network,), (checkpoint,) = folder.glob("final-1.*2*.h5"), folder.glob("final-1.checkpoint.2*.npz")
    assert network.read_text(encoding="utf-8") == "mine: final-1.weights.h5"
    assert checkpoint.read_text(encoding="utf-8") == "mine too"
    said = result.out + result.err
    assert f"final-1.weights.h5 is not of this training; it was moved to {network.name}." in said
    assert checkpoint.name in said
    after = state(folder)
    unmoved = [name for name in before if name not in ("final-1.weights.h5", "final-1.checkpoint.npz")]
    assert {name: after[name] for name in unmoved} == {name: before[name] for name in unmoved}
    assert (folder / "final-1.weights.h5").read_bytes()[1:4] == b"HDF"


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a_name_that_locks_had_is_the_users(metaqnn, searched, tmp_path, kind):
    lock = tmp_path / "small.sqlite.lock"
    if kind == "folder":
        lock.mkdir()
    elif kind == "link":
        lock.symlink_to("small.yaml")
    else:
        lock.write_text("mine", encoding="utf-8")
    before = state(tmp_path)
    assert metaqnn("replay", "retry", searched).code == 0
    after = state(tmp_path)
    assert after.pop("small.sqlite") != before.pop("small.sqlite")
    assert after == before


@pytest.mark.parametrize("ending", ["-wal", "-journal", "-shm"])
def test_the_log_of_a_database_that_is_gone_is_not_deleted(refused, tmp_path, ending):
    (tmp_path / "tiny.yaml").write_text(SMALL, encoding="utf-8")
    (tmp_path / f"new.sqlite{ending}").write_text("what was recorded last", encoding="utf-8")
    assert refused("search", "tiny.yaml", "--models", 1, "--db", "new.sqlite") == (
        f"new.sqlite{ending}: expected no such file beside a new database; put the database back that it belongs to, "
        "or move it away"
    )


def test_downloads_leave_what_lies_beside_the_archive(tmp_path, monkeypatch):
    from metaqnn.networks.data import svhn

    monkeypatch.setattr(svhn, "fetch_file", lambda url, md5, path: path.write_text(url, encoding="utf-8"))
    monkeypatch.setattr(svhn, "read_mat", lambda path: (np.zeros(1), np.zeros(1)))
    for name in ("svhn_train.mat", "svhn_test.mat", "train.mat"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    before = state(tmp_path)
    fetch_svhn("svhn", tmp_path / "svhn.npz")
    after = state(tmp_path)
    assert after.pop("svhn.npz")
    assert after == before
