"""What TensorBoard reads, read with TensorBoard's own reader; TensorFlow is never imported."""

import subprocess
import sys
from types import ModuleType

import pytest

from metaqnn.core import ObservedSearch
from metaqnn.observers.tensorboard import TensorBoard, TensorBoardOptions
from metaqnn.testing import ObserverContract

pytest.importorskip("tensorboard")

sys.modules.setdefault("tensorboard.compat.notf", ModuleType("notf"))  # its reader would import TensorFlow


def accumulated(folder):
    """What TensorBoard knows of a run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0}).Reload()


def run_of(search: ObservedSearch):
    return search.database.parent / "tensorboard" / f"{search.name}-{search.identity}"


class TestTensorBoard(ObserverContract):
    @pytest.fixture
    def make_observer(self):
        return lambda search: TensorBoard(TensorBoardOptions(), search)

    @pytest.fixture
    def read_back(self):
        def read(search):
            found = accumulated(run_of(search))
            return [event.step for event in found.Scalars("search/reward")]

        return read

    def test_curves_scores_and_hyperparameters(self, make_observer, search):
        observer = make_observer(search)
        observer.start()
        self.tell(observer, 1, 5)
        observer.stop()
        runs = {path.name for path in run_of(search).iterdir() if path.is_dir()}
        assert runs == {"model-0001", "model-0002", "model-0004", "model-0005-episode-5"}
        found = accumulated(run_of(search) / "model-0002")
        assert [(event.step, event.value) for event in found.Scalars("curve/accuracy")] == [(1, 1 / 64), (2, 1 / 32)]
        assert [event.value for event in found.Scalars("evaluation/score")] == [1 / 32]
        from tensorboard.plugins.hparams import metadata

        content = found.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
        parameters = metadata.parse_session_start_info_plugin_data(content).hparams
        assert parameters["step 01"].string_value == "A(2)"
        assert parameters["parameters"].number_value == 20.0
        failed = accumulated(run_of(search) / "model-0004")
        assert "curve/loss" not in failed.Tags()["scalars"]
        assert "evaluation/score" not in failed.Tags()["scalars"]

    def test_events_that_are_cut_off_anywhere_are_made_whole(self, make_observer, search):
        observer = make_observer(search)
        observer.start()
        self.tell(observer, 1, 3)
        observer.stop()
        (events,) = run_of(search).glob("*tfevents*")
        whole = events.read_bytes()
        for length in (*range(0, len(whole), 11), *range(len(whole) - 9, len(whole) + 1)):
            events.write_bytes(whole[:length])
            again = make_observer(search)
            self.tell(again, again.start() + 1, 3)
            again.stop()
            assert events.read_bytes() == whole


def test_no_framework_is_imported(tmp_path):
    code = f"""
from pathlib import Path
from metaqnn.observers.tensorboard import TensorBoard, TensorBoardOptions
from metaqnn.testing import ObserverContract
search = ObserverContract.made_up_search(Path({str(tmp_path)!r}), "0123abcd")
observer = TensorBoard(TensorBoardOptions(), search)
observer.start()
ObserverContract.tell(observer, 1, 3)
observer.stop()
import sys
print([name for name in ("tensorflow", "keras", "torch", "pandas") if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
