"""Built-in observers pass the contract; files cut off at any byte are made whole."""

import csv
import json

import pytest

from metaqnn.core import ObservedSearch
from metaqnn.core.plugins import find, listed
from metaqnn.observers.rows import CSVRows, JSONLines, RowsOptions
from metaqnn.observers.wandb import cut_off_runs
from metaqnn.testing import ObserverContract
from metaqnn.testing.observer import observed


def rows_of(search: ObservedSearch, ending: str) -> list[dict]:
    """The rows of a search, in whichever file they lie by now."""
    for path in sorted(search.database.parent.glob(f"made_up*{ending}")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = [json.loads(line) for line in file] if ending == ".jsonl" else list(csv.DictReader(file))
        if rows[0]["search"] == search.identity:
            return rows
    return []


class TestCSV(ObserverContract):
    @pytest.fixture
    def make_observer(self):
        return lambda search: CSVRows(RowsOptions(), search)

    @pytest.fixture
    def read_back(self):
        return lambda search: [int(row["episode"]) for row in rows_of(search, ".csv")]

    def test_values(self, make_observer, search):
        observer = make_observer(search)
        observer.start()
        self.tell(observer, 1, 4)
        observer.stop()
        first, _, third, fourth = rows_of(search, ".csv")
        assert first["architecture"] == '[A(1), "B,1"] ä é'
        assert (first["score"], first["parameters"], first["recorded"]) == ("0.015625", "10", '{"epsilon": 0.5}')
        assert third["reused"] == "True"
        assert third["status"] == third["reason"] == ""
        assert (fourth["status"], fourth["score"], fourth["reason"]) == ("diverged", "", "the loss is not finite")
        assert first["recorded_at"] == "2026-01-02T03:04:01.500+00:00"


class TestJSONLines(ObserverContract):
    @pytest.fixture
    def make_observer(self):
        return lambda search: JSONLines(RowsOptions(), search)

    @pytest.fixture
    def read_back(self):
        return lambda search: [row["episode"] for row in rows_of(search, ".jsonl")]

    def test_values(self, make_observer, search):
        observer = make_observer(search)
        observer.start()
        self.tell(observer, 1, 4)
        observer.stop()
        first, _, third, fourth = rows_of(search, ".jsonl")
        assert first["actions"] == ["A(1)", "B,1"]
        assert first["costs"] == {"parameters": 10, "share": 0.5}
        assert first["curve"][1] == {"step": 2, "accuracy": 0.03125, "seconds": 0.5, "loss": 1.0}
        assert third["curve"] == []
        assert fourth["curve"][0]["loss"] is None


@pytest.mark.parametrize("make", [CSVRows, JSONLines])
def test_a_file_that_is_cut_off_anywhere_is_made_whole(make, tmp_path):
    search = ObserverContract.made_up_search(tmp_path, "0123abcd")
    observer = make(RowsOptions(), search)
    observer.start()
    ObserverContract.tell(observer, 1, 3)
    observer.stop()
    whole = observer.path.read_bytes()
    for length in (*range(0, len(whole), 11), *range(len(whole) - 9, len(whole) + 1)):
        for left in tmp_path.iterdir():
            left.unlink()
        observer.path.write_bytes(whole[:length])
        again = make(RowsOptions(), search)
        ObserverContract.tell(again, again.start() + 1, 3)
        again.stop()
        assert observer.path.read_bytes() == whole


def test_rows_with_line_breaks_that_are_cut_off_are_written_anew(tmp_path):
    search = ObserverContract.made_up_search(tmp_path, "0123abcd")
    broken = observed(2)
    object.__setattr__(broken.episode, "architecture", "two\nlines, \n\nor more")
    observer = CSVRows(RowsOptions(), search)
    observer.start()
    observer.write(observed(1))
    observer.write(broken)
    observer.stop()
    whole = observer.path.read_bytes()
    for length in range(whole.index(b"two"), len(whole)):
        observer.path.write_bytes(whole[:length])
        again = CSVRows(RowsOptions(), search)
        assert again.start() == 1
        again.write(broken)
        again.stop()
        assert observer.path.read_bytes() == whole


def test_a_path_of_the_users_is_taken(tmp_path):
    search = ObserverContract.made_up_search(tmp_path, "0123abcd")
    observer = CSVRows(RowsOptions(str(tmp_path / "new" / "mine.csv")), search)
    assert observer.start() == 0
    observer.write(observed(1))
    observer.stop()
    assert (tmp_path / "new" / "mine.csv").read_text().count("\n") == 2


def test_they_are_listed_with_what_they_are():
    rows = {row.plugin.name: row for row in listed() if row.plugin.kind == "observer"}
    assert set(rows) == {"csv", "jsonl", "tensorboard", "mlflow", "wandb"}
    assert all(row.summary and not row.problem for row in rows.values())
    assert find("observer", "csv", "a test").load() is CSVRows


@pytest.mark.parametrize(
    "pattern",
    ["../../keep-abc", "offline-run-1/../../../keep-abc", "*", "*-abc", "offline-run-*", "offline-run-1-other"],
)
def test_a_position_file_leads_to_no_folder_but_a_run_s(tmp_path, pattern):
    folder = tmp_path / "runs" / "wandb"
    for name in ("offline-run-1-abc", "offline-run-2-other", "mine-abc"):
        (folder / name).mkdir(parents=True)
    (tmp_path / "keep-abc").mkdir()
    (folder / "offline-run-3-abc").symlink_to(tmp_path / "keep-abc")
    assert cut_off_runs(folder, pattern, "abc") == []
    assert cut_off_runs(folder, "offline-run-1-abc", "abc") == [folder / "offline-run-1-abc"]
    assert cut_off_runs(folder, "offline-run-*-abc", "abc") == [folder / "offline-run-1-abc"]
