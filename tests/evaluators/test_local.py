"""Training in the test process itself."""

from dataclasses import replace

import pytest
from contracts.executor_contract import ExecutorContract

from metaqnn.core import Candidate, CandidateFinished, EpochFinished, Setting, Status, WorkerReady
from metaqnn.errors import DataError
from metaqnn.networks.data import DatasetConfig
from metaqnn.networks.evaluator import NetworkEvaluator
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.loop import Ending
from metaqnn.workers.evaluating import make_executor
from metaqnn.workflows import SearchOptions, load_experiment, run_search

DATASET = DatasetConfig("digits", train_limit=200, validation_size=100)
TRAINING = TrainingConfig(epochs=2, learning_rate=0.01, max_restarts=0, restart_accuracy=0.0)
SMALL = "[C(8,3,1), SM(10)]"


@pytest.fixture(scope="module", autouse=True)
def device():
    """The device, prepared as other tests need it, which share this process."""
    from metaqnn.networks.training.device import prepare_device

    return prepare_device()


def make(training=TRAINING, facts=(), **options):
    evaluator = NetworkEvaluator(training, Setting(0, None, DATASET))
    evaluator._facts |= facts
    return make_executor(evaluator, 0, **options)


class TestNetworkEvaluatorHere(ExecutorContract):
    patience = 60.0

    @pytest.fixture
    def make_executor(self):
        return make


def test_it_says_what_it_trains_on_once_and_tells_every_epoch():
    evaluator = make()
    evaluator.submit(Candidate(1, SMALL, 0))
    evaluator.submit(Candidate(2, SMALL, 0))
    first, second = evaluator.results(0), evaluator.results(0)
    assert [type(event).__name__ for event in first] == [
        *("WorkerReady", "CandidateStarted", "EpochFinished", "EpochFinished", "CandidateFinished")
    ]
    assert isinstance(first[0], WorkerReady)
    assert not any(isinstance(event, WorkerReady) for event in second)
    assert second[-1].evaluation.score > 0.5
    assert second[-1].evaluation.status is Status.OK


def test_a_stop_is_heeded_after_an_epoch():
    asked = []

    def stop_requested():
        asked.append(True)
        return len(asked) == 2

    evaluator = make(replace(TRAINING, epochs=10_000), stop_requested=stop_requested)
    evaluator.submit(Candidate(1, SMALL, 0))
    events = evaluator.results(0)
    assert sum(isinstance(event, EpochFinished) for event in events) == 2
    assert not any(isinstance(event, CandidateFinished) for event in events)


def test_other_data_are_refused():
    evaluator = make(facts={"data_hash": "another"})
    evaluator.submit(Candidate(1, SMALL, 0))
    with pytest.raises(DataError, match="the data set digits changed while the search was starting"):
        evaluator.results(0)


def test_a_search_in_this_process(tmp_path):
    overrides = ["dataset.train_limit=200", "training.epochs=1", "space.max_depth=2", "search.models=2"]
    lines = []
    report = run_search(
        load_experiment("digits", overrides),
        tmp_path / "digits.sqlite",
        SearchOptions(in_process=True, workers=7),
        announce=lines.append,
    )
    assert report.ending is Ending.COMPLETED
    assert lines == [], "nothing is measured first"
    with ReplayReader(tmp_path / "digits.sqlite") as reader:
        assert reader.last_run()["workers"] == 0
        assert len(reader.models()) == 2
        assert reader.query("SELECT DISTINCT kind FROM worker_events")[1] == [("ready",)]
