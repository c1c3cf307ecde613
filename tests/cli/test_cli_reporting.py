"""`metaqnn report`: where the page lies, and what is refused."""

import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

pytestmark = pytest.mark.usefixtures("instant")


def test_the_report_of_a_search(metaqnn, finished, tmp_path):
    # Its data set is gone: a report reads what is recorded, and never a data set.
    with closing(sqlite3.connect(finished, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE config SET value = json_set(value, '$.dataset.name', 'gone.npz') WHERE key = 'experiment'"
        )
    result = metaqnn("report", finished, "--top", 1)
    assert result.code == 0, result
    page, figures = "build/report/small/report.html", "build/report/small/figures"
    first, second = result.out.splitlines()
    assert first.startswith("The report of 12 networks, in ")
    assert first.endswith(f" s: {page}")
    assert second == f"Its figures, as PNG and SVG, with their numbers as CSV: {figures}"
    assert "figures" in result.err
    assert (tmp_path / figures / "trace.svg").is_file()
    html = (tmp_path / page).read_text(encoding="utf-8")
    assert html.count('<article class="card"') == 1
    assert "gone.npz" in html


def test_refusals(refused, finished, tmp_path):
    absent = tmp_path / "absent.sqlite"
    assert refused("report", absent) == (
        f"{absent}: there is no such replay database; start a search first, or check the path"
    )
    (tmp_path / "text.sqlite").write_text("no database", encoding="utf-8")
    assert "expected a replay database, but this file is no SQLite database" in refused(
        "report", tmp_path / "text.sqlite"
    )
    assert refused("report", finished, "--top", 0) == (
        "Invalid value for '--top': 0 is not in the range 1<=x<=100. (see metaqnn report --help)"
    )
    assert "101 is not in the range 1<=x<=100" in refused("report", finished, "--top", 101)


def test_a_place_that_cannot_be_written(refused, finished, tmp_path):
    (tmp_path / "file").touch()
    assert "Directory 'file' is a file" in refused("report", finished, "--out", "file")
    assert refused("report", finished, "--out", "file/below") == (
        "Invalid value for --out: expected a place that can be written, but file/below: Not a directory "
        "(see metaqnn report --help)"
    )
    (tmp_path / "taken" / "report.html").mkdir(parents=True)
    assert "taken/report.html is in the way" in refused("report", finished, "--out", "taken")
    shutil.rmtree(tmp_path / "taken")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "figures").touch()
    assert "taken/figures: File exists" in refused("report", finished, "--out", "taken")


def test_a_database_that_no_search_has_written_to(refused, tmp_path):
    from metaqnn.replay.memory import SQLiteReplayMemory

    with SQLiteReplayMemory(tmp_path / "new.sqlite"):
        pass
    assert refused("report", tmp_path / "new.sqlite") == (
        f"{tmp_path / 'new.sqlite'}: no search has written to this database yet; start one with `metaqnn search`"
    )


def test_a_place_that_is_full_ends_in_a_sentence(finished, tmp_path):
    # No file of this process may have more than 8 KiB, so that a figure fails as on a full disk.
    command = [sys.executable, "-m", "metaqnn", "report", str(finished), "--out", str(tmp_path / "page")]
    ended = subprocess.run(
        ["bash", "-c", f"ulimit -f 8; exec {shlex.join(command)}"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == (
        "metaqnn: expected to write a file of this size, but File too large; raise the limit (ulimit -f), and run the "
        "same command again: nothing that was recorded is lost"
    )
    assert "Traceback" not in ended.stderr
    assert not list((tmp_path / "page").rglob(".metaqnn-part-*"))
    assert not (tmp_path / "page" / "report.html").exists()
