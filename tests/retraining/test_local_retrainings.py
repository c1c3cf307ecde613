"""Retrainings in the test process: recorded, stopped and taken up like those in processes of their own."""

import signal
from contextlib import ExitStack

import pytest
from machine_faults import no_more_files

from metaqnn.errors import MachineError
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retraining_curve, read_retrainings, weights_folder
from metaqnn.workflows.retrain import train_best
from metaqnn.workflows.retraining_plan import TrainOptions

# Keras saves a model in a way that NumPy will want otherwise one day.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("device"),
]

OPTIONS = TrainOptions(top=1, overrides=("final.epochs=3", "final.batch_size=256"), in_process=True)


def test_a_stop_or_a_fault_of_the_machine_ends_it_after_an_epoch_and_the_rest_is_trained_later(searched):
    limits = ExitStack()

    def no_more_files_after_two(progress):
        if progress.epochs_done == 2:
            limits.enter_context(no_more_files())

    def stop_after_one(progress):
        if progress.epochs_done == 1:
            signal.raise_signal(signal.SIGINT)

    report = train_best(searched, OPTIONS, stop_after_one)
    assert (report.is_complete, report.signal) == (False, signal.SIGINT)
    assert [retraining.status for retraining in report.retrainings] == ["training"]
    with ReplayReader(searched) as reader:
        assert len(read_retraining_curve(reader, 1)) == 1
    with pytest.raises(MachineError, match="expected to open one more file, but Too many open files"), limits:
        train_best(searched, OPTIONS, no_more_files_after_two)
    with ReplayReader(searched) as reader:
        assert [retraining.status for retraining in read_retrainings(reader)] == ["training"]
    seen = []
    report = train_best(searched, OPTIONS, lambda progress: seen.append(progress.epochs_done))
    assert report.is_complete
    assert seen[:2] == [0, 2], "the first epochs are not trained again"
    with ReplayReader(searched) as reader:
        retraining = read_retrainings(reader)[0]
        assert [epoch.step for epoch in read_retraining_curve(reader, 1)] == [1, 2, 3]
    assert retraining.status == "ok"
    assert retraining.score > 0.3  # of 300 images of ten classes; by chance with a probability below 1e-20
    assert (weights_folder(searched) / retraining.weights).is_file()


def test_a_training_that_fails_is_recorded(searched):
    report = train_best(
        searched, TrainOptions(top=1, overrides=(*OPTIONS.overrides, "final.learning_rate=1e30"), in_process=True)
    )
    assert report.is_complete
    assert report.retrainings[0].status == "diverged"
    assert report.retrainings[0].reason == "the loss was not a number in epoch 1"
