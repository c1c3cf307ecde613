"""Retrainings in the pool of workers: what kills one process, or who else is trained in it, changes no bit."""

import os
import resource
import shutil
import signal
from dataclasses import replace

import psutil
import pytest

from metaqnn.errors import MachineError
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retraining_curve, read_retrainings
from metaqnn.workflows.retrain import train_best
from metaqnn.workflows.retraining_plan import TrainOptions

OPTIONS = TrainOptions(models=(9,), seeds=2, overrides=("final.epochs=4", "final.batch_size=256"))


def curves(path):
    with ReplayReader(path) as reader:
        assert [retraining.status for retraining in read_retrainings(reader)] == ["ok", "ok"]
        return [
            [replace(epoch, seconds=0.0) for epoch in read_retraining_curve(reader, retraining.number)]
            for retraining in read_retrainings(reader)
        ]


@pytest.mark.long
def test_one_after_another_with_a_kill_or_side_by_side_the_bits_are_the_same(searched, tmp_path):
    """Nor does a checkpoint that cannot be written any more."""
    other = shutil.copy(searched, tmp_path / "other.sqlite")

    def no_room_after_one_epoch(progress):
        if progress.epochs_done == 1:
            for process in psutil.Process().children():
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    with pytest.raises(MachineError, match="expected to write a file of this size, but File too large"):
        train_best(searched, replace(OPTIONS, workers=1), no_room_after_one_epoch)
    with ReplayReader(searched) as reader:
        assert [retraining.status for retraining in read_retrainings(reader)] == ["training", "training"]
        assert len(read_retraining_curve(reader, 1)) == 1
    killed, seen, others = [], [], psutil.Process().children()

    def kill_after_two_epochs(progress):
        seen.append(progress.epochs_done)
        if progress.epochs_done == 2 and not killed:
            killed.extend(child for child in psutil.Process().children() if child not in others)
            for process in killed:
                os.kill(process.pid, signal.SIGKILL)

    assert train_best(searched, replace(OPTIONS, workers=1), kill_after_two_epochs).is_complete
    assert train_best(other, replace(OPTIONS, workers=2)).is_complete
    assert len(killed) == 1
    assert seen[1] == 1, "nor is the one that was trained before the fault"
    assert min(seen[seen.index(2) :]) == 2, "no whole epoch is trained again"
    assert curves(searched) == curves(other)
    assert set(psutil.Process().children()) <= set(others)
